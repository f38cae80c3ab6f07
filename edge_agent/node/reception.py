"""The door: every frame that comes in is read here and handed to whom it concerns, or refused with a code.

A stop is looked for before anything else, limits and journal included. Nothing here waits: what takes time becomes a
task of its own, so that the next frame, which may be a stop, is read at once.
"""

from __future__ import annotations

import traceback
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.messages import (
    TO_NODE,
    AudioAttach,
    AudioChunk,
    AudioEnd,
    AudioStart,
    Command,
    Confirm,
    ErrorReply,
    Halt,
    Halted,
    Heartbeat,
    Hello,
    Message,
    Report,
    Resume,
    Resumed,
    SnapshotRequest,
    Stopped,
    WorldUpdate,
)
from edge_agent.messages.codec import Codec, request_id_of
from edge_agent.node.acceptance import Reply
from edge_agent.node.approval import Approval
from edge_agent.node.hearing import Hearing
from edge_agent.node.orders import Admission
from edge_agent.node.pipeline import Pipeline, Prelude
from edge_agent.node.readings import is_spoken_stop
from edge_agent.node.snapshot import Snapshots
from edge_agent.node.spans import Spans
from edge_agent.node.speech_side import SpeechSide
from edge_agent.node.stops import Stops
from edge_agent.node.tasks import Tasks
from edge_agent.node.worlds import Worlds
from edge_agent.observe.events import MessageRefused, NodeChanged, Stream

FRAMES_MAX: Final = 2
TASKS_MAX: Final = 2_000
"""Messages being worked on at once; one more is QUEUE_FULL. Stops are not counted."""
_CODEC = Codec(TO_NODE)


@dataclass(frozen=True, slots=True)
class Reception:
    """Knows who takes which message."""

    admission: Admission
    pipeline: Pipeline
    approval: Approval
    worlds: Worlds
    stops: Stops
    hearing: Hearing
    snapshots: Snapshots
    speech: SpeechSide
    tasks: Tasks
    stream: Stream
    clock: Clock
    reply: Reply
    epoch: int

    def receive(self, peer: bytes, frames: tuple[bytes, ...]) -> None:
        """Take one message in."""
        received_ms = self.clock.now_ms()
        try:
            message = _CODEC.decode(_first(frames))
        except ClientFault as problem:
            self._refuse(peer, problem, request_id_of(frames[0]) if frames else None)
            return
        request_id = getattr(message, "request_id", None) or getattr(message, "stream_id", None)
        try:
            if isinstance(message, AudioChunk):
                self.speech.streams.chunk(message, _second(frames), peer)
                return
            _only(frames)
            work = self._hand_over(peer, message, received_ms)
        except EdgeAgentError as problem:
            self._refuse(peer, problem, request_id)
        except Exception as bug:  # one message must not end the node for all
            self._own_fault(peer, bug, request_id)
        else:
            if work is not None:
                self.tasks.begin(self._guarded(peer, work, request_id))

    def _hand_over(self, peer: bytes, message: Message, received_ms: float) -> Coroutine[Any, Any, None] | None:
        """Do it now, or return what is to be done beside the rest."""
        match message:
            case Halt():
                stop_id = self.stops.halt(message.reason)
                self.reply(peer, Halted(request_id=message.request_id, stop_id=stop_id, epoch=self.epoch))
            case Command() if self._is_stop(message):
                self._stop(message, peer, received_ms)
            case Stopped():
                self.hearing.speaker(peer, message.robot, message.epoch)
                self.stops.acknowledge(message)
            case Heartbeat():
                self.hearing.heartbeat(peer, message)
            case Hello():
                self.reply(peer, self.hearing.hello(peer, message))
                self.stops.tell_again(message.robot)
                self.hearing.greeted(message.robot)
            case SnapshotRequest():
                self.reply(peer, self.snapshots.take(message.request_id))
            case AudioEnd():
                self.speech.streams.end(message, peer)
            case AudioAttach():
                self.speech.attach(message, peer)
            case _ if len(self.tasks) >= TASKS_MAX:
                raise ClientFault(Code.QUEUE_FULL, f"{TASKS_MAX} messages are worked on; send it again later")
            case Command():
                return self.pipeline.serve(message, peer, received_ms)
            case AudioStart():
                return self.speech.start(message, peer)
            case _:
                return self._answer(peer, message)
        return None

    async def _answer(self, peer: bytes, message: Message) -> None:
        """Messages whose reply waits for the disk."""
        match message:
            case Report():
                self.reply(peer, await self.hearing.report(peer, message))
            case Confirm():
                self.reply(peer, await self.approval.confirm(message))
            case Resume():
                await self.stops.resume(message.stop_id)
                self.reply(peer, Resumed(request_id=message.request_id, stop_id=message.stop_id))
            case WorldUpdate():
                pack = self.admission.pack_of(message.pack)
                self.reply(peer, await self.worlds.update(pack.name, message))

    def take(self, command: Command, peer: bytes, received_ms: float, spoken: Prelude) -> None:
        """Take a command in that was spoken into a stream."""
        try:
            if self._is_stop(command):
                self._stop(command, peer, received_ms, spoken)
                return
            if len(self.tasks) >= TASKS_MAX:
                raise ClientFault(Code.QUEUE_FULL, f"{TASKS_MAX} messages are worked on; say it again later")
        except EdgeAgentError as problem:
            self._refuse(peer, problem, command.request_id)
            return
        work = self.pipeline.serve(command, peer, received_ms, spoken)
        self.tasks.begin(self._guarded(peer, work, command.request_id))

    def _is_stop(self, command: Command) -> bool:
        """In an unknown pack's name, a sentence that begins with a stop is one, too."""
        pack = self.admission.packs.get(command.pack) if command.pack else next(iter(self.admission.packs.values()))
        return is_spoken_stop(command.text, command.spoken, prefix=pack.stop_prefix if pack is not None else True)

    def _stop(self, command: Command, peer: bytes, received_ms: float, spoken: Prelude | None = None) -> None:
        """First the stop, then the paper."""
        self.stops.halt(f"said: {command.text}")
        pack = command.pack or next(iter(self.admission.packs))
        spans = Spans(self.clock, received_ms)
        spans.add(spoken.stages if spoken else {})
        self.pipeline.answering.say_stopped(command, peer, pack, command.robot or self.admission.robot, spans)

    async def _guarded(self, peer: bytes, work: Coroutine[Any, Any, None], request_id: str | None) -> None:
        """Whatever goes wrong in a task is told to whom it concerns."""
        try:
            await work
        except EdgeAgentError as problem:
            self._refuse(peer, problem, request_id)
        except Exception as bug:
            self._own_fault(peer, bug, request_id)

    def _own_fault(self, peer: bytes, bug: Exception, request_id: str | None) -> None:
        self._refuse(peer, NodeFault(Code.INTERNAL, "a fault of the node's own; its log has more"), request_id)
        self.stream.tell(NodeChanged("bug", "".join(traceback.format_exception(bug)), Code.INTERNAL))

    def _refuse(self, peer: bytes, problem: EdgeAgentError, request_id: str | None) -> None:
        self.reply(
            peer, ErrorReply(code=problem.code, message=problem.message, request_id=request_id, where=problem.where)
        )
        self.stream.tell(MessageRefused(problem.code, problem.message, request_id))


def _first(frames: tuple[bytes, ...]) -> bytes:
    if not 1 <= len(frames) <= FRAMES_MAX or (len(frames) == FRAMES_MAX and not frames[0]):
        raise ClientFault(Code.BAD_FRAMES, f"{len(frames)} frames; a message is one frame, a chunk of sound two")
    return frames[0]


def _only(frames: tuple[bytes, ...]) -> None:
    if len(frames) != 1:
        raise ClientFault(Code.BAD_FRAMES, f"{len(frames)} frames; this message is one frame")


def _second(frames: tuple[bytes, ...]) -> bytes:
    """The sound of a chunk.

    Raises:
        ClientFault: BAD_FRAMES, TOO_LARGE.
    """
    if len(frames) != FRAMES_MAX:
        raise ClientFault(Code.BAD_FRAMES, "a chunk of sound is two frames: its message, then its bytes")
    if len(frames[1]) > limits.FRAME_BYTES_MAX:
        raise ClientFault(Code.TOO_LARGE, f"{len(frames[1])} bytes; a frame holds at most {limits.FRAME_BYTES_MAX}")
    return frames[1]
