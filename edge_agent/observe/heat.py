"""Whether the machine is hot. Pure: temperatures in, words out.

Hot is what has reached its own trip point, where the machine begins to throttle itself, or the temperature that the
settings name. It stays hot until it is COOLED_C below that, so that nothing is told twice a minute.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from edge_agent.observe.vitals import Temperature

COOLED_C: Final = 3.0


class Heat:
    """Remembers what is hot."""

    def __init__(self, hot_c: float | None) -> None:
        """`hot_c`: from where on everything is hot; None leaves it to the trip points."""
        self._hot_c = hot_c
        self._hot: frozenset[str] = frozenset()

    def words(self, temperatures: Iterable[Temperature]) -> str:
        """What is hot now, and how hot; empty when nothing is."""
        bounds = {one: min(self._bounds(one), default=math.inf) for one in temperatures}
        hot = [one for one, bound in bounds.items() if one.celsius >= bound - COOLED_C * (one.name in self._hot)]
        self._hot = frozenset(one.name for one in hot)
        return ", ".join(f"{one.name} at {one.celsius:.0f} °C (hot from {bounds[one]:.0f})" for one in hot)

    def _bounds(self, one: Temperature) -> list[float]:
        return [bound for bound in (one.trip_c, self._hot_c) if bound is not None]
