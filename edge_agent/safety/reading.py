"""The owner's settings as a policy: every name in them is looked up in the packs and worlds that this node speaks of.

Refuses a rule that would never apply (SETTINGS_INVALID, naming the field): an action, slot, place or pack that is not
here, a bound that the slot has anyway, a unit that is not the slot's. Nothing is worse than a limit nobody keeps.
Robots come and go; of a rule for one that is not this node's own it is only said that it waits for it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import NoReturn

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.packs.base import ActionSpec, ChoiceSlot, EntitySlot, Pack, QuantitySlot, SlotSpec
from edge_agent.safety.places import key_of
from edge_agent.safety.policy import Policy
from edge_agent.safety.site_rules import Ban, Limit, NoGo, Scope, SiteRules
from edge_agent.settings.policy import ForbidSettings, LimitSettings, NoGoSettings, PolicySettings, RuleSettings
from edge_agent.world.store import World


def policy_of(settings: PolicySettings, packs: Mapping[str, Pack], worlds: Mapping[str, World]) -> Policy:
    """The policy of these settings for these packs and their worlds, both by the pack's name.

    Raises:
        ConfigurationFault: SETTINGS_INVALID; `where` is the field.
    """
    reader = _Reader(packs, worlds)
    rules = SiteRules(
        limits=tuple(reader.limit(f"policy.limit.{place}", rule) for place, rule in enumerate(settings.limit)),
        bans=tuple(reader.ban(f"policy.forbid.{place}", rule) for place, rule in enumerate(settings.forbid)),
        no_go=tuple(reader.no_go(f"policy.no_go.{place}", rule) for place, rule in enumerate(settings.no_go)),
    )
    return Policy(frozenset(settings.confirm), rules)


def waiting_rules(rules: SiteRules, own_robot: str, worlds: Mapping[str, World]) -> Iterator[str]:
    """Rules that speak of something which is not here yet, each in words for the log."""
    scopes = [
        *(one.scope for one in rules.limits),
        *(one.scope for one in rules.bans),
        *(one.scope for one in rules.no_go),
    ]
    for scope in scopes:
        if scope.robot not in (None, own_robot):
            yield f"{scope.origin} waits for an executor of the robot {scope.robot!r}"
    for no_go in rules.no_go:
        if not any(_is_known(worlds[name], no_go.place) for name in no_go.scope.packs):
            yield f"{no_go.scope.origin} waits for the place {no_go.place!r}, which no world here has"


class _Reader:
    """Looks up one rule after the other; `origin` is the rule's place in the settings."""

    def __init__(self, packs: Mapping[str, Pack], worlds: Mapping[str, World]) -> None:
        self._packs = packs
        self._worlds = worlds

    def limit(self, origin: str, rule: LimitSettings) -> Limit:
        specs = self._specs(origin, rule, rule.action)
        for spec in specs.values():
            slot = spec.slot(rule.slot)
            if slot is None:
                _fault(f"{origin}.slot", _unknown(f"slot of {spec.name}", rule.slot, [one.name for one in spec.slots]))
            _check_limit(origin, rule, slot)
        slot = next(iter(specs.values())).slot(rule.slot)
        return Limit(
            scope=self._scope(origin, rule, specs, rule.area),
            action=rule.action,
            slot=rule.slot,
            unit=str(slot.slot.unit) if slot is not None and isinstance(slot.slot, QuantitySlot) else "",
            minimum=rule.min,
            maximum=rule.max,
            total=rule.total_max,
            one_of=frozenset(rule.one_of) if rule.one_of is not None else None,
            required=rule.required,
        )

    def ban(self, origin: str, rule: ForbidSettings) -> Ban:
        specs = self._specs(origin, rule, rule.action)
        return Ban(self._scope(origin, rule, specs, rule.area), rule.action)

    def no_go(self, origin: str, rule: NoGoSettings) -> NoGo:
        packs: set[str] = set()
        for place, name in enumerate(rule.actions):
            specs = self._specs(origin, rule, name, f"actions.{place}")
            if not all(map(_names_things, specs.values())):
                _fault(f"{origin}.actions.{place}", f"{name} names no place or thing; use [[policy.forbid]] or a limit")
            packs |= specs.keys()
        if not rule.actions:
            packs = {pack.name for pack in self._of(origin, rule) if any(map(_goes_somewhere, pack.actions))}
            if not packs:
                _fault(origin, "no action of this pack moves: name the `actions` that the place is closed to")
        scope = self._scope(origin, rule, packs, None if rule.later else rule.place, "place")
        known_in = frozenset(name for name in packs if _is_known(self._worlds[name], rule.place))
        return NoGo(Scope(origin, scope.packs, scope.robot, rule.place), rule.place, frozenset(rule.actions), known_in)

    def _scope(
        self, origin: str, rule: RuleSettings, packs: Iterable[str], area: str | None, field: str = "area"
    ) -> Scope:
        if area is not None and not any(_is_known(self._worlds[name], area) for name in packs):
            hint = "; write later = true where it comes with an update" if field == "place" else ""
            _fault(f"{origin}.{field}", f"nothing in the world is called {area!r} or lies there{hint}")
        return Scope(origin, frozenset(packs), rule.robot, area)

    def _of(self, origin: str, rule: RuleSettings) -> list[Pack]:
        if rule.pack is None:
            return list(self._packs.values())
        if rule.pack not in self._packs:
            _fault(f"{origin}.pack", f"this node speaks {', '.join(self._packs)}")
        return [self._packs[rule.pack]]

    def _specs(self, origin: str, rule: RuleSettings, name: str, field: str = "action") -> dict[str, ActionSpec]:
        """The action of this name in each pack that has it."""
        packs = self._of(origin, rule)
        specs = {pack.name: spec for pack in packs if (spec := pack.action(name)) is not None}
        if not specs:
            known = [spec.name for pack in packs for spec in pack.actions]
            _fault(f"{origin}.{field}", _unknown("action of this node's packs", name, known))
        if any(spec.hazard == "stop" for spec in specs.values()):
            _fault(f"{origin}.{field}", f"{name} is a stop, and nothing holds up a stop")
        return specs


def _check_limit(origin: str, rule: LimitSettings, slot: SlotSpec) -> None:
    if rule.required and slot.required:
        _fault(f"{origin}.required", f"{slot.name} can never be left out")
    numbers = {"min": rule.min, "max": rule.max, "total_max": rule.total_max}
    given = {field: number for field, number in numbers.items() if number is not None}
    if isinstance(slot.slot, QuantitySlot):
        _check_numbers(origin, rule, slot.slot, given)
    elif given or rule.unit is not None:
        _fault(f"{origin}.{next(iter(given), 'unit')}", f"{slot.name} is no number")
    if rule.one_of is not None:
        if not isinstance(slot.slot, ChoiceSlot):
            _fault(f"{origin}.one_of", f"{slot.name} has no fixed choices")
        for value in rule.one_of:
            if value not in slot.slot.values:
                _fault(f"{origin}.one_of", _unknown(f"choice of {slot.name}", value, slot.slot.values))


def _check_numbers(origin: str, rule: LimitSettings, slot: QuantitySlot, given: Mapping[str, float]) -> None:
    if rule.unit not in (None, str(slot.unit)):
        _fault(f"{origin}.unit", f"the slot is in {slot.unit}, not in {rule.unit}")
    for field, number in given.items():
        lowest = max(0.0, slot.minimum) if field == "total_max" else slot.minimum
        if number < lowest or (field != "total_max" and number > slot.maximum):
            bounds = f"{slot.minimum:g} to {slot.maximum:g} {slot.unit}"
            _fault(f"{origin}.{field}", f"{number:g} is outside what the slot takes anyway, {bounds}: a wrong unit?")


def _goes_somewhere(spec: ActionSpec) -> bool:
    return spec.hazard == "motion" and _names_things(spec)


def _names_things(spec: ActionSpec) -> bool:
    return any(isinstance(slot.slot, EntitySlot) for slot in spec.slots)


def _is_known(world: World, place: str) -> bool:
    """Whether something is, or was before an update, called so, or lies in what is called so."""
    if any(True for _ in world.ever_called(place)):
        return True
    entities = (*world.entities, *(one for found in world.former.by_name.values() for one in found))
    spelt: set[str] = {name for one in entities for name in (one.name, one.area, one.floor, *one.aliases) if name}
    return key_of(place) in map(key_of, spelt)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(dict.fromkeys(known))
    near = get_close_matches(name, names, n=1)
    hint = f"; {near[0]}?" if near else f"; known here: {', '.join(names)}"
    return f"{name!r} is no {what}{hint}"


def _fault(where: str, message: str) -> NoReturn:
    raise ConfigurationFault(Code.SETTINGS_INVALID, message, where=where)
