"""The door: every frame that comes in is read here and handed to whom it concerns, or refused with a code.

A stop is looked for before anything else, limits and journal included; who may say what is `access`'s. Nothing here
waits: what takes time becomes a task of its own, so that the next frame, which may be a stop, is read at once.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.keys.grants import Grant
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
from edge_agent.messages.codec import Codec, encode, request_id_of
from edge_agent.node.acceptance import Reply
from edge_agent.node.access import Access
from edge_agent.node.approval import Approval
from edge_agent.node.arrivals import Arrivals
from edge_agent.node.hearing import Hearing
from edge_agent.node.orders import Admission
from edge_agent.node.pipeline import Pipeline, Prelude
from edge_agent.node.readings import is_spoken_stop
from edge_agent.node.requests import Asker
from edge_agent.node.snapshot import Snapshots
from edge_agent.node.spans import Spans
from edge_agent.node.speech_side import SpeechSide
from edge_agent.node.stops import Stops
from edge_agent.node.tasks import Tasks
from edge_agent.node.worlds import Worlds
from edge_agent.observe.events import MessageRefused, NodeChanged, Stream
from edge_agent.transport.door import Received

_CODEC = Codec(TO_NODE)

LastWord = Callable[[bytes, bytes], None]
"""Sends a frame to a peer whose key is not good any more."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose message it is: where to answer, what its key may do, and the key itself (empty at the local door)."""

    peer: bytes
    grant: Grant
    key: str

    @property
    def asker(self) -> Asker:
        """The sender of a command."""
        return Asker(self.peer, self.grant.name)


@dataclass(frozen=True, slots=True)
class Reception:
    """Knows who takes which message."""

    access: Access
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
    last_word: LastWord
    arrivals: Arrivals
    epoch: int

    def receive(self, received: Received) -> None:
        """Take one message in."""
        received_ms = self.clock.now_ms()
        peer, frames = received.peer, received.frames
        try:
            grant = self.access.grant(received.key)
        except ClientFault as problem:
            self._turn_away(peer, problem, frames)
            return
        try:
            message = _CODEC.decode(_first(frames))
        except ClientFault as problem:
            self._refuse_unread(peer, problem, grant, frames)
            return
        request_id = getattr(message, "request_id", None) or getattr(message, "stream_id", None)
        try:
            _check_routing_id(received)
            is_stop = isinstance(message, Halt) or (isinstance(message, Command) and self._is_stop(message))
            self.access.check(grant, message, is_stop=is_stop)
            if not is_stop:  # which has no time to live
                received_ms = self.arrivals.since(received_ms)
            if isinstance(message, AudioChunk):
                self.speech.streams.chunk(message, _second(frames), peer)
                return
            _only(frames)
            work = self._hand_over(Sender(peer, grant, received.key), message, received_ms, is_stop=is_stop)
        except EdgeAgentError as problem:
            self._refuse(peer, problem, request_id)
        except Exception as bug:  # one message must not end the node for all
            self._own_fault(peer, bug, request_id)
        else:
            if work is not None:
                self.tasks.begin(self._guarded(peer, work, request_id))

    def _hand_over(
        self, sender: Sender, message: Message, received_ms: float, *, is_stop: bool
    ) -> Coroutine[Any, Any, None] | None:
        """Do it now, or return what is to be done beside the rest."""
        peer = sender.peer
        match message:
            case Halt():
                stop_id = self.stops.halt(message.reason, sender.grant.name, received_ms)
                self.reply(peer, Halted(request_id=message.request_id, stop_id=stop_id, epoch=self.epoch))
            case Command() if is_stop:
                self._stop(message, sender.asker, received_ms)
            case Stopped():
                self.hearing.speaker(peer, message.robot, message.epoch)
                self.stops.acknowledge(message)
            case Heartbeat():
                self.hearing.heartbeat(peer, message)
            case Hello():
                self.reply(peer, self.hearing.hello(peer, message, sender.key))
                self.stops.tell_again(message.robot)
                self.hearing.greeted(message.robot)
            case SnapshotRequest():
                self.reply(peer, self.snapshots.take(message.request_id))
            case AudioEnd():
                self.speech.streams.end(message, peer)
            case AudioAttach():
                self.speech.attach(message, peer)
            case _ if len(self.tasks) >= limits.TASKS_MAX:
                raise ClientFault(Code.QUEUE_FULL, f"{limits.TASKS_MAX} messages are worked on; send it again later")
            case Command():
                return self.pipeline.serve(message, sender.asker, received_ms)
            case AudioStart():
                return self.speech.start(message, peer)
            case _:
                return self._answer(sender, message)
        return None

    async def _answer(self, sender: Sender, message: Message) -> None:
        """Messages whose reply waits for the disk."""
        peer, client = sender.peer, sender.grant.name
        match message:
            case Report():
                self.reply(peer, await self.hearing.report(peer, message))
            case Confirm():
                self.reply(peer, await self.approval.confirm(message, client=client, by_authority=True))
            case Resume():
                await self.stops.resume(message.stop_id, client)
                self.reply(peer, Resumed(request_id=message.request_id, stop_id=message.stop_id))
            case WorldUpdate():
                pack = self.admission.pack_of(message.pack)
                self.reply(peer, await self.worlds.update(pack.name, message, client))

    def take(self, command: Command, peer: bytes, key: str, received_ms: float, spoken: Prelude) -> None:
        """Take a command in that was spoken into a stream; `key` is its connection's, empty for microphones here."""
        try:
            grant = self.access.grant(key)
            asker = Asker(peer, grant.name)
            is_stop = self._is_stop(command)
            self.access.check(grant, command, is_stop=is_stop)
            if is_stop:
                self._stop(command, asker, received_ms, spoken)
                return
            if len(self.tasks) >= limits.TASKS_MAX:
                raise ClientFault(Code.QUEUE_FULL, f"{limits.TASKS_MAX} messages are worked on; say it again later")
        except EdgeAgentError as problem:
            self._refuse(peer, problem, command.request_id)
            return
        work = self.pipeline.serve(command, asker, received_ms, spoken)
        self.tasks.begin(self._guarded(peer, work, command.request_id))

    def _is_stop(self, command: Command) -> bool:
        """In an unknown pack's name, a sentence that begins with a stop is one, too."""
        pack = self.admission.packs.get(command.pack) if command.pack else next(iter(self.admission.packs.values()))
        return is_spoken_stop(command.text, command.spoken, prefix=pack.stop_prefix if pack is not None else True)

    def _stop(self, command: Command, asker: Asker, received_ms: float, spoken: Prelude | None = None) -> None:
        """First the stop, then the paper."""
        self.stops.halt(f"said: {command.text}", asker.client, received_ms if spoken is None else None)
        pack = command.pack or next(iter(self.admission.packs))
        spans = Spans(self.clock, received_ms)
        spans.add(spoken.stages if spoken else {})
        self.pipeline.answering.say_stopped(command, asker, pack, command.robot or self.admission.robot, spans)

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

    def _refuse_unread(self, peer: bytes, problem: ClientFault, grant: Grant, frames: tuple[bytes, ...]) -> None:
        """What cannot be read counts, too."""
        try:
            self.access.check_unread(grant)
        except ClientFault as too_many:
            problem = too_many
        self._refuse(peer, problem, request_id_of(frames[0]) if frames else None)

    def _turn_away(self, peer: bytes, problem: ClientFault, frames: tuple[bytes, ...]) -> None:
        """Whose key ended while the connection lived hears so, and nothing else."""
        request_id = request_id_of(frames[0]) if frames else None
        reply = ErrorReply(code=problem.code, message=problem.message, request_id=request_id)
        self.last_word(peer, encode(reply))
        self.stream.tell(MessageRefused(problem.code, problem.message, request_id))

    def _refuse(self, peer: bytes, problem: EdgeAgentError, request_id: str | None) -> None:
        self.reply(
            peer, ErrorReply(code=problem.code, message=problem.message, request_id=request_id, where=problem.where)
        )
        self.stream.tell(MessageRefused(problem.code, problem.message, request_id))


def _first(frames: tuple[bytes, ...]) -> bytes:
    if not 1 <= len(frames) <= limits.FRAMES_MAX or (len(frames) == limits.FRAMES_MAX and not frames[0]):
        raise ClientFault(Code.BAD_FRAMES, f"{len(frames)} frames; a message is one frame, a chunk of sound two")
    return frames[0]


def _check_routing_id(received: Received) -> None:
    if received.chose_its_routing_id:
        raise ClientFault(Code.OWN_ROUTING_ID, "set no routing id: the node gives each connection its own")


def _only(frames: tuple[bytes, ...]) -> None:
    if len(frames) != 1:
        raise ClientFault(Code.BAD_FRAMES, f"{len(frames)} frames; this message is one frame")


def _second(frames: tuple[bytes, ...]) -> bytes:
    """The sound of a chunk.

    Raises:
        ClientFault: BAD_FRAMES, TOO_LARGE.
    """
    if len(frames) != limits.FRAMES_MAX:
        raise ClientFault(Code.BAD_FRAMES, "a chunk of sound is two frames: its message, then its bytes")
    if len(frames[1]) > limits.FRAME_BYTES_MAX:
        raise ClientFault(Code.TOO_LARGE, f"{len(frames[1])} bytes; a frame holds at most {limits.FRAME_BYTES_MAX}")
    return frames[1]
