"""Units as people say them, and what they convert to.

Decides what a unit word stands for and whether a quantity may fill a slot of another unit. It refuses units that no
slot holds (steps, kilograms, o'clock): three steps are not three metres, so the number before such a word is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge_agent.world.lexicon import listed
from edge_agent.world.mention import Quantity, Unit


@dataclass(frozen=True, slots=True)
class Measure:
    """A unit word: its value times `factor` plus `offset` is in `unit`."""

    unit: Unit
    factor: float = 1.0
    offset: float = 0.0

    def quantity(self, value: float) -> Quantity:
        """A quantity in whole minutes or seconds where hours or minutes come broken: half an hour is 30 minutes."""
        converted = value * self.factor + self.offset
        unit = self.unit
        for coarse, fine in ((Unit.HOUR, Unit.MINUTE), (Unit.MINUTE, Unit.SECOND)):
            if unit is coarse and converted % 1:
                converted, unit = converted * 60, fine
        return Quantity(round(converted, 2 if unit is Unit.TEMPERATURE else 6), unit)


_CELSIUS = Measure(Unit.TEMPERATURE)
_FAHRENHEIT = Measure(Unit.TEMPERATURE, 5 / 9, -160 / 9)

_SAID: Final = {
    Measure(Unit.METRE): "m metre metres meter meters",
    Measure(Unit.METRE, 0.01): "cm centimetre centimetres centimeter centimeters",
    Measure(Unit.METRE, 0.001): "mm millimetre millimetres millimeter millimeters",
    Measure(Unit.METRE, 1000.0): "km kilometre kilometres kilometer kilometers",
    Measure(Unit.METRE, 0.3048): "ft foot feet",
    Measure(Unit.METRE, 0.0254): "inch inches",
    Measure(Unit.METRE, 0.9144): "yd yard yards",
    Measure(Unit.METRE, 1609.344): "mile miles",
    Measure(Unit.DEGREE): "deg degree degrees °",
    Measure(Unit.SECOND): "s sec secs second seconds",
    Measure(Unit.SECOND, 0.001): "ms millisecond milliseconds",
    Measure(Unit.MINUTE): "min mins minute minutes",
    Measure(Unit.HOUR): "h hr hrs hour hours",
    Measure(Unit.HOUR, 24.0): "day days",
    Measure(Unit.PERCENT): "% percent pct",
    Measure(Unit.OUNCE): "oz ounce ounces",
    _CELSIUS: "celsius centigrade °c",
    _FAHRENHEIT: "fahrenheit °f",
}
MEASURES: Final = {word: measure for measure, words in _SAID.items() for word in words.split()}
"""Unit words that may follow a number."""

SUFFIXES: Final = {**MEASURES, "in": MEASURES["inch"], "c": _CELSIUS, "f": _FAHRENHEIT}
"""Units written onto a number: 30cm, 21c. Apart from it, "in" and "c" are no units."""

TEMPERATURES: Final = {
    "c": _CELSIUS,
    "f": _FAHRENHEIT,
    "celsius": _CELSIUS,
    "centigrade": _CELSIUS,
    "fahrenheit": _FAHRENHEIT,
}
"""What turns "degrees" before it into a temperature."""

FOREIGN: Final = frozenset(
    listed(
        "step steps pace paces block blocks lap laps lb lbs pound pounds kg kilo kilos kilogram kilograms gram grams g "
        "litre litres liter liters ml millilitre millilitres milliliter milliliters l gallon gallons pint pints "
        "watt watts kelvin knot knots mph kmh kph dollar dollars euro euros cent cents am pm o'clock oclock radian "
        "radians rad week weeks month months year years st nd rd th"
    )
)
"""Units and times of day that no slot holds."""

_SECONDS: Final = {Unit.SECOND: 1.0, Unit.MINUTE: 60.0, Unit.HOUR: 3600.0}


def convert(quantity: Quantity, to_unit: Unit) -> float | None:
    """The value in another unit, or None where it does not convert.

    A bare number fits every unit; "degrees" are an angle, or degrees Celsius where a temperature is wanted; seconds,
    minutes and hours convert into one another.
    """
    if quantity.unit is to_unit or quantity.unit is Unit.COUNT:
        return quantity.value
    if quantity.unit is Unit.DEGREE and to_unit is Unit.TEMPERATURE:
        return quantity.value
    if quantity.unit in _SECONDS and to_unit in _SECONDS:
        return round(quantity.value * _SECONDS[quantity.unit] / _SECONDS[to_unit], 6)
    return None
