"""From labels to names and values: what is put in place, what becomes a reject, what is the engine's fault."""

from __future__ import annotations

import json

import pytest
from engine_models import BRING, DOCK, FORWARD, JOHN, LAMP_ATTIC, LAMP_HALL, RED_BOX, SAY, sentence

from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.resolve import Resolution, resolve
from edge_agent.messages.answer import RejectReason
from edge_agent.packs.registry import load_pack
from edge_agent.world.entities import Entity
from edge_agent.world.mention import Dialogue, Linked, Quantity, Unit
from edge_agent.world.store import World

ROBOT = load_pack("robot")
WORLD = World.of([RED_BOX, DOCK, JOHN])


def resolved(
    linked: Linked,
    *calls: dict[str, object],
    recent: tuple[str, ...] = (),
    area: str | None = None,
    speaker: str | None = None,
) -> Resolution:
    return resolve(ROBOT, json.dumps(list(calls)), linked, WORLD, Dialogue(recent), area, speaker)


def test_labels_become_names() -> None:
    result = resolved(BRING, {"action": "bring", "object": 1, "source": 2, "destination": "me"})
    assert result.reject is None
    assert result.actions == ({"action": "bring", "object": "red box", "source": "dock 3", "destination": "me"},)


def test_me_is_the_speaker_and_here_the_area_where_they_are_known() -> None:
    linked = sentence(
        "bring me the red box here", ("me", "me", None), ("1", "red box", RED_BOX), ("here", "here", None)
    )
    first = resolved(linked, {"action": "bring", "object": 1, "destination": "me"}, speaker="John")
    assert first.actions[0]["destination"] == "John"
    second = resolved(linked, {"action": "bring", "object": 1, "destination": "here"}, area="packing")
    assert second.actions[0]["destination"] == "packing"
    third = resolved(linked, {"action": "bring", "object": 1, "destination": "here"})
    assert third.actions[0]["destination"] == "here"


def test_quantities_become_numbers_in_the_slots_unit() -> None:
    assert resolved(FORWARD, {"action": "move", "direction": "forward", "distance_m": "a"}).actions == (
        {"action": "move", "direction": "forward", "distance_m": 2},
    )
    linked = sentence("wait half a minute", ("a", "half a minute", Quantity(0.5, Unit.MINUTE)))
    assert resolved(linked, {"action": "wait", "seconds": "a"}).actions[0]["seconds"] == 30


HOUR_AND_A_HALF = sentence(
    "wait an hour and a half please",
    ("a", "an hour", Quantity(1.0, Unit.HOUR)),
    ("b", "a half", Quantity(30.0, Unit.MINUTE)),
)


@pytest.mark.parametrize("label", ["a", "b"])
def test_a_time_said_in_two_units_is_one_time(label: str) -> None:
    """Whichever of the two the model names, nobody waits a part of what was said."""
    assert resolved(HOUR_AND_A_HALF, {"action": "wait", "seconds": label}).actions[0]["seconds"] == 5_400


def test_a_timer_has_a_slot_for_each_unit() -> None:
    answer = json.dumps([{"action": "HassStartTimer", "hours": "a", "minutes": "b"}])
    result = resolve(load_pack("home"), answer, HOUR_AND_A_HALF, WORLD, Dialogue(), None, None)
    assert result.actions == ({"action": "HassStartTimer", "hours": 1, "minutes": 30},)


def test_times_that_are_apart_are_two() -> None:
    linked = sentence(
        "wait an hour and then wait two minutes",
        ("a", "an hour", Quantity(1.0, Unit.HOUR)),
        ("b", "two minutes", Quantity(2.0, Unit.MINUTE)),
    )
    result = resolved(linked, {"action": "wait", "seconds": "a"}, {"action": "wait", "seconds": "b"})
    assert [action["seconds"] for action in result.actions] == [3_600, 120]


def test_a_packs_doubt_is_ambiguous_with_its_candidates() -> None:
    """What only the world can tell is decided after the model: which light, of two."""
    world = World.of([Entity("Desk Lamp", "light"), Entity("Ceiling", "light")])
    answer = json.dumps([{"action": "HassTurnOff", "domain": "light"}])
    result = resolve(load_pack("home"), answer, sentence("turn off the light"), world, Dialogue(), None, None)
    assert result.reject is not None
    assert result.reject.reason is RejectReason.AMBIGUOUS
    assert result.reject.candidates == ("Desk Lamp", "Ceiling")


def test_a_number_out_of_bounds_is_unsupported_and_says_the_bounds() -> None:
    linked = sentence("move forward nine kilometres", ("a", "nine kilometres", Quantity(9_000.0, Unit.METRE)))
    result = resolved(linked, {"action": "move", "direction": "forward", "distance_m": "a"})
    assert result.actions == ()
    assert result.reject is not None
    assert result.reject.reason is RejectReason.UNSUPPORTED
    assert "9000" in result.reject.detail


def test_text_comes_back_in_the_speakers_own_spelling() -> None:
    assert resolved(SAY, {"action": "say", "text": "hello there john"}).actions[0]["text"] == "Hello there, John"


def test_it_is_what_the_answer_spoke_of_last_in_such_a_slot() -> None:
    """ "Take the box from the dock and bring it" brings the box, although the dock was named later."""
    linked = sentence(
        "pick the red box from dock three and bring it to John",
        ("1", "red box", RED_BOX),
        ("2", "dock three", DOCK),
        ("it", "it", None),
        ("3", "John", JOHN),
    )
    result = resolved(
        linked,
        {"action": "pick", "object": 1, "source": 2},
        {"action": "bring", "object": "it", "destination": 3},
    )
    assert result.actions[1] == {"action": "bring", "object": "red box", "destination": "John"}


def test_it_is_the_thing_and_not_the_box_it_was_taken_from() -> None:
    """Both fit; what was picked is nearer than what it was picked from."""
    crate = Entity("crate", "container")
    linked = sentence(
        "pick the red box from the crate and place it",
        ("1", "red box", RED_BOX),
        ("2", "crate", crate),
        ("it", "it", None),
    )
    result = resolved(linked, {"action": "pick", "object": 1, "source": 2}, {"action": "place", "object": "it"})
    assert result.actions[1] == {"action": "place", "object": "red box"}


def test_there_is_where_the_answer_went() -> None:
    linked = sentence(
        "go to dock three and place the red box there",
        ("1", "dock three", DOCK),
        ("2", "red box", RED_BOX),
        ("there", "there", None),
    )
    result = resolved(
        linked,
        {"action": "go_to", "place": 1},
        {"action": "place", "object": 2, "destination": "there"},
    )
    assert result.actions[1]["destination"] == "dock 3"


def test_it_is_else_what_the_sentence_named_before_it() -> None:
    linked = sentence("there is the red box pick it", ("1", "red box", RED_BOX), ("it", " it", None))
    assert resolved(linked, {"action": "pick", "object": "it"}).actions[0]["object"] == "red box"


def test_it_is_else_what_was_spoken_of_before() -> None:
    linked = sentence("pick it", ("it", "it", None))
    result = resolved(linked, {"action": "pick", "object": "it"}, recent=("nobody", "red box"))
    assert result.actions[0]["object"] == "red box"


def test_it_without_anything_before_is_ambiguous_and_asks() -> None:
    result = resolved(sentence("pick it", ("it", "it", None)), {"action": "pick", "object": "it"})
    assert result.reject is not None
    assert result.reject.reason is RejectReason.AMBIGUOUS
    assert "what is it?" in result.reject.detail


TWO_LAMPS = sentence("turn on the lamp in the hall", ("1", "lamp", (LAMP_HALL, LAMP_ATTIC)))


def test_several_things_of_one_name_are_ambiguous_with_their_names() -> None:
    result = resolved(TWO_LAMPS, {"action": "turn_on", "device": 1})
    assert result.reject is not None
    assert result.reject.reason is RejectReason.AMBIGUOUS
    assert result.reject.candidates == ("hall lamp", "attic lamp")


def test_of_several_the_one_where_the_speaker_stands_is_meant() -> None:
    assert resolved(TWO_LAMPS, {"action": "turn_on", "device": 1}, area="Attic").actions[0]["device"] == "attic lamp"


def test_a_models_reject_carries_its_reason_and_the_doubtful_names() -> None:
    result = resolved(TWO_LAMPS, {"action": "reject", "reason": "ambiguous"})
    assert result.actions == ()
    assert result.reject is not None
    assert result.reject.candidates == ("hall lamp", "attic lamp")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param('[{"action":"pick","object":1', id="cut off"),
        pytest.param('[{"action":"pick","object":1,"object":2}]', id="a key twice"),
        pytest.param('{"action":"stop"}', id="no list"),
        pytest.param("[]", id="empty"),
        pytest.param(json.dumps([{"action": "stop"}] * 7), id="seven actions"),
        pytest.param('[{"action":"fly"}]', id="an unknown action"),
        pytest.param('[{"action":"pick","object":9}]', id="a label that is not there"),
        pytest.param('[{"action":"pick","object":"1"}]', id="a label as text"),
        pytest.param('[{"action":"pick","object":true}]', id="a truth value"),
        pytest.param('[{"action":"pick","object":1.0}]', id="a fraction"),
        pytest.param('[{"action":"pick","object":[1]}]', id="a list in a slot"),
        pytest.param('[{"action":"pick"}]', id="a required slot missing"),
        pytest.param('[{"action":"stop","now":1}]', id="an unknown slot"),
        pytest.param('[{"action":"say","text":"open the vault"}]', id="text that was not said"),
        pytest.param('[{"action":"move","direction":"sideways"}]', id="an unknown choice"),
        pytest.param('[{"action":"bring","object":1,"destination":"here"}]', id="a word that was not said"),
        pytest.param('[{"action":"guide","person":1,"place":2}]', id="a kind that does not fit"),
        pytest.param('[{"action":"stop"},{"action":"reject","reason":"ambiguous"}]', id="reject in company"),
        pytest.param('[{"action":"reject","reason":"tired"}]', id="an unknown reason"),
        pytest.param("[" * 3_000, id="deep nesting"),
        pytest.param('[{"action":"pick","object":NaN}]', id="not a number"),
    ],
)
def test_what_the_grammar_could_not_give_is_the_engines_fault(answer: str) -> None:
    """Nothing is repaired: the node answers that it failed, and no action leaves."""
    with pytest.raises(NodeFault) as refused:
        resolve(ROBOT, answer, BRING, WORLD, Dialogue(), None, None)
    assert refused.value.code is Code.OUTPUT_INVALID
