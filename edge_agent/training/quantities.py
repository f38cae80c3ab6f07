"""Says a quantity the way people do: words or digits, the unit long or short, halves now and then."""

from __future__ import annotations

import random

from edge_agent.packs.phrase_parts import QuantityList
from edge_agent.training.words import spelled
from edge_agent.world.mention import Unit

_UNIT_WORDS = {
    Unit.METRE: ("metres", "meters", "metres", "meters", "m", "feet", "centimetres", "cm", "inches", "steps"),
    Unit.DEGREE: ("degrees", "degrees", "degrees", "°"),
    Unit.SECOND: ("seconds", "seconds", "secs"),
    Unit.MINUTE: ("minutes", "minutes", "mins"),
    Unit.HOUR: ("hours", "hours", "hrs"),
    Unit.PERCENT: ("percent", "percent", "%", "per cent"),
    Unit.TEMPERATURE: ("degrees", "degrees", "degrees celsius", "°", "°c"),
    Unit.OUNCE: ("ounces", "oz"),
    Unit.COUNT: ("",),
    Unit.EXTREME: ("",),
}
_ONE = {
    "metres": "metre",
    "meters": "meter",
    "feet": "foot",
    "centimetres": "centimetre",
    "inches": "inch",
    "steps": "step",
    "degrees": "degree",
    "seconds": "second",
    "minutes": "minute",
    "hours": "hour",
    "ounces": "ounce",
}
_CLOSE_UP = ("°", "°c", "%", "m", "cm")
BARE_SHARE = 0.12
"""How often the unit is left unsaid where it goes without saying."""


_LEVELS = (
    "maximum", "the maximum", "max", "the max", "full", "the highest", "the lowest", "minimum", "the minimum",
    "its maximum", "its lowest", "the highest level", "the lowest setting", "the lowest level", "the highest setting",
    "half", "half", "a quarter", "three quarters", "halfway",
)  # fmt: skip
"""Ends and parts of a range, as they stand after "to"; where they are not read as such the sentence is dropped."""
LEVEL_SHARE = 0.1


def said_quantity(rng: random.Random, numbers: QuantityList) -> str:
    """A number of this list with its unit; of a percentage sometimes an end or a part of its range."""
    if numbers.words:
        return rng.choice(numbers.words)
    if numbers.unit is Unit.PERCENT and rng.random() < LEVEL_SHARE:
        return rng.choice(_LEVELS)
    steps = (numbers.maximum - numbers.minimum) // numbers.step
    value = numbers.minimum + numbers.step * rng.randint(0, min(steps, rng.choice((steps, 12))))
    unit = rng.choice(_UNIT_WORDS[numbers.unit])
    if rng.random() < BARE_SHARE and numbers.unit in (Unit.PERCENT, Unit.TEMPERATURE, Unit.DEGREE):
        unit = ""
    in_words = rng.random() < 0.55 and unit not in _CLOSE_UP
    if numbers.halves and rng.random() < 0.2:
        return _half(rng, value, unit, in_words)
    if value == 1:
        unit = _ONE.get(unit, unit)
        if unit and in_words and rng.random() < 0.5:
            return f"{'an' if unit[0] in 'aeiouh' and unit != 'hundred' else 'a'} {unit}"
    number = spelled(value) if in_words else str(value)
    return f"{number}{'' if unit in _CLOSE_UP and rng.random() < 0.6 else ' '}{unit}".strip()


def _half(rng: random.Random, value: int, unit: str, in_words: bool) -> str:
    if unit in _CLOSE_UP or not unit or not in_words:
        return f"{value}.5 {unit}".strip()
    if rng.random() < 0.3:
        one = _ONE.get(unit, unit)
        return f"half {'an' if one == 'hour' else 'a'} {one}"
    return f"{spelled(max(value, 1))} and a half {unit}"
