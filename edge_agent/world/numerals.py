"""Numbers in words and digits, without units.

Decides the longest number that starts at a word. Our own small reader: text2num has heuristics for "one" that are not
ours and knows no halves, word2number takes a whole string and drops the places, pint needs units only and costs a
quarter of a second to import.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from edge_agent.world.lexicon import listed

Number = tuple[float, int]
"""A value and the place after its last word."""

ONES: Final = {
    word: value
    for value, word in enumerate(
        listed(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen"
        )
    )
}
TENS: Final = {
    word: 10 * value
    for value, word in enumerate(listed("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
} | {"fourty": 40}
SCALES: Final = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
FRACTIONS: Final = {
    "half": 0.5, "halves": 0.5, "third": 1 / 3, "thirds": 1 / 3, "quarter": 0.25, "quarters": 0.25
}  # fmt: skip
_DIGITS: Final = re.compile(r"^(-?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+))(?:/(\d+))?$")
ORDINALS: Final = {
    word: f"{value}{suffix}"
    for value, (word, suffix) in enumerate(
        [
            ("first", "st"),
            ("second", "nd"),
            ("third", "rd"),
            *((word, "th") for word in listed("fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")),
        ],
        start=1,
    )
}


def digits_of(word: str) -> float | None:
    """The value of a number written in digits: 12, 1,000, 1.5, .5, 1/2, -18."""
    found = _DIGITS.match(word)
    if not found:
        return None
    value = float(found.group(1).replace(",", ""))
    if found.group(2) is None:
        return value
    return value / float(found.group(2)) if float(found.group(2)) else None


def read_number(words: Sequence[str], at: int) -> Number | None:
    """The longest number from word `at`: "minus two point five", "one hundred and twenty", "two and a half"."""
    if at < len(words) and words[at] in ("minus", "negative"):
        below = read_number(words, at + 1)
        return (-below[0], below[1]) if below else None
    whole = _read_digits(words, at) or read_cardinal(words, at)
    if whole is None:
        return _read_decimals(words, at, 0.0) or read_fraction(words, at)
    value, after = whole
    if decimals := _read_decimals(words, after, value):
        return decimals
    share = read_share(words, after, value)
    if share:
        return share
    if _word(words, after) == "and" and (rest := read_fraction(words, after + 1)):
        return value + rest[0], rest[1]
    if value % 1 == 0 and "/" in _word(words, after) and (written := digits_of(words[after])) and written < 1:
        return value + written, after + 1
    return value, after


def read_cardinal(words: Sequence[str], at: int) -> Number | None:
    """A whole number in words alone: "seven", "twenty one", "a hundred and five"."""
    total, after = 0, at
    last_scale = 10**9
    while group := _read_group(words, after, last_scale):
        value, scale, after = group
        total += value
        if scale < 1_000:
            return float(total), after
        last_scale = scale
    return (float(total), after) if after > at else None


def read_fraction(words: Sequence[str], at: int) -> Number | None:
    """ "half", "a quarter", "one third", "three quarters", "1/2"; never an ordinal such as "the third"."""
    word = _word(words, at)
    if word in ("half", "quarter"):
        return FRACTIONS[word], at + 1
    if word in ("a", "an") and _word(words, at + 1) in ("half", "quarter", "third"):
        return FRACTIONS[words[at + 1]], at + 2
    if "/" in word and (value := digits_of(word)) is not None:
        return value, at + 1
    count = ONES.get(word)
    return read_share(words, at + 1, float(count)) if count else None


def read_share(words: Sequence[str], at: int, count: float) -> Number | None:
    """The rest of "three quarters" after its count."""
    word = _word(words, at)
    if 0 < count < 10 and (word in ("halves", "thirds", "quarters") or (count == 1 and word in FRACTIONS)):
        return round(count * FRACTIONS[word], 6), at + 1
    return None


def _read_digits(words: Sequence[str], at: int) -> Number | None:
    value = digits_of(_word(words, at))
    if value is None:
        return None
    scale = SCALES.get(_word(words, at + 1))
    return (value * scale, at + 2) if scale else (value, at + 1)


def _read_group(words: Sequence[str], at: int, below: int) -> tuple[int, int, int] | None:
    """One group of a cardinal below the scale `below`: its value, its scale (1 without one) and the place after it."""
    start = at + 1 if at and below < 10**9 and _word(words, at) == "and" else at
    small = _read_small(words, start)
    if small is None and _word(words, start) in ("a", "one") and _word(words, start + 1) in SCALES:
        small = (1, start + 1)
    if small is None and start == at and below == 10**9 and _word(words, start) in SCALES:
        small = (1, start)
    if small is None:
        return None
    value, after = small
    scale = 1
    if _word(words, after) == "hundred" and value < 100:
        value, after, scale = value * 100, after + 1, 100
        rest_at = after + 1 if _word(words, after) == "and" else after
        if rest := _read_small(words, rest_at):
            value, after = value + rest[0], rest[1]
    larger = SCALES.get(_word(words, after), 0)
    if 1_000 <= larger < below:
        return value * larger, larger, after + 1
    return (value, min(scale, 100), after) if value < below else None


def _read_small(words: Sequence[str], at: int) -> tuple[int, int] | None:
    word = _word(words, at)
    if word in TENS:
        one = ONES.get(_word(words, at + 1), 0)
        return (TENS[word] + one, at + 2) if 0 < one < 10 else (TENS[word], at + 1)
    return (ONES[word], at + 1) if word in ONES else None


def _read_decimals(words: Sequence[str], at: int, whole: float) -> Number | None:
    """The rest of "two point two five" from its "point"."""
    if _word(words, at) != "point":
        return None
    digits, after = "", at + 1
    while (word := _word(words, after)) == "oh" or word.isdecimal() or ONES.get(word, 10) < 10:
        digits += word if word.isdecimal() else str(ONES.get(word, 0))
        after += 1
    return (whole + float(f"0.{digits}"), after) if digits else None


def _word(words: Sequence[str], at: int) -> str:
    return words[at] if 0 <= at < len(words) else ""
