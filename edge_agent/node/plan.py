"""From understood actions to actions that may happen: checked again, with digest, tier and the need of a yes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.messages import JsonAction
from edge_agent.packs.base import Pack, Surroundings
from edge_agent.safety.digest import digest_of
from edge_agent.safety.policy import Policy


@dataclass(frozen=True, slots=True)
class Planned:
    """One action that may happen, now or after a yes."""

    action: JsonAction
    digest: str
    tier: int
    needs_confirmation: bool
    stops: bool
    """It is a stop itself."""


def plan(pack: Pack, policy: Policy, actions: Sequence[JsonAction], surroundings: Surroundings) -> tuple[Planned, ...]:
    """Check each action again, outside the model, and judge what it can do.

    Raises:
        NodeFault: POLICY_REFUSED, OUTPUT_INVALID.
    """
    return tuple(_planned(pack, policy, action, surroundings) for action in actions)


def _planned(pack: Pack, policy: Policy, action: JsonAction, surroundings: Surroundings) -> Planned:
    policy.check(pack, action)
    spec = pack.action(str(action["action"]))
    assert spec is not None, "policy.check lets no unknown action pass"
    hazard = spec.hazard
    if pack.hazard_of is not None:
        hazard = pack.hazard_of(action, hazard, surroundings)
    return Planned(
        action=action,
        digest=digest_of(action),
        tier=policy.tier(hazard),
        needs_confirmation=policy.needs_confirmation(hazard),
        stops=hazard == "stop",
    )
