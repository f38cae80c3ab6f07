"""Whatever an interpreter says, what leaves the policy is within the packs' slots and the site's rules.

EDGE_AGENT_ANSWERS and EDGE_AGENT_SEED make the run of arbitrary answers longer and another one.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from arbitrary_interpreter import campaign
from hypothesis import given
from hypothesis import strategies as st
from policy_referee import PACKS, POLICY, ROBOT, WORLDS, object_to

from edge_agent.errors import Code, NodeFault
from edge_agent.packs.base import ActionSpec, ChoiceSlot, EntitySlot, QuantitySlot, Slot
from edge_agent.safety.digest import digest_of
from edge_agent.safety.policy import TIERS, Policy
from edge_agent.safety.reading import policy_of
from edge_agent.safety.site_rules import Situation
from edge_agent.settings.policy import PolicySettings
from edge_agent.world.entities import Entity
from edge_agent.world.store import World

ANSWERS = int(os.environ.get("EDGE_AGENT_ANSWERS", "20000"))
SEED = int(os.environ.get("EDGE_AGENT_SEED", "1"))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def _values(pack: str, slot: Slot) -> st.SearchStrategy[Any]:
    match slot:
        case EntitySlot():
            called = [word for one in WORLDS[pack].entities for word in (one.name, one.name.upper(), *one.aliases)]
            return st.sampled_from([*called, "me", "here", "it", "nowhere"])
        case ChoiceSlot(values):
            return st.sampled_from(values)
        case QuantitySlot(minimum=low, maximum=high):
            return st.floats(low, high) | st.integers(int(low), int(high)) | st.integers(0, 9)
        case _:
            return st.text(max_size=50)


def _actions(pack: str, spec: ActionSpec) -> st.SearchStrategy[Any]:
    """An action that may be right, or has something arbitrary in it."""
    required = {slot.name: _values(pack, slot.slot) for slot in spec.slots if slot.required}
    optional = {slot.name: _values(pack, slot.slot) for slot in spec.slots if not slot.required}
    right = st.fixed_dictionaries({"action": st.just(spec.name), **required}, optional=optional)
    spoilt = st.dictionaries(st.sampled_from([*required, *optional, "action", "x"]), JSON, min_size=1, max_size=2)
    return right | st.builds(lambda action, wrong: {**action, **wrong}, right, spoilt)


def _commands(pack: str) -> st.SearchStrategy[list[Any]]:
    one = st.sampled_from(PACKS[pack].actions).flatmap(lambda spec: _actions(pack, spec))
    return st.lists(one, min_size=1, max_size=3) | st.lists(JSON, max_size=2)


@pytest.mark.parametrize("pack", PACKS)
@given(data=st.data(), standing=st.sampled_from([None, "server room", "Nursery", "hall"]))
def test_what_leaves_the_policy_keeps_every_rule(pack: str, data: st.DataObject, standing: str | None) -> None:
    """Any JSON in an action's place: it is refused with a code, or the referee has nothing against it."""
    actions = data.draw(_commands(pack))
    try:
        planned = POLICY.judge(PACKS[pack], actions, Situation(WORLDS[pack], ROBOT, "", standing, "ann"))
    except NodeFault as refused:
        assert refused.code in (Code.POLICY_REFUSED, Code.OUTPUT_INVALID)
        return
    assert [one.action for one in planned] == actions
    assert object_to(pack, planned, area=standing, speaker="ann") == ""
    for one in planned:
        spec = PACKS[pack].action(one.action["action"])
        assert spec is not None
        assert one.digest == digest_of(one.action)
        assert one.tier >= TIERS[spec.hazard]
        assert one.needs_confirmation == (one.tier == TIERS["motion"])
        assert one.stops == (spec.hazard == "stop")


def test_an_interpreter_that_says_anything_gets_only_checked_actions_out() -> None:
    """Arbitrary bytes, JSON and calls through grammar, resolver and policy: actions, a reject or a coded error."""
    seen = campaign(ANSWERS, SEED)
    assert sum(seen.values()) == ANSWERS
    assert seen["actions"] > ANSWERS / 10 and seen[Code.POLICY_REFUSED] > ANSWERS / 10 and seen["reject"] > 0


def test_the_referee_sees_what_no_policy_would_have_let_pass() -> None:
    """A judge without the site's rules is caught by it, pack by pack."""
    blind = Policy(POLICY.confirm)
    for pack, action in (
        ("robot", {"action": "go_to", "place": "rack 7"}),
        ("robot", {"action": "move", "direction": "forward", "distance_m": 3}),
        ("home", {"action": "HassTurnOff", "name": "Cellar Door"}),
        ("home", {"action": "HassClimateSetTemperature", "temperature": 24, "area": "Nursery"}),
        ("kiosk", {"action": "order_drink", "drink": "tea", "quantity": 7}),
        ("winch", {"action": "lift", "load": "beam", "speed": 30}),
    ):
        planned = blind.judge(PACKS[pack], [action], Situation(WORLDS[pack], ROBOT))
        assert object_to(pack, planned, area=None, speaker=None) != ""


_PLACES = ("vault", "hall", "annex", "bay", "shelf", "box")
_ENTITY = st.builds(
    Entity,
    name=st.sampled_from(_PLACES),
    kind=st.sampled_from(["place", "item"]),
    aliases=st.lists(st.sampled_from(_PLACES), max_size=2, unique=True).map(tuple),
    area=st.sampled_from(["", *_PLACES]),
    floor=st.sampled_from(["", "", *_PLACES]),
)
_WORLD = st.lists(_ENTITY, max_size=6, unique_by=lambda one: (one.name, one.kind)).map(World.of)
_UPDATE = st.tuples(
    st.lists(st.sampled_from(_PLACES), max_size=2, unique=True),
    st.lists(_ENTITY, max_size=2, unique_by=lambda one: (one.name, one.kind)),
)


@given(_WORLD, st.lists(_UPDATE, max_size=4))
def test_no_row_of_updates_opens_what_was_closed(world: World, updates: list[tuple[list[str], list[Entity]]]) -> None:
    """Whatever lies in whatever, in circles too, whatever is renamed, moved or removed: closed is closed."""
    settings = PolicySettings.model_validate({"no_go": [{"place": "vault", "later": True}]})
    policy = policy_of(settings, {"robot": PACKS["robot"]}, {"robot": world})
    closed: set[str] = set()
    for remove, add in [([], []), *updates]:
        known = [name for name in remove if world.names.named(name)]
        world = world.updated(known, add)
        now = {name for name in _PLACES if _is_refused(policy, name, world)}
        assert "vault" in now and closed <= now
        # what is merely not there may come back; what lies in the vault stays closed
        closed |= {name for name in now if world.entity(name) is not None}


def _is_refused(policy: Policy, place: str, world: World) -> bool:
    try:
        policy.judge(PACKS["robot"], [{"action": "go_to", "place": place}], Situation(world, ROBOT))
    except NodeFault as refused:
        assert refused.code is Code.POLICY_REFUSED
        return True
    return False
