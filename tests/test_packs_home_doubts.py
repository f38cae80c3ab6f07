"""The home pack's doubts: one of several things that was meant, or all of them, decided where the world is known."""

from __future__ import annotations

import pytest
from home_surroundings import around

from edge_agent.messages.base import JsonAction
from edge_agent.packs.base import Doubt
from edge_agent.packs.registry import load_pack
from edge_agent.world.entities import Entity

HOME = load_pack("home")


LAMPS = (Entity("Desk Lamp", "light"), Entity("Ceiling", "light"), Entity("Patio Fan", "fan"))
BLINDS = (Entity("North", "cover", device_class="blind"), Entity("South Blind", "cover"), Entity("Gate", "cover"))
LISTS = (Entity("Groceries", "todo"), Entity("Chores", "todo"))
OFF = {"action": "HassTurnOff", "domain": "light"}


@pytest.mark.parametrize(
    ("text", "action", "entities", "expected"),
    [
        pytest.param("turn off the light", OFF, LAMPS, ("Desk Lamp", "Ceiling"), id="one of two lights"),
        pytest.param("kill that lamp please", OFF, LAMPS, ("Desk Lamp", "Ceiling"), id="by another noun"),
        pytest.param(
            "set the light to 40 percent",
            {"action": "HassLightSet", "brightness": 40},
            LAMPS,
            ("Desk Lamp", "Ceiling"),
            id="a brightness says the kind",
        ),
        pytest.param(
            "close the blind",
            {"action": "HassTurnOff", "domain": "cover", "device_class": "blind"},
            BLINDS,
            ("North", "South Blind"),
            id="covers of one class",
        ),
        pytest.param(
            "put milk on the list",
            {"action": "HassShoppingListAddItem", "item": "milk"},
            LISTS,
            ("Groceries", "Chores"),
            id="one of two lists",
        ),
        pytest.param("lights off in here", {**OFF, "area": "here"}, LAMPS, (), id="here is nowhere"),
    ],
)
def test_one_of_several_is_a_doubt(
    text: str, action: JsonAction, entities: tuple[Entity, ...], expected: tuple[str, ...]
) -> None:
    """Where the speaker's room is not known, "the light" of two may be either; the doubt names them."""
    completed = HOME.complete(action, around(text, *entities, area=None))
    assert isinstance(completed, Doubt)
    assert completed.candidates == expected


@pytest.mark.parametrize(
    ("text", "action", "area", "expected"),
    [
        pytest.param("turn off the lights", OFF, None, OFF, id="several are said"),
        pytest.param("turn off all the light", OFF, None, OFF, id="all"),
        pytest.param("lights off", OFF, None, OFF, id="no article"),
        pytest.param("turn off the light", OFF, "Kitchen", {**OFF, "area": "Kitchen"}, id="the room is known"),
        pytest.param(
            "turn off the light in the study",
            {**OFF, "area": "Study"},
            None,
            {**OFF, "area": "Study"},
            id="a place is said",
        ),
        pytest.param(
            "stop the fan",
            {"action": "HassTurnOff", "domain": "fan"},
            None,
            {"action": "HassTurnOff", "name": "Patio Fan"},
            id="there is one fan",
        ),
        pytest.param(
            "is the light on",
            {"action": "HassGetState", "domain": "light", "state": "on"},
            None,
            {"action": "HassGetState", "domain": "light", "state": "on"},
            id="a question harms nobody",
        ),
        pytest.param(
            "put milk on the shopping list",
            {"action": "HassShoppingListAddItem", "item": "milk"},
            None,
            {"action": "HassShoppingListAddItem", "item": "milk"},
            id="the shopping list",
        ),
    ],
)
def test_what_is_said_of_all_or_of_one_thing_is_no_doubt(
    text: str, action: JsonAction, area: str | None, expected: JsonAction
) -> None:
    """Plurals, places, a home with one such thing and questions stay as they are, or get the thing's name."""
    assert HOME.complete(action, around(text, *LAMPS, *LISTS, area=area)) == expected


def test_the_only_list_is_the_list() -> None:
    """ "The list" of a home with one list that is no shopping list is that one."""
    said = {"action": "HassShoppingListAddItem", "item": "call mum"}
    completed = HOME.complete(said, around("put call mum on my list", LISTS[1]))
    assert completed == {"action": "HassListAddItem", "item": "call mum", "name": "Chores"}
