"""Numbers and names as they are spoken: words only, lower case, no digits and no signs.

Decides how "dock 3", "room 101", "1st", "2.5 m" and "50%" sound. Refuses nothing: a sign that nobody pronounces is left
out. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import Final

from edge_agent.packs.phrase_parts import QuantityList
from edge_agent.world.mention import Unit
from edge_agent.world.numerals import ONES, ORDINALS, TENS
from edge_agent.world.text import words_of

READINGS_MAX: Final = 4
"""Ways in which one name with digits is said."""
QUANTITIES_MAX: Final = 400
"""Spoken values of one list of quantities."""

_UNITS: Final = {value: word for word, value in ONES.items()}
_TENS: Final = {value: word for word, value in TENS.items() if word != "fourty"}
_ORDINALS: Final = {written: word for word, written in ORDINALS.items()}
_SIGNS: Final = {"%": "percent", "°": "degrees", "°c": "degrees celsius", "°f": "degrees fahrenheit"}
_PARTS: Final = re.compile(r"\d+(?:\.\d+)?|°[cf]?|%|[^\W\d_]+(?:'[^\W\d_]+)*")
_FRACTIONS: Final = {"1/2": "half", "1/4": "a quarter", "3/4": "three quarters", "1/3": "a third"}
_WRITTEN_UNITS: Final = {"m": "meters", "cm": "centimeters", "km": "kilometers", "mins": "minutes", "secs": "seconds",
                         "hrs": "hours", "oz": "ounces"}  # fmt: skip
_SPOKEN_UNITS: Final = {
    Unit.METRE: ("meter", "meters"),
    Unit.DEGREE: ("degree", "degrees"),
    Unit.SECOND: ("second", "seconds"),
    Unit.MINUTE: ("minute", "minutes"),
    Unit.HOUR: ("hour", "hours"),
    Unit.PERCENT: ("percent", "percent"),
    Unit.TEMPERATURE: ("degree", "degrees"),
    Unit.OUNCE: ("ounce", "ounces"),
}
_UNIT_MAY_MISS: Final = frozenset({Unit.DEGREE, Unit.PERCENT, Unit.TEMPERATURE})


def spell(number: int) -> str:
    """A whole number from 0 to 999,999 in words; a larger one digit by digit."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        tens, units = divmod(number, 10)
        return _TENS[tens * 10] + (f" {_UNITS[units]}" if units else "")
    if number >= 1_000_000:
        return digit_by_digit(str(number))
    scale, word = (1_000, "thousand") if number >= 1_000 else (100, "hundred")
    many, rest = divmod(number, scale)
    return f"{spell(many)} {word}" + (f" {spell(rest)}" if rest else "")


def digit_by_digit(digits: str) -> str:
    """ "101" as "one zero one"."""
    return " ".join(_UNITS[int(digit)] for digit in digits)


def spoken(text: str) -> tuple[str, ...]:
    """The ways a name or a piece of a sentence is said, likeliest first; none when no word of it can be said."""
    ways = [_word(part) for word in words_of(text) for part in _split(word)]
    said = (" ".join(filter(None, parts)) for parts in product(*ways))
    kept = dict.fromkeys(words for words in said if words)
    return tuple(kept)[:READINGS_MAX]


def _split(word: str) -> Sequence[str]:
    """ "30cm" is two words, "1st" and "12:30" are told apart from it."""
    if word in _ORDINALS or word in _SIGNS or word in _FRACTIONS:
        return (word,)
    return _PARTS.findall(word.replace(",", ""))


def _word(word: str) -> tuple[str, ...]:
    if word in _ORDINALS:
        return (_ORDINALS[word],)
    if word in _FRACTIONS:
        return (_FRACTIONS[word],)
    if word in _SIGNS or word in _WRITTEN_UNITS:
        return (_SIGNS.get(word) or _WRITTEN_UNITS[word],)
    if not word[0].isdigit():
        return (word,)
    if "." in word:
        whole, decimals = word.split(".")
        return (f"{spell(int(whole))} point {digit_by_digit(decimals)}",)
    return _number(word)


def _number(digits: str) -> tuple[str, ...]:
    """Ways to say a number of a name: as a number, with "and", in pairs, digit by digit."""
    number = int(digits)
    if digits.startswith("0") or number < 100:
        plain = spell(number)
        return (digit_by_digit(digits),) if digits != str(number) else (plain,)
    ways = [spell(number)]
    if 100 <= number < 1_000 and number % 100:
        ways.append(f"{spell(number // 100)} hundred and {spell(number % 100)}")
        ways.append(f"{spell(number // 100)} {'oh ' if number % 100 < 10 else ''}{spell(number % 100)}")
    ways.append(digit_by_digit(digits))
    return tuple(ways)


def spoken_quantities(numbers: QuantityList) -> tuple[str, ...]:
    """The values of a list as people say them, with their unit; at most QUANTITIES_MAX."""
    if numbers.words:
        return tuple(dict.fromkeys(way for words in numbers.words for way in spoken(words)[:1]))
    one, many = _SPOKEN_UNITS.get(numbers.unit, ("", ""))
    said: list[str] = []
    for value in range(numbers.minimum, numbers.maximum + 1, numbers.step):
        unit = one if value == 1 else many
        said.append(f"{spell(value)} {unit}".strip())
        if value == 1 and unit:
            said.append(f"{'an' if unit == 'hour' else 'a'} {unit}")
        if unit and numbers.unit in _UNIT_MAY_MISS:
            said.append(spell(value))
        if numbers.halves and value and unit:
            said.append(f"{spell(value)} and a half {many}")
    if numbers.halves and one:
        said.append(f"half {'an' if one == 'hour' else 'a'} {one}")
    return tuple(dict.fromkeys(said))[:QUANTITIES_MAX]
