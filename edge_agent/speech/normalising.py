"""What Whisper writes, as words: lower case, no punctuation, numbers and units as they are spoken.

Decides how a written form was said: "10 m" is "ten meters", "1st" is "first", "B12" is "b twelve". What was not said
(remarks in brackets, musical notes) is left out. English only. It refuses nothing, and it reads nothing: what a number
means is the linker's business. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from edge_agent.world.numerals import ONES, ORDINALS, SCALES, TENS
from edge_agent.world.text import words_of

_REMARKS: Final = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|<\|[^|]*\|>")
"""What Whisper writes about a sound: [BLANK_AUDIO], (applause), *coughs*; and its own marks."""
_BARE_POINT: Final = re.compile(r"(?<![\w.])\.(?=\d)")
""".5 is 0.5, and never 5."""
_NUMBER: Final = re.compile(r"(-?)(\d+(?:,\d{3})*)(?:\.(\d+))?(?:/(\d+))?(\D*)")
_SHARE: Final = re.compile(r"\d+/\d+")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)")
_RUNS: Final = re.compile(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*")
_DIGITS_SPOKEN_MAX: Final = 9
"""Longer numbers are said digit by digit, as telephone numbers are; so are those that begin with 0."""

_SPOKEN: Final = {
    "m": ("meter", "meters"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "ft": ("foot", "feet"),
    "s": ("second", "seconds"),
    "sec": ("second", "seconds"),
    "secs": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "deg": ("degree", "degrees"),
    "°": ("degree", "degrees"),
    "°c": ("degree celsius", "degrees celsius"),
    "°f": ("degree fahrenheit", "degrees fahrenheit"),
    "%": ("percent", "percent"),
    "oz": ("ounce", "ounces"),
    "ml": ("milliliter", "milliliters"),
    "kg": ("kilogram", "kilograms"),
}
"""Units that are written short after a number: one of them, and several."""
_ALONE: Final = {"%", "°", "°c", "°f"}
"""Signs that are said even where no number stands before them."""
_ATTACHED: Final = {"c": "°c", "f": "°f"}
"""Short forms only right behind a number: 20C."""
_SHARES: Final = {"2": ("half", "halves"), "3": ("third", "thirds"), "4": ("quarter", "quarters")}

_ONES: Final = {value: word for word, value in ONES.items()}
_TENS: Final = {value: word for word, value in reversed(TENS.items())}
_SCALES: Final = sorted(((value, word) for word, value in SCALES.items()), reverse=True)
_ORDINALS: Final = {_ONES[place]: word for place, word in enumerate(ORDINALS, start=1)}
_REGULAR: Final = {"twenty": "twentieth", "hundred": "hundredth", "thousand": "thousandth", "million": "millionth"}


def normalised(text: str) -> str:
    """The words of a written sentence, one space between them; empty when nothing was said.

    "Turn left 90°, please." is "turn left ninety degrees please".
    """
    plain = _BARE_POINT.sub("0.", _REMARKS.sub(" ", text))
    spoken: list[str] = []
    before = ""
    for word in words_of(plain):
        if before and word in _SPOKEN:
            spoken.append(_SPOKEN[word][before != "1"])
        else:
            if before and _SHARE.fullmatch(word):
                spoken.append("and")
            spoken.extend(_spoken(word))
        before = word if _is_plain_number(word) else ""
    return " ".join(spoken)


def cardinal(number: int) -> str:
    """A whole number from 0 in words: 1205 is "one thousand two hundred five"."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number - number % 10] + (f" {_ONES[number % 10]}" if number % 10 else "")
    scale, name = next((value, word) for value, word in _SCALES if value <= number)
    rest = f" {cardinal(number % scale)}" if number % scale else ""
    return f"{cardinal(number // scale)} {name}{rest}"


def ordinal(number: int) -> str:
    """A place in a row from 1: 22 is "twenty second"."""
    *before, last = cardinal(number).split()
    regular = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return " ".join([*before, _ORDINALS.get(last) or _REGULAR.get(last) or regular])


def _is_plain_number(word: str) -> bool:
    found = _NUMBER.fullmatch(word)
    return found is not None and not found[5]


def _spoken(word: str) -> Iterator[str]:
    """How one written word is said."""
    if not any(char.isdigit() for char in word):
        yield _SPOKEN[word][1] if word in _ALONE else word
    elif clock := _CLOCK.fullmatch(word):
        yield from _time(int(clock[1]), clock[2])
    elif found := _NUMBER.fullmatch(word):
        yield from _number(*found.groups(default=""))
    else:
        for run in _RUNS.findall(word):
            yield _whole(run) if run.isdecimal() else run


def _number(minus: str, whole: str, decimals: str, share: str, ending: str) -> Iterator[str]:
    whole = whole.replace(",", "")
    is_place = ending in ("st", "nd", "rd", "th") and not (minus or decimals or share)
    if is_place and len(whole) <= _DIGITS_SPOKEN_MAX and int(whole):
        yield ordinal(int(whole))
        return
    if minus:
        yield "minus"
    if share:
        yield _fraction(whole, share)
    else:
        yield _whole(whole)
    if decimals:
        yield f"point {_one_by_one(decimals)}"
    if ending:
        unit = _SPOKEN.get(_ATTACHED.get(ending, ending))
        yield unit[bool(decimals or share) or whole != "1"] if unit else ending


def _whole(digits: str) -> str:
    said_singly = len(digits) > _DIGITS_SPOKEN_MAX or (len(digits) > 1 and digits.startswith("0"))
    return _one_by_one(digits) if said_singly else cardinal(int(digits))


def _one_by_one(digits: str) -> str:
    return " ".join(_ONES[int(digit)] for digit in digits)


def _fraction(count: str, share: str) -> str:
    if share in _SHARES:
        return f"{_whole(count)} {_SHARES[share][count != '1']}"
    return f"{_whole(count)} over {_whole(share)}"


def _time(hour: int, minutes: str) -> Iterator[str]:
    yield cardinal(hour)
    if minutes == "00":
        yield "o'clock"
    elif minutes.startswith("0"):
        yield f"oh {cardinal(int(minutes))}"
    else:
        yield cardinal(int(minutes))
