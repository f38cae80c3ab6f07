"""Sound on its way to a node, and what becomes of it: one stream at a time, for a blocking client.

    with Client() as node:
        for message in node.speak(chunks, AudioStart(stream_id="counter", mode="push_to_talk")):
            print(message)

Keeps within the node's window, so that the node is never flooded and this side never holds more than it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from edge_agent.client.connection import Connection
from edge_agent.client.requests import FROM_NODE_CODEC, error_of, no_answer
from edge_agent.clock import Clock
from edge_agent.limits import EAR_READY_MS
from edge_agent.messages import (
    Accepted,
    Answer,
    AudioChunk,
    AudioEnd,
    AudioEnded,
    AudioProgress,
    AudioReady,
    AudioStart,
    ErrorReply,
    Heard,
    Message,
)
from edge_agent.messages.codec import encode

QUIET_MS: Final = 15_000.0
"""How long it may say nothing at all while sound waits to be listened to, or to be answered."""
_STREAM_IS_OVER: Final = frozenset({"AUDIO_OVERRUN", "AUDIO_LOST", "STREAM_UNKNOWN", "AUDIO_ODD_BYTES", "AUDIO_FORMAT"})

Condition = Callable[[], bool]

Said = Heard | Accepted | Answer | ErrorReply
"""What a stream's sender is told. An `ErrorReply` here names something that went wrong and ended nothing."""


class Speaking:
    """One stream from its start to its last answer."""

    def __init__(self, connection: Connection, clock: Clock, start: AudioStart) -> None:
        self._connection = connection
        self._clock = clock
        self._start = start
        self._bytes_per_ms = start.rate_hz * start.channels * (2 if start.encoding == "s16le" else 4) / 1000.0
        self._window_ms = 0.0
        self._sent_ms = self._position_ms = 0.0
        self._unanswered: set[str] = set()
        self._ended = False

    def say(self, chunks: Iterable[bytes]) -> Iterator[Said]:
        """Send the sound as it comes; yields what is heard and answered, until everything is answered.

        Raises:
            EdgeAgentError: the stream was refused or closed, with the node's code; NO_ANSWER.
        """
        self._connection.send(encode(self._start))
        yield from self._until(lambda: self._window_ms > 0.0, EAR_READY_MS)
        for seq, pcm in enumerate(chunks):
            self._sent_ms += len(pcm) / self._bytes_per_ms
            yield from self._until(self._has_room, QUIET_MS)
            self._connection.send(encode(AudioChunk(stream_id=self._start.stream_id, seq=seq)), pcm)
            yield from self._waiting()
        self._connection.send(encode(AudioEnd(stream_id=self._start.stream_id)))
        yield from self._until(lambda: self._ended and not self._unanswered, QUIET_MS)

    def _has_room(self) -> bool:
        """Whether the chunk that is counted as sent may be."""
        return self._sent_ms - self._position_ms <= self._window_ms

    def _waiting(self) -> Iterator[Said]:
        """What has come already."""
        while (frame := self._connection.receive(0.0)) is not None:
            if (message := self._noted(FROM_NODE_CODEC.decode(frame))) is not None:
                yield message

    def _until(self, condition: Condition, quiet_ms: float) -> Iterator[Said]:
        """Listen until something holds."""
        while not condition():
            frame = self._connection.receive(quiet_ms)
            if frame is None:
                raise no_answer(quiet_ms, self._start.stream_id)
            if (message := self._noted(FROM_NODE_CODEC.decode(frame))) is not None:
                yield message

    def _noted(self, message: Message) -> Said | None:
        """The message, where it is for whoever speaks; the stream's own bookkeeping is done here.

        Raises:
            EdgeAgentError: the stream is refused or closed.
        """
        match message:
            case AudioReady():
                self._window_ms = message.window_ms
            case AudioProgress():
                self._position_ms = message.position_ms
            case AudioEnded():
                self._ended = True
            case Heard():
                if message.request_id is not None:
                    self._unanswered.add(message.request_id)
                return message
            case Answer():
                self._unanswered.discard(message.request_id)
                return message
            case Accepted():
                return message
            case ErrorReply(request_id=request_id) if request_id == self._start.stream_id:
                if not self._window_ms or message.code.value in _STREAM_IS_OVER:
                    raise error_of(message)
                return message
            case ErrorReply():
                self._unanswered.discard(message.request_id or "")
                return message
        return None
