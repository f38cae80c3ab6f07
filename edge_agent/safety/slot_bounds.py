"""Whether a value may stand in a slot of its pack, by other code than the pack's own class and schema."""

from __future__ import annotations

import math
from typing import Any

from edge_agent import limits
from edge_agent.packs.base import ChoiceSlot, EntitySlot, QuantitySlot, Slot, TextSlot


def slot_problem(slot: Slot, value: Any) -> str:
    """What is wrong with a slot's value, or ""."""
    if isinstance(slot, QuantitySlot):
        return _quantity_problem(slot, value)
    if not isinstance(value, str) or not value.strip():
        return "is a text that is not empty"
    if not value.isprintable():
        return "holds characters that cannot be printed"
    match slot:
        case ChoiceSlot(values):
            return "" if value in values else f"is one of {', '.join(values)}"
        case TextSlot(chars_max):
            return "" if len(value) <= chars_max else f"has at most {chars_max} characters"
        case EntitySlot():
            return "" if len(value) <= limits.NAME_CHARS_MAX else f"has at most {limits.NAME_CHARS_MAX} characters"


def _quantity_problem(slot: QuantitySlot, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"is a number of {slot.unit}"
    if isinstance(value, float) and not math.isfinite(value):
        return "is a finite number"
    if slot.integer and value != int(value):
        return "is a whole number"
    if not slot.minimum <= value <= slot.maximum:
        return f"is from {slot.minimum:g} to {slot.maximum:g}"
    return ""
