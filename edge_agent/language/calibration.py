"""From the probability of an answer's tokens to how often such answers are right.

A small model is surer of itself than it should be on phrasing that it has not seen. Two numbers, fitted on generated
sentences whose templates were held back from training, put that right: confidence = sigmoid(slope · logit(probability)
+ intercept), after Platt (1999) as Guo et al. use it (2017). They belong to one file of weights and stand in its GGUF
metadata under KEY; a model without them keeps its probabilities as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from edge_agent.errors import Code, ConfigurationFault

KEY = "edge_agent.calibration"
_NEAREST = 1e-6
"""Probabilities are held this far from 0 and 1, where the logit is infinite."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What one model's probabilities are worth. The default changes nothing."""

    slope: float = 1.0
    intercept: float = 0.0

    def confidence(self, probability: float) -> float:
        """The share of such answers that are right, 0 to 1; grows with `probability`."""
        if self == _NONE:
            return min(1.0, max(0.0, probability))
        return 1.0 / (1.0 + math.exp(-self.slope * logit(probability) - self.intercept))

    def text(self) -> str:
        """As it stands in the file."""
        return f"{self.slope:.4f} {self.intercept:.4f}"

    @classmethod
    def of_text(cls, text: str | None) -> Calibration:
        """What a file says; nothing said is the default.

        Raises:
            ConfigurationFault: MODEL_DAMAGED.
        """
        if text is None:
            return _NONE
        try:
            slope, intercept = (float(number) for number in text.split())
        except ValueError as problem:
            raise ConfigurationFault(Code.MODEL_DAMAGED, f"{KEY} holds {text[:40]!r}, not two numbers") from problem
        if not (0.0 < slope < 100.0 and abs(intercept) < 100.0):
            raise ConfigurationFault(Code.MODEL_DAMAGED, f"{KEY} holds {text[:40]!r}, which calibrates nothing")
        return cls(slope, intercept)


_NONE = Calibration()


def logit(probability: float) -> float:
    """The log of the odds, finite for every probability."""
    held = min(1.0 - _NEAREST, max(_NEAREST, probability))
    return math.log(held / (1.0 - held))


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of similar confidence: how many, how sure on average, and how many of them are right."""

    count: int
    confidence: float
    right: float


def reliability(judged: Sequence[tuple[float, bool]], bins: int = 10) -> tuple[Bin, ...]:
    """(confidence, whether right) of many answers in bins of equal size, from the least sure on."""
    ordered = sorted(judged)
    edges = [round(number * len(ordered) / bins) for number in range(bins + 1)]
    cut = [ordered[first:last] for first, last in pairwise(edges) if last > first]
    return tuple(
        Bin(len(part), sum(sure for sure, _ in part) / len(part), sum(right for _, right in part) / len(part))
        for part in cut
    )


def calibration_error(judged: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Expected calibration error: how far confidence and the share of right answers lie apart, 0 is perfect."""
    return sum(one.count * abs(one.confidence - one.right) for one in reliability(judged, bins)) / max(1, len(judged))
