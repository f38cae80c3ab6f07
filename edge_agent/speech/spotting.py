"""Whether somebody has just said stop, long before the sentence is over: a stop word heard by its sound alone.

Decides by two ears that err differently: a keyphrase search proposes stretches that are like a stop word, and a
trained network says how sure it is of the same word at the same place; their scores are added. It is not a safety
device (docs/spoken-stop.md). Refuses to work without its libraries and models (SPEECH_UNAVAILABLE). Lives in the ear's
process; used from one thread.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.speech.audio import Samples
from edge_agent.speech.events import StopHeard
from edge_agent.speech.keyword_head import STEPS, WORDS, KeywordHead, load_head
from edge_agent.speech.keyword_network import STEP_MS, EmbeddingModel, EmbeddingStream
from edge_agent.speech.keyword_search import Candidate, KeywordSearch

LIKENESS_WEIGHTS: Final = {"stop": 50.0, "halt": 100.0, "freeze": 100.0}
"""What the search's likeness counts beside the network's log-odds; the network knows "stop" best."""
THRESHOLDS: Final = {"stop": -8.0, "halt": -9.7, "freeze": -16.1}
"""From here a word counts as said: docs/spoken-stop.md has the table that they were chosen from."""
SURE_MIN: Final = 0.05
"""Less sure than this the network vetoes: to the search alone, hiss is very like a "freeze"."""
LOOK_BACK_MS: Final = 320.0
"""The network may be sure this long before the end that the search found."""
QUIET_MS: Final = 1_000.0
"""One cry is told once: after a stop, nothing is told for so long."""
_FLOOR: Final = 1e-4


@dataclass(frozen=True, slots=True)
class StopModels:
    """What is loaded once for all streams."""

    network: EmbeddingModel
    head: KeywordHead

    @classmethod
    def load(cls) -> StopModels:
        """Raises: NodeFault: SPEECH_UNAVAILABLE."""
        return cls(EmbeddingModel(), load_head())


class StopSpotter:
    """One stream's listener for stop words."""

    def __init__(
        self,
        phrases: Iterable[str] = WORDS,
        *,
        threshold: float = 0.0,
        models: StopModels | None = None,
    ) -> None:
        """`phrases`: what means stop here; a phrase is heard by any of WORDS in it, the others are left to the text.

        `threshold` shifts every word's own: below 0 more is taken for a stop, above 0 less. `models`: shared by the
        streams of a process; loaded anew when not given.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        self._words = spotted_words(phrases)
        self._threshold = threshold
        models = models or StopModels.load()
        self._head = models.head
        self._search = KeywordSearch()
        self._stream = EmbeddingStream(models.network)
        self._quiet_until_ms = -math.inf
        self._start()

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it listens for, and by which model; for `doctor` and the log."""
        return {"words": list(self._words), "threshold": self._threshold, "head_sha256": self._head.digest}

    def reset(self) -> None:
        """What follows does not join on to what was heard; times count from here."""
        self._search.reset()
        self._stream.reset()
        self._start()

    def hear(self, samples: Samples) -> list[StopHeard]:
        """The next samples, any number; 20 to 100 ms at a time serve best. `at_ms` counts from the last reset.

        Raises:
            NodeFault: SPEECH_UNAVAILABLE.
        """
        told = []
        for word in self.weighed(samples):
            if word.score > 0.0 and word.at_ms >= self._quiet_until_ms:
                self._quiet_until_ms = word.at_ms + QUIET_MS
                told.append(word)
        return told

    def weighed(self, samples: Samples) -> list[StopHeard]:
        """As `hear`, but everything that is at all like a stop word, with scores below 0 too: for measuring."""
        for ended_ms, embedding in self._stream.hear(samples):
            self._embeddings.append(embedding)
            self._judged.append((ended_ms, self._head.judged(np.stack(self._embeddings))))
        found = self._search.hear(samples)
        return [StopHeard(it.word, it.end_ms, round(self._score(it), 2)) for it in found if it.word in self._words]

    def _score(self, found: Candidate) -> float:
        """By how much the word is surer than its threshold."""
        at = WORDS.index(found.word)
        since_ms = found.end_ms - LOOK_BACK_MS
        sure = max((float(likely[at]) for ended_ms, likely in self._judged if ended_ms >= since_ms), default=0.0)
        if sure < SURE_MIN:
            return -math.inf
        odds = math.log(sure / max(1.0 - sure, _FLOOR))
        return odds + LIKENESS_WEIGHTS[found.word] * found.likeness - THRESHOLDS[found.word] - self._threshold

    def _start(self) -> None:
        self._quiet_until_ms = -math.inf
        silence = [self._stream.of_silence] * STEPS
        self._embeddings: deque[NDArray[np.float32]] = deque(silence, maxlen=STEPS)
        self._judged: deque[tuple[float, NDArray[np.float32]]] = deque(maxlen=round(1_000.0 / STEP_MS))


def spotted_words(phrases: Iterable[str]) -> tuple[str, ...]:
    """Which of WORDS are in the phrases: "emergency stop" is heard by its "stop"."""
    said = {word for phrase in phrases for word in phrase.lower().split()}
    return tuple(word for word in WORDS if word in said)
