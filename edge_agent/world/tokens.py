"""Words as the linker compares them: without accents, plural endings, articles, and with numbers as digits.

Decides when two spellings are the same word ("boxes" and "box", "three" and "3", "grey" and "gray"). It refuses
nothing; the keys are for comparing only and are never shown.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.world.lexicon import ARTICLES, FUNCTION_WORDS, SPELLINGS
from edge_agent.world.numerals import ONES, ORDINALS, SCALES, TENS, digits_of, read_cardinal

_NUMBER_WORDS: Final = ONES.keys() | TENS.keys() | SCALES.keys()
_WITH_PLACES: Final = _NUMBER_WORDS | ARTICLES
"""Words that do not simply become one token each."""
_IRREGULAR: Final = {
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "mice": "mouse",
    "feet": "foot",
    "teeth": "tooth",
    "knives": "knife",
    "shelves": "shelf",
    "loaves": "loaf",
    "leaves": "leaf",
    "halves": "half",
    "scarves": "scarf",
    "potatoes": "potato",
    "tomatoes": "tomato",
    "lenses": "lens",
}
_CHANGED: Final = _IRREGULAR.keys() | SPELLINGS.keys() | ORDINALS.keys()
_NO_PLURAL: Final = frozenset({"news", "lens", "atlas", "canvas", "always", "perhaps", "yes", "gas", "plus", "does"})
_SILENT: Final = ("se", "xe", "ze", "che", "she")
_DIGITS: Final = frozenset("0123456789")
_ACRONYMS: Final = re.compile(r"^[^aeiouy]{2}s$")


@dataclass(frozen=True, slots=True)
class Token:
    """One word, or one number said in several, of words `first` up to but not including `after`.

    `key` is what is compared; `surface` is the word as said, where "glass" and "glasses" still differ.
    """

    key: str
    surface: str
    first: int
    after: int

    @property
    def labels(self) -> bool:
        """Whether it numbers or letters a thing, as the 3 of "dock 3" and the B of "hall b" do."""
        return is_label(self.key)

    @property
    def numbers(self) -> bool:
        """Whether it may be the number or letter of the name before it: no ordinal, no 50%, no "i"."""
        return self.key.isdigit() or (len(self.key) == 1 and self.key != "i")


def is_label(key: str) -> bool:
    """Whether a key is a number or a single letter."""
    return key[0] in _DIGITS or len(key) == 1


def tokens_of(words: Sequence[str]) -> tuple[Token, ...]:
    """The tokens of normalized words."""
    tokens: list[Token] = []
    at = 0
    while at < len(words):
        word = words[at]
        if _is_article(words, at):
            at += 1
            continue
        number = read_cardinal(words, at) if word in _NUMBER_WORDS else None
        if number:
            value = f"{number[0]:.0f}"
            tokens.append(Token(value, value, at, number[1]))
            at = number[1]
        else:
            surface = fold(word)
            tokens.append(Token(key_of(surface), surface, at, at + 1))
            at += 1
    return tuple(tokens)


def named_by(words: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Keys and surface of a name; `tokens_of` without the places, as a large world has many names."""
    if _WITH_PLACES.isdisjoint(words):
        if all(map(_is_own_key, words)):
            return tuple(words), " ".join(words)
        surfaces = [fold(word) for word in words]
        return tuple([key_of(surface) for surface in surfaces]), " ".join(surfaces)
    tokens = tokens_of(words)
    return tuple([token.key for token in tokens]), " ".join([token.surface for token in tokens])


def _is_own_key(word: str) -> bool:
    """Whether a word is surely its own surface and key; most are, and no more need be done with them."""
    if word.isdecimal():
        return word[0] != "0" and word.isascii()
    return word.isalpha() and word.isascii() and word[-1] not in "se" and word not in _CHANGED


def fold(word: str) -> str:
    """A word without accents, possessive ending and apostrophes; a number in its plainest digits, an ordinal as 3rd."""
    if not word.isalpha():
        if word[0].isdigit():
            value = digits_of(word)
            return word if value is None else f"{value:g}" if value % 1 else f"{value:.0f}"
        word = word.removesuffix("'s").replace("'", "")
    if not word.isascii():
        word = "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))
    return ORDINALS.get(word, word)


def key_of(surface: str) -> str:
    """The key of a folded word: its singular, in British spelling."""
    if surface[0].isdigit():
        return surface
    word = _IRREGULAR.get(surface, surface)
    if word[-1] == "s" and word not in _NO_PLURAL:
        word = _singular(word)
    if word.endswith("ie") and len(word) > 3:
        word = word[:-2] + "y"
    elif word.endswith(_SILENT) and len(word) > 3:
        word = word[:-1]
    return SPELLINGS.get(word, word)


def merged(keys: Sequence[str]) -> str:
    """Keys as one string, so that compounds are found however they are parted: "dining room" and "diningroom".

    Numbers said digit by digit run together ("room one oh one" is no name's business, "bin 1 2" may be bin 12); longer
    numbers keep apart, as 1 21 is not 12 1.
    """
    if len(keys) == 1:
        return keys[0]
    joined = "".join(keys)
    if joined.isalpha():  # most are words alone, and there is nothing to keep apart
        return joined
    parts = [keys[0]]
    for before, key in itertools.pairwise(keys):
        if before[-1].isdigit() and key[0].isdigit() and (len(before) > 1 or len(key) > 1):
            parts.append(".")
        parts.append(key)
    return "".join(parts)


def _is_article(words: Sequence[str], at: int) -> bool:
    """Whether a word is an article here; the "a" of "hall a" is a letter, as no noun follows it."""
    word = words[at]
    if word in ("the", "an"):
        return at + 1 < len(words)
    return word == "a" and at + 1 < len(words) and words[at + 1] not in FUNCTION_WORDS


def _singular(word: str) -> str:
    if _ACRONYMS.match(word):
        return word[:-1]
    if len(word) <= 3 or word.endswith(("ss", "us", "is")):
        return word
    return word[:-1]
