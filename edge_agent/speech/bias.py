"""Which words Whisper is told to expect: as many of a lexicon's as its prompt can hold, the most useful first.

Decides the hotwords and their order: names that bring a word which no dictionary of common words has, then names that
bring another new word, then the rarer words of the pack's own sentences, then the names that only put known words
together. The classes of names take turns, so that a hundred thousand items do not push out the ten rooms. Values such
as "five degrees" and "as low as it goes" are no names: everybody's Whisper knows them. Equal lexicons give equal
hotwords. Refuses nothing; what does not fit is left out. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from edge_agent.speech.recognition import Lexicon
from edge_agent.world.lexicon import FUNCTION_WORDS, common_words
from edge_agent.world.numerals import FRACTIONS, ONES, SCALES, TENS

HOTWORD_TOKENS_MAX: Final = 223
"""Tokens before the transcript in Whisper's prompt: half of its 448 less one. faster-whisper cuts what is longer."""
SEPARATOR: Final = ", "

_CLASS: Final = re.compile(r"\{[^}]*\}")
_NUMBER_WORDS: Final = ONES.keys() | TENS.keys() | SCALES.keys() | FRACTIONS.keys()
_VALUE_OPENERS: Final = _NUMBER_WORDS | (FUNCTION_WORDS - {"the"})
_RARE_CHARS_MIN: Final = 3
"""The dictionary has no shorter words."""
_SIGH_CHARS_MAX: Final = 3
"""Words of a pack's sentences that no dictionary has and that are this short are sighs."""
_SENTENCES_A_WORD: Final = 1_000
"""A word is one of the pack's own when one sentence in so many says it: others are somebody's name in an example."""
_MISSES_MAX: Final = 200
"""Names that did not fit, one after the other, after which the prompt is taken to be full."""


def hotwords(
    lexicon: Lexicon, tokens_of: Callable[[str], int], tokens_max: int = HOTWORD_TOKENS_MAX
) -> tuple[str, ...]:
    """The hotwords of a lexicon, most useful first; joined by `as_prompt` they are at most `tokens_max` tokens.

    `tokens_of` counts the tokens of a text as the model's own tokenizer does.
    """
    taken: list[str] = []
    room = min(tokens_max, HOTWORD_TOKENS_MAX)
    misses = 0
    for word in _by_use(lexicon):
        cost = tokens_of(SEPARATOR + word)
        if cost <= room:
            taken.append(word)
            room -= cost
            misses = 0
        else:
            misses += 1
        if room <= 0 or misses >= _MISSES_MAX:
            break
    while taken and tokens_of(f" {as_prompt(taken)}") > tokens_max:  # parts may cost less than their whole
        taken.pop()
    return tuple(taken)


def as_prompt(words: Sequence[str]) -> str:
    """The hotwords as Whisper is given them."""
    return SEPARATOR.join(words)


def _by_use(lexicon: Lexicon) -> Iterator[str]:
    """Every hotword once, the most useful first."""
    known = set(_NUMBER_WORDS)
    rare, new, old = list[str](), list[str](), list[str]()
    for name in _in_turns(lexicon):
        words = set(name.split()) - known
        known |= words
        (rare if any(map(_is_rare, words)) else new if words else old).append(name)
    yield from rare
    yield from new
    yield from _rare_words(lexicon, known)
    yield from old


def _in_turns(lexicon: Lexicon) -> Iterator[str]:
    """The names, one of each class in turn, each once."""
    classes = [lexicon.names[of] for of in sorted(lexicon.names)]
    names = (name for row in zip_longest(*classes, fillvalue="") for name in row)
    yield from dict.fromkeys(name for name in names if name and not _is_value(name))


def _rare_words(lexicon: Lexicon, known: set[str]) -> list[str]:
    """Words of the pack's sentences that are in no dictionary of common words, those said most often first."""
    counted = Counter(word for sentence in lexicon.sentences for word in _CLASS.sub(" ", sentence).split())
    times_min = len(lexicon.sentences) / _SENTENCES_A_WORD
    often = [word for word, times in counted.items() if times >= times_min and word not in known]
    rare = (word for word in often if len(word) > _SIGH_CHARS_MAX and _is_rare(word))
    return sorted(rare, key=lambda word: (-counted[word], word))


def _is_value(name: str) -> bool:
    """Whether a name is a quantity or a degree of something, as slots of numbers have them."""
    words = name.split()
    return words[0] in _VALUE_OPENERS and not any(map(_is_rare, words))


def _is_rare(word: str) -> bool:
    """Whether a word and what it may be the plural of are in no dictionary; contractions are common."""
    if len(word) < _RARE_CHARS_MIN or "'" in word or word in FUNCTION_WORDS:
        return False
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    return common_words().isdisjoint(forms)
