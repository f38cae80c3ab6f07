"""What the ear tells of one stream. Times are milliseconds of that stream's own sound, from its first sample. Values.

Of one utterance: `SpeechBegan`, then `SpeechHeard` again and again, at a short silence `SpeechPaused`, then either
`SpeechResumed` (it goes on; what was worked out at the pause is dropped) or `SpeechEnded`. `SpeechDropped` may come
instead at any time after `SpeechBegan`: nothing of it counts. `StopHeard` belongs to no utterance and may come at any
time. `StreamFault` says what is wrong with the sound; the stream goes on unless it says that it is over.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.errors import Code


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """Somebody speaks. `utterance` counts from 1 within the stream; the pre-roll is inside the first SpeechHeard."""

    utterance: int
    at_ms: float


@dataclass(frozen=True, slots=True)
class SpeechHeard:
    """The next sound of an utterance: `Samples` as bytes, without gaps, pre-roll and pauses included."""

    utterance: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """A short silence: perhaps the end. `at_ms` is where the last speech was."""

    utterance: int
    at_ms: float


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """It was not the end."""

    utterance: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The silence lasted, or the stream ended. Speech was from `begin_ms` to `end_ms`; decided at `decided_ms`."""

    utterance: int
    begin_ms: float
    end_ms: float
    decided_ms: float


@dataclass(frozen=True, slots=True)
class SpeechDropped:
    """Not worth or not safe to read: UTTERANCE_TOO_LONG, AUDIO_CLIPPED, AUDIO_GAP, or NO_SPEECH for a mere click."""

    utterance: int
    code: Code
    message: str


@dataclass(frozen=True, slots=True)
class StopHeard:
    """A stop word. `at_ms` is where the word ended, `score` the spotter's own, above its threshold."""

    phrase: str
    at_ms: float
    score: float


@dataclass(frozen=True, slots=True)
class StreamFault:
    """Something is wrong with the sound of a stream."""

    code: Code
    message: str
    over: bool = False


EarEvent = (
    SpeechBegan | SpeechHeard | SpeechPaused | SpeechResumed | SpeechEnded | SpeechDropped | StopHeard | StreamFault
)
