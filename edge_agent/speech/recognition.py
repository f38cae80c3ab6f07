"""What a recogniser is told, what it answers, and the port that PocketSphinx and Whisper both fill. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from edge_agent.speech.audio import Samples


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What may be said where a pack is spoken: plain data, so that it can be handed to another process.

    `sentences` are word sequences drawn from the pack's phrases, lower case, with a class in braces where a name of the
    world or a value stands: "bring me the {item}". `names` has the words that can stand for each class. `digest` is
    equal for equal lexicons.
    """

    pack: str
    sentences: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]
    digest: str


@dataclass(frozen=True, slots=True)
class Word:
    """One word and where it was said, in milliseconds from the utterance's first sample."""

    text: str
    begin_ms: float
    end_ms: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard.

    `text` has words only, lower case, numbers in words. `confidence` is 0 to 1 and comparable within one recogniser.
    `alternatives` are other readings, likeliest first, at most ALTERNATIVES_MAX, without `text` itself. `no_speech` is
    how likely it is that nobody spoke.
    """

    text: str
    confidence: float
    alternatives: tuple[str, ...] = ()
    no_speech: float = 0.0
    words: tuple[Word, ...] = ()


class Utterance(Protocol):
    """One stretch of speech that is being transcribed while it is spoken."""

    def feed(self, samples: Samples) -> None:
        """The next samples."""

    def transcript(self, deadline_ms: float) -> Transcript:
        """The reading of everything fed so far. More may be fed afterwards, and this asked again.

        Raises:
            ClientFault: NO_SPEECH, LOW_CONFIDENCE (what was heard is in the message), EXPIRED.
            NodeFault: SPEECH_UNAVAILABLE.
        """

    def close(self) -> None:
        """It is of no further interest."""


class Recogniser(Protocol):
    """A loaded recogniser. Used from one thread."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Its name, its model, how it computes; for `doctor` and the log."""

    def prepare(self, lexicon: Lexicon) -> None:
        """Learn what may be said in a pack; replaces what was known of the pack.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """

    def begin(self, pack: str) -> Utterance:
        """Begin to listen to one utterance in a prepared pack. Several may be open at once."""
