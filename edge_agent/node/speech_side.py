"""Everything that listens, put together: the ear, the recogniser, clients' streams and the box's own microphones.

Nothing of it runs until it is needed: a node with a microphone starts it at once, any other when the first stream is
opened. A node whose settings say `off`, or whose machine lacks the libraries, says so (SPEECH_UNAVAILABLE).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from edge_agent import limits
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.messages import AudioAttach, AudioReady, AudioStart
from edge_agent.node.acceptance import Reply
from edge_agent.node.attached import Attached
from edge_agent.node.audio_streams import AudioStreams
from edge_agent.node.ears import Ears
from edge_agent.node.microphones import Microphone
from edge_agent.node.transcriber import Transcriber
from edge_agent.observe.modes import Degraded, Mode
from edge_agent.observe.vitals import Child

READY_S: Final = 60.0
"""How long the first stream waits for the ear and the recogniser to load."""
_LOOK_S: Final = 0.02


@dataclass(slots=True)
class SpeechSide:
    """The listening half of a node."""

    ears: Ears
    transcriber: Transcriber
    streams: AudioStreams
    microphones: dict[str, Microphone]
    attached: Attached
    reply: Reply
    enabled: bool
    _running: list[asyncio.Task[None]] = field(default_factory=list)
    _opening: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Start what listens from the beginning."""
        if self.enabled and self.microphones:
            self._wake()

    async def start(self, start: AudioStart, peer: bytes) -> None:
        """Open a client's stream, as soon as somebody listens.

        Raises:
            ClientFault: STREAM_TAKEN, QUEUE_FULL, UNKNOWN_PACK.
            NodeFault: SPEECH_UNAVAILABLE.
        """
        if not self.enabled:
            raise NodeFault(Code.SPEECH_UNAVAILABLE, "speech is off in this node's settings ([speech] recogniser)")
        if start.stream_id in self._opening:
            raise ClientFault(Code.STREAM_TAKEN, "a stream of this id is being opened")
        self.streams.check(start)
        self._wake()
        self._opening.add(start.stream_id)
        try:
            await self._listening()
        finally:
            self._opening.discard(start.stream_id)
        self.streams.start(start, peer)

    def attach(self, attach: AudioAttach, peer: bytes) -> None:
        """Tell this connection what a microphone hears.

        Raises:
            ClientFault: STREAM_UNKNOWN, QUEUE_FULL.
        """
        if attach.stream_id not in self.microphones:
            known = ", ".join(self.microphones) or "none"
            raise ClientFault(Code.STREAM_UNKNOWN, f"no microphone of this name; there are: {known}", where="stream_id")
        self.attached.attach(attach.stream_id, peer)
        self.reply(peer, AudioReady(stream_id=attach.stream_id, window_ms=float(limits.AUDIO_WINDOW_MS)))

    def learn(self, pack: str) -> None:
        """A pack's world has changed: its names can be heard from now on."""
        if self._running:
            self.transcriber.learn(pack)

    def tick(self) -> None:
        """Look at the time."""
        if self._running:
            self.ears.tick()
            self.streams.tick()

    def degraded(self) -> tuple[Degraded, ...]:
        """What does not listen and should."""
        if not self._running:
            return ()
        looked_at = (
            (Mode.NO_SPEECH, "the ear", self.ears.trouble),
            (Mode.NO_SPEECH, "the recogniser", self.transcriber.trouble),
            (Mode.NO_SPOKEN_STOP, "the stop words", self.ears.stop_trouble),
            *((Mode.NO_MICROPHONE, f"microphone {name}", one.trouble) for name, one in self.microphones.items()),
        )
        return tuple(Degraded(mode, f"{who}: {trouble}") for mode, who, trouble in looked_at if trouble)

    def children(self) -> dict[str, Child]:
        """The processes that listen, those of all microphones together; none until something is to be heard."""
        if not self._running:
            return {}
        running = {
            "ear": Child(self.ears.ready, self.ears.restarts),
            "recogniser": Child(self.transcriber.ready, self.transcriber.restarts),
        }
        if self.microphones:
            every = self.microphones.values()
            running["microphone"] = Child(not any(one.trouble for one in every), sum(one.restarts for one in every))
        return running

    async def close(self) -> None:
        """End every process of this side."""
        for work in self._running:
            work.cancel()
        for work in self._running:
            with contextlib.suppress(asyncio.CancelledError):
                await work
        await self.transcriber.close()

    def _wake(self) -> None:
        if self._running:
            return
        parts: list[Coroutine[Any, Any, None]] = [self.ears.run(), self.transcriber.run()]
        parts += [microphone.run() for microphone in self.microphones.values()]
        self._running = [asyncio.get_running_loop().create_task(part) for part in parts]

    async def _listening(self) -> None:
        """Return when the ear and the recogniser have loaded.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        try:
            async with asyncio.timeout(READY_S):
                while not (self.ears.ready and self.transcriber.ready):
                    for failure in (self.ears.failure, self.transcriber.failure):
                        if failure is not None:
                            raise NodeFault(Code.SPEECH_UNAVAILABLE, failure.message, where=failure.where)
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            why = "; ".join(one.words for one in self.degraded())
            raise NodeFault(Code.SPEECH_UNAVAILABLE, f"not ready within {READY_S:g} s: {why}") from None
