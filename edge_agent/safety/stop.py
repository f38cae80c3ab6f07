"""Whether a sentence is a stop. Pure, without the model, in microseconds, before anything else looks at the sentence.

A sentence is a stop when nothing but stop phrases and what may stand around them is in it ("whoa, please stop right
there"), a name called first included ("alfred stop"). For packs that move (`prefix`), it is also one when it *begins*
with a stop word, whatever follows.

"Whatever follows" has no exception, not even "stop at the door" or "stop by the kitchen", which could mean a place to
go to: a speech recogniser writes the same words for "stop! at the door!", and reading a motion into a sentence that
begins with "stop" is the one mistake that cannot be taken back. A stop too many costs a resume; who wants the place
says "go to".

What is negated is not a stop ("don't stop", "never stop", "non-stop"), and neither is a sentence that only speaks of
one ("go to the bus stop"). "Don't move" is one: it asks for stillness. "Wait", "hold on", "pause" and "cancel" are not:
they are actions of packs, or small talk.

Refuses nothing: any string has an answer, however it is disguised or damaged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from edge_agent.safety.lexicon import (
    CLOSERS,
    CRIES,
    CRIES_WHERE_IT_MOVES,
    FILLERS,
    GERUNDS,
    NEVER_A_NAME,
    NOT,
    OPENERS,
    VERBS,
    Phrase,
)
from edge_agent.safety.lookalike import plain_letters

_ByFirstWord = Mapping[str, tuple[Phrase, ...]]


def _indexed(*lists: frozenset[Phrase]) -> _ByFirstWord:
    index: dict[str, tuple[Phrase, ...]] = {}
    for phrase in frozenset[Phrase]().union(*lists):
        index[phrase[0]] = (*index.get(phrase[0], ()), phrase)
    return index


_BEFORE = _indexed(FILLERS, OPENERS)
_NOT = _indexed(NOT)
_VERBS = _indexed(VERBS)
_VERBS_AND_GERUNDS = _indexed(VERBS, GERUNDS)
_AFTER_A_VERB = _indexed(FILLERS, CLOSERS)
_AFTER_A_CRY = _indexed(FILLERS)
_CRIES = _indexed(CRIES)
_CRIES_WHERE_IT_MOVES = _indexed(CRIES, CRIES_WHERE_IT_MOVES)

CHARS_READ_MAX: Final = 2_000
"""More is no sentence, and is refused later; its beginning is still looked at, as cheaply as any other."""
_STRETCHED = (
    (re.compile(r"st+o+p+"), "stop"),
    (re.compile(r"h+a+l+t+"), "halt"),
    (re.compile(r"fr+e{2,}z+e+"), "freeze"),
    (re.compile(r"w+h*o+h*a+h*|w+o+a+h*|w+o+h+|w+h+o+a+h*"), "whoa"),
    (re.compile(r"n+o+"), "no"),
)
"""Cries as people and recognisers write them: "stoooop", "woah"."""
_APOSTROPHES = str.maketrans("", "", "'`\u00b4\u02bc\u2018\u2019\uff07")
_STOP_SIGN = "\N{OCTAGONAL SIGN}"
_CALLED_NAME = re.compile(r"^\s*\w+(?:\s*[,:;.!\u2013\u2014]|\s-\s)\s*(?=\w)")
"""A word set off by a comma or the like."""
_ATTENTION = frozenset({"hey", "hi", "hello", "ok", "okay", "yo", "oi", "please"})


def is_stop(text: str, *, prefix: bool) -> bool:
    """Whether this sentence asks for a stop.

    `prefix` is the pack's `stop_prefix`: whether a sentence that only begins with a stop is one.
    """
    plain = plain_letters(text[:CHARS_READ_MAX].replace(_STOP_SIGN, " stop ").translate(_APOSTROPHES))
    cries = _CRIES_WHERE_IT_MOVES if prefix else _CRIES
    words = _words(plain)
    if any(_is_only_stop(reading, cries) or (prefix and _begins_with_stop(reading)) for reading in _readings(plain)):
        return True
    # without a comma a name is only believed where nothing but a stop follows it
    return bool(words) and words[0] not in NEVER_A_NAME and _is_only_stop(words[1:], cries)


def forbids_a_stop(text: str) -> bool:
    """Whether this sentence says not to stop, and nothing else: "don't stop", "please never stop now"."""
    words = _words(plain_letters(text[:CHARS_READ_MAX].translate(_APOSTROPHES)))
    reached = {0}
    for place in range(len(words)):
        if place in reached:
            reached.update(_ends(words, place, _BEFORE))
            if any(_is_only_stop(words[after:], _CRIES) for after in _ends(words, place, _NOT)):
                return True
    return False


def _readings(plain: str) -> Iterator[Phrase]:
    """The sentence's words; then without a name that is called first."""
    words = _words(plain)
    yield words
    yield _words(_CALLED_NAME.sub("", plain, count=1))
    if len(words) > 1 and words[0] in _ATTENTION and words[1] not in NEVER_A_NAME:
        yield words[2:]
        yield _words(_CALLED_NAME.sub("", plain.lstrip()[len(words[0]) :], count=1))


def _words(plain: str) -> Phrase:
    return tuple(_unstretched(word) for word in re.findall(r"[^\W_]+", plain))


def _unstretched(word: str) -> str:
    return next((said for cry, said in _STRETCHED if cry.fullmatch(word)), word)


def _is_only_stop(words: Phrase, cries: _ByFirstWord) -> bool:
    """Whether the words can be cut into phrases of the lists, at least one of them a stop."""
    before, after_verb, after_cry = {0}, set[int](), set[int]()
    for place in range(len(words)):
        reached = place in before or place in after_verb or place in after_cry
        if place in before:
            before.update(_ends(words, place, _BEFORE))
        if place in after_verb:
            after_verb.update(_ends(words, place, _AFTER_A_VERB))
        if place in after_cry:
            after_cry.update(_ends(words, place, _AFTER_A_CRY))
        if reached:
            after_verb.update(_ends(words, place, _VERBS_AND_GERUNDS))
            after_cry.update(_ends(words, place, cries))
    return len(words) in after_verb or len(words) in after_cry


def _begins_with_stop(words: Phrase) -> bool:
    """Whether a stop stands first, or after openers and fillers only."""
    reached = {0}
    for place in range(len(words)):
        if place in reached:
            if any(_ends(words, place, _VERBS)):
                return True
            reached.update(_ends(words, place, _BEFORE))
    return False


def _ends(words: Phrase, place: int, phrases: _ByFirstWord) -> Iterator[int]:
    """Where a phrase that begins at `place` can end."""
    for phrase in phrases.get(words[place], ()):
        if words[place : place + len(phrase)] == phrase:
            yield place + len(phrase)
