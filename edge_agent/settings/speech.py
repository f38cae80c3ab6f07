"""What listens, and how: [speech]."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from edge_agent import limits
from edge_agent.settings.base import Section


class MicrophoneSettings(Section):
    """One microphone of this box, and what is spoken into it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:\-]*$", max_length=limits.ID_CHARS_MAX)]
    """What it is called here: the `stream_id` of what it hears."""
    device: str | None = None
    """The sound system's name for it, or a part of that; its default input when absent."""
    pack: str | None = None
    robot: str | None = None
    area: str | None = None
    """Where whoever speaks into it stands."""


class SpeechSettings(Section):
    """What listens, and how."""

    recogniser: Literal["auto", "sphinx", "whisper", "off"] = "auto"
    """auto: a Whisper model where one is at hand, else the embedded recogniser."""
    whisper: Path | None = None
    """Folder of a Whisper model in CTranslate2 format; the best that was pulled when absent."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str | None = None
    """Whisper's arithmetic (int8, float16, …); by the device when absent."""
    n_threads: Annotated[int, Field(ge=1, le=64)] = 1
    eager: bool = True
    """Read the sentence at a short silence already; it is sent when the silence lasts."""
    pause_ms: Annotated[int, Field(ge=100, le=2_000)] = 200
    """A silence this short may be the end."""
    end_ms: Annotated[int, Field(ge=200, le=5_000)] = 500
    """A silence this long is the end."""
    sure_end_ms: Annotated[int, Field(ge=100, le=5_000)] = 350
    """It is the end sooner when what was said until then is a whole command, and a sure one."""
    stop_words: bool = True
    """Listen for a spoken stop beside everything else."""
    microphones: tuple[MicrophoneSettings, ...] = ()

    @field_validator("microphones")
    @classmethod
    def _each_name_once(cls, microphones: tuple[MicrophoneSettings, ...]) -> tuple[MicrophoneSettings, ...]:
        names = [one.name for one in microphones]
        if len(set(names)) < len(names):
            raise ValueError("two microphones have one name")
        if len(names) > limits.AUDIO_STREAMS_MAX:
            raise ValueError(f"at most {limits.AUDIO_STREAMS_MAX} microphones")
        return microphones

    @model_validator(mode="after")
    def _silences_in_order(self) -> Self:
        if not self.pause_ms <= self.sure_end_ms <= self.end_ms:
            raise ValueError("pause_ms, sure_end_ms and end_ms rise in this order")
        return self
