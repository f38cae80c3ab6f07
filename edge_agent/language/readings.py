"""Other things that a doubtful sentence may mean: the same answer with one of its choices decided the other way. Pure.

Decides which choices are tried: those whose second-best token leaves the likeliest answer behind, an upper bound that
costs nothing to know. Each is then decoded greedily from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from operator import mul

from edge_agent.language.decoder import Decoded

TRIED_MAX = 2
"""Other ways that are decoded: each costs about what the answer did behind that choice."""


@dataclass(frozen=True, slots=True)
class OtherWay:
    """How another answer begins, and how likely that beginning is."""

    begun: tuple[int, ...]
    probability: float


def other_ways(decoded: Decoded) -> list[OtherWay]:
    """Beginnings of other answers, likeliest first."""
    before = accumulate((choice.probability for choice in decoded.choices), mul, initial=1.0)
    ways = [
        OtherWay((*decoded.tokens[: choice.place], choice.second), so_far * choice.second_probability)
        for so_far, choice in zip(before, decoded.choices, strict=False)
    ]
    return sorted(ways, key=lambda way: -way.probability)[:TRIED_MAX]
