"""Other things that a doubtful sentence may mean: the same answer with one of its choices decided the other way. Pure.

Decides which choices are tried: those whose second-best token leaves the likeliest answer behind, an upper bound that
costs nothing to know. Each is then decoded greedily from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import mul

from edge_agent.language.decoder import Decoded

TRIED_MAX = 2
"""Other ways that are decoded: each costs about what the answer did."""

Again = Callable[[Sequence[int]], Decoded | None]
"""Decodes the same sentence, its answer beginning with these tokens; None when there is no time for it."""


def other_ways(decoded: Decoded, again: Again) -> list[tuple[Decoded, float]]:
    """Other answers with their probabilities, likeliest first."""
    before = list(accumulate((choice.probability for choice in decoded.choices), mul, initial=1.0))
    bounds = [
        (so_far * choice.second_probability, choice) for so_far, choice in zip(before, decoded.choices, strict=False)
    ]
    likeliest = sorted(bounds, key=lambda pair: -pair[0])[:TRIED_MAX]
    found = []
    for bound, choice in likeliest:
        other = again((*decoded.tokens[: choice.place], choice.second))
        if other is not None:
            found.append((other, bound * other.probability))
    return sorted(found, key=lambda pair: -pair[1])
