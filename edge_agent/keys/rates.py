"""How often somebody may ask: token buckets by name. Pure but for the clock it is given."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from edge_agent import limits
from edge_agent.clock import Clock

_NAMES_MAX: Final = 4 * limits.KEYS_MAX
"""Names remembered; the one not heard of for longest is forgotten, and has a full allowance when it comes back."""


class Rates:
    """One allowance a second for each name, with bursts of `limits.BURST_S` seconds' worth."""

    def __init__(self, per_s: float, clock: Clock) -> None:
        self._per_s = per_s
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, per_s: float | None = None) -> bool:
        """Use one of the name's allowance (`per_s` a second when given); False when there is none left."""
        rate = self._per_s if per_s is None else per_s
        most = max(1.0, rate * limits.BURST_S)
        now_ms = self._clock.now_ms()
        left, at_ms = self._left.pop(name, (most, now_ms))
        left = min(most, left + (now_ms - at_ms) / 1000.0 * rate)
        allowed = left >= 1.0
        self._left[name] = (left - 1.0 if allowed else left, now_ms)
        while len(self._left) > _NAMES_MAX:
            self._left.popitem(last=False)
        return allowed
