"""What may go out, whatever the interpreter said: every action is checked here again, by other code than made it.

Decides the tier of a hazard, whether it needs somebody's yes, and whether an action stays within its pack's slots.
Refuses with POLICY_REFUSED: unknown actions and slots, values out of range, `reject` in an action's place. Whether a
name exists in the world is the resolver's question; this one trusts neither it nor the pack's own validators.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from edge_agent import limits
from edge_agent.errors import Code, NodeFault
from edge_agent.messages.base import JsonAction
from edge_agent.packs.base import ChoiceSlot, EntitySlot, Hazard, Pack, QuantitySlot, Slot, TextSlot

TIER_STOP = 0
TIER_REVERSIBLE = 1
TIER_HAZARD = 2

_TIERS: dict[Hazard, int] = {
    "stop": TIER_STOP,
    "none": TIER_REVERSIBLE,
    "motion": TIER_HAZARD,
    "lock": TIER_HAZARD,
    "heat": TIER_HAZARD,
    "money": TIER_HAZARD,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The owner's rules. `confirm` names the hazards whose actions wait for a yes."""

    confirm: frozenset[Hazard] = frozenset()

    def tier(self, hazard: Hazard) -> int:
        """0 stop, 1 reversible, 2 motion, locks, heat and money."""
        return _TIERS[hazard]

    def needs_confirmation(self, hazard: Hazard) -> bool:
        """Whether an action of this hazard waits for a confirmation. A stop never does."""
        return hazard != "stop" and hazard in self.confirm

    def check(self, pack: Pack, action: JsonAction) -> None:
        """Let an action of this pack pass.

        Raises:
            NodeFault: POLICY_REFUSED; `where` is the slot concerned.
        """
        name = action.get("action")
        spec = pack.action(name) if isinstance(name, str) else None
        if spec is None:
            raise _refused(f"the pack {pack.name} has no action {str(name)[:64]!r}", "action")
        for key in action:
            if key != "action" and spec.slot(key) is None:
                raise _refused(f"{spec.name} has no slot {key[:64]!r}", key[:64])
        for slot in spec.slots:
            if slot.name not in action:
                if slot.required:
                    raise _refused(f"{spec.name} needs it", slot.name)
                continue
            problem = _problem(slot.slot, action[slot.name])
            if problem:
                raise _refused(problem, slot.name)


def _refused(message: str, where: str) -> NodeFault:
    return NodeFault(Code.POLICY_REFUSED, message, where=where)


def _problem(slot: Slot, value: Any) -> str:
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
