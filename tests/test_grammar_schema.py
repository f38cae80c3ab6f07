"""What a sentence's schema offers: only what was said, only where it fits."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from engine_models import BRING, DOCK, FORWARD, RED_BOX, SAY, sentence

from edge_agent.grammar.schema import answer_schema, general_schema, resolved_schema
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import load_pack
from edge_agent.world.entities import Entity
from edge_agent.world.mention import Linked, Quantity, Unit

ROBOT = load_pack("robot")


def offered(linked: Linked, pack: Pack = ROBOT) -> dict[str, dict[str, Any]]:
    """The slots of each action that the schema offers."""
    schema = answer_schema(pack, linked)
    several = next(branch for branch in schema["oneOf"] if "oneOf" in branch["items"])
    return {one["properties"]["action"]["const"]: one["properties"] for one in several["items"]["oneOf"]}


def test_a_slot_offers_the_labels_of_fitting_mentions_and_words_that_were_said() -> None:
    """`bring` offers both things as objects, and `me` only because it was said."""
    slots = offered(BRING)["bring"]
    assert slots["object"]["enum"] == [1]
    assert "me" in slots["destination"]["enum"]
    assert "here" not in slots["destination"]["enum"]


def test_an_action_without_a_fitting_mention_for_a_required_slot_is_not_offered() -> None:
    """Nothing was named, so nothing can be picked; moving needs no name."""
    actions = offered(FORWARD)
    assert "pick" not in actions
    assert actions["move"]["distance_m"]["enum"] == ["a"]


def test_a_quantity_of_another_unit_is_left_out() -> None:
    """Metres are no angle: turning is offered without its angle."""
    assert "angle_deg" not in offered(FORWARD)["turn"]


def test_a_bare_number_fits_every_unit() -> None:
    actions = offered(sentence("turn left ninety", ("a", "ninety", Quantity(90.0, Unit.COUNT))))
    assert actions["turn"]["angle_deg"]["enum"] == ["a"]
    assert actions["move"]["distance_m"]["enum"] == ["a"]


def test_a_quantity_goes_to_the_slot_of_its_own_unit_where_the_action_has_one() -> None:
    """An hour of a timer is no 60 minutes; where an action counts in seconds alone, it is 3,600 of them."""
    hour = ("a", "one hour", Quantity(1.0, Unit.HOUR))
    timer = offered(sentence("start a timer for one hour", hour), load_pack("home"))["HassStartTimer"]
    assert timer["hours"]["enum"] == ["a"]
    assert not {"minutes", "seconds"} & set(timer)
    assert offered(sentence("wait one hour", hour))["wait"]["seconds"]["enum"] == ["a"]


def test_an_entity_of_a_kind_that_the_pack_does_not_know_fits_any_slot() -> None:
    strange = Entity("contraption", "contraption")
    assert offered(sentence("bring the contraption", ("1", "contraption", strange)))["bring"]["object"]["enum"] == [1]


def test_slots_stand_in_schema_order_behind_the_action() -> None:
    assert list(offered(BRING)["bring"]) == ["action", "object", "source", "destination"]


@pytest.mark.parametrize(
    ("answer", "valid"),
    [
        pytest.param([{"action": "bring", "object": 1, "source": 2}], True, id="fits"),
        pytest.param([{"action": "bring", "object": 3}], False, id="a label that was not said"),
        pytest.param([{"action": "bring", "object": "red box"}], False, id="a name instead of its label"),
        pytest.param([{"action": "bring", "object": 1, "speed": 9}], False, id="an unknown slot"),
        pytest.param([{"action": "reject", "reason": "ambiguous"}], True, id="reject"),
        pytest.param([{"action": "stop"}] * 6, True, id="six actions"),
        pytest.param([{"action": "stop"}] * 7, False, id="seven actions"),
        pytest.param([{"action": "stop"}, {"action": "reject", "reason": "ambiguous"}], False, id="reject in company"),
        pytest.param([], False, id="nothing"),
    ],
)
def test_the_schema_is_json_schema(answer: object, valid: bool) -> None:
    """jsonschema itself reads it and agrees."""
    assert jsonschema.Draft202012Validator(answer_schema(ROBOT, BRING)).is_valid(answer) is valid


def test_text_is_offered_as_runs_of_the_sentences_words() -> None:
    schema = answer_schema(ROBOT, SAY)
    assert schema["$defs"]["span"]["x-words"] == ["say", "hello", "there", "john"]


def test_rejecting_is_offered_whatever_the_sentence() -> None:
    """A sentence of a pack whose every action needs a name still has an answer."""
    kiosk = load_pack("kiosk")
    schema = answer_schema(kiosk, sentence("hello"))
    assert jsonschema.Draft202012Validator(schema).is_valid([{"action": "reject", "reason": "not_a_command"}])


@pytest.mark.parametrize("name", ["robot", "home", "kiosk"])
def test_the_general_schema_offers_every_action(name: str) -> None:
    pack = load_pack(name)
    several = general_schema(pack)["oneOf"][0]["items"]["oneOf"]
    assert [one["properties"]["action"]["const"] for one in several] == [spec.name for spec in pack.actions]


def test_a_resolved_action_is_bounded_by_its_slots() -> None:
    spec = ROBOT.action("move")
    assert spec is not None
    validator = jsonschema.Draft202012Validator(resolved_schema(spec))
    assert validator.is_valid({"action": "move", "direction": "forward", "distance_m": 2})
    assert not validator.is_valid({"action": "move", "direction": "forward", "distance_m": 1e9})
    assert not validator.is_valid({"action": "move", "direction": "sideways"})


def test_two_things_offer_two_labels() -> None:
    linked = sentence("bring the red box to dock three", ("1", "red box", RED_BOX), ("2", "dock three", DOCK))
    assert offered(linked)["go_to"]["place"]["enum"] == [1, 2]
