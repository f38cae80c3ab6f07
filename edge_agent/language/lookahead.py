"""What is supposed to follow in an answer, so that it can be read in the batch that decides the next choice. Pure.

Decides: the way ahead from a choice. Forced tokens stand in it as they are. At a choice stands the token that a draft
has there; without a draft, where the grammar forces the next bytes but not yet the next token (a longer token might
swallow them), the token that those bytes usually begin with. The way ends at the first choice of which nothing is
supposed, and nothing behind the last choice is read: it is forced, or the answer's end. Logits are wanted only at
choices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

AHEAD_TOKENS_MAX: Final = 48
"""Tokens read ahead in one pass."""
AHEAD_ROWS_MAX: Final = 16
"""Choices checked in one pass, the first one among them."""

TokenIds = NDArray[np.intp]

Drafted = Callable[[bytes], bytes]
"""What may follow these bytes of an answer; nothing where there is no draft."""


def nothing_drafted(_written: bytes) -> bytes:
    """No draft."""
    return b""


class Constraint(Protocol):
    """A grammar at some place of one answer."""

    @property
    def written(self) -> bytes:
        """The answer so far."""

    def forced(self) -> Sequence[int]:
        """Tokens that must come next whatever the model thinks; possibly none."""

    def guess(self, text: bytes = b"") -> int | None:
        """The token that `text` usually begins with here; without a text, the one that the forced bytes do."""

    def allowed(self) -> TokenIds:
        """The tokens that may come next, rising; the end of the answer among them as an end token."""

    def take(self, token: int) -> None:
        """Go on behind this token."""

    def finished(self) -> bool:
        """Whether the answer is complete and nothing can follow."""

    def fork(self) -> Constraint:
        """Another one at the same place, which goes its own way."""


@dataclass(frozen=True, slots=True)
class Step:
    """One token of the way ahead. `allowed`: of a choice; `token`: what is supposed there, None where nothing is."""

    allowed: TokenIds | None
    token: int | None


@dataclass(frozen=True, slots=True)
class Ahead:
    """The way ahead; its first and its last step are choices, and only the last one supposes nothing."""

    steps: tuple[Step, ...]

    @property
    def tokens(self) -> tuple[int, ...]:
        """The tokens to be read ahead."""
        return tuple(step.token for step in self.steps if step.token is not None)

    @property
    def choices(self) -> list[Step]:
        return [step for step in self.steps if step.allowed is not None]

    @property
    def rows(self) -> list[int]:
        """Before how many of `tokens` each choice stands."""
        return [place for place, step in enumerate(self.steps) if step.allowed is not None]


def look_ahead(constraint: Constraint, allowed: TokenIds, drafted: Drafted, *, guesses: bool) -> Ahead:
    """The way ahead from a choice among `allowed`; the constraint itself stays where it is."""
    scout = _Scout(constraint, drafted, guesses)
    steps: list[Step] = []
    choices = 0
    here: TokenIds | None = allowed
    while here is not None:
        choices += 1
        token = scout.supposed(here) if choices < AHEAD_ROWS_MAX and len(steps) < AHEAD_TOKENS_MAX else None
        steps.append(Step(here, token))
        if token is None:
            break
        forced, here = scout.follow(token)
        steps += [Step(None, one) for one in forced]
    last = max(place for place, step in enumerate(steps) if step.allowed is not None)
    return Ahead((*steps[:last], Step(steps[last].allowed, None)))


class _Scout:
    """Walks ahead on a constraint of its own, made when the first step is taken."""

    def __init__(self, constraint: Constraint, drafted: Drafted, guesses: bool) -> None:
        self._here = constraint
        self._drafted = drafted
        self._guesses = guesses
        self._began = False

    def supposed(self, allowed: TokenIds) -> int | None:
        """The token that a draft or the forced bytes have here, where the grammar allows it."""
        draft = self._drafted(self._here.written)
        token = self._here.guess(draft) if draft else None
        if (token is None or not _among(token, allowed)) and self._guesses:
            token = self._here.guess()
        return token if token is not None and _among(token, allowed) else None

    def follow(self, token: int) -> tuple[list[int], TokenIds | None]:
        """Go on behind a supposed token: what is forced there, and what is allowed at the choice behind it, if any."""
        if not self._began:
            self._here, self._began = self._here.fork(), True
        self._here.take(token)
        forced: list[int] = []
        while not self._here.finished():
            following = self._here.forced()
            if not following:
                allowed = self._here.allowed()
                if len(allowed) > 1:
                    return forced, allowed
                following = [int(allowed[0])]
            if len(forced) + len(following) > AHEAD_TOKENS_MAX:
                break
            for one in following:
                self._here.take(one)
            forced += following
        return forced, None


def _among(token: int, allowed: TokenIds) -> bool:
    place = int(np.searchsorted(allowed, token))
    return place < len(allowed) and int(allowed[place]) == token
