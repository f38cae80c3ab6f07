"""Milliseconds of one command, stage by stage, that add up to its total."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from edge_agent.clock import Clock
from edge_agent.messages import Timings


@dataclass(slots=True)
class Spans:
    """Measures from `received_ms`. Stages do not overlap; what none of them claims is `other_ms`."""

    clock: Clock
    received_ms: float
    stages: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what happens inside as the stage `name` (a field of Timings)."""
        began_ms = self.clock.now_ms()
        try:
            yield
        finally:
            self.add({name: self.clock.now_ms() - began_ms})

    def until_now(self, name: str) -> None:
        """Everything since the command was received, and not claimed yet, was this stage."""
        self.add({name: self.clock.now_ms() - self.received_ms - sum(self.stages.values())})

    def add(self, stages: Mapping[str, float]) -> None:
        """Stages that were measured elsewhere."""
        for name, elapsed_ms in stages.items():
            self.stages[name] = self.stages.get(name, 0.0) + max(0.0, elapsed_ms)

    def timings(self) -> Timings:
        """Everything until now."""
        total_ms = self.clock.now_ms() - self.received_ms
        stages = {name: round(elapsed_ms, 3) for name, elapsed_ms in self.stages.items()}
        claimed_ms = sum(stages.values())
        other_ms = max(0.0, round(total_ms - claimed_ms, 3))
        return Timings(**stages, other_ms=other_ms, total_ms=round(claimed_ms + other_ms, 3))
