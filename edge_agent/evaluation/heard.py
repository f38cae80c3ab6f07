"""What was heard in an example's sound, and the port of what hears it. Pure values: no library of speech is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge_agent.errors import Code
from edge_agent.evaluation.examples import Example
from edge_agent.speech.recognition import Transcript


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard in one file: a transcript, or the code of a refusal and why.

    `audio_ms` is how long the sound is, `work_ms` how long all of the listening took, `final_ms` the part of it after
    the last sample, which is what somebody waits for.
    """

    audio_ms: float
    work_ms: float
    final_ms: float
    transcript: Transcript | None = None
    refusal: Code | None = None
    why: str = ""

    @property
    def text(self) -> str:
        """The words, or none."""
        return self.transcript.text if self.transcript else ""


class Hears(Protocol):
    """Turns examples in sound into words."""

    def hear(self, example: Example, snr_db: float | None = None) -> Heard:
        """What is said in an example's file, with noise at this ratio or as it was recorded.

        Raises:
            ConfigurationFault: AUDIO_INVALID.
            NodeFault: SPEECH_UNAVAILABLE.
        """
