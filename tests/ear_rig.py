"""An ear under test: sound in, its story out."""

from __future__ import annotations

from collections.abc import Sequence

import speech_sounds as sounds
from speech_sounds import Samples

from edge_agent.speech.audio import PcmFormat, samples_of
from edge_agent.speech.ear import Ear
from edge_agent.speech.events import (
    EarEvent,
    SpeechDropped,
    SpeechHeard,
    StreamFault,
)
from edge_agent.speech.segmenter import Mode
from edge_agent.speech.silero import SileroModel

SENTENCE = "bring the red box to dock three"
FLOATS = PcmFormat(encoding="f32le")


def chunks(data: bytes, size: int = 3_200) -> list[bytes]:
    return [data[begin : begin + size] for begin in range(0, len(data), size)]


def heard(
    model: SileroModel, sound: Samples, *, mode: Mode = "continuous", form: PcmFormat | None = None, size: int = 3_200
) -> list[EarEvent]:
    """Everything that a new ear tells of this sound, its end included."""
    ear = Ear(form or PcmFormat(), mode=mode, model=model)
    return [event for chunk in chunks(sound.tobytes(), size) for event in ear.hear(chunk)] + ear.finish()


def story(events: Sequence[EarEvent]) -> list[EarEvent]:
    """The events without the sound."""
    return [event for event in events if not isinstance(event, SpeechHeard)]


def kinds(events: Sequence[EarEvent]) -> list[str]:
    """What happened, a code beside it where there is one."""
    return [
        f"{type(event).__name__} {event.code}"
        if isinstance(event, SpeechDropped | StreamFault)
        else type(event).__name__
        for event in story(events)
    ]


def sound_of(events: Sequence[EarEvent], utterance: int = 1) -> Samples:
    parts = [event.pcm for event in events if isinstance(event, SpeechHeard) and event.utterance == utterance]
    return samples_of(b"".join(parts))


def in_quiet(sound: Samples, before_ms: float = 1_000.0, after_ms: float = 1_000.0) -> Samples:
    return sounds.joined(sounds.silence(before_ms), sound, sounds.silence(after_ms))
