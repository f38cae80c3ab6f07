"""Words that look like a name of this world and are none.

Decides whether a run of words is grammar where it stands (a modal, a verb that opens a clause) or the name of another
thing that this world does not have (dock 4, among docks without one).
"""

from __future__ import annotations

from collections.abc import Sequence

from edge_agent.world.index import Entry, Index
from edge_agent.world.lexicon import (
    DETERMINERS,
    EVERY,
    FUNCTION_WORDS,
    LEVEL_VERBS,
    NAME_OPENERS,
    NAMELIKE_MODALS,
    OBJECTS,
    SUBJECTS,
    VERB_NAMES,
    VERB_PARTICLES,
)
from edge_agent.world.sentence import Match, Sentence
from edge_agent.world.tokens import Token, fold, key_of, merged


def unknown_labels(sentence: Sentence, found: Sequence[Match], index: Index) -> frozenset[int]:
    """Words of numbers and letters that belong to a name this world does not have: the 4 of "dock 4"."""
    named = {(match.first, match.after) for match in found}
    places: set[int] = set()
    for at, token in enumerate(sentence.tokens):
        if not at or not sentence.numbers(token):
            continue
        for start in range(max(0, at - index.longest), at):
            run = sentence.tokens[start:at]
            if run[-1].after != token.first or (run[0].first, token.after) in named:
                continue
            if merged([one.key for one in run]) in index.families:
                places.update(range(token.first, token.after))
    return frozenset(places)


def is_other(sentence: Sentence, run: Sequence[Token], match: Match, index: Index) -> bool:
    """Whether the words are grammar here, or the name of something that this world does not have."""
    if _is_numbered_otherwise(sentence, run, index):
        return True
    if all(_is_measured(entry) for entry in match.entries) and _says_the_sort(sentence, run, index):
        return True
    if len(run) > 1:
        return False
    word, follower = run[0].surface, sentence.word(match.after)
    if word in NAMELIKE_MODALS:
        before = sentence.word(match.first - 1)
        return follower in SUBJECTS or not (before in NAME_OPENERS or before.isdigit())
    if word in FUNCTION_WORDS:
        return True
    if not sentence.opens_clause(match.first) or match.after in sentence.breaks:
        return False
    if word in VERB_NAMES or follower in VERB_PARTICLES.get(word, ()):
        return True
    return follower in DETERMINERS or follower in OBJECTS


def _is_measured(entry: Entry) -> bool:
    """Whether the name says what a sensor of that name measures: "gas" of the device class gas."""
    return entry.entity.device_class.replace("_", "") == merged(entry.keys)


def _says_the_sort(sentence: Sentence, run: Sequence[Token], index: Index) -> bool:
    """Whether such a name means all that measure it ("any gas sensors", "is any gas detected"), or another sort of
    things: "the light" is no sensor of light where there are lights.
    """
    before, follower = sentence.word(run[0].first - 1), sentence.word(run[-1].after)
    if before in EVERY or (before in DETERMINERS and sentence.word(run[0].first - 2) in EVERY):
        return True
    if follower.endswith("s") and key_of(fold(follower)) in index.sorts:
        return True
    return len(run) == 1 and run[0].key in index.kinds


def _is_numbered_otherwise(sentence: Sentence, run: Sequence[Token], index: Index) -> bool:
    """Whether a number or letter follows that belongs to the name: "dock 4" is no dock of a world without one."""
    at = run[-1].after
    token = next((token for token in sentence.tokens if token.first == at), None)
    if token is None or not sentence.numbers(token):
        return False
    if merged([one.key for one in run]) in index.families:
        return True
    return sentence.ends_phrase(token.after) and LEVEL_VERBS.isdisjoint(sentence.words)
