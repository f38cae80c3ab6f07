"""Sound on its way in: a stream is opened, fed and ended, and everything that was said in it becomes a command.

A client sends `audio_start`, waits for `audio_ready`, then sends `audio_chunk` frames (each with a second frame of PCM)
and keeps within the window that `audio_progress` moves on. What was heard comes back as `heard`; its command's
`accepted` and `answer` follow under the `request_id` that `heard` names. Sound is never kept.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from edge_agent import limits
from edge_agent.messages.answer import Failure
from edge_agent.messages.base import Identifier, Message, Milliseconds, Name
from edge_agent.messages.command import Context

StreamId = Identifier
"""Chosen by the client, unique among the streams that are open; the name of one of the box's own microphones."""


class AudioStart(Message):
    """Open a stream. Answered by `audio_ready`, or by an `error` whose `request_id` is the stream's id."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "audio_start",
        "stream_id": "mic-1",
        "rate_hz": 16000,
        "mode": "continuous",
        "ttl_ms": 3000,
        "context": {"area": "hall a"},
    }

    type: Literal["audio_start"] = "audio_start"
    stream_id: StreamId
    rate_hz: Annotated[int, Field(ge=limits.AUDIO_RATE_HZ_MIN, le=limits.AUDIO_RATE_HZ_MAX)] = 16_000
    """Sampling rate; 16000 needs no resampling."""
    channels: Annotated[int, Field(ge=1, le=limits.AUDIO_CHANNELS_MAX)] = 1
    """Interleaved channels, averaged to one."""
    encoding: Literal["s16le", "f32le"] = "s16le"
    """Little-endian: 16-bit integers, or 32-bit floats of which ±1 is full scale."""
    mode: Literal["continuous", "push_to_talk"] = "continuous"
    """`continuous`: cut at silences. `push_to_talk`: everything up to `audio_end` is one utterance."""
    pack: Identifier | None = None
    """As in `command`, for everything said in this stream; so are the next ones."""
    robot: Name | None = None
    session: Identifier | None = None
    ttl_ms: Annotated[int, Field(ge=limits.TTL_MS_MIN, le=limits.TTL_MS_MAX)] | None = None
    """From the end of speech to the sending of the first action; the pack's default when absent."""
    context: Context = Context()


class AudioReady(Message):
    """The stream is open; sound may come."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "audio_ready", "stream_id": "mic-1", "window_ms": 4000}

    type: Literal["audio_ready"] = "audio_ready"
    stream_id: StreamId
    window_ms: Milliseconds
    """Sound that may be sent ahead of the last `audio_progress`; more is AUDIO_OVERRUN and ends the stream."""


class AudioChunk(Message):
    """The next sound. The only message of two frames: this one, then the PCM bytes, both within the frame's limit."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "audio_chunk", "stream_id": "mic-1", "seq": 0}

    type: Literal["audio_chunk"] = "audio_chunk"
    stream_id: StreamId
    seq: Annotated[int, Field(ge=0)]
    """Counts the chunks from 0. One left out is AUDIO_GAP: the utterance with the hole in it is dropped, the stream
    goes on."""


class AudioProgress(Message):
    """How much of the stream's sound has been listened to."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "audio_progress", "stream_id": "mic-1", "position_ms": 1280.0}

    type: Literal["audio_progress"] = "audio_progress"
    stream_id: StreamId
    position_ms: Milliseconds


class AudioEnd(Message):
    """No more sound. What was said last is still read; `audio_ended` follows when all is heard."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "audio_end", "stream_id": "mic-1"}

    type: Literal["audio_end"] = "audio_end"
    stream_id: StreamId


class AudioEnded(Message):
    """The stream is closed; its id is free. Answers to its last commands may still come."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "audio_ended", "stream_id": "mic-1", "utterances": 2}

    type: Literal["audio_ended"] = "audio_ended"
    stream_id: StreamId
    utterances: Annotated[int, Field(ge=0)]
    """How many were heard, refused ones included."""


class AudioAttach(Message):
    """Be told what one of the box's own microphones hears, and the answers to it: for a screen or a confirming button.

    Answered by `audio_ready`. Ends when the connection does.
    """

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "audio_attach", "stream_id": "counter"}

    type: Literal["audio_attach"] = "audio_attach"
    stream_id: StreamId


class Heard(Message):
    """An utterance was read, or could not be. To the stream's client, and on the PUB socket, topic `heard`."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "heard",
        "stream_id": "mic-1",
        "utterance": 1,
        "request_id": "u-7-1",
        "text": "go to dock two",
        "confidence": 0.93,
        "alternatives": ["go to dog two"],
        "begin_ms": 480.0,
        "end_ms": 1630.0,
    }

    type: Literal["heard"] = "heard"
    stream_id: StreamId
    utterance: Annotated[int, Field(ge=1)]
    """Counts within the stream."""
    request_id: Identifier | None = None
    """Of the command that this became; absent when it became none."""
    text: str = ""
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The recogniser's own, comparable within one recogniser."""
    alternatives: Annotated[tuple[str, ...], Field(max_length=limits.ALTERNATIVES_MAX)] = ()
    begin_ms: Milliseconds = 0.0
    """Where speech began and ended, in the stream's own time."""
    end_ms: Milliseconds = 0.0
    error: Failure | None = None
    """Why it became no command: NO_SPEECH, LOW_CONFIDENCE, UTTERANCE_TOO_LONG, AUDIO_GAP, AUDIO_CLIPPED, EXPIRED,
    SPEECH_UNAVAILABLE, SPEECH_CRASHED."""
