"""Time for deadlines, in one place.

Deadlines run on CLOCK_BOOTTIME: it never jumps when the wall clock is set, it goes on while the machine is suspended (a
command must not survive a suspend longer than its time to live), and every process of the machine reads the same value.
Wall time is only ever written for people to read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """What the node asks of time."""

    def now_ms(self) -> float:
        """Milliseconds since boot, suspend included; never goes back."""

    def wall_ms(self) -> int:
        """Unix time in milliseconds, for people and reports only."""


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) * 1000.0

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still until it is moved; ships beside the real one for tests and replay."""

    boot_ms: float = 1_000.0
    unix_ms: int = field(default=1_700_000_000_000)

    def now_ms(self) -> float:
        return self.boot_ms

    def wall_ms(self) -> int:
        return self.unix_ms

    def advance(self, delta_ms: float) -> None:
        """Let `delta_ms` (≥ 0) pass on both clocks."""
        if delta_ms < 0:
            raise ValueError("time does not run backwards; set unix_ms to play a wall-clock jump")
        self.boot_ms += delta_ms
        self.unix_ms += int(delta_ms)
