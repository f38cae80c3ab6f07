"""What may go out, whatever the interpreter said: one function decides it, by other code than made the action.

Decides an action's tier, whether it waits for somebody's yes, and whether it may happen at all: it is an action of its
pack, within its slots, names only what is known here, and keeps the owner's rules for the site. Refuses everything else
with POLICY_REFUSED. It trusts neither the resolver nor the pack's own validators; no rule holds up a stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from edge_agent.errors import Code, NodeFault
from edge_agent.messages.base import JsonAction
from edge_agent.packs.base import ActionSpec, EntitySlot, Hazard, Pack
from edge_agent.safety.digest import digest_of
from edge_agent.safety.site_rules import AT_THE_SPEAKER, NO_RULES, SiteRules, Situation
from edge_agent.safety.slot_bounds import slot_problem

TIER_STOP = 0
TIER_REVERSIBLE = 1
TIER_HAZARD = 2

TIERS: Final[dict[Hazard, int]] = {
    "stop": TIER_STOP,
    "none": TIER_REVERSIBLE,
    "motion": TIER_HAZARD,
    "lock": TIER_HAZARD,
    "heat": TIER_HAZARD,
    "money": TIER_HAZARD,
}


@dataclass(frozen=True, slots=True)
class Planned:
    """One action that may happen, now or after a yes."""

    action: JsonAction
    digest: str
    tier: int
    needs_confirmation: bool
    stops: bool
    """It is a stop itself."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The owner's rules. `confirm` names the hazards whose actions wait for a yes."""

    confirm: frozenset[Hazard] = frozenset()
    rules: SiteRules = NO_RULES

    def judge(self, pack: Pack, actions: Sequence[Any], situation: Situation) -> tuple[Planned, ...]:
        """Let the actions of one command pass, all or none; each is a JSON value that anybody may have written.

        Raises:
            NodeFault: POLICY_REFUSED, `where` the slot concerned; OUTPUT_INVALID for what has no digest.
        """
        judged = [self._judged(pack, action, situation) for action in actions]
        excess = self.rules.excess(pack.name, [(spec, planned.action) for spec, planned in judged], situation)
        if excess is not None:
            raise _refused(excess.message, excess.where)
        return tuple(planned for _spec, planned in judged)

    def _judged(self, pack: Pack, action: Any, situation: Situation) -> tuple[ActionSpec, Planned]:
        spec = _spec_of(pack, action)
        _check_slots(spec, action)
        _check_names(pack, spec, action, situation)
        hazard = _hazard_of(pack, spec, action, situation)
        if hazard != "stop":
            breach = self.rules.breach(pack.name, spec, action, hazard=hazard, situation=situation)
            if breach is not None:
                raise _refused(breach.message, breach.where)
        return spec, Planned(
            action=action,
            digest=digest_of(action),
            tier=TIERS[hazard],
            needs_confirmation=hazard != "stop" and not self.confirm.isdisjoint({hazard, spec.hazard}),
            stops=hazard == "stop",
        )


def _spec_of(pack: Pack, action: Any) -> ActionSpec:
    if not isinstance(action, dict):
        raise _refused(f"an action is a JSON object, not a {type(action).__name__}", "action")
    name = action.get("action")
    spec = pack.action(name) if isinstance(name, str) else None
    if spec is None:
        raise _refused(f"the pack {pack.name} has no action {str(name)[:64]!r}", "action")
    return spec


def _check_slots(spec: ActionSpec, action: JsonAction) -> None:
    for key in action:
        if key != "action" and spec.slot(str(key)) is None:
            raise _refused(f"{spec.name} has no slot {str(key)[:64]!r}", str(key)[:64])
    for slot in spec.slots:
        if slot.name not in action:
            if slot.required:
                raise _refused(f"{spec.name} needs it", slot.name)
            continue
        problem = slot_problem(slot.slot, action[slot.name])
        if problem:
            raise _refused(problem, slot.name)


def _check_names(pack: Pack, spec: ActionSpec, action: JsonAction, situation: Situation) -> None:
    """Only what is known here, of a fitting kind, can be named.

    The speaker and the speaker's place can, too: by word, or by the name that the sender told.
    """
    told = {word.casefold() for word in (situation.area, situation.speaker) if word is not None}
    for slot in spec.slots:
        if not isinstance(slot.slot, EntitySlot) or slot.name not in action:
            continue
        name = action[slot.name]
        if name.casefold() in told or (name in AT_THE_SPEAKER and name in slot.slot.words):
            continue
        found = situation.world.entity(name)
        if found is None:
            raise _refused(f"nothing is known here (any more) that is called {name!r}", slot.name)
        if not any(pack.fits(slot.slot, one) for one in (found, *situation.world.names.named(name))):
            raise _refused(f"{name!r} is of kind {found.kind!r}, which has no place there", slot.name)


def _hazard_of(pack: Pack, spec: ActionSpec, action: JsonAction, situation: Situation) -> Hazard:
    """What the action can do; a pack may sharpen its own word for the action's values, and never soften it.

    A pack is the owner's code: what it raises here, or says that is no hazard, is a reason to do nothing.
    """
    if pack.hazard_of is None:
        return spec.hazard
    try:
        hazard = pack.hazard_of(action, spec.hazard, situation.surroundings())
    except Exception as bug:
        raise _refused(f"the pack {pack.name} cannot say what {spec.name} can do: {bug!r:.100}", "action") from bug
    if hazard not in get_args(Hazard) or ("stop" in (hazard, spec.hazard) and hazard != spec.hazard):
        raise _refused(f"the pack {pack.name} says that {spec.name} can do {hazard!r:.40}", "action")
    return hazard if TIERS[hazard] >= TIERS[spec.hazard] else spec.hazard


def _refused(message: str, where: str) -> NodeFault:
    return NodeFault(Code.POLICY_REFUSED, message, where=where)
