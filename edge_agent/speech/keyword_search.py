"""Where a stop word may have been said, by PocketSphinx's keyphrase search: a first, generous ear.

Decides nothing: it reports every stretch of sound that is at all like a stop word, with how like it is. Its acoustic
model was trained on many people, and lies in the wheel; the few pronunciations lie in `data/stop_words.dict`. Refuses
to work without the wheel (SPEECH_UNAVAILABLE). Runs native code: it lives in the ear's process.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pocketsphinx

from edge_agent.errors import Code, NodeFault
from edge_agent.speech.audio import RATE_HZ, Samples

DATA: Final = Path(__file__).parent / "data"
FRAME_MS: Final = 10.0
DELAY_FRAMES: Final = 6
"""How long a better end of the same word is waited for. Fewer cut words off, more come later."""
TURN_MS: Final = 20_000.0
"""The search begins anew after so long, so that what it remembers stays small; it may lose a word that straddles."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stretch that is like a stop word. `likeness` is a log-probability against any other sounds, at most 0."""

    word: str
    begin_ms: float
    end_ms: float
    likeness: float


class KeywordSearch:
    """One stream's search. About 6 MB and 10 ms to make."""

    def __init__(self) -> None:
        """Load the acoustic model.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        try:
            self._decoder: Any = pocketsphinx.Decoder(
                kws=str(DATA / "stop_words.kws"),
                dict=str(DATA / "stop_words.dict"),
                lm=None,
                kws_delay=DELAY_FRAMES,
                loglevel="FATAL",
            )
        except (RuntimeError, ValueError, OSError) as problem:
            raise NodeFault(
                Code.SPEECH_UNAVAILABLE, f"the keyphrase search cannot be loaded ({problem}): install pocketsphinx anew"
            ) from problem
        self._open = False
        self.reset()

    def reset(self) -> None:
        """What follows does not join on to what was heard; times count from here."""
        self._begin()
        self._heard = 0
        self._origin_ms = 0.0

    def hear(self, samples: Samples) -> list[Candidate]:
        """The next samples; the candidates that are new or sound better than before.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        if not len(samples):  # the library takes no empty buffer
            return []
        position_ms = 1_000.0 * self._heard / RATE_HZ
        if position_ms - self._origin_ms >= TURN_MS:
            self._begin()
            self._origin_ms = position_ms
        self._heard += len(samples)
        try:
            self._decoder.process_raw(samples.tobytes(), False, False)
            segments = list(self._decoder.seg() or ())
        except RuntimeError as problem:
            raise NodeFault(Code.SPEECH_UNAVAILABLE, f"the keyphrase search failed ({problem})") from problem
        return [candidate for segment in segments if (candidate := self._new(segment))]

    def _new(self, segment: Any) -> Candidate | None:
        key, likeness = (segment.word.strip(), segment.start_frame), float(segment.prob)
        if self._seen.get(key) == (segment.end_frame, likeness):
            return None
        self._seen[key] = (segment.end_frame, likeness)
        return Candidate(
            word=key[0],
            begin_ms=self._origin_ms + FRAME_MS * segment.start_frame,
            end_ms=self._origin_ms + FRAME_MS * (segment.end_frame + 1),
            likeness=math.log(max(likeness, 1e-9)),
        )

    def _begin(self) -> None:
        if self._open:
            self._decoder.end_utt()
        self._decoder.start_utt()
        self._open = True
        self._seen: dict[tuple[str, int], tuple[int, float]] = {}
