"""Me, here, it and there: the words that point instead of naming.

Decides which words point and with which label. It refuses the "there" of "is there", the "it" of "it is", and "this"
and "that" where they go with a noun or open a clause. What is pointed at the dialogue knows, later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.world.lexicon import (
    ARTICLES,
    AUXILIARIES,
    DEICTICS,
    DEMONSTRATIVES,
    EXPLETIVE_VERBS,
    FILLERS,
    HANDLING_VERBS,
    PREPOSITIONS,
    SUBJECTS,
)

_LONGEST: Final = max(len(words) for words in DEICTICS)
_GREETINGS: Final = frozenset({"hi", "hey", "hello"})


@dataclass(frozen=True, slots=True)
class Pointing:
    """Words `first` up to but not including `after` point as `label` does."""

    first: int
    after: int
    label: str


def read_pointing(words: Sequence[str]) -> tuple[Pointing, ...]:
    """Every pointing word, the longest reading at each place."""
    found: list[Pointing] = []
    at = 0
    while at < len(words):
        pointing = _at(words, at)
        if pointing:
            found.append(pointing)
        at = pointing.after if pointing else at + 1
    return tuple(found)


def _at(words: Sequence[str], at: int) -> Pointing | None:
    for length in range(min(_LONGEST, len(words) - at), 0, -1):
        label = DEICTICS.get(tuple(words[at : at + length]))
        if label and not (length == 1 and _is_expletive(words, at)):
            return Pointing(at, at + length, label)
    if words[at] in DEMONSTRATIVES and _stands_alone(words, at):
        return Pointing(at, at + 1, "it")
    return None


def _is_expletive(words: Sequence[str], at: int) -> bool:
    """Whether the word only fills a place: "it is dark", "is there", "that's it", "let us go"."""
    word, following, preceding = words[at], _word(words, at + 1), _word(words, at - 1)
    stands_for_nothing = following in EXPLETIVE_VERBS and _word(words, at + 2) not in SUBJECTS  # not "move it will you"
    if word == "it":
        if preceding in ("as", "where"):
            return False
        return stands_for_nothing or following == "possible" or preceding in ("that's", "appreciate")
    if word == "there":
        return stands_for_nothing or preceding in EXPLETIVE_VERBS or preceding in _GREETINGS
    return word == "us" and preceding == "let"


def _stands_alone(words: Sequence[str], at: int) -> bool:
    """Whether "this" or "that" is itself the thing: "take this to", "pick that up"; not "that box"."""
    if at == 0 or (words[at - 1] not in HANDLING_VERBS and words[at - 1] not in ("on", "off", "up", "down")):
        return False
    if at + 1 == len(words):
        return True
    following = words[at + 1]
    return (
        following not in ARTICLES
        and following not in AUXILIARIES
        and (following in PREPOSITIONS or following in FILLERS)
    )


def _word(words: Sequence[str], at: int) -> str:
    return words[at] if 0 <= at < len(words) else ""
