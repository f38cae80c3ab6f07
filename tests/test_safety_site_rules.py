"""The owner's rules for one site: what they refuse, and that no spelling, update or detour leads past them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge_agent import limits
from edge_agent.errors import ClientFault, Code, ConfigurationFault, NodeFault
from edge_agent.packs.registry import load_pack
from edge_agent.safety.policy import Planned, Policy
from edge_agent.safety.reading import policy_of, waiting_rules
from edge_agent.safety.site_rules import Situation
from edge_agent.settings.policy import PolicySettings
from edge_agent.world.entities import Entity
from edge_agent.world.store import Names, World

PACKS = {name: load_pack(name) for name in ("robot", "home", "kiosk")}
FLOOR = World.of(
    [
        Entity("dock 3", "place"),
        Entity("hall", "place", floor="first floor"),
        Entity("server room", "place", ("machine room",), area="hall"),
        Entity("rack room", "place", area="server room"),
        Entity("rack 7", "item", area="rack room"),
        Entity("red box", "item", area="hall"),
        Entity("ann", "person", area="server room"),
        Entity("first floor", "place"),
    ]
)
HOUSE = World.of(
    [
        Entity("Upstairs", "floor"),
        Entity("Nursery", "area", floor="Upstairs"),
        Entity("Kitchen", "area"),
        Entity("Cot Heater", "climate", area="Nursery"),
        Entity("Stove Heater", "climate", area="Kitchen"),
        Entity("Cellar Door", "lock", area="Kitchen"),
        Entity("Back Door", "lock", area="Kitchen"),
        Entity("Robby", "vacuum", area="Kitchen"),
    ]
)
MENU = World.of([Entity("espresso", "drink"), Entity("tea", "drink")])
WORLDS = {"robot": FLOOR, "home": HOUSE, "kiosk": MENU}


def policy(**settings: Any) -> Policy:
    return policy_of(PolicySettings.model_validate(settings), PACKS, WORLDS)


def refusal(
    rules: Policy, *actions: dict[str, Any], pack: str = "robot", world: World | None = None, **said: Any
) -> NodeFault | None:
    """Why the policy refuses these actions of one command, or None."""
    situation = Situation(world or WORLDS[pack], said.pop("robot", "porter"), **said)
    try:
        planned = rules.judge(PACKS[pack], actions, situation)
    except NodeFault as problem:
        assert problem.code is Code.POLICY_REFUSED
        return problem
    assert all(isinstance(one, Planned) for one in planned)
    return None


def move(metres: float | None = None) -> dict[str, Any]:
    return {"action": "move", "direction": "forward"} | ({} if metres is None else {"distance_m": metres})


def go(place: str) -> dict[str, Any]:
    return {"action": "go_to", "place": place}


def warm(**where: str) -> dict[str, Any]:
    return {"action": "HassClimateSetTemperature", "temperature": 24, **where}


def test_a_number_keeps_its_limits_and_the_refusal_says_which() -> None:
    """At the bound it passes, beyond it does not; the slot and the rule's place in the settings are named."""
    rules = policy(limit=[{"action": "move", "slot": "distance_m", "min": 0.5, "max": 2, "unit": "m"}])
    assert refusal(rules, move(2)) is None
    assert refusal(rules, move(0.5)) is None
    far = refusal(rules, move(2.001))
    assert far is not None and far.where == "distance_m"
    assert far.message == "move.distance_m is 2.001 m; at most 2 is allowed here (policy.limit.0)"
    near = refusal(rules, move(0.1))
    assert near is not None and "at least 0.5" in near.message


def test_every_action_of_a_sentence_is_looked_at() -> None:
    """The sixth as much as the first; one that may not happen takes the others with it."""
    rules = policy(limit=[{"action": "move", "slot": "distance_m", "max": 2}])
    assert refusal(rules, *[move(1)] * 6) is None
    assert refusal(rules, *[move(1)] * 5, move(3)) is not None


def test_a_total_holds_over_the_command() -> None:
    """More is not had by saying it in parts; what is left out counts as one."""
    rules = policy(limit=[{"action": "order_drink", "slot": "quantity", "max": 6, "total_max": 8}])
    order = {"action": "order_drink", "drink": "tea"}
    assert refusal(rules, {**order, "quantity": 6}, order, order, pack="kiosk") is None
    too_much = refusal(rules, {**order, "quantity": 6}, order, {**order, "quantity": 2}, pack="kiosk")
    assert too_much is not None and too_much.where == "quantity"
    assert "comes to 9 count in this command; at most 8" in too_much.message


def test_a_number_may_have_to_be_said() -> None:
    """Otherwise the robot would choose how far."""
    rules = policy(limit=[{"action": "move", "slot": "distance_m", "max": 2, "required": True}])
    unsaid = refusal(rules, move())
    assert unsaid is not None and unsaid.message.startswith("move.distance_m has to be said here")
    assert refusal(policy(limit=[{"action": "move", "slot": "distance_m", "max": 2}]), move()) is None


def test_choices_can_be_fewer() -> None:
    rules = policy(limit=[{"action": "move", "slot": "direction", "one_of": ["forward", "backward"]}])
    assert refusal(rules, move()) is None
    up = refusal(rules, {"action": "move", "direction": "up"})
    assert up is not None and up.where == "direction"


@pytest.mark.parametrize("rule", ["limit", "forbid", "no_go"])
def test_a_rule_can_be_one_robots(rule: str) -> None:
    """The others are not held to it."""
    written: dict[str, dict[str, Any]] = {
        "limit": {"action": "move", "slot": "distance_m", "max": 2},
        "forbid": {"action": "go_to"},
        "no_go": {"place": "server room"},
    }
    rules = policy(**{rule: [{**written[rule], "robot": "porter", "pack": "robot"}]})
    action = move(3) if rule == "limit" else go("server room")
    assert refusal(rules, action, robot="porter") is not None
    assert refusal(rules, action, robot="lifter") is None


def test_a_forbidden_action_does_not_happen() -> None:
    rules = policy(forbid=[{"action": "open"}])
    opened = refusal(rules, {"action": "open", "target": "red box"})
    assert opened is not None
    assert (opened.where, opened.message) == ("action", "open is forbidden here (policy.forbid.0)")
    assert refusal(rules, {"action": "close", "target": "red box"}) is None


@pytest.mark.parametrize(
    ("action", "refused"),
    [
        pytest.param(warm(area="Nursery"), True, id="the-area-itself"),
        pytest.param(warm(area="nursery"), True, id="in-another-case"),
        pytest.param(warm(name="Cot Heater"), True, id="a-thing-in-it"),
        pytest.param(warm(floor="Upstairs"), True, id="a-floor-that-holds-it"),
        pytest.param(warm(), True, id="nothing-named"),
        pytest.param(warm(area="Kitchen"), False, id="another-area"),
        pytest.param(warm(name="Stove Heater"), False, id="a-thing-elsewhere"),
    ],
)
def test_a_rule_for_an_area_holds_wherever_it_may_be_meant(action: dict[str, Any], refused: bool) -> None:
    """What names nothing is not shown to be elsewhere, and a floor is warm in all its rooms."""
    limited = policy(limit=[{"action": action["action"], "slot": "temperature", "max": 22, "area": "Nursery"}])
    banned = policy(forbid=[{"action": action["action"], "area": "Nursery"}])
    for rules in (limited, banned):
        assert (refusal(rules, action, pack="home") is not None) == refused
        assert (refusal(rules, action, pack="home", area="Kitchen") is not None) == refused


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(go("server room"), id="the-place"),
        pytest.param(go("Server Room"), id="in-another-case"),
        pytest.param(go("machine room"), id="by-its-alias"),
        pytest.param(go("rack room"), id="a-room-in-it"),
        pytest.param(go("rack 7"), id="a-thing-in-a-room-in-it"),
        pytest.param(go("ann"), id="a-person-in-it"),
        pytest.param({"action": "bring", "object": "red box", "destination": "server room"}, id="as-destination"),
        pytest.param({"action": "bring", "object": "rack 7", "destination": "hall"}, id="an-object-that-lies-there"),
        pytest.param({"action": "find", "target": "red box", "area": "machine room"}, id="as-the-area-to-search"),
    ],
)
def test_nothing_that_moves_goes_to_a_no_go_place(action: dict[str, Any]) -> None:
    """In whatever slot it stands and whatever it is called: the place, what lies there, and what lies in that."""
    for place in ("server room", "machine room", "SERVER-ROOM"):
        refused = refusal(policy(no_go=[{"place": place}]), action)
        assert refused is not None and refused.where in action
        assert "policy.no_go.0" in refused.message


@pytest.mark.parametrize("action", [go("hall"), go("first floor"), go("red box"), move(3), {"action": "dock"}])
def test_a_no_go_place_is_no_larger_than_it_is(action: dict[str, Any]) -> None:
    """What holds it, what lies beside it and what names no place stay open."""
    assert refusal(policy(no_go=[{"place": "server room"}]), action) is None


def test_a_place_can_be_known_by_what_lies_there_alone() -> None:
    """The first floor's entity aside, its rooms are there by their own word."""
    rules = policy(no_go=[{"place": "first floor"}])
    assert refusal(rules, go("hall")) is not None
    assert refusal(rules, go("rack 7")) is not None
    assert refusal(rules, go("dock 3")) is None


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        pytest.param({"area": "server room"}, True, id="the-speaker-stands-there"),
        pytest.param({"area": "rack room"}, True, id="in-a-room-of-it"),
        pytest.param({"speaker": "ann"}, True, id="the-speaker-is-known-to-be-there"),
        pytest.param({"area": "hall"}, False, id="elsewhere"),
        pytest.param({}, False, id="nobody-knows"),
    ],
)
def test_a_robot_is_not_called_into_a_no_go_place(said: dict[str, str], refused: bool) -> None:
    """ "Come to me" and "come here", from somebody who stands in it."""
    rules = policy(no_go=[{"place": "server room"}])
    for word in ("me", "here"):
        assert (refusal(rules, go(word), **said) is not None) == refused
    if "area" in said:
        assert (refusal(rules, go("bob"), speaker="bob", **said) is not None) == refused


def test_a_look_alike_leads_nowhere() -> None:
    """A place that an update calls by the same letters, as people see them, is the same place."""
    world = FLOOR.updated([], [Entity("sеrver rооm", "place")])  # noqa: RUF001 - Cyrillic letters in it
    assert refusal(policy(no_go=[{"place": "server room"}]), go("sеrver rооm"), world=world) is not None  # noqa: RUF001


@pytest.mark.parametrize(
    ("remove", "add", "action"),
    [
        pytest.param([], [Entity("rack 7", "item", area="hall")], go("rack 7"), id="moved-out"),
        pytest.param(["rack room"], [], go("rack 7"), id="the-room-between-is-gone"),
        pytest.param([], [Entity("server room", "place")], go("machine room"), id="its-alias-is-gone"),
        pytest.param(["server room"], [Entity("machine room", "place")], go("machine room"), id="another-name-for-it"),
        pytest.param([], [Entity("rack 8", "item", area="rack room")], go("rack 8"), id="something-new-in-it"),
    ],
)
def test_an_update_can_add_to_a_no_go_place_and_takes_nothing_from_it(
    remove: list[str], add: list[Entity], action: dict[str, Any]
) -> None:
    """Who may update the world need not be who wrote the rules."""
    for place in ("server room", "machine room"):
        assert refusal(policy(no_go=[{"place": place}]), action, world=FLOOR.updated(remove, add)) is not None


def test_what_is_removed_can_be_no_target_at_all() -> None:
    """Judged against the world as it is now; so an action that waited is refused when its thing has gone."""
    gone = refusal(policy(), go("dock 3"), world=FLOOR.updated(["dock 3"], []))
    assert gone is not None and gone.where == "place"


def test_a_place_that_comes_later_is_closed_from_the_start() -> None:
    """It holds by its name, when an update brings the entity; until then the log says that it waits."""
    rules = policy(no_go=[{"place": "paint shop", "later": True}])
    assert list(waiting_rules(rules.rules, "porter", WORLDS)) == [
        "policy.no_go.0 waits for the place 'paint shop', which no world here has"
    ]
    assert refusal(rules, go("dock 3")) is None
    world = FLOOR.updated([], [Entity("Paint-Shop", "place"), Entity("can", "item", area="Paint-Shop")])
    assert refusal(rules, go("Paint-Shop"), world=world) is not None
    assert refusal(rules, go("can"), world=world) is not None


@pytest.mark.parametrize(
    ("action", "refused"),
    [
        pytest.param({"action": "HassTurnOff", "name": "Cellar Door"}, True, id="by-name"),
        pytest.param({"action": "HassTurnOff", "area": "Kitchen", "domain": "lock"}, True, id="all-of-its-room"),
        pytest.param({"action": "HassTurnOff", "domain": "lock"}, True, id="all-there-are"),
        pytest.param({"action": "HassTurnOff", "name": "Back Door"}, False, id="another-door"),
        pytest.param({"action": "HassTurnOff", "area": "Nursery"}, False, id="another-room"),
        pytest.param({"action": "HassTurnOn", "name": "Cellar Door"}, False, id="another-action"),
    ],
)
def test_a_place_can_be_closed_to_actions_that_do_not_move(action: dict[str, Any], refused: bool) -> None:
    """They are named; then an action on everything of a room is one on the place in it."""
    rules = policy(no_go=[{"place": "Cellar Door", "pack": "home", "actions": ["HassTurnOff"]}])
    assert (refusal(rules, action, pack="home") is not None) == refused


@pytest.mark.parametrize(
    ("where", "refused"),
    [
        pytest.param({"area": "Nursery"}, True, id="there"),
        pytest.param({"floor": "Upstairs"}, True, id="on-its-floor"),
        pytest.param({}, True, id="everywhere"),
        pytest.param({"area": "here"}, True, id="nobody-knows-where"),
        pytest.param({"area": "Kitchen"}, False, id="elsewhere"),
        pytest.param({"name": "Robby"}, False, id="a-machine-that-is-elsewhere"),
    ],
)
def test_what_drives_through_a_whole_room_keeps_out_of_a_place_in_it(where: dict[str, str], refused: bool) -> None:
    """A vacuum sent to a floor cleans all its rooms, and one that is sent nowhere cleans them all."""
    action = {"action": "HassVacuumStart", **where}
    assert (refusal(policy(no_go=[{"place": "Nursery"}]), action, pack="home") is not None) == refused
    elsewhere = refusal(policy(no_go=[{"place": "server room"}]), action, pack="home")
    assert elsewhere is None, "another world's place is no place here"


def test_a_thing_of_another_kind_is_no_target() -> None:
    """A floor is no vacuum; what has no kind fits anywhere."""
    wrong = refusal(policy(), {"action": "HassVacuumStart", "name": "Upstairs"}, pack="home")
    assert wrong is not None and wrong.where == "name"
    world = HOUSE.updated([], [Entity("Dusty")])
    assert refusal(policy(), {"action": "HassVacuumStart", "name": "Dusty"}, pack="home", world=world) is None


def test_nothing_holds_up_a_stop() -> None:
    """A stop has no rule, and a rule for one is no setting."""
    with pytest.raises(ConfigurationFault) as wrong:
        policy(forbid=[{"action": "stop"}])
    assert (wrong.value.code, wrong.value.where) == (Code.SETTINGS_INVALID, "policy.forbid.0.action")
    assert refusal(policy(), {"action": "stop"}) is None


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        pytest.param({"limit": [{"action": "mvoe", "slot": "distance_m", "max": 2}]}, "limit.0.action", id="action"),
        pytest.param({"limit": [{"action": "move", "slot": "distance", "max": 2}]}, "limit.0.slot", id="slot"),
        pytest.param({"limit": [{"action": "move", "slot": "distance_m", "max": 200}]}, "limit.0.max", id="above-all"),
        pytest.param({"limit": [{"action": "move", "slot": "distance_m", "max": 0}]}, "limit.0.max", id="below-all"),
        pytest.param({"limit": [{"action": "move", "slot": "distance_m", "min": -1}]}, "limit.0.min", id="min-below"),
        pytest.param(
            {"limit": [{"action": "move", "slot": "distance_m", "max": 20, "unit": "cm"}]}, "limit.0.unit", id="unit"
        ),
        pytest.param({"limit": [{"action": "move", "slot": "direction", "max": 2}]}, "limit.0.max", id="no-number"),
        pytest.param(
            {"limit": [{"action": "say", "slot": "text", "one_of": ["hi"]}]}, "limit.0.one_of", id="no-choice"
        ),
        pytest.param(
            {"limit": [{"action": "move", "slot": "direction", "one_of": ["forwards"]}]}, "limit.0.one_of", id="choice"
        ),
        pytest.param(
            {"limit": [{"action": "move", "slot": "direction", "required": True}]}, "limit.0.required", id="always-said"
        ),
        pytest.param(
            {"limit": [{"action": "move", "slot": "distance_m", "max": 2, "pack": "home"}]},
            "limit.0.action",
            id="action-of-another-pack",
        ),
        pytest.param(
            {"limit": [{"action": "move", "slot": "distance_m", "max": 2, "pack": "boat"}]}, "limit.0.pack", id="pack"
        ),
        pytest.param(
            {"limit": [{"action": "move", "slot": "distance_m", "max": 2, "area": "ward"}]}, "limit.0.area", id="area"
        ),
        pytest.param({"forbid": [{"action": "go"}]}, "forbid.0.action", id="forbidden-action"),
        pytest.param({"forbid": [{"action": "go_to", "area": "ward"}]}, "forbid.0.area", id="forbidden-area"),
        pytest.param({"no_go": [{"place": "sever room"}]}, "no_go.0.place", id="place"),
        pytest.param({"no_go": [{"place": "server room", "pack": "kiosk"}]}, "no_go.0", id="nothing-moves"),
        pytest.param(
            {"no_go": [{"place": "server room", "actions": ["go_to", "goto"]}]}, "no_go.0.actions.1", id="place-action"
        ),
        pytest.param(
            {"no_go": [{"place": "server room", "actions": ["move"]}]}, "no_go.0.actions.0", id="action-without-a-place"
        ),
    ],
)
def test_a_rule_that_would_never_apply_is_no_setting(rule: dict[str, Any], where: str) -> None:
    """A limit that nobody keeps is the worst of all; the field at fault is named."""
    with pytest.raises(ConfigurationFault) as wrong:
        policy(**rule)
    assert (wrong.value.code, wrong.value.where) == (Code.SETTINGS_INVALID, f"policy.{where}")


def test_a_misspelt_name_is_met_with_the_nearest() -> None:
    with pytest.raises(ConfigurationFault) as wrong:
        policy(limit=[{"action": "mvoe", "slot": "distance_m", "max": 2}])
    assert wrong.value.message == "'mvoe' is no action of this node's packs; move?"


def test_a_place_that_an_update_took_away_is_still_a_setting() -> None:
    """A restart after it must not fail, nor forget the rule."""
    world = FLOOR.updated(["server room", "rack room"], [])
    settings = PolicySettings.model_validate({"no_go": [{"place": "Machine-Room"}]})
    rules = policy_of(settings, {"robot": PACKS["robot"]}, {"robot": world})
    assert refusal(rules, go("rack 7"), world=world) is not None


def test_a_rule_for_another_robot_is_said_to_wait_for_it() -> None:
    rules = policy(forbid=[{"action": "open", "robot": "lifter"}])
    assert list(waiting_rules(rules.rules, "porter", WORLDS)) == [
        "policy.forbid.0 waits for an executor of the robot 'lifter'"
    ]
    assert list(waiting_rules(rules.rules, "lifter", WORLDS)) == []


def test_what_updates_took_away_is_remembered_up_to_a_limit() -> None:
    """Then the world belongs into its file; the same entity, taken and brought again, counts once."""
    before = Names.of(Entity(f"box {number}") for number in range(limits.FORMER_ENTITIES_MAX - 1))
    world = replace(FLOOR, former=before)
    for _ in range(3):
        world = world.updated(["dock 3"], []).updated([], [Entity("dock 3", "place")])
    with pytest.raises(ClientFault) as full:
        world.updated(["rack 7"], [])
    assert full.value.code is Code.WORLD_INVALID
