"""Which runs of a sentence's tokens may name which entities, before it is decided between overlapping ones.

Decides one way of reading at a time: as said; in another number or compound form; by synonym; misspelt or misheard.
By the last word alone reads `heads`, by a word that no other thing has and by what it makes `parts`, by sound what a
recogniser wrote `misheard`; what only looks like a name `homonyms` takes out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from edge_agent.world.heads import matches_by_head
from edge_agent.world.homonyms import is_other
from edge_agent.world.index import Entry, Index
from edge_agent.world.lexicon import EVERY, FUNCTION_WORDS
from edge_agent.world.misheard import misheard_names
from edge_agent.world.parts import matches_by_maker, matches_by_part
from edge_agent.world.sentence import Level, Match, Sentence, match_of
from edge_agent.world.synonyms import Term
from edge_agent.world.tokens import Token, merged

COMPOUND_SLACK: Final = 2
"""A name may be said in so many more pieces than it is written in."""
SUBSTITUTIONS_MAX: Final = 32
_MISHEARD_SCORE: Final = 0.7


def matches(sentence: Sentence, index: Index, *, spoken: bool = False) -> list[Match]:
    """Every reading of every run of tokens. `spoken`: a recogniser wrote the words."""
    found: list[Match] = []
    options = [index.vocabulary.options(token.key, token.surface) for token in sentence.tokens]
    misheard = [_misheard_options(sentence, token, index, spoken) for token in sentence.tokens]
    terms = index.synonyms.terms_in(sentence.tokens)
    for first, after in _runs(sentence, index.longest + COMPOUND_SLACK):
        run = sentence.tokens[first:after]
        match = _as_said(sentence, run, index)
        if match is None and terms:
            match = _by_synonym(sentence, first, after, terms, index)
        if match is None and any(options[first:after]):
            match = _misspelt(run, options[first:after], index)
        if match is None and len(run) > 1 and any(misheard[first:after]):
            match = _misheard(sentence, run, misheard[first:after], index)
        if match and not is_other(sentence, run, match, index):
            found.append(match)
    found = _with_heads(found, matches_by_head(sentence, index))
    found = [*found, *matches_by_part(sentence, index), *matches_by_maker(sentence, index)]
    return [*found, *misheard_names(sentence, index, found)] if spoken else found


def _with_heads(found: list[Match], heads: Iterable[Match]) -> list[Match]:
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
    tokens, breaks = sentence.tokens, sentence.breaks
    for first in range(len(tokens)):
        for after in range(first + 1, min(first + length_max, len(tokens)) + 1):
            if (
                breaks
                and after > first + 1
                and not breaks.isdisjoint(range(tokens[after - 2].after, tokens[after - 1].first + 1))
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
        if not exact and _says_all(sentence, run, index):
            return None
        if exact or fitting:
            return match_of(run, exact or fitting, Level.EXACT if exact else Level.INFLECTED)
    return None


def _by_synonym(sentence: Sentence, first: int, after: int, terms: Sequence[Term], index: Index) -> Match | None:
    """A name in which a word, or several, were said otherwise: "sofa" for couch, "washing machine" for washer."""
    run = sentence.tokens[first:after]
    if (len(run) == 1 and sentence.opens_clause(run[0].first)) or _says_all(sentence, run, index):
        return None
    entries: list[Entry] = []
    for term in terms:
        if term.first < first or term.after > after:
            continue
        before, behind = sentence.tokens[first : term.first], sentence.tokens[term.after : after]
        if any(token.surface in FUNCTION_WORDS for token in (*before, *behind)):
            continue
        others = (*term.others, *term.inside) if before or behind else term.others
        left, right = [token.key for token in before], [token.key for token in behind]
        for other in others:
            entries += index.names.get(merged((*left, *other, *right)), ())
    return match_of(run, entries, Level.SYNONYM) if entries else None


def _says_all(sentence: Sentence, run: Sequence[Token], index: Index) -> bool:
    """Whether every thing of a sort is meant, here or at a place: "kitchen lights" are not the one kitchen light, nor
    are "all motion sensors" the one of that name.

    A number before it counts portions of one thing: "two sugars".
    """
    last = run[-1]
    plural = last.surface.endswith("s") and not last.key.endswith("s")
    if not plural or last.key not in index.sorts:
        return False
    if len(run) == 1:
        return not any(token.after == run[0].first and token.key.isdigit() for token in sentence.tokens)
    return sentence.word(run[0].first - 1) in EVERY or merged([token.key for token in run[:-1]]) in index.names


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
    return match_of(run, best, Level.CLOSE, best_score) if best else None


def _misheard_options(sentence: Sentence, token: Token, index: Index, spoken: bool) -> tuple[str, ...]:
    """Words of the world that a recogniser elsewhere may have heard as this English one; ours is for `misheard`."""
    if token.surface in FUNCTION_WORDS:
        return ()
    doubled = index.vocabulary.doubled(token.key)
    if spoken:
        return doubled
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
    return match_of(run, entries, Level.CLOSE, _MISHEARD_SCORE) if entries else None
