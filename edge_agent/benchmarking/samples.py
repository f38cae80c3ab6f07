"""What one decision cost in one way, and what many of them come to. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import fmean, median
from typing import Any

import numpy as np


class Way(StrEnum):
    """How a sentence is decided."""

    STOCK = "stock"
    """llama-cpp-python's own `create_completion` with the same grammar."""
    PLAIN = "plain"
    """Our decoder, one token a pass."""
    FORCED = "forced"
    """Our decoder; forced tokens cost no pass."""
    RIGHT = "right"
    """The same with the answer itself as a draft."""
    WRONG = "wrong"
    """The same with another answer of the same grammar as a draft."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One decision. `first_ms` is until the first pass is through: it reads the sentence and what follows it."""

    answer: str
    tokens: int
    """Of the answer, without its end."""
    passes: int
    first_ms: float
    rest_ms: float
    settled: int = 0
    """Passes that settled a near tie."""
    margin: float | None = None
    """The smallest distance between the best and the second-best allowed logit; None without a choice, or unknown."""

    @property
    def total_ms(self) -> float:
        return self.first_ms + self.rest_ms

    def to_object(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_object(cls, fields: Mapping[str, Any]) -> Sample:
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a forward pass of a model moves, and how fast the machine can move it."""

    pass_bytes: int
    bandwidth_gb_s: float

    def floor_ms(self, passes: float) -> float:
        """The least time that so many passes take: their bytes at the whole bandwidth."""
        return passes * self.pass_bytes / self.bandwidth_gb_s / 1e6


@dataclass(frozen=True, slots=True)
class WayRow:
    """One way over all sentences.

    Ratios say how many times less it needs than the stock way, over the sentences that both answer alike: `alike` of
    them. None where there are none. Of time it is the median sentence's, as the two were timed one after the other and
    whatever else the machine did then is in both.
    """

    way: Way
    sentences: int
    tokens_mean: float
    passes_mean: float
    passes_p95: float
    settled_mean: float
    first_p50_ms: float
    rest_p50_ms: float
    total_p50_ms: float
    total_p95_ms: float
    total_mean_ms: float
    passes_ratio: float | None
    time_ratio: float | None
    alike: int
    moved_gb: float
    """Bytes of weights moved for one sentence, on average."""
    floor_share: float
    """The time that moving them needs at the least, as a share of the time taken."""


def way_rows(samples: Mapping[Way, Sequence[Sample]], cost: Cost) -> list[WayRow]:
    """One row for each way that was measured."""
    stock = samples.get(Way.STOCK)
    return [_row(way, found, stock, cost) for way, found in samples.items() if found]


def _row(way: Way, samples: Sequence[Sample], stock: Sequence[Sample] | None, cost: Cost) -> WayRow:
    passes = [sample.passes for sample in samples]
    total = [sample.total_ms for sample in samples]
    pairs = [(one, own) for one, own in zip(stock or (), samples, strict=bool(stock)) if one.answer == own.answer]
    return WayRow(
        way=way,
        sentences=len(samples),
        tokens_mean=fmean(sample.tokens for sample in samples),
        passes_mean=fmean(passes),
        passes_p95=percentile(passes, 95),
        settled_mean=fmean(sample.settled for sample in samples),
        first_p50_ms=percentile([sample.first_ms for sample in samples], 50),
        rest_p50_ms=percentile([sample.rest_ms for sample in samples], 50),
        total_p50_ms=percentile(total, 50),
        total_p95_ms=percentile(total, 95),
        total_mean_ms=fmean(total),
        passes_ratio=sum(one.passes for one, _ in pairs) / sum(own.passes for _, own in pairs) if pairs else None,
        time_ratio=median(one.total_ms / own.total_ms for one, own in pairs) if pairs else None,
        alike=len(pairs),
        moved_gb=fmean(passes) * cost.pass_bytes / 1e9,
        floor_share=cost.floor_ms(sum(passes)) / sum(total),
    )


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the answers of a way compare with those of our decoder with forced tokens, sentence by sentence."""

    way: Way
    compared: int
    answers: int
    """Equal byte for byte."""
    actions: int
    """Equal once resolved to actions."""
    near_ties: int
    """Unequal where our two best logits were closer than rounding moves them."""

    @property
    def unequal(self) -> int:
        """Unequal and no near tie: a fault; of random weights it may be the same spelt in odd tokens, where ours skips
        to the usual ones."""
        return self.compared - self.actions - self.near_ties


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many percent of the values lie; NaN of none."""
    return float(np.percentile(values, percent)) if values else math.nan
