"""Which stretches of a sentence say what must not be done, or what nobody asked for. Pure.

The model is trained to leave such things alone; here the same is held without trusting it. Read are plain forms of
negation ("don't open the gate", "you must not", "no need to", "leave the box alone"), of hearsay ("she said open the
gate") and of supposition ("if i asked you to"), to the end of their clause. Negations that forbid nothing ("don't
forget to", "why don't you", "don't keep the door open") are let through.

Decides too little rather than too much: a contrast ("not the red box") or a condition is the model's to read. A
sentence without commas hides where its negation ends; then all that follows counts as negated, up to a new verb right
behind a name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.safety.negation_lexicon import (
    ADVERBS,
    AFTER_YOU,
    AFTERTHOUGHTS,
    ALWAYS,
    ASKING,
    BEFORE_A_GERUND,
    BEGINNINGS,
    BETWEEN,
    CAUSES,
    CONTRASTS,
    DIRECTIONS,
    HARMLESS,
    LEFT_ALONE,
    NO_GERUNDS,
    NOT_ASKED,
    PLAIN,
    SAYS,
    SEQUELS,
    SPEAKERS,
)
from edge_agent.world.lexicon import DETERMINERS
from edge_agent.world.mention import Linked, MentionType

_LEFT_ALONE_WORDS_MAX: Final = 9


@dataclass(frozen=True, slots=True)
class Span:
    """Words `first` up to but not including `after` say what must not be done; the first `cue` of them only negate."""

    first: int
    after: int
    cue: int


def negated(linked: Linked) -> tuple[Span, ...]:
    """The stretches of a sentence that forbid something, in order."""
    words = [word.text.replace("'", "") for word in linked.words]
    found: list[Span] = []
    at = 0
    while at < len(words):
        span = _left_alone(words, at) or _forbidding(linked, words, at)
        if span is None:
            at += 1
            continue
        found.append(span)
        at = max(span.after, at + 1)
    return tuple(found)


def _forbidding(linked: Linked, words: Sequence[str], at: int) -> Span | None:
    """The negation whose cue begins at word `at`, to the end of its clause."""
    if at and words[at - 1] in ASKING:
        return None
    cue = _starting(words, at, ALWAYS) or _reported(words, at) or _before_a_gerund(words, at)
    cue = cue or _starting(words, at, PLAIN)
    if cue == 0 or _is_harmless(words, at + cue) or _names(linked, words, at, cue):
        return None
    rest = at + cue
    if all(word in AFTERTHOUGHTS for word in words[rest:]):
        return Span(0, len(words), cue) if words[at] in ("dont", "do") else None
    return Span(at, _clause_end(linked, words, rest), cue)


def _names(linked: Linked, words: Sequence[str], at: int, cue: int) -> bool:
    """Whether a cue stands in a name, or before one: "bring it to the hall, not to the attic" contrasts two places."""
    contrasts = words[at] == "not" and (words[at + cue : at + cue + 1] or ["the"])[0] in DETERMINERS
    return contrasts or any(
        mention.type is MentionType.ENTITY and mention.start <= linked.words[at].start < mention.end
        for mention in linked.mentions
    )


def _reported(words: Sequence[str], at: int) -> int:
    """How many words say that what follows is hearsay or supposed."""
    if (
        words[at] in SAYS
        and at
        and words[at - 1] not in SPEAKERS
        and not SPEAKERS & set(words[max(0, at - 2) : at - 1])
    ):
        return 1
    return _starting(words, at, NOT_ASKED)


def _before_a_gerund(words: Sequence[str], at: int) -> int:
    """How many words negate the verb in -ing behind them."""
    cue = _starting(words, at, BEFORE_A_GERUND)
    verb = words[at + cue] if at + cue < len(words) else ""
    return cue if cue and verb.endswith("ing") and verb not in NO_GERUNDS else 0


def _is_harmless(words: Sequence[str], at: int) -> bool:
    """Whether what follows a plain negation forbids nothing."""
    asked = False
    while at < len(words) and words[at] in ADVERBS:
        asked = asked or words[at] == "you"
        if words[at] == "just" and at + 1 < len(words) and words[at + 1] in HARMLESS:
            return True
        at += 1
    if at + 1 < len(words) and words[at] in ("think", "dream") and words[at + 1] in ("about", "of"):
        return False
    return at < len(words) and words[at] in (AFTER_YOU if asked else HARMLESS)


def _clause_end(linked: Linked, words: Sequence[str], first: int) -> int:
    """Where the clause that goes on at word `first` ends: a contrast, a full stop, a comma, another verb's clause."""
    cut_in = first < len(words) and "," in _between(linked, first)
    for at in range(first + 1, len(words)):
        gap = _between(linked, at)
        if re.search(r"[.;!?\n\u2013\u2014]", gap) or ("," in gap and not cut_in):
            return at
        if words[at] == "and" and words[first].endswith("ing"):
            return at
        if _starting(words, at, SEQUELS):
            return at
        if words[at] in CONTRASTS or words[at] == words[first] or _begins_another(linked, words, first, at):
            return at
    return len(words)


def _begins_another(linked: Linked, words: Sequence[str], first: int, at: int) -> bool:
    """Whether word `at` is a verb right behind a thing that was named, with nothing but particles between them."""
    if words[at] not in BEGINNINGS or words[first] in CAUSES:
        return False
    before = at - 1
    while before > first and words[before] in BETWEEN - DIRECTIONS:
        before -= 1
    return before > first and (words[before] in DIRECTIONS or _is_named(linked, before))


def _is_named(linked: Linked, at: int) -> bool:
    """Whether word `at` is part of a thing's name or points at one."""
    word = linked.words[at]
    return any(
        mention.type is not MentionType.QUANTITY and mention.start <= word.start < mention.end
        for mention in linked.mentions
    )


def _between(linked: Linked, at: int) -> str:
    """What stands between a word and the one before it."""
    return linked.text[linked.words[at - 1].end : linked.words[at].start]


def _left_alone(words: Sequence[str], at: int) -> Span | None:
    """ "Leave the box alone", from its verb to its end."""
    if words[at] not in ("leave", "let"):
        return None
    for after in range(at + 2, min(len(words), at + _LEFT_ALONE_WORDS_MAX)):
        length = _starting(words, after, LEFT_ALONE)
        if length:
            return Span(at, after + length, 1)
    return None


def _starting(words: Sequence[str], at: int, phrases: Sequence[tuple[str, ...]]) -> int:
    """How many words the longest of the phrases that stands at `at` has."""
    return next((len(phrase) for phrase in phrases if tuple(words[at : at + len(phrase)]) == phrase), 0)
