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
    listed,
)

_WHERE_ONE_IS: Final = listed("room area spot place location space")
_SELVES: Final = (("i", "am"), ("i'm",), ("we", "are"), ("we're",))
_POINTING: Final = {
    **DEICTICS,
    **{("this", place): "here" for place in _WHERE_ONE_IS},
    **{("that", place): "there" for place in _WHERE_ONE_IS},
    **{("where", *self, *tail): "here" for self in _SELVES for tail in ((), ("at",), ("in",), ("now",))},
    **{("the", "room", *self, "in"): "here" for self in _SELVES},
    **{("the", "room", "where", *self): "here" for self in _SELVES},
    ("my", "location"): "here",
    ("my", "current", "location"): "here",
    ("this", "thing"): "it",
    ("that", "thing"): "it",
    ("these", "things"): "it",
    ("those", "things"): "it",
}
"""Words that point, longer ones among them, and the label they point with."""
_LONGEST: Final = max(len(words) for words in _POINTING)
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
        label = _POINTING.get(tuple(words[at : at + length]))
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
