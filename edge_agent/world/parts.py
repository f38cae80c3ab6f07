"""Names said by a part that is theirs alone, as a last resort.

Decides when a word that only one thing has stands for its whole name ("start zarkon" where there is one zarkon heater),
and when what a machine makes stands for the machine ("brew some cocoa"). It refuses words that people use for other
things, words that two things share, and sentences that hold a text, in which such a word may be part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edge_agent.world.heads import modifiers_of
from edge_agent.world.index import Entry, Index
from edge_agent.world.lexicon import (
    DETERMINERS,
    HANDLING_VERBS,
    MAKING_PARTICLES,
    MAKING_VERBS,
    PREPOSITIONS,
    TEXT_WORDS,
    WISHING_VERBS,
)
from edge_agent.world.sentence import Level, Match, Sentence, match_of
from edge_agent.world.tokens import Token, merged

_PRODUCT_TOKENS_MAX: Final = 3
_SWITCHED_KINDS: Final = frozenset({"switch", "input_boolean", "script", "button"})
"""Kinds of things that can only be started, so that who wants their product wants them to run."""
_AROUND_A_WISH: Final = DETERMINERS | frozenset({"please", "now", "more", "one", "cup", "pot", "of", "ok", "okay"})


def matches_by_part(sentence: Sentence, index: Index) -> Iterator[Match]:
    """Things named by one distinctive word of theirs."""
    for place, token in enumerate(sentence.tokens):
        entries = index.parts.get(token.surface, ())
        if not entries or len({id(entry.entity) for entry in entries}) > 1 or token.key in index.names:
            continue
        if token.surface in index.heads or not sentence.ends_phrase(token.after):
            continue
        said = modifiers_of(sentence, place)
        if said and sentence.word(said[0].first - 1) in DETERMINERS:
            continue  # the blue zarkon
        yield match_of((token,), entries, Level.PART)


def matches_by_maker(sentence: Sentence, index: Index) -> Iterator[Match]:
    """Machines named by what they make, where somebody wants it made."""
    if not index.makers or not TEXT_WORDS.isdisjoint(sentence.words):
        return
    tokens = sentence.tokens
    for first in range(len(tokens)):
        for after in range(first + 1, min(first + _PRODUCT_TOKENS_MAX, len(tokens)) + 1):
            run = tokens[first:after]
            entries = index.makers.get(merged([token.key for token in run]), ())
            if entries and sentence.ends_phrase(run[-1].after) and _is_wanted(sentence, run, entries):
                yield match_of(run, entries, Level.MAKER)


def _is_wanted(sentence: Sentence, run: Sequence[Token], entries: Sequence[Entry]) -> bool:
    """Whether a verb of making governs the words, or one of wishing where the thing can only be started.

    Another verb, or a preposition that leads elsewhere, parts them: "run over and bring the cocoa" wants no machine.
    Words that stand alone are a wish ("some cocoa, please").
    """
    only_started = all(entry.entity.kind in _SWITCHED_KINDS for entry in entries)
    for at in range(run[0].first - 1, -1, -1):
        word = sentence.word(at)
        if word in MAKING_VERBS:
            return True
        if word in WISHING_VERBS:
            return only_started
        if (
            word in HANDLING_VERBS
            or (word in PREPOSITIONS and word not in MAKING_PARTICLES)
            or at + 1 in sentence.breaks
        ):
            return False
    around = {*sentence.words[: run[0].first], *sentence.words[run[-1].after :]}
    return only_started and around <= _AROUND_A_WISH
