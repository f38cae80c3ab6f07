"""The box's own microphones: each in a process of its own, each a stream like any client's.

A microphone that is lost is opened again until it is back; what was half said into it is dropped (MIC_LOST).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.messages import AudioStart, Context
from edge_agent.messages.codec import build
from edge_agent.node.attached import microphone_peer
from edge_agent.node.audio_streams import AudioStreams
from edge_agent.observe.events import NodeChanged, Stream
from edge_agent.processes.frames import BadFrame, JsonObject
from edge_agent.processes.supervised import Supervised
from edge_agent.settings import MicrophoneSettings
from edge_agent.speech.microphone import BLOCK_MS, INHERIT

_MODULE: Final = "edge_agent.speech.microphone_child"
BACKOFF_S: Final = (0.0, 0.5, 1.0, 2.0)
"""Between attempts to open a device that is away: back within 10 s of its return, opening included."""


class Microphone:
    """One of them, on its way from the device to a stream."""

    def __init__(self, settings: MicrophoneSettings, streams: AudioStreams, stream: Stream, clock: Clock) -> None:
        self._settings = settings
        self._streams = streams
        self._stream = stream
        self._child = Supervised(
            _MODULE,
            lambda: {"open": {"device": settings.device}},
            self,
            clock,
            inherit=INHERIT,
            backoff_s=BACKOFF_S,
        )
        self._lost: EdgeAgentError | None = None
        self._told = ""
        self.xruns = 0
        """Blocks of sound that the device or this process was too late for."""

    @property
    def trouble(self) -> str:
        """Why it hears nothing; empty when it does."""
        return "" if self._child.ready else self._told or "starting"

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return self._child.restarts

    async def run(self) -> None:
        """Keep it open until cancelled."""
        await self._child.run()
        await asyncio.Event().wait()

    def came_up(self, facts: Mapping[str, Any]) -> None:
        """It is open: so is its stream, from its first sample."""
        settings = self._settings
        start = build(
            AudioStart,
            stream_id=settings.name,
            rate_hz=facts["rate_hz"],
            channels=facts["channels"],
            encoding=facts["encoding"],
            pack=settings.pack,
            robot=settings.robot,
            session=settings.name,
            context=build(Context, area=settings.area),
        )
        self._streams.open(start, microphone_peer(settings.name))
        self._lost, self._told, self.xruns = None, "", 0
        self._stream.tell(NodeChanged(f"microphone {settings.name}", f"listens to {facts.get('device', '?')}"))

    def said(self, header: JsonObject, payload: bytes) -> None:
        """Sound, or that there will be none."""
        match header:
            case {"pcm": int(), "xruns": int(xruns)}:
                if xruns > self.xruns:
                    lost_ms = (xruns - self.xruns) * BLOCK_MS
                    self._streams.gap(self._settings.name, lost_ms)
                    self._stream.tell(
                        NodeChanged(f"microphone {self._settings.name}", f"{lost_ms} ms of sound lost", Code.AUDIO_GAP)
                    )
                self.xruns = xruns
                try:
                    self._streams.hear(self._settings.name, payload)
                except ClientFault as problem:  # nobody listens fast enough
                    raise BadFrame(problem.message) from problem
            case {"fault": {"code": str(), "message": str(message)}}:
                self._lost = NodeFault(Code.MIC_LOST, message)
            case _:
                raise BadFrame(f"what no microphone says: {sorted(header)}")

    def owes(self) -> bool:
        """It notices by itself that its device fell silent."""
        return False

    def went_down(self, why: str) -> None:
        """It is away; said once, however often opening it fails."""
        lost = self._lost or NodeFault(Code.MIC_LOST, f"the microphone is away: {why}")
        self._streams.lost(self._settings.name, lost)
        if not self._told:
            self._stream.tell(NodeChanged(f"microphone {self._settings.name}", lost.message, Code.MIC_LOST))
        self._told = lost.message
