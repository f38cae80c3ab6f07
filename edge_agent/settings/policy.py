"""What an owner allows: [policy], and how long an executor may be silent: [executor].

Here a rule is only well formed. Whether its action, slot and place exist is looked at when packs and worlds are there
(`safety.reading`), and is an error at start all the same.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from edge_agent import limits
from edge_agent.messages.base import Identifier, Name
from edge_agent.settings.base import Section

Bound = Annotated[float, Field(allow_inf_nan=False)]
ActionName = Annotated[str, StringConstraints(min_length=1, max_length=48)]


class RuleSettings(Section):
    """What every rule may be narrowed to; without them it holds everywhere."""

    pack: Identifier | None = None
    robot: Identifier | None = None


class LimitSettings(RuleSettings):
    """What one slot of one action may hold here: `[[policy.limit]]`."""

    action: ActionName
    slot: ActionName
    min: Bound | None = None
    max: Bound | None = None
    total_max: Bound | None = None
    """Of all such actions of one command together; one that leaves the slot out counts as 1."""
    unit: str | None = None
    """Says in which unit the numbers are meant; it has to be the slot's own."""
    one_of: tuple[Name, ...] | None = None
    """The only values that a slot with fixed choices may have."""
    required: bool = False
    """The action is refused where the slot was left out, for then the robot would choose."""
    area: Name | None = None
    """Only where the action names something of this place, something that holds it, or nothing at all."""

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        numbers = (self.min, self.max, self.total_max)
        if all(number is None for number in numbers) and self.one_of is None and not self.required:
            raise ValueError("limits nothing: give it min, max, total_max, one_of or required")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max: no value would be left")
        return self


class ForbidSettings(RuleSettings):
    """An action that does not happen here: `[[policy.forbid]]`."""

    action: ActionName
    area: Name | None = None
    """As for a limit."""


class NoGoSettings(RuleSettings):
    """A place that nothing is to be done at: `[[policy.no_go]]`."""

    place: Name
    """A name or an alias of the world, or an area or a floor that things of it lie in."""
    actions: tuple[ActionName, ...] = ()
    """Those that the place is closed to; every action that moves when absent."""
    later: bool = False
    """It is not known yet and may come with an update of the world; otherwise an unknown place is an error."""


class PolicySettings(Section):
    """What needs a yes and what is refused, whatever the model says."""

    confirm: tuple[Literal["motion", "lock", "heat", "money"], ...] = ("lock", "heat", "money")
    confirm_ttl_ms: Annotated[int, Field(ge=1_000, le=limits.TTL_MS_MAX)] = 20_000
    second_person: bool = False
    """A yes counts only from another client than the one who asked."""
    limit: Annotated[tuple[LimitSettings, ...], Field(max_length=limits.POLICY_RULES_MAX)] = ()
    forbid: Annotated[tuple[ForbidSettings, ...], Field(max_length=limits.POLICY_RULES_MAX)] = ()
    no_go: Annotated[tuple[NoGoSettings, ...], Field(max_length=limits.POLICY_RULES_MAX)] = ()


class ExecutorSettings(Section):
    """How long to believe in a silent executor, and when to say things again."""

    timeout_ms: Annotated[int, Field(ge=500, le=600_000)] = 5_000
    resend_ms: Annotated[int, Field(ge=50, le=60_000)] = 500
    stop_resend_ms: Annotated[int, Field(ge=20, le=10_000)] = 100
