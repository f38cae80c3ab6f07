"""A sentence under reading, and what a reading of a name is.

Decides where a verb may stand and where a noun phrase ends, from closed classes of words alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from edge_agent.world.index import Entry
from edge_agent.world.lexicon import CLAUSE_OPENERS, FUNCTION_WORDS, MODALS, OBJECTS, SUBJECTS, WANTING
from edge_agent.world.tokens import Token


@dataclass(frozen=True, slots=True)
class Sentence:
    """The words to match.

    `breaks` are the places of words before which there is a comma or a stronger stop, `measures` those at which a
    quantity with a unit starts.
    """

    words: tuple[str, ...]
    tokens: tuple[Token, ...]
    breaks: frozenset[int]
    measures: frozenset[int]

    def word(self, at: int) -> str:
        """The word at a place, "" beyond the ends."""
        return self.words[at] if 0 <= at < len(self.words) else ""

    def opens_clause(self, at: int) -> bool:
        """Whether a verb may stand at this word."""
        before = self.word(at - 1)
        if not before or at in self.breaks or before in CLAUSE_OPENERS:
            return True
        if before in SUBJECTS and self.word(at - 2) in MODALS:
            return True
        wanted = self.word(at - 3) if self.word(at - 2) in SUBJECTS | OBJECTS else self.word(at - 2)
        return before == "to" and wanted in WANTING

    def numbers(self, token: Token) -> bool:
        """Whether a token may be the number or letter of the name before it."""
        return token.numbers and token.first not in self.breaks and token.first not in self.measures

    def ends_phrase(self, at: int) -> bool:
        """Whether no noun goes on at this word."""
        return at >= len(self.words) or at in self.breaks or self.words[at] in FUNCTION_WORDS


class Level(IntEnum):
    """How a name was said; lower wins over the same words."""

    EXACT = 0
    INFLECTED = 1
    SYNONYM = 2
    CLOSE = 3
    HEAD = 4
    PART = 5
    MAKER = 6


_SCORES: Final = {
    Level.EXACT: 1.0,
    Level.INFLECTED: 0.98,
    Level.SYNONYM: 0.9,
    Level.HEAD: 0.8,
    Level.PART: 0.75,
    Level.MAKER: 0.7,
}


@dataclass(frozen=True, slots=True)
class Match:
    """Words `first` up to but not including `after` may name one of the entries' entities."""

    first: int
    after: int
    entries: tuple[Entry, ...]
    level: Level
    score: float


def match_of(run: Sequence[Token], entries: Sequence[Entry], level: Level, score: float | None = None) -> Match:
    """A run of tokens as a name; a level without a fixed score needs its own."""
    return Match(run[0].first, run[-1].after, tuple(entries), level, _SCORES[level] if score is None else score)
