"""Which runs of a sentence's tokens may name which entities, before it is decided between overlapping ones.

Decides one way of reading at a time: as said; in another number or compound form; by synonym; misspelt or misheard;
by its last word. It refuses verbs and modals that only look like a name, a name whose number is another one, and a
last word that is said with modifiers the thing does not have.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from edge_agent.world.index import Entry, Index
from edge_agent.world.lexicon import (
    CLAUSE_OPENERS,
    DETERMINERS,
    FUNCTION_WORDS,
    HANDLING_VERBS,
    LEVEL_VERBS,
    MODALS,
    NAME_OPENERS,
    NAMELIKE_MODALS,
    OBJECTS,
    POSSESSORS,
    SUBJECTS,
    VERB_NAMES,
    WANTING,
)
from edge_agent.world.tokens import Token, merged

COMPOUND_SLACK: Final = 2
"""A name may be said in so many more pieces than it is written in."""
HEAD_NAMES_MAX: Final = 32
"""When more names than this end in a word, it says a sort of things and none of them."""
SUBSTITUTIONS_MAX: Final = 32
_MODIFIERS_MAX: Final = 4


class Level(IntEnum):
    """How a name was said; lower wins over the same words."""

    EXACT = 0
    INFLECTED = 1
    SYNONYM = 2
    CLOSE = 3
    HEAD = 4


_MISHEARD_SCORE: Final = 0.7
_SCORES: Final = {Level.EXACT: 1.0, Level.INFLECTED: 0.98, Level.SYNONYM: 0.9, Level.HEAD: 0.8}


@dataclass(frozen=True, slots=True)
class Match:
    """Words `first` up to but not including `after` may name one of the entries' entities."""

    first: int
    after: int
    entries: tuple[Entry, ...]
    level: Level
    score: float


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


def matches(sentence: Sentence, index: Index) -> list[Match]:
    """Every reading of every run of tokens."""
    found: list[Match] = []
    options = [index.vocabulary.options(token.key, token.surface) for token in sentence.tokens]
    misheard = [_misheard_options(sentence, token, index) for token in sentence.tokens]
    for first, after in _runs(sentence, index.longest + COMPOUND_SLACK):
        run = sentence.tokens[first:after]
        match = _as_said(sentence, run, index)
        if match is None and any(options[first:after]):
            match = _misspelt(run, options[first:after], index)
        if match is None and len(run) > 1 and any(misheard[first:after]):
            match = _misheard(sentence, run, misheard[first:after], index)
        if match and not _is_other(sentence, run, match, index):
            found.append(match)
    return _with_heads(found, _by_head(sentence, index))


def _with_heads(found: list[Match], heads: Iterator[Match]) -> list[Match]:
    """The readings with those by head; "the glasses" may be the reading glasses as well as two of the glass."""
    inflected = {(one.first, one.after): at for at, one in enumerate(found) if one.level is Level.INFLECTED}
    for head in heads:
        at = inflected.get((head.first, head.after))
        if at is None:
            found.append(head)
        else:
            found[at] = replace(found[at], entries=(*found[at].entries, *head.entries))
    return found


def _runs(sentence: Sentence, length_max: int) -> Iterator[tuple[int, int]]:
    """Places of runs of tokens in which no comma or stop stands."""
    tokens = sentence.tokens
    for first in range(len(tokens)):
        for after in range(first + 1, min(first + length_max, len(tokens)) + 1):
            if after > first + 1 and not sentence.breaks.isdisjoint(
                range(tokens[after - 2].after, tokens[after - 1].first + 1)
            ):
                break
            yield first, after


def _as_said(sentence: Sentence, run: Sequence[Token], index: Index) -> Match | None:
    keys = tuple([token.key for token in run])
    key = merged(keys)
    if entries := index.names.get(key):
        surface = " ".join([token.surface for token in run])
        fitting = [entry for entry in entries if entry.keys == keys or not _joins_grammar(run, entry)]
        exact = [entry for entry in fitting if entry.surface == surface]
        if not exact and _says_all(run, index):
            return None
        if exact or fitting:
            return _match(run, exact or fitting, Level.EXACT if exact else Level.INFLECTED)
    if (entries := index.synonyms.get(key)) and not (len(run) == 1 and sentence.opens_clause(run[0].first)):
        fitting = [entry for entry in entries if not any(token.surface in FUNCTION_WORDS for token in run)]
        return _match(run, fitting, Level.SYNONYM) if fitting else None
    return None


def _says_all(run: Sequence[Token], index: Index) -> bool:
    """Whether every thing of a sort is meant, here or at a place: "kitchen lights" are not the one kitchen light."""
    last = run[-1]
    plural = last.surface.endswith("s") and not last.key.endswith("s")
    if not plural or last.key not in index.sorts:
        return False
    return len(run) == 1 or merged([token.key for token in run[:-1]]) in index.names


def _joins_grammar(run: Sequence[Token], entry: Entry) -> bool:
    """Whether a compound would be made of words that part phrases: "do or" is no door."""
    return any(token.surface in FUNCTION_WORDS and token.key not in entry.keys for token in run)


def _misspelt(run: Sequence[Token], options: Sequence[tuple[tuple[str, float], ...]], index: Index) -> Match | None:
    """The likeliest name after exchanging misspelt words for the world's."""
    choices = [options[at] or ((token.key, 1.0),) for at, token in enumerate(run)]
    best: list[Entry] = []
    best_score = 0.0
    for choice in itertools.islice(itertools.product(*choices), SUBSTITUTIONS_MAX):
        entries = index.names.get(merged([key for key, _ in choice]))
        score = sum(likeness for _, likeness in choice) / len(choice)
        if not entries or score < best_score:
            continue
        best = [*best, *entries] if score == best_score else list(entries)
        best_score = score
    return _match(run, best, Level.CLOSE, best_score) if best else None


def _misheard_options(sentence: Sentence, token: Token, index: Index) -> tuple[str, ...]:
    """Words of the world that a recognizer may have heard as this English one."""
    if token.surface in FUNCTION_WORDS:
        return ()
    doubled = index.vocabulary.doubled(token.key)
    following = next((one for one in sentence.tokens if one.first == token.after), None)
    if following is None or not following.labels or sentence.opens_clause(token.first):
        return doubled
    return doubled + index.vocabulary.homophones(token.key)


def _misheard(
    sentence: Sentence, run: Sequence[Token], options: Sequence[tuple[str, ...]], index: Index
) -> Match | None:
    """A name of several words in which one English word stands for another: "dog three" for dock 3, "dinning room"."""
    if run[-1].labels and not sentence.ends_phrase(run[-1].after):
        return None  # dog three boxes
    keys = [token.key for token in run]
    entries: list[Entry] = []
    for at, meant in enumerate(options):
        for key in meant:
            entries += index.names.get(merged([*keys[:at], key, *keys[at + 1 :]]), ())
    return _match(run, entries, Level.CLOSE, _MISHEARD_SCORE) if entries else None


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


def _is_other(sentence: Sentence, run: Sequence[Token], match: Match, index: Index) -> bool:
    """Whether the words are grammar here, or the name of something that this world does not have."""
    if _is_numbered_otherwise(sentence, run, index):
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
    if word in VERB_NAMES:
        return True
    return follower in DETERMINERS or follower in OBJECTS


def _is_numbered_otherwise(sentence: Sentence, run: Sequence[Token], index: Index) -> bool:
    """Whether a number or letter follows that belongs to the name: "dock 4" is no dock of a world without one."""
    at = run[-1].after
    token = next((token for token in sentence.tokens if token.first == at), None)
    if token is None or not sentence.numbers(token):
        return False
    if merged([one.key for one in run]) in index.families:
        return True
    return sentence.ends_phrase(token.after) and LEVEL_VERBS.isdisjoint(sentence.words)


def _by_head(sentence: Sentence, index: Index) -> Iterator[Match]:
    """Names said by their last word, with all, some or none of their modifiers and no other."""
    for place, token in enumerate(sentence.tokens):
        entries = index.heads.get(token.surface, ())
        if not entries or len(entries) > HEAD_NAMES_MAX * 2 or token.key in index.sorts:
            continue
        if not sentence.ends_phrase(token.after) or sentence.opens_clause(token.first):
            continue
        said = _modifiers(sentence, place)
        if said is None:
            continue
        keys = {modifier.key for modifier in said}
        mine = sentence.word((said[0] if said else token).first - 1) in POSSESSORS  # my mug is not John's
        fitting = [entry for entry in entries if keys <= set(entry.keys) and not (mine and entry.owned)]
        if fitting and len({id(entry.entity) for entry in fitting}) <= HEAD_NAMES_MAX:
            run = (*said, token)
            yield _match(run, fitting, Level.HEAD)


def _modifiers(sentence: Sentence, place: int) -> tuple[Token, ...] | None:
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


def _match(run: Sequence[Token], entries: Sequence[Entry], level: Level, score: float | None = None) -> Match:
    return Match(run[0].first, run[-1].after, tuple(entries), level, _SCORES[level] if score is None else score)
