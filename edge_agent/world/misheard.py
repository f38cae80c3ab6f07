"""Names in which a recogniser wrote one word for another that sounds like it: "dog three" at a warehouse is dock 3.

Read only in what was heard, never in what was typed, and only as a last resort: one word (or two) that names nothing,
where every other word of the name was said as it is. So a thing that simply is not there ("bring the dog") stays
unknown, and no exact name, alias, synonym or number gives way. Where two names are about equally near, the match holds
both, and the answer asks which.

Refuses words of the world itself (they were heard as what they are), grammar, verbs, whatever goes on behind the name
("dog three boxes") and what has more words before it than a name ("my hot dog three"). A number may be misheard as one
of few words ("dock tree"), none of them grammar: "take it to the dock for" is a sentence that was cut off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edge_agent.world.index import Entry, Index
from edge_agent.world.lexicon import DETERMINERS, FUNCTION_WORDS, HANDLING_VERBS, PREPOSITIONS
from edge_agent.world.pronunciation import sounds_of
from edge_agent.world.sentence import Level, Match, Sentence, match_of
from edge_agent.world.tokens import Token, merged

SCORE_MAX: Final = 0.65
"""What a name known by its sound alone scores at most; found in any other way it scores more."""
_WORDED_MIN: Final = 0.9
"""Closeness of a word beside other words of a name; before a number or a letter `NEAR_MIN` will do."""
_WORDED_SHORT_MIN: Final = 0.97
_SHORT_SOUNDS: Final = 3
"""A cup is no cap: so short a word must sound the same but for a hair."""
_MARGIN: Final = 0.08
"""Names within this of the nearest are equally near."""
_WIDTH_MAX: Final = 2
"""Words that may have been heard for one: "pal let rack"."""
_HOMOPHONE: Final = 0.85
"""Closeness that words of one Metaphone code have at least."""
_NUMBERS: Final = {
    "won": "1", "wan": "1", "tree": "3", "fore": "4", "fife": "5", "sicks": "6", "ate": "8", "nein": "9",
}  # fmt: skip
"""Words that are heard for a number behind a name."""


def misheard_names(sentence: Sentence, index: Index, found: Sequence[Match]) -> Iterator[Match]:
    """Readings by sound, none of them over words that `found` reads in another way."""
    taken = frozenset(at for match in found for at in range(match.first, match.after))
    spans = [*_by_words(sentence, index, taken), *_by_numbers(sentence, index, taken)]
    for match in spans:
        if not any(_cross(match, other) for other in spans):
            yield match


def _by_words(sentence: Sentence, index: Index, taken: frozenset[int]) -> Iterator[Match]:
    """Names of which every word was said but one."""
    nearest: dict[tuple[int, int], list[tuple[float, Entry]]] = {}
    for at in range(len(sentence.tokens)):
        for after in range(at + 1, min(at + _WIDTH_MAX, len(sentence.tokens)) + 1):
            if not all(_may_be_misheard(token, index, taken) for token in sentence.tokens[at:after]):
                break
            for first, last, meant, near in _completed(sentence, at, after, index, taken):
                nearest.setdefault((first, last), []).extend((near, entry) for entry in index.names.get(meant, ()))
    for (first, last), entries in nearest.items():
        if not entries:
            continue
        best = max(near for near, _ in entries)
        alike = list(dict.fromkeys(entry for near, entry in entries if near >= best - _MARGIN))
        yield match_of(sentence.tokens[first:last], alike, Level.CLOSE, SCORE_MAX * best)


def _completed(
    sentence: Sentence, at: int, after: int, index: Index, taken: frozenset[int]
) -> Iterator[tuple[int, int, str, float]]:
    """Runs of tokens around the misheard ones, each as the merged key of what it would name, with its closeness."""
    tokens = sentence.tokens
    if not _has_company(sentence, at, after, index, taken):
        return
    options = _options(tokens[at:after], index)
    for first in range(at, max(-1, at - index.longest), -1):
        if first < at and not _stands(sentence, tokens[first], tokens[first + 1], taken):
            break
        for last in range(after, min(len(tokens), first + index.longest + 1) + 1):
            if last > after and not _stands(sentence, tokens[last - 1], tokens[last - 2], taken):
                break
            if last - first == after - at or not _is_whole(sentence, first, last, at):
                continue
            numbered = tokens[last - 1].labels and last > after
            for word, near in options:
                if numbered or near >= _least(word):
                    keys = [token.key for token in (*tokens[first:at], *tokens[after:last])]
                    yield first, last, merged([*keys[: at - first], word, *keys[at - first :]]), near


def _has_company(sentence: Sentence, at: int, after: int, index: Index, taken: frozenset[int]) -> bool:
    """Whether a word of the world, a number or a letter stands beside these tokens; without one they are no name."""
    tokens = sentence.tokens
    sides = [(tokens[at - 1], tokens[at])] if at else []
    sides += [(tokens[after], tokens[after - 1])] if after < len(tokens) else []
    return any(
        _stands(sentence, one, beside, taken) and (one.labels or one.key in index.vocabulary) for one, beside in sides
    )


def _options(heard: Sequence[Token], index: Index) -> list[tuple[str, float]]:
    """Words of the world that may have been said, with their closeness."""
    near = dict(index.vocabulary.sounding("".join(sounds_of(token.key) for token in heard)))
    if len(heard) == 1:
        for word in index.vocabulary.homophones(heard[0].key):
            near[word] = max(near.get(word, 0.0), _HOMOPHONE)
    return list(near.items())


def _least(word: str) -> float:
    return _WORDED_SHORT_MIN if len(sounds_of(word)) <= _SHORT_SOUNDS else _WORDED_MIN


def _may_be_misheard(token: Token, index: Index, taken: frozenset[int]) -> bool:
    return (
        token.key.isalpha()
        and not token.labels
        and token.surface not in FUNCTION_WORDS
        and token.key not in index.vocabulary
        and taken.isdisjoint(range(token.first, token.after))
    )


def _stands(sentence: Sentence, token: Token, beside: Token, taken: frozenset[int]) -> bool:
    """Whether a token next to another one may be a word of the same name, said as it is."""
    first, second = sorted((token, beside), key=lambda one: one.first)
    if first.after != second.first or second.first in sentence.breaks:
        return False
    if not taken.isdisjoint(range(token.first, token.after)):
        return False
    return sentence.numbers(token) if token.labels else token.surface not in FUNCTION_WORDS


def _is_whole(sentence: Sentence, first: int, last: int, misheard: int) -> bool:
    """Whether these tokens are all of a noun phrase, as far as closed classes of words tell."""
    tokens = sentence.tokens
    if not sentence.ends_phrase(tokens[last - 1].after):
        return False
    if sentence.opens_clause(tokens[first].first) and (first == misheard or tokens[first].surface in HANDLING_VERBS):
        return False
    before = first
    while before and tokens[before - 1].after == tokens[before].first and tokens[before].first not in sentence.breaks:
        if tokens[before - 1].surface in FUNCTION_WORDS or tokens[before - 1].labels:
            break
        before -= 1
    if before == first:
        return True
    opener = sentence.word(tokens[before].first - 1)
    verb = sentence.opens_clause(tokens[before].first) or tokens[before].surface in HANDLING_VERBS
    return first - before == 1 and (verb or opener not in DETERMINERS | PREPOSITIONS)


def _by_numbers(sentence: Sentence, index: Index, taken: frozenset[int]) -> Iterator[Match]:
    """Numbered names of which the number was heard as a word."""
    tokens = sentence.tokens
    for at in range(1, len(tokens)):
        number = _NUMBERS.get(tokens[at].surface)
        if not number or tokens[at].key in index.vocabulary or tokens[at].first in taken:
            continue
        for first in range(at - 1, max(-1, at - index.longest), -1):
            if not _stands(sentence, tokens[first], tokens[first + 1], taken):
                break
            entries = index.names.get(merged([*(token.key for token in tokens[first:at]), number]), ())
            if not entries or not _is_whole(sentence, first, at + 1, at):
                continue
            if sentence.word(tokens[first].first - 1) not in DETERMINERS:
                yield match_of(tokens[first : at + 1], entries, Level.CLOSE, SCORE_MAX * _HOMOPHONE)


def _cross(one: Match, other: Match) -> bool:
    """Whether two readings share words and neither holds the other: then it is not clear which was said."""
    earlier, later = sorted((one, other), key=lambda match: (match.first, match.after))
    return earlier.first < later.first < earlier.after < later.after
