"""An engine's sequences in memory, for tests of who reads what: every cell is counted, every place is looked at.

What is read where it does not belong, a sequence that holds something else than the reader thinks, more tokens, rows
or cells than there are: each fails at once. The logits of a row depend on all tokens up to it, and, as an engine's
do, in their last digits on the way they were read: only tokens read from the prefix on with nobody else's in the cells
give the same digits again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_agent.language.batching import Part

LOGITS = 11
"""Of a row: as many as there are letters in test_decoder."""
ROUNDING = 0.01
"""How far the way of reading moves a logit at most."""
TIE = 5 * ROUNDING
"""Two readings may differ by twice the rounding, and the difference of two logits by four times."""
_STEPS = 4
"""Different logits but for rounding; so few that the two best are often equal."""


@dataclass(slots=True)
class Held:
    """A working sequence: its prefix, its tokens behind that, and how they were read."""

    prefix: int
    tokens: list[int] = field(default_factory=list)
    bounds: list[int] = field(default_factory=list)
    """Where each pass that read some of them began."""
    undisturbed: bool = True


class ExactSequences:
    """Implements `Sequences`. `faults`: what a pass raises, by its number from 0 on."""

    def __init__(
        self,
        *,
        sequences: int = 4,
        cells: int = 1_000,
        tokens_max: int = 512,
        rows_max: int = 64,
        prefixes: int = 2,
        faults: Callable[[int], Exception | None] = lambda _number: None,
    ) -> None:
        self.free = cells
        self.working = range(prefixes, prefixes + sequences)
        self.tokens_max = tokens_max
        self.rows_max = rows_max
        self.held: dict[int, Held] = {}
        self.passes: list[tuple[Part, ...]] = []
        self._prefixes = prefixes
        self._faults = faults

    @property
    def used(self) -> int:
        """Cells that working sequences hold."""
        return sum(len(one.tokens) for one in self.held.values())

    def begin(self, sequence: int, prefix: int) -> None:
        assert sequence in self.working
        assert prefix in range(self._prefixes)
        assert sequence not in self.held, "it is somebody's"
        self.held[sequence] = Held(prefix)

    def cut(self, sequence: int, place: int) -> None:
        held = self.held[sequence]
        assert 0 <= place < len(held.tokens)
        del held.tokens[place:]
        held.bounds = [bound for bound in held.bounds if bound < place]
        held.undisturbed = False

    def drop(self, sequence: int) -> None:
        assert sequence in self.working
        del self.held[sequence]

    def read(self, parts: Sequence[Part], give_up_ms: float) -> list[list[NDArray[np.float32]]]:
        self._look(parts)
        number = len(self.passes)
        self.passes.append(tuple(parts))
        fault = self._faults(number)
        for part in parts:
            held = self.held[part.sequence]
            held.bounds.append(part.place)
            # a pass that fails has written some of its cells and not others
            held.tokens += part.tokens if fault is None else part.tokens[: number % (len(part.tokens) + 1)]
        for part in parts:
            held = self.held[part.sequence]
            held.undisturbed &= self.used == len(held.tokens)
        if fault is not None:
            raise fault
        return [list(self._rows(part, number)) for part in parts]

    def _look(self, parts: Sequence[Part]) -> None:
        assert parts
        assert len({part.sequence for part in parts}) == len(parts)
        assert sum(len(part.tokens) for part in parts) <= self.tokens_max
        assert sum(len(part.rows) for part in parts) <= self.rows_max
        assert self.used + sum(len(part.tokens) for part in parts) <= self.free
        for part in parts:
            assert part.tokens
            assert part.place == len(self.held[part.sequence].tokens)
            assert list(part.rows) == sorted(set(part.rows))
            assert all(0 <= row < len(part.tokens) for row in part.rows)

    def _rows(self, part: Part, number: int) -> Iterator[NDArray[np.float32]]:
        held = self.held[part.sequence]
        way = f"alone {held.bounds}" if held.undisturbed else f"pass {number}"
        for row in part.rows:
            yield logits(held.prefix, held.tokens[: part.place + row + 1], way)


def logits(prefix: int, tokens: Sequence[int], way: str) -> NDArray[np.float32]:
    """The row behind these tokens; `way` moves it by no more than ROUNDING."""
    context = bytes([prefix, *tokens])
    level = np.frombuffer(hashlib.blake2b(context, digest_size=LOGITS).digest(), np.uint8) % _STEPS
    moved = np.frombuffer(hashlib.blake2b(context + way.encode(), digest_size=LOGITS).digest(), np.uint8)
    return (level + ROUNDING * (moved / 127.5 - 1.0)).astype(np.float32)
