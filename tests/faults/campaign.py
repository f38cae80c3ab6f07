"""What a campaign is: a promise, a way to break it, and what came of trying. Decides nothing about the node."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Samples = dict[str, list[float]]
"""What was measured, by name; the units last in the name."""


@dataclass(frozen=True, slots=True)
class Result:
    """One portion of a campaign: cases that really happened, what broke the promise, what was measured."""

    cases: int
    violations: tuple[str, ...] = ()
    samples: Mapping[str, list[float]] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(
            {"cases": self.cases, "violations": list(self.violations), "samples": dict(self.samples)},
            separators=(",", ":"),
        )

    @staticmethod
    def from_json(text: str) -> Result:
        told = json.loads(text)
        return Result(told["cases"], tuple(told["violations"]), told["samples"])


Run = Callable[[int, int, Path], Result]
"""Seed, how many cases to try, an empty folder with a short path; returns what happened."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """One promise under trial.

    A portion is run in a process of its own, with the seed plus its number. `judge` looks at the samples of all
    portions together, for promises about a distribution.
    """

    name: str
    promise: str
    how: str
    cases: int
    """Of the long run."""
    short: int
    """Of the run in the test suite; 0: not in it."""
    portion: int
    """Cases of one process."""
    run: Run
    figure: Callable[[Samples], str]
    judge: Callable[[Samples], list[str]] = lambda _samples: []
    alone: bool = False
    """Its figure is a time: nothing else is run beside it."""
    unit: str = ""
    """What a case is, where that is not plain."""
    limit_s: float = 900.0
    """How long one portion may take."""


def merged(results: Iterable[Result]) -> Result:
    """Portions as one result."""
    cases, violations, samples = 0, [], defaultdict(list)
    for result in results:
        cases += result.cases
        violations += result.violations
        for name, values in result.samples.items():
            samples[name] += values
    return Result(cases, tuple(violations), dict(samples))


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share of the values do not exceed; not a number for none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def spread(samples: Samples, name: str, unit: str = "ms") -> str:
    """Median, p99 and the largest of a measurement, in words."""
    values = samples.get(name, [])
    if not values:
        return "nothing was measured"
    middle, high, top = percentile(values, 0.5), percentile(values, 0.99), max(values)
    return f"p50 {middle:.1f} {unit}, p99 {high:.1f} {unit}, max {top:.1f} {unit}"
