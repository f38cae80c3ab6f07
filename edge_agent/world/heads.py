"""Names said by their last word: "the box" where there is one red box.

Decides which entities such a phrase may name; with several, all of them. It refuses a last word said with a modifier
that the thing does not have (the blue box), before another noun (the box cutter), and a word that says a sort of
things (a kind of the world, or the end of very many names).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edge_agent.world.index import Entry, Index
from edge_agent.world.lexicon import EVERY, FUNCTION_WORDS, HANDLING_VERBS, POSSESSORS
from edge_agent.world.sentence import Level, Match, Sentence, match_of
from edge_agent.world.tokens import Token

HEAD_NAMES_MAX: Final = 32
"""When more names than this end in a word, it says a sort of things and none of them."""
_MODIFIERS_MAX: Final = 4


def matches_by_head(sentence: Sentence, index: Index) -> Iterator[Match]:
    """Names said by their last word, with all, some or none of their modifiers and no other."""
    for place, token in enumerate(sentence.tokens):
        entries = index.heads.get(token.surface) or _of_one(sentence, token, index)
        if not entries or len(entries) > HEAD_NAMES_MAX or token.key in index.sorts:
            continue
        if not sentence.ends_phrase(token.after) or sentence.opens_clause(token.first):
            continue
        said = modifiers_of(sentence, place)
        if said is None:
            continue
        keys = {modifier.key for modifier in said}
        mine = sentence.word((said[0] if said else token).first - 1) in POSSESSORS  # my mug is not John's
        fitting = [entry for entry in entries if keys <= set(entry.keys) and not (mine and entry.owned)]
        if fitting:
            yield match_of((*said, token), fitting, Level.HEAD)


def _of_one(sentence: Sentence, token: Token, index: Index) -> Sequence[Entry]:
    """Names of the one thing that a plural may mean; of several it means no one, and "all crates" are a sort."""
    entries = index.heads.get(token.key, ())
    if token.surface == token.key or not EVERY.isdisjoint(
        (sentence.word(token.first - 1), sentence.word(token.first - 2))
    ):
        return ()
    return entries if len({id(entry.entity) for entry in entries}) == 1 else ()


def modifiers_of(sentence: Sentence, place: int) -> tuple[Token, ...] | None:
    """The words between the start of a noun phrase and its head; None where they cannot be told from a verb."""
    start = place
    while start > 0:
        before = sentence.tokens[start - 1]
        after_before = sentence.tokens[start].first
        if before.after != after_before:  # an article stands between
            break
        if after_before in sentence.breaks or before.surface in FUNCTION_WORDS:
            break
        if sentence.opens_clause(before.first) and before.surface in HANDLING_VERBS:
            break
        start -= 1
        if place - start > _MODIFIERS_MAX:
            return None
    return sentence.tokens[start:place]
