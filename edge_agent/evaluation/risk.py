"""What refusing the doubtful buys: of the answers carried out, how many are wrong, the surest first. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)


@dataclass(frozen=True, slots=True)
class Wager:
    """An answer with actions: how sure it was (0 to 1), and whether it was right."""

    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class Risk:
    """The surest answers carried out and the others refused."""

    coverage: float
    """The share of the answers with actions that is carried out."""
    confidence_min: float
    """How sure the last of them is."""
    carried_out: int
    wrong: int

    @property
    def wrong_share(self) -> float:
        """Of what is carried out, the share that is wrong."""
        return self.wrong / self.carried_out


def curve(wagers: Sequence[Wager], coverages: Sequence[float] = COVERAGES) -> tuple[Risk, ...]:
    """One point a coverage; none of no answers."""
    ordered = sorted(wagers, key=lambda wager: -wager.confidence)
    points = []
    for coverage in coverages if ordered else ():
        kept = ordered[: max(1, math.ceil(coverage * len(ordered)))]
        wrong = sum(not wager.right for wager in kept)
        points.append(Risk(coverage, kept[-1].confidence, len(kept), wrong))
    return tuple(points)


def at_threshold(wagers: Sequence[Wager], confidence_min: float) -> Risk | None:
    """What a threshold carries out; None when that is nothing."""
    kept = [wager for wager in wagers if wager.confidence >= confidence_min]
    if not kept:
        return None
    return Risk(len(kept) / len(wagers), confidence_min, len(kept), sum(not wager.right for wager in kept))


def least_threshold(wagers: Sequence[Wager], wrong_share_max: float) -> Risk | None:
    """The lowest threshold that keeps the wrong ones among those carried out within a share; None when none does."""
    thresholds = sorted({wager.confidence for wager in wagers})
    found = (at_threshold(wagers, threshold) for threshold in thresholds)
    return next((risk for risk in found if risk and risk.wrong_share <= wrong_share_max), None)
