"""Everyday words for one thing, from two tables beside this file: one written by hand, one made from WordNet.

Decides which terms a said term may stand for. It knows no sentence: where such a word is a name is decided in
`matching`, and only where no name or alias of the world fits as said.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

from edge_agent.world.lexicon import FUNCTION_WORDS
from edge_agent.world.tokens import Token, merged, named_by

TERM_TOKENS_MAX: Final = 4
_TABLES: Final = ("synonyms.txt", "synonyms_wordnet.txt")
_DIRECTION: Final = ">"
_INSIDE: Final = "~"


@dataclass(frozen=True, slots=True)
class Term:
    """A run of tokens, places `first` up to but not including `after`, that may be said for each of `others` (keys).

    `inside` are those that it stands for only beside another word of the name.
    """

    first: int
    after: int
    others: tuple[tuple[str, ...], ...]
    inside: tuple[tuple[str, ...], ...]


class Synonyms:
    """Terms by their merged keys. A value."""

    __slots__ = ("_inside", "_others", "_written")

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._others: dict[str, dict[tuple[str, ...], None]] = {}
        self._inside: dict[str, dict[tuple[str, ...], None]] = {}
        self._written: set[tuple[str, ...]] = set()
        for line in lines:
            table = self._inside if line.startswith(_INSIDE) else self._others
            for said, meant in _pairs(line.removeprefix(_INSIDE)):
                table.setdefault(merged(said), {})[meant] = None
                self._written.add(said)

    def without(self, words: Iterable[str]) -> Synonyms:
        """The table in which these terms stand for nothing else and nothing else for them."""
        gone = {named_by(word.split())[0] for word in words}
        if not gone:
            return self
        left, barred = Synonyms(), {merged(keys) for keys in gone}
        left._written = self._written
        for table, kept in ((self._others, left._others), (self._inside, left._inside)):
            for said, others in table.items():
                if said not in barred:
                    kept[said] = {other: None for other in others if other not in gone}
        return left

    def terms_in(self, tokens: Sequence[Token]) -> list[Term]:
        """Every run of adjacent tokens that is a term, however it is parted into words."""
        found = []
        for first in range(len(tokens)):
            for after in range(first + 1, min(first + TERM_TOKENS_MAX, len(tokens)) + 1):
                if after > first + 1 and tokens[after - 1].first != tokens[after - 2].after:
                    break
                keys = tuple([token.key for token in tokens[first:after]])
                key = merged(keys)
                if key not in self._others and key not in self._inside:
                    continue
                if keys not in self._written and any(token.surface in FUNCTION_WORDS for token in tokens[first:after]):
                    continue  # no compound of grammar
                others, inside = self._others.get(key, {}), self._inside.get(key, {})
                found.append(Term(first, after, tuple(others), tuple(inside)))
        return found


@functools.cache
def everyday() -> Synonyms:
    """The tables that come with the linker."""
    return Synonyms(line for table in _TABLES for line in _lines(table))


def _lines(table: str) -> Iterator[str]:
    text = resources.files("edge_agent.world").joinpath(table).read_text(encoding="utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))


def _pairs(line: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """What is said and what is meant by it, as keys: "a, b" both ways, "a, b > c" one way."""
    said, _, meant = line.partition(_DIRECTION)
    terms = [named_by(term.split())[0] for term in said.split(",")]
    targets = [named_by(term.split())[0] for term in meant.split(",")] if meant else terms
    return ((term, target) for term in terms for target in targets if term != target)
