"""The shipped packs: their actions, what they accept, how the home pack completes an action, what is dangerous."""

from __future__ import annotations

import pytest
from home_surroundings import around
from pydantic import ValidationError

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.messages.base import JsonAction
from edge_agent.packs.base import Action, EntitySlot, Pack, QuantitySlot, make_pack
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.world.entities import Entity
from edge_agent.world.loading import load_world
from edge_agent.world.mention import Quantity, Unit

HOME = load_pack("home")


@pytest.mark.parametrize("name", SHIPPED)
def test_pack_loads_under_its_own_name(name: str) -> None:
    """A shipped pack is found by its name and has actions with a sentence about each."""
    pack = load_pack(name)
    assert pack.name == name
    assert all(len(action.doc) > 5 for action in pack.actions)


@pytest.mark.parametrize("name", SHIPPED)
def test_example_world_holds_only_kinds_that_the_pack_knows(name: str) -> None:
    """Every entity of an example world can stand in some slot of its pack."""
    pack = load_pack(name)
    assert pack.example_world is not None
    world = load_world(pack.example_world)
    assert {entity.kind for entity in world.entities} <= pack.kinds


@pytest.mark.parametrize("name", SHIPPED)
def test_every_action_class_accepts_its_own_minimum(name: str) -> None:
    """An action with only its required slots validates, and so does its JSON."""
    for action in load_pack(name).actions:
        values: dict[str, object] = {"action": action.name}
        for spec in action.slots:
            if spec.required:
                values[spec.name] = spec.slot.minimum if isinstance(spec.slot, QuantitySlot) else "x"
                if isinstance(spec.slot, QuantitySlot) and spec.slot.integer:
                    values[spec.name] = int(spec.slot.minimum)
                if hasattr(spec.slot, "values"):
                    values[spec.name] = spec.slot.values[0]
        model = action.model.model_validate(values)
        assert model.model_dump(exclude_none=True) == values


@pytest.mark.parametrize(
    ("pack", "action"),
    [
        pytest.param("robot", {"action": "move", "direction": "forward", "distance_m": 1_000.0}, id="too far"),
        pytest.param("robot", {"action": "move", "direction": "north"}, id="no such direction"),
        pytest.param("robot", {"action": "turn", "direction": "left", "angle_deg": 0.0}, id="turn by nothing"),
        pytest.param("robot", {"action": "bring"}, id="required slot missing"),
        pytest.param("robot", {"action": "dock", "place": "dock 1"}, id="unknown slot"),
        pytest.param("home", {"action": "HassLightSet", "brightness": 101}, id="brighter than full"),
        pytest.param("home", {"action": "HassTurnOn", "domain": "lights"}, id="no such domain"),
        pytest.param("kiosk", {"action": "order_drink", "drink": "latte", "quantity": 1.5}, id="half a drink"),
        pytest.param("kiosk", {"action": "order_drink", "drink": "latte", "quantity": 21}, id="too many"),
    ],
)
def test_action_classes_refuse(pack: str, action: JsonAction) -> None:
    """Values outside a slot's bounds, unknown values and unknown slots do not validate."""
    spec = load_pack(pack).action(action["action"])
    assert spec is not None
    with pytest.raises(ValidationError):
        spec.model.model_validate(action)


@pytest.mark.parametrize(
    ("text", "action", "area", "expected"),
    [
        pytest.param(
            "turn on the lights",
            {"action": "HassTurnOn", "domain": "light"},
            "Kitchen",
            {"action": "HassTurnOn", "domain": "light", "area": "Kitchen"},
            id="where the speaker stands",
        ),
        pytest.param(
            "turn off all the lights",
            {"action": "HassTurnOff", "domain": "light"},
            "Kitchen",
            {"action": "HassTurnOff", "domain": "light"},
            id="all means all",
        ),
        pytest.param(
            "all right house turn on the lights",
            {"action": "HassTurnOn", "domain": "light"},
            "Kitchen",
            {"action": "HassTurnOn", "domain": "light", "area": "Kitchen"},
            id="a word to the house is no place",
        ),
        pytest.param(
            "turn on the lights around the house",
            {"action": "HassTurnOn", "domain": "light"},
            "Kitchen",
            {"action": "HassTurnOn", "domain": "light"},
            id="around the house",
        ),
        pytest.param(
            "turn on the lights",
            {"action": "HassTurnOn", "domain": "light"},
            None,
            {"action": "HassTurnOn", "domain": "light"},
            id="speaker's place unknown",
        ),
        pytest.param(
            "turn on the lights in the study",
            {"action": "HassTurnOn", "area": "Study", "domain": "light"},
            "Kitchen",
            {"action": "HassTurnOn", "area": "Study", "domain": "light"},
            id="the sentence's place wins",
        ),
        pytest.param(
            "turn on the desk lamp",
            {"action": "HassTurnOn", "name": "Desk Lamp"},
            "Kitchen",
            {"action": "HassTurnOn", "name": "Desk Lamp"},
            id="a name needs no place",
        ),
        pytest.param(
            "close the blinds in here",
            {"action": "HassTurnOff", "area": "here", "domain": "cover", "device_class": "blind"},
            "Kitchen",
            {"action": "HassTurnOff", "area": "Kitchen", "domain": "cover", "device_class": "blind"},
            id="here becomes the area",
        ),
        pytest.param(
            "how warm is it in here",
            {"action": "HassClimateGetTemperature", "area": "here"},
            None,
            {"action": "HassClimateGetTemperature"},
            id="here without a known place is dropped",
        ),
        pytest.param(
            "set the brightness to 40 percent",
            {"action": "HassLightSet", "brightness": 40},
            "Kitchen",
            {"action": "HassLightSet", "brightness": 40, "area": "Kitchen"},
            id="a brightness is the lights'",
        ),
        pytest.param(
            "which lights are on",
            {"action": "HassGetState", "domain": "light", "state": "on"},
            "Kitchen",
            {"action": "HassGetState", "domain": "light", "state": "on"},
            id="questions ask about the whole home",
        ),
        pytest.param(
            "what time is it",
            {"action": "HassGetCurrentTime"},
            "Kitchen",
            {"action": "HassGetCurrentTime"},
            id="no place",
        ),
    ],
)
def test_home_completes_the_place(text: str, action: JsonAction, area: str | None, expected: JsonAction) -> None:
    """What the sentence leaves to the place is filled in, and nothing else; the action given is not changed."""
    before = dict(action)
    completed = HOME.complete(action, around(text, area=area))
    assert completed == expected
    assert action == before
    spec = HOME.action(action["action"])
    assert spec is not None
    spec.model.model_validate(completed)


@pytest.mark.parametrize(
    ("action", "entity", "hazard"),
    [
        pytest.param(
            {"action": "HassTurnOff", "name": "Front Door"}, Entity("Front Door", "lock"), "lock", id="unlock"
        ),
        pytest.param({"action": "HassTurnOn", "name": "Front Door"}, Entity("Front Door", "lock"), "none", id="lock"),
        pytest.param({"action": "HassTurnOff", "domain": "lock"}, None, "lock", id="unlock everything"),
        pytest.param(
            {"action": "HassTurnOn", "name": "Garage"},
            Entity("Garage", "cover", device_class="garage"),
            "lock",
            id="garage",
        ),
        pytest.param(
            {"action": "HassTurnOff", "name": "Garage"},
            Entity("Garage", "cover", device_class="garage"),
            "none",
            id="closing the garage",
        ),
        pytest.param(
            {"action": "HassTurnOn", "domain": "cover", "device_class": "gate"},
            None,
            "lock",
            id="a gate without a name",
        ),
        pytest.param(
            {"action": "HassTurnOn", "name": "Blinds"},
            Entity("Blinds", "cover", device_class="blind"),
            "none",
            id="blinds",
        ),
        pytest.param(
            {"action": "HassToggle", "name": "Back Door"}, Entity("Back Door", "lock"), "lock", id="toggle a lock"
        ),
        pytest.param(
            {"action": "HassTurnOn", "name": "Garage Door"},
            Entity("Garage Door", "cover"),
            "lock",
            id="known by its name",
        ),
        pytest.param({"action": "HassTurnOff", "area": "Hall"}, None, "lock", id="everything of a room"),
        pytest.param(
            {"action": "HassTurnOff", "name": "Bike Lock"}, Entity("Bike Lock"), "lock", id="lock without a kind"
        ),
        pytest.param({"action": "HassTurnOff", "area": "Hall", "domain": "light"}, None, "none", id="a room's lights"),
        pytest.param(
            {"action": "HassTurnOn", "name": "Stove"},
            Entity("Stove", "valve", device_class="gas"),
            "heat",
            id="gas valve",
        ),
        pytest.param({"action": "HassTurnOn", "name": "Boiler"}, Entity("Boiler", "water_heater"), "heat", id="boiler"),
        pytest.param(
            {"action": "HassSetPosition", "name": "Stove", "position": 50},
            Entity("Stove", "valve", device_class="gas"),
            "heat",
            id="half a gas valve",
        ),
        pytest.param({"action": "HassTurnOn", "area": "Hall", "domain": "cover"}, None, "lock", id="a room's covers"),
        pytest.param(
            {"action": "HassTurnOn", "area": "Hall", "domain": "cover", "device_class": "blind"},
            None,
            "none",
            id="a room's blinds",
        ),
        pytest.param({"action": "HassSetPosition", "area": "Hall", "position": 9}, None, "lock", id="a room half open"),
        pytest.param(
            {"action": "HassTurnOff", "name": "Front Door"}, Entity("Front Door"), "lock", id="door without a kind"
        ),
        pytest.param({"action": "HassTurnOn", "name": "Mo"}, Entity("Mo", "lawn_mower"), "motion", id="mower"),
        pytest.param({"action": "HassTurnOn", "name": "Lamp"}, Entity("Lamp", "light"), "none", id="lamp"),
    ],
)
def test_home_knows_what_opens_the_house(action: JsonAction, entity: Entity | None, hazard: str) -> None:
    """Unlocking and opening an entrance need a yes, by name and by kind; closing and locking do not."""
    assert HOME.hazard_of is not None
    surroundings = around("", *([entity] if entity else []))
    assert HOME.hazard_of(action, "none", surroundings) == hazard


def test_hazards_of_the_packs() -> None:
    """What moves, heats or costs money is marked; the robot's stop is a stop."""
    hazards = {(name, spec.name): spec.hazard for name in SHIPPED for spec in load_pack(name).actions}
    assert hazards["robot", "go_to"] == "motion"
    assert hazards["robot", "say"] == "none"
    assert hazards["robot", "stop"] == "stop"
    assert hazards["home", "HassClimateSetTemperature"] == "heat"
    assert hazards["kiosk", "checkout"] == "money"


def test_a_bad_class_is_named_with_its_field() -> None:
    """A field that is no slot is refused by class and name."""

    class Fly(Action):
        action: str = "fly"
        height: float

    with pytest.raises(ConfigurationFault) as refused:
        make_pack("bird", "", {Fly: "motion"})
    assert refused.value.code is Code.PACK_INVALID
    assert refused.value.where == "Fly.height"


def test_entity_of_an_unknown_kind_fits_every_slot() -> None:
    """A world may know kinds that the pack does not; such an entity fits any entity slot, a known kind only its own."""
    pack: Pack = load_pack("kiosk")
    slot = EntitySlot("drink")
    assert pack.fits(slot, Entity("cake", "pastry"))
    assert pack.fits(slot, Entity("latte", "drink"))
    assert not pack.fits(slot, Entity("oat milk", "milk"))


def test_words_of_an_entity_slot_are_the_four() -> None:
    """An entity slot refuses other pointing words than me, here, it and there."""
    with pytest.raises(ValueError, match="yonder"):
        EntitySlot("place", words=("yonder",))
    assert QuantitySlot(Unit.METRE, 0, 1).unit is Unit.METRE


@pytest.mark.parametrize(
    ("kind", "state", "known"),
    [
        pytest.param(
            "binary_sensor", "open", {"domain": "binary_sensor", "state": "on"}, id="a binary sensor's open is on"
        ),
        pytest.param("binary_sensor", "closed", {"domain": "binary_sensor", "state": "off"}, id="and closed is off"),
        pytest.param("cover", "open", {"domain": "cover", "state": "open"}, id="a cover knows open itself"),
        pytest.param("contraption", "open", {"state": "open"}, id="a kind that is no domain fills nothing in"),
    ],
)
def test_a_question_about_a_named_thing_takes_its_domain_from_the_world(
    kind: str, state: str, known: dict[str, str]
) -> None:
    """The sentence does not say what sort of thing the hatch is; the world does."""
    action = {"action": "HassGetState", "name": "Hatch", "state": state}
    completed = HOME.complete(action, around("is the hatch open", Entity("Hatch", kind)))
    assert completed == {"action": "HassGetState", "name": "Hatch"} | known


def test_a_question_about_a_sensor_says_what_it_measures() -> None:
    """From the world, unless the sentence said it."""
    hatch = Entity("Hatch", "binary_sensor", device_class="opening")
    action = {"action": "HassGetState", "name": "Hatch", "state": "on"}
    completed = HOME.complete(action, around("is the hatch open", hatch))
    assert completed == action | {"domain": "binary_sensor", "device_class": "opening"}
    said = action | {"device_class": "battery"}
    assert HOME.complete(said, around("is the hatch's battery low", hatch))["device_class"] == "battery"


def test_a_script_is_run_by_its_domain() -> None:
    completed = HOME.complete({"action": "HassTurnOn", "name": "Dusk"}, around("run dusk", Entity("Dusk", "script")))
    assert completed == {"action": "HassTurnOn", "name": "Dusk", "domain": "script"}


@pytest.mark.parametrize("said", [{"search_query": "jazz"}, {"search_query": "jazz", "name": "Radio"}])
def test_music_plays_where_the_speaker_stands_unless_a_player_is_named(said: dict[str, str]) -> None:
    completed = HOME.complete({"action": "HassMediaSearchAndPlay", **said}, around("play jazz"))
    assert ("area" in completed) is ("name" not in said)


@pytest.mark.parametrize(
    ("action", "slot", "end", "value"),
    [
        pytest.param("HassLightSet", "brightness", 1.0, 100, id="brightest"),
        pytest.param("HassLightSet", "brightness", 0.0, 1, id="dimmest is not off"),
        pytest.param("HassSetVolume", "volume_level", 0.0, 0, id="quietest"),
        pytest.param("HassSetPosition", "position", 1.0, 100, id="open"),
        pytest.param("HassClimateSetTemperature", "temperature", 1.0, None, id="no hottest"),
        pytest.param("HassStartTimer", "minutes", 1.0, None, id="no longest"),
    ],
)
def test_an_end_of_the_range_is_the_slots_own(action: str, slot: str, end: float, value: float | None) -> None:
    """The most and the least of a percentage; a temperature's bounds are nobody's wish."""
    spec = HOME.action(action)
    assert spec is not None
    slot_spec = spec.slot(slot)
    assert slot_spec is not None
    assert isinstance(slot_spec.slot, QuantitySlot)
    assert slot_spec.slot.value_of(Quantity(end, Unit.EXTREME)) == value
