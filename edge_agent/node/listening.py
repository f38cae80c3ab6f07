"""One stream's utterances, each from its first sound to a command: this is the spoken half of a command's story.

At a short silence the words are read and interpreted *ahead*; nothing is written or sent. If the silence lasts, the
answer is there already; if speech goes on, that work is dropped. What cannot be read becomes `heard` with a code, never
a command.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from edge_agent.clock import Clock
from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.messages import AudioStart, Command, Failure, Heard, Spoken
from edge_agent.messages.codec import build
from edge_agent.node.ahead import Ahead
from edge_agent.node.ears import Ears
from edge_agent.node.transcriber import Transcriber
from edge_agent.speech.events import (
    EarEvent,
    SpeechBegan,
    SpeechDropped,
    SpeechEnded,
    SpeechHeard,
    SpeechPaused,
    SpeechResumed,
    StopHeard,
    StreamFault,
)
from edge_agent.speech.recognition import Transcript

OfUtterance = SpeechHeard | SpeechPaused | SpeechResumed | SpeechEnded | SpeechDropped

ARRIVALS_KEPT: Final = 512
"""Chunks of which is remembered when they came: more than the longest utterance in chunks of 32 ms."""


class Desk(Protocol):
    """Where spoken commands go: the same way as any other."""

    async def read_ahead(self, command: Command, peer: bytes, received_ms: float) -> Ahead | None:
        """What the command would mean, if it is one; nothing is written or sent."""

    def take(
        self, command: Command, peer: bytes, received_ms: float, stages: Mapping[str, float], ahead: Ahead | None
    ) -> None:
        """A command was spoken. Whatever becomes of it is told to the peer."""


@dataclass(frozen=True, slots=True)
class Listener:
    """What every stream shares."""

    transcriber: Transcriber
    ears: Ears
    desk: Desk
    stop: Callable[[str, bytes], object]
    """A stop was heard; the words say where and how, the peer whose sound it was."""
    tell: Callable[[bytes, Heard], None]
    fault: Callable[[bytes, EdgeAgentError, str], None]
    """Something is wrong with a stream; the last one is its id."""
    begin: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]
    new_request_id: Callable[[], str]
    clock: Clock
    eager: bool
    sure_end_ms: float


@dataclass(slots=True)
class _Utterance:
    number: int
    reading: int
    """Its number at the transcriber."""
    began_ms: float
    ahead: asyncio.Task[_Read | EdgeAgentError] | None = None
    """What was read at the last pause, or why nothing was."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read at a silence: the command that it would be, and what that would mean."""

    transcript: Transcript
    ahead: Ahead | None


@dataclass(slots=True)
class Listening:
    """One open stream. Its methods are called on the loop and never wait."""

    room: Listener
    start: AudioStart
    pack: str
    ttl_ms: float
    peer: bytes
    stream: int = 0
    """Its number at the ear."""
    said: int = 0
    """Utterances heard so far."""
    position_ms: float = 0.0
    """How far the ear has come, in the stream's own time."""
    over: bool = False
    on_end: Callable[[], None] = lambda: None
    _reading: int = 0
    """Utterances that have ended and are not read yet."""
    _base_ms: float = 0.0
    """Where the present ear began."""
    _sent_ms: float = 0.0
    _open: dict[int, _Utterance] = field(default_factory=dict)
    _arrivals: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=ARRIVALS_KEPT))
    """Up to where there was sound, and when it had come."""

    @property
    def ahead_ms(self) -> float:
        """Sound that was sent and not listened to yet."""
        return self._sent_ms - self.position_ms

    def arrived(self, duration_ms: float) -> None:
        """More sound has come."""
        self._sent_ms += duration_ms
        self._arrivals.append((self._sent_ms, self.room.clock.now_ms()))

    def heard(self, event: EarEvent) -> None:
        """The ear's word."""
        match event:
            case StopHeard(phrase):
                self.room.stop(f"heard: {phrase} ({self.start.stream_id})", self.peer)
            case StreamFault(code, message, over):
                self.room.fault(self.peer, NodeFault(code, message), self.start.stream_id)
                if over:
                    self.finished()
            case SpeechBegan(utterance, at_ms):
                self.said += 1
                reading = self.room.transcriber.begin(self.pack)
                self._open[utterance] = _Utterance(self.said, reading, self._base_ms + at_ms)
            case _ if (one := self._open.get(event.utterance)) is not None:
                self._go_on(one, event)

    def _go_on(self, one: _Utterance, event: OfUtterance) -> None:
        """What happens to an utterance that has begun."""
        match event:
            case SpeechHeard():
                self.room.transcriber.feed(one.reading, event.pcm)
            case SpeechPaused() if self.room.eager:
                one.ahead = self.room.begin(self._read_ahead(one, event.at_ms))
            case SpeechResumed() if one.ahead is not None:
                one.ahead.cancel()
                one.ahead = None
            case SpeechEnded():
                del self._open[event.utterance]
                self._reading += 1
                self.room.begin(self._finish(one, event))
            case SpeechDropped():
                del self._open[event.utterance]
                self._drop(one, NodeFault(event.code, event.message))

    def listened(self, position_ms: float) -> None:
        """The ear has come this far."""
        self.position_ms = self._base_ms + position_ms

    def finished(self) -> None:
        """The ear has come to the stream's end; it is closed when its last utterance has been read."""
        self.over = True
        if not self._reading:
            self.on_end()

    def interrupted(self) -> None:
        """The ear died: half a sentence is no sentence."""
        self.abandon(NodeFault(Code.SPEECH_CRASHED, "the ear's process died in the middle of it; say it again"))

    def begun_anew(self) -> None:
        """Another ear listens, from here on; what came in between was heard by none."""
        self._base_ms = self.position_ms = self._sent_ms

    def abandon(self, why: EdgeAgentError) -> None:
        """Drop whatever is half said."""
        for one in self._open.values():
            self._drop(one, why)
        self._open.clear()

    async def _read_ahead(self, one: _Utterance, paused_ms: float) -> _Read | EdgeAgentError:
        ended_ms = self._when(paused_ms)
        try:
            transcript = await self.room.transcriber.transcript(one.reading, ended_ms + self.ttl_ms)
            command = self._command(transcript, "ahead")
        except EdgeAgentError as problem:
            return problem
        ahead = await self.room.desk.read_ahead(command, self.peer, ended_ms)
        if ahead is not None and ahead.sure:
            self.room.ears.settle(self.stream, self.room.sure_end_ms, paused_ms)
        return _Read(transcript, ahead)

    async def _finish(self, one: _Utterance, ended: SpeechEnded) -> None:
        try:
            await self._conclude(one, ended)
        finally:
            self._reading -= 1
            if self.over:
                self.finished()

    async def _conclude(self, one: _Utterance, ended: SpeechEnded) -> None:
        """Speech has ended: make a command of it, or say why not."""
        ended_ms, decided_ms = self._when(ended.end_ms), self.room.clock.now_ms()
        try:
            read = await self._read(one, ended_ms)
            command = self._command(read.transcript, self.room.new_request_id())
        except EdgeAgentError as problem:
            self._refuse(one, problem, ended)
            return
        finally:
            self.room.transcriber.drop(one.reading)
        transcript = read.transcript
        heard = Heard(
            stream_id=self.start.stream_id,
            utterance=one.number,
            request_id=command.request_id,
            text=transcript.text,
            confidence=transcript.confidence,
            alternatives=transcript.alternatives,
            begin_ms=self._base_ms + ended.begin_ms,
            end_ms=self._base_ms + ended.end_ms,
        )
        self.room.tell(self.peer, heard)
        stages = {
            "endpoint_ms": decided_ms - ended_ms,
            "transcribe_ms": self.room.clock.now_ms() - decided_ms,
        }
        self.room.desk.take(command, self.peer, ended_ms, stages, read.ahead)

    async def _read(self, one: _Utterance, ended_ms: float) -> _Read:
        """What was read at the last pause; without reading ahead, what is read now.

        Raises:
            EdgeAgentError: NO_SPEECH, LOW_CONFIDENCE, EXPIRED, SPEECH_UNAVAILABLE, SPEECH_CRASHED.
        """
        if one.ahead is None:
            return _Read(await self.room.transcriber.transcript(one.reading, ended_ms + self.ttl_ms), None)
        read = await one.ahead
        if isinstance(read, EdgeAgentError):
            raise read
        return read

    def _command(self, transcript: Transcript, request_id: str) -> Command:
        """What was said, as a command.

        Raises:
            ClientFault: the words are none that a command may have.
        """
        start = self.start
        return build(
            Command,
            request_id=request_id,
            text=transcript.text,
            pack=self.pack,
            robot=start.robot,
            session=start.session,
            ttl_ms=start.ttl_ms,
            context=start.context,
            spoken=Spoken(alternatives=transcript.alternatives, confidence=transcript.confidence),
        )

    def _drop(self, one: _Utterance, why: EdgeAgentError) -> None:
        if one.ahead is not None:
            one.ahead.cancel()
        self.room.transcriber.drop(one.reading)
        self._refuse(one, why, None)

    def _refuse(self, one: _Utterance, why: EdgeAgentError, ended: SpeechEnded | None) -> None:
        heard = Heard(
            stream_id=self.start.stream_id,
            utterance=one.number,
            begin_ms=one.began_ms,
            end_ms=self._base_ms + ended.end_ms if ended else self.position_ms,
            error=Failure(code=why.code, message=why.message),
        )
        self.room.tell(self.peer, heard)

    def _when(self, at_ms: float) -> float:
        """When (CLOCK_BOOTTIME) this moment of the sound had come in, to a chunk."""
        at_ms += self._base_ms
        for end_ms, came_ms in self._arrivals:
            if end_ms >= at_ms:
                return came_ms
        return self.room.clock.now_ms()
