"""Quantities in a sentence: a number with its unit, where a number is meant.

Decides which stretches of words are quantities. It refuses the "one" of "the red one", ordinals, times of day, and
numbers in units that no slot holds. "An hour and a half" is two quantities, one hour and 30 minutes, because a timer
has a slot for each; so is "one and a half hours" ("1.5 hours" has no place to part it and is 90 minutes); lengths said
in two units are one ("one metre and twenty centimetres"). Words for the most and the least are read in `extremes`.
Whether a number belongs to a name ("dock 3") the linker decides: names win.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.world.extremes import LEVELS, read_extreme
from edge_agent.world.extremes import STARTERS as EXTREME_STARTERS
from edge_agent.world.lexicon import AUXILIARIES, FILLERS, FUNCTION_WORDS, PREPOSITIONS, PRONOUNS, listed
from edge_agent.world.mention import Quantity, Unit
from edge_agent.world.numerals import ONES, SCALES, TENS, digits_of, read_fraction, read_number
from edge_agent.world.units import FOREIGN, MEASURES, SUFFIXES, TEMPERATURES

_BETWEEN: Final = frozenset(listed("more extra additional further full whole"))
_WITH_SUFFIX: Final = re.compile(r"^(-?\.?\d[\d,./]*)(°[cf]?|%|[^\W\d_]+)$")
_HALF_STATES: Final = frozenset(listed("open opened closed shut way up down"))
_SET_TO: Final = frozenset(listed("to at by of number level plus minus than times"))
_NOT_ONE: Final = frozenset(listed("the this that which another each every any no some only either neither next last"))
_STARTERS: Final = frozenset(
    ONES.keys() | TENS.keys() | SCALES.keys() | EXTREME_STARTERS | set(listed("minus negative point half quarter"))
) | frozenset(listed("a an another couple dozen halfway complete"))
"""Words with which a quantity in words begins."""
_NOT_A_NOUN: Final = FUNCTION_WORDS | FOREIGN
_FINER: Final = {Unit.HOUR: Unit.MINUTE, Unit.MINUTE: Unit.SECOND}
_AFTER_A_SECOND: Final = AUXILIARIES | FILLERS | PREPOSITIONS | PRONOUNS


@dataclass(frozen=True, slots=True)
class Reading:
    """A quantity and the words it was read from, `first` up to but not including `after`."""

    first: int
    after: int
    quantity: Quantity


def read_quantities(words: Sequence[str]) -> tuple[Reading, ...]:
    """Every quantity of a sentence's normalized words, from left to right, none overlapping another."""
    readings: list[Reading] = []
    at = 0
    while at < len(words):
        reading = read_quantity(words, at)
        if reading is None:
            at = max(at + 1, _number_end(words, at))
            continue
        before = readings[-1] if readings else None
        if before and (length := _one_length(words, before, reading)):
            readings[-1] = length
        else:
            readings += _parted(words, reading)
        at = reading.after
        if rest := _and_a_half(words, reading):
            readings.append(rest)
            at = rest.after
    return tuple(readings)


def read_quantity(words: Sequence[str], at: int) -> Reading | None:
    """The quantity that starts at this word, or None."""
    if words[at] not in _STARTERS and not words[at][0].isdigit() and words[at][0] not in "-.":
        return None
    for read in (_extreme, _with_suffix, _single_unit, _part_of_unit, _turn, _several, _level, _number_and_unit, _bare):
        if reading := read(words, at):
            return reading
    return None


def _extreme(words: Sequence[str], at: int) -> Reading | None:
    """ "maximum", "all the way up", "as bright as it goes"."""
    found = read_extreme(words, at)
    return Reading(at, *found) if found else None


def _with_suffix(words: Sequence[str], at: int) -> Reading | None:
    """30cm, 50%, 21°c, and 2.5m with its scale ("30° fahrenheit")."""
    found = _WITH_SUFFIX.match(words[at])
    measure = SUFFIXES.get(found.group(2)) if found else None
    value = digits_of(found.group(1)) if found else None
    if measure is None or value is None:
        return None
    after = at + 1
    if measure.unit is Unit.DEGREE and _word(words, after) in TEMPERATURES:
        measure, after = TEMPERATURES[words[after]], after + 1
    return Reading(at, after, measure.quantity(value))


def _single_unit(words: Sequence[str], at: int) -> Reading | None:
    """ "a minute", "an hour", "another metre"; "a second" only where no noun follows (a second lamp)."""
    unit = _word(words, at + 1)
    if words[at] not in ("a", "an", "another") or unit not in MEASURES or unit.endswith("s") or len(unit) < 3:
        return None
    follower = _word(words, at + 2)
    if unit in ("second", "foot", "yard", "min") and follower and follower not in _AFTER_A_SECOND:
        return None
    return Reading(at, at + 2, MEASURES[unit].quantity(1.0))


def _part_of_unit(words: Sequence[str], at: int) -> Reading | None:
    """ "half an hour", "a quarter of an hour", "half a dozen"."""
    part = read_fraction(words, at)
    if part is None:
        return None
    value, after = part
    if _word(words, after) == "of":
        after += 1
    if _word(words, after) not in ("a", "an"):
        return None
    unit = _word(words, after + 1)
    if unit == "dozen":
        return Reading(at, after + 2, Quantity(12 * value, Unit.COUNT))
    if unit == "turn":
        return Reading(at, after + 2, Quantity(360 * value, Unit.DEGREE))
    return Reading(at, after + 2, MEASURES[unit].quantity(value)) if unit in MEASURES else None


def _turn(words: Sequence[str], at: int) -> Reading | None:
    """ "a quarter turn", "half turn", "a full turn" as degrees."""
    part = read_fraction(words, at)
    if part is None:
        start = at + 1 if words[at] in ("a", "one") else at
        part = (1.0, start + 1) if _word(words, start) in ("full", "complete") else None
    if part is None or _word(words, part[1]) != "turn":
        return None
    return Reading(at, part[1] + 1, Quantity(360 * part[0], Unit.DEGREE))


def _several(words: Sequence[str], at: int) -> Reading | None:
    """ "a dozen", "two dozen", "a couple of (metres)"."""
    start = at + 1 if words[at] == "a" else at
    if _word(words, start) == "couple":
        after = start + 2 if _word(words, start + 1) == "of" else start + 1
        return _with_unit(words, at, after, 2.0) or (
            Reading(at, after, Quantity(2.0, Unit.COUNT)) if _word(words, after - 1) == "of" else None
        )
    if _word(words, start) == "dozen":
        return Reading(at, start + 1, Quantity(12.0, Unit.COUNT))
    number = read_number(words, at)
    if number and _word(words, number[1]) == "dozen":
        return Reading(at, number[1] + 1, Quantity(12 * number[0], Unit.COUNT))
    return None


def _level(words: Sequence[str], at: int) -> Reading | None:
    """Shares of a whole without a unit: "halfway", "half open", "to a quarter", "full brightness"."""
    word = words[at]
    if word == "halfway":
        return Reading(at, at + 1, Quantity(50.0, Unit.PERCENT))
    following, preceding = _word(words, at + 1), _word(words, at - 1)
    if word == "full" and (following in LEVELS or (preceding in ("to", "at", "on") and _ends_phrase(following))):
        return Reading(at, at + 1, Quantity(100.0, Unit.PERCENT))
    if word == "half" and (following in _HALF_STATES or following in LEVELS):
        return Reading(at, at + 2 if following == "way" else at + 1, Quantity(50.0, Unit.PERCENT))
    part = read_fraction(words, at)
    if part and preceding in ("to", "by", "at") and _ends_phrase(_word(words, part[1])):
        return Reading(at, part[1], Quantity(round(100 * part[0], 2), Unit.PERCENT))
    return None


def _number_and_unit(words: Sequence[str], at: int) -> Reading | None:
    number = read_number(words, at)
    return _with_unit(words, at, number[1], number[0]) if number else None


def _with_unit(words: Sequence[str], first: int, at: int, value: float) -> Reading | None:
    """The quantity of a number whose unit stands at `at`, or after a "more"."""
    if _word(words, at) in _BETWEEN and _word(words, at + 1) in MEASURES:
        at += 1
    unit = _word(words, at)
    if unit == "per" and _word(words, at + 1) == "cent":
        return Reading(first, at + 2, Quantity(value, Unit.PERCENT))
    if unit == "fluid" and _word(words, at + 1) in ("ounce", "ounces"):
        at, unit = at + 1, "ounce"
    if unit not in MEASURES:
        return None
    measure, after = MEASURES[unit], at + 1
    if measure.unit is Unit.DEGREE and _word(words, after) in TEMPERATURES:
        measure, after = TEMPERATURES[words[after]], after + 1
    return Reading(first, after, measure.quantity(value))


def _bare(words: Sequence[str], at: int) -> Reading | None:
    """A number without a unit, where it counts or sets something."""
    number = read_number(words, at)
    if number is None or read_fraction(words, at) == number or _is_time_of_day(words, number[1]):
        return None
    value, after = number
    if _word(words, after) in FOREIGN:
        return None
    if words[at] == "one" and after == at + 1 and not _counts_one(words, at):
        return None
    return Reading(at, after, Quantity(round(value, 6), Unit.COUNT))


def _counts_one(words: Sequence[str], at: int) -> bool:
    """Whether "one" is a number here: "one latte", "set it to one"; not "the red one", "one of them"."""
    following, preceding = _word(words, at + 1), _word(words, at - 1)
    if _ends_phrase(following):
        return preceding in _SET_TO
    return preceding not in _NOT_ONE and following not in _NOT_A_NOUN


def _parted(words: Sequence[str], reading: Reading) -> tuple[Reading, ...]:
    """Hours or minutes with a fraction said after them as two: "two and a half hours", "1 1/2 hours"."""
    unit = MEASURES.get(words[reading.after - 1])
    finer = _FINER.get(unit.unit) if unit and unit.factor == 1 else None
    for at in range(reading.first + 1, reading.after - 1):
        rest = at + 1 if words[at] == "and" else at
        part = read_fraction(words, rest) if rest > at or "/" in words[at] else None
        whole = read_number(words[:at], reading.first)
        if unit and finer and part and whole and whole[0] % 1 == 0 and whole[1] == at:
            said = Quantity(whole[0], unit.unit), Quantity(round(60 * part[0], 6), finer)
            return Reading(reading.first, at, said[0]), Reading(rest, reading.after, said[1])
    return (reading,)


def _and_a_half(words: Sequence[str], before: Reading) -> Reading | None:
    """The "a half" of "an hour and a half", in the next finer unit."""
    finer = _FINER.get(before.quantity.unit)
    if finer is None or before.quantity.value % 1 or _word(words, before.after) != "and":
        return None
    part = read_fraction(words, before.after + 1)
    if part is None or _word(words, part[1]) in MEASURES:
        return None
    said_in_full = part[1] > before.after + 2  # "an hour and a half timer", not "an hour and half the box"
    if not said_in_full and not _ends_phrase(_word(words, part[1])):
        return None
    return Reading(before.after + 1, part[1], Quantity(round(60 * part[0], 6), finer))


def _one_length(words: Sequence[str], before: Reading, reading: Reading) -> Reading | None:
    """Two lengths side by side as one: "six feet two inches"; the second must be said in a smaller unit."""
    between = list(words[before.after : reading.first])
    if between not in ([], ["and"]) or not (before.quantity.unit is reading.quantity.unit is Unit.METRE):
        return None
    last = MEASURES.get(words[before.after - 1]), MEASURES.get(words[reading.after - 1])
    if last[0] is None or last[1] is None or last[1].factor >= last[0].factor:
        return None
    total = round(before.quantity.value + reading.quantity.value, 6)
    return Reading(before.first, reading.after, Quantity(total, Unit.METRE))


def _is_time_of_day(words: Sequence[str], after: int) -> bool:
    return _word(words, after) in ("am", "pm", "o'clock")


def _number_end(words: Sequence[str], at: int) -> int:
    """The place after a number that is no quantity, so that no part of it is read as one."""
    number = read_number(words, at)
    return number[1] if number else at + 1


def _ends_phrase(word: str) -> bool:
    return not word or word in FUNCTION_WORDS


def _word(words: Sequence[str], at: int) -> str:
    return words[at] if 0 <= at < len(words) else ""
