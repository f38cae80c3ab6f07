"""The door for sound: streams are opened, fed within their window, watched and closed.

Refuses a second stream of one id (STREAM_TAKEN), sound for a stream that is not open (STREAM_UNKNOWN), more streams
than are listened to (QUEUE_FULL), sound too far ahead (AUDIO_OVERRUN); names a gap (AUDIO_GAP) and a sender that has
fallen silent (AUDIO_LOST). Never waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.messages import AudioChunk, AudioEnd, AudioEnded, AudioProgress, AudioReady, AudioStart
from edge_agent.node.acceptance import Reply
from edge_agent.node.ears import Ears
from edge_agent.node.listening import Listener, Listening
from edge_agent.node.orders import Admission
from edge_agent.speech.audio import PcmFormat

PROGRESS_MS: Final = 250.0
"""How often a client is told how far its sound has been listened to."""


@dataclass(slots=True)
class _Open:
    listening: Listening
    form: PcmFormat
    came_ms: float
    """When its latest sound came."""
    next_seq: int = 0
    chunk_ms: float = 0.0
    told_ms: float = 0.0
    ending: bool = False


@dataclass(slots=True)
class AudioStreams:
    """Every stream that is open, clients' and microphones'."""

    room: Listener
    ears: Ears
    admission: Admission
    reply: Reply
    clock: Clock
    watched: Callable[[str], bool] = lambda _name: False
    """Whether this id belongs to one of the box's own microphones."""
    _open: dict[str, _Open] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._open)

    def check(self, start: AudioStart) -> None:
        """Refuse what cannot be opened.

        Raises:
            ClientFault: STREAM_TAKEN, QUEUE_FULL, UNKNOWN_PACK.
        """
        if start.stream_id in self._open or self.watched(start.stream_id):
            raise ClientFault(Code.STREAM_TAKEN, "a stream of this id is open; end it or choose another id")
        if len(self._open) >= limits.AUDIO_STREAMS_MAX:
            raise ClientFault(Code.QUEUE_FULL, f"{limits.AUDIO_STREAMS_MAX} streams are open; try again later")
        self.admission.pack_of(start.pack)

    def start(self, start: AudioStart, peer: bytes) -> None:
        """Open a stream.

        Raises:
            ClientFault: as `check`.
        """
        self.check(start)
        self.open(start, peer)
        self.reply(peer, AudioReady(stream_id=start.stream_id, window_ms=float(limits.AUDIO_WINDOW_MS)))

    def open(self, start: AudioStart, peer: bytes) -> None:
        """Open a stream that was checked."""
        pack = self.admission.pack_of(start.pack)
        form = PcmFormat(start.rate_hz, start.channels, start.encoding)
        listening = Listening(self.room, start, pack.name, float(start.ttl_ms or pack.ttl_ms), peer)
        listening.on_end = lambda: self._ended(start.stream_id)
        listening.stream = self.ears.open(form, start.mode, listening)
        self._open[start.stream_id] = _Open(listening, form, self.clock.now_ms())

    def chunk(self, chunk: AudioChunk, pcm: bytes, peer: bytes) -> None:
        """A stream's next sound.

        Raises:
            ClientFault: STREAM_UNKNOWN, EMPTY_FRAME, AUDIO_GAP, AUDIO_OVERRUN.
            NodeFault: SPEECH_UNAVAILABLE.
        """
        one = self._of(chunk.stream_id, peer)
        if not pcm:
            raise ClientFault(Code.EMPTY_FRAME, "a chunk without sound", where="audio_chunk")
        if chunk.seq < one.next_seq:
            raise ClientFault(
                Code.AUDIO_GAP, f"chunk {chunk.seq} comes after {one.next_seq - 1}; it was left out", where="seq"
            )
        missing = chunk.seq - one.next_seq
        if missing:
            self.gap(chunk.stream_id, min(missing * one.chunk_ms, float(limits.UTTERANCE_MS_MAX)))
        one.next_seq = chunk.seq + 1
        self.hear(chunk.stream_id, pcm)
        if missing:
            raise ClientFault(
                Code.AUDIO_GAP,
                f"{missing} chunks before {chunk.seq} did not come; what was being said is dropped",
                where="seq",
            )

    def hear(self, stream_id: str, pcm: bytes) -> None:
        """A stream's next sound, in order.

        Raises:
            ClientFault: AUDIO_OVERRUN; the stream is closed.
        """
        one = self._open[stream_id]
        one.came_ms = self.clock.now_ms()
        one.chunk_ms = one.form.duration_ms(pcm)
        one.listening.arrived(one.chunk_ms)
        if one.listening.ahead_ms > limits.AUDIO_WINDOW_MS + one.chunk_ms:
            problem = ClientFault(
                Code.AUDIO_OVERRUN,
                f"more than {limits.AUDIO_WINDOW_MS} ms ahead of audio_progress; the stream is closed",
            )
            self._close(stream_id, problem)
            raise problem
        self.ears.hear(one.listening.stream, pcm)

    def gap(self, stream_id: str, missing_ms: float) -> None:
        """Some of a stream's sound never came: what was being said is dropped."""
        self.ears.gap(self._open[stream_id].listening.stream, missing_ms)

    def end(self, end: AudioEnd, peer: bytes) -> None:
        """No more sound of a stream; `audio_ended` follows when all of it is heard.

        Raises:
            ClientFault: STREAM_UNKNOWN.
        """
        one = self._of(end.stream_id, peer)
        one.ending = True
        if not self.ears.end(one.listening.stream):
            self._ended(end.stream_id)

    def lost(self, stream_id: str, why: EdgeAgentError) -> None:
        """A stream's sender is gone: what was half said is dropped."""
        if stream_id in self._open:
            self._close(stream_id, why)

    def tick(self) -> None:
        """Look who has fallen silent, and tell how far the ear has come."""
        now_ms = self.clock.now_ms()
        for stream_id, one in tuple(self._open.items()):
            position_ms = one.listening.position_ms
            if position_ms - one.told_ms >= PROGRESS_MS:
                one.told_ms = position_ms
                self.reply(one.listening.peer, AudioProgress(stream_id=stream_id, position_ms=position_ms))
            # an ear that is only starting keeps everybody waiting; that is no client's silence
            waits_for_us = one.ending or one.listening.ahead_ms > 0
            if now_ms - one.came_ms >= limits.AUDIO_QUIET_MS_MAX and not waits_for_us:
                seconds = limits.AUDIO_QUIET_MS_MAX / 1000
                problem = NodeFault(Code.AUDIO_LOST, f"no sound came for {seconds:g} s; the stream is closed")
                self._close(stream_id, problem)
                self.room.fault(one.listening.peer, problem, stream_id)

    def _of(self, stream_id: str, peer: bytes) -> _Open:
        one = self._open.get(stream_id)
        if one is None or one.ending or one.listening.over or one.listening.peer != peer:
            raise ClientFault(
                Code.STREAM_UNKNOWN, "no such stream of yours is open; send audio_start", where="stream_id"
            )
        return one

    def _close(self, stream_id: str, why: EdgeAgentError) -> None:
        one = self._open.pop(stream_id)
        one.listening.abandon(why)
        self.ears.close(one.listening.stream)

    def _ended(self, stream_id: str) -> None:
        if (one := self._open.pop(stream_id, None)) is not None:
            self.reply(one.listening.peer, AudioEnded(stream_id=stream_id, utterances=one.listening.said))
