"""The owner's rules for one site: limits of slots, forbidden actions, no-go places. Pure.

Decides whether an action breaks one of them, and names the rule by its place in the settings. Refuses to let doubt
through: a rule for an area also holds where an action names no place at all, or one that holds the area.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.messages.base import JsonAction
from edge_agent.packs.base import ActionSpec, EntitySlot, Hazard, Surroundings
from edge_agent.safety.places import key_of, whereabouts
from edge_agent.world.store import World

AT_THE_SPEAKER: Final = frozenset({"me", "here"})
"""Words that an action may hold as they are; the robot finds the speaker by itself."""
_WHOLE: Final = frozenset({"area", "floor"})
"""A slot for nothing else means all that lies in what stands there, as with Home Assistant."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What an action is judged by besides itself: who is to do it, what was said where by whom, and the world now."""

    world: World
    robot: str
    text: str = ""
    area: str | None = None
    speaker: str | None = None

    def surroundings(self) -> Surroundings:
        """As a pack sees it."""
        return Surroundings(self.text, self.area, self.speaker, self.world.entity)


@dataclass(frozen=True, slots=True)
class Breach:
    """Why an action may not happen, and the slot concerned."""

    message: str
    where: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a rule holds: packs by name, one robot or any, one area or all. `origin` is its place in the settings."""

    origin: str
    packs: frozenset[str]
    robot: str | None = None
    area: str | None = None

    def holds(self, pack: str, situation: Situation) -> bool:
        """Whether the rule speaks of this pack and this robot."""
        return pack in self.packs and self.robot in (None, situation.robot)

    def holds_at(self, spec: ActionSpec, action: JsonAction, situation: Situation) -> bool:
        """Whether the action is not certainly elsewhere."""
        if self.area is None:
            return True
        named = [name for _slot, name in _named(spec, action)]
        if AT_THE_SPEAKER.intersection(named):
            if situation.area is None:
                return True
            told = (situation.area, situation.speaker)
            named = [name for name in (*named, *told) if name and name not in AT_THE_SPEAKER]
        above = whereabouts(situation.world, self.area)
        return not named or any(
            key_of(self.area) in _lies_in(name, situation) or key_of(name) in above for name in named
        )


@dataclass(frozen=True, slots=True)
class Limit:
    """What one slot of one action may hold."""

    scope: Scope
    action: str
    slot: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    total: float | None = None
    one_of: frozenset[str] | None = None
    required: bool = False

    def problem(self, action: JsonAction) -> str:
        """What is wrong with the action's slot, or ""; the total is looked at elsewhere."""
        value = action.get(self.slot)
        if value is None:
            return "has to be said here" if self.required else ""
        if self.one_of is not None and value not in self.one_of:
            return f"is {value}; here it is one of {', '.join(sorted(self.one_of))}"
        if self.minimum is not None and value < self.minimum:
            return f"is {value:g} {self.unit}; at least {self.minimum:g} is allowed here"
        if self.maximum is not None and value > self.maximum:
            return f"is {value:g} {self.unit}; at most {self.maximum:g} is allowed here"
        return ""


@dataclass(frozen=True, slots=True)
class Ban:
    """An action that does not happen here."""

    scope: Scope
    action: str


@dataclass(frozen=True, slots=True)
class NoGo:
    """A place that some actions, or all that move, are closed to; `scope` has it as its area.

    `known_in`: packs whose worlds had it at the start.
    """

    scope: Scope
    place: str
    actions: frozenset[str] = frozenset()
    known_in: frozenset[str] = frozenset()

    def breach(
        self, pack: str, spec: ActionSpec, action: JsonAction, *, hazard: Hazard, situation: Situation
    ) -> Breach | None:
        """Why the action may not happen, or None.

        What moves goes to what it names. What acts on a whole room or floor, or names nothing where it could, acts on
        all that lies there: that is closed where it cannot be shown to keep out of the place.
        """
        moves = "motion" in (spec.hazard, hazard)
        if spec.name not in self.actions if self.actions else not moves:
            return None
        for slot, name in _named(spec, action):
            if key_of(self.place) in _lies_in(name, situation):
                lies = "is" if key_of(name) == key_of(self.place) else f"is or lies in {self.place!r},"
                return Breach(f"{name!r} {lies} a no-go place here ({self.scope.origin})", slot)
        reaches = (not moves or _acts_on_all(spec, action)) and self.scope.holds_at(spec, action, situation)
        if reaches and self._is_in(pack, situation.world):
            message = f"{spec.name} would reach into {self.place!r}, a no-go place here ({self.scope.origin})"
            return Breach(message, "action")
        return None

    def _is_in(self, pack: str, world: World) -> bool:
        """Whether this pack's world has the place, now or before an update."""
        return pack in self.known_in or any(True for _ in world.ever_called(self.place))


@dataclass(frozen=True, slots=True)
class SiteRules:
    """All of them."""

    limits: tuple[Limit, ...] = ()
    bans: tuple[Ban, ...] = ()
    no_go: tuple[NoGo, ...] = ()

    def breach(
        self, pack: str, spec: ActionSpec, action: JsonAction, *, hazard: Hazard, situation: Situation
    ) -> Breach | None:
        """Why this action may not happen here, or None. Its slots are within the pack's own bounds already."""
        for ban in self.bans:
            if ban.action == spec.name and _applies(ban.scope, pack, spec, action, situation):
                return Breach(f"{spec.name} is forbidden here ({ban.scope.origin})", "action")
        for limit in self.limits:
            if limit.action == spec.name and _applies(limit.scope, pack, spec, action, situation):
                problem = limit.problem(action)
                if problem:
                    return Breach(f"{spec.name}.{limit.slot} {problem} ({limit.scope.origin})", limit.slot)
        for no_go in self.no_go:
            if no_go.scope.holds(pack, situation):
                breach = no_go.breach(pack, spec, action, hazard=hazard, situation=situation)
                if breach is not None:
                    return breach
        return None

    def excess(self, pack: str, steps: Sequence[tuple[ActionSpec, JsonAction]], situation: Situation) -> Breach | None:
        """Why these actions of one command may not all happen, each of them allowed by itself; or None."""
        for limit in self.limits:
            if limit.total is None:
                continue
            total = sum(
                action.get(limit.slot, 1)
                for spec, action in steps
                if limit.action == spec.name and _applies(limit.scope, pack, spec, action, situation)
            )
            if total > limit.total:
                message = f"{limit.action}.{limit.slot} comes to {total:g} {limit.unit} in this command"
                return Breach(f"{message}; at most {limit.total:g} is allowed here ({limit.scope.origin})", limit.slot)
        return None


NO_RULES: Final = SiteRules()


def _applies(scope: Scope, pack: str, spec: ActionSpec, action: JsonAction, situation: Situation) -> bool:
    return scope.holds(pack, situation) and scope.holds_at(spec, action, situation)


def _named(spec: ActionSpec, action: JsonAction) -> Iterator[tuple[str, str]]:
    """The action's entity slots that are filled, with what they hold."""
    for slot in spec.slots:
        if isinstance(slot.slot, EntitySlot) and slot.name in action:
            yield slot.name, action[slot.name]


def _acts_on_all(spec: ActionSpec, action: JsonAction) -> bool:
    """Whether it acts on everything of an area or a floor, or on everything there is, by leaving all such slots out."""
    slots = [(slot.name, slot.slot) for slot in spec.slots if isinstance(slot.slot, EntitySlot)]
    filled = [slot for name, slot in slots if name in action]
    return bool(slots) and (not filled or any(slot.kinds and set(slot.kinds) <= _WHOLE for slot in filled))


def _lies_in(name: str, situation: Situation) -> frozenset[str]:
    """Keys of what a name lies in; what stands for the speaker lies where the speaker stands."""
    keys = whereabouts(situation.world, name)
    speaker = situation.speaker
    if name in AT_THE_SPEAKER or (speaker is not None and key_of(name) == key_of(speaker)):
        for place in (situation.area, speaker):
            if place is not None:
                keys |= whereabouts(situation.world, place)
    return keys
