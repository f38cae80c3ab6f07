"""The home pack: Home Assistant's intents and slots under their own names, so that it can carry an action out
unchanged.

Three slots are ours: LightSet's brightness_step, SetVolumeRelative's volume_step and GetState's device classes as one
list. An action on a kind of thing ("the lights") without a name or a place means the room where the speaker stands,
unless the sentence says all or everywhere; so do playing something and asking how warm it is. "The light" of a home
with several, said by somebody whose room is not known, is a doubt (home_doubts). What is known of a thing by its name
is filled in from the world: the domain of what a question or a script is about, and what a sensor measures.
Unlocking, and opening a garage, a gate or a door, are `lock`; heating is `heat`; machines that drive are `motion`.
Classes of actions live in home_devices, home_media and home_timers.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, get_args

from edge_agent.messages.base import JsonAction
from edge_agent.packs import home_devices as devices
from edge_agent.packs import home_media as media
from edge_agent.packs import home_timers as timers
from edge_agent.packs.base import Doubt, Hazard, Surroundings, make_pack
from edge_agent.packs.home_doubts import the_one, where_is_here
from edge_agent.packs.home_values import Domain, StateClass

_HERE: Final = Path(__file__).parent
_EVERYWHERE: Final = re.compile(
    r"(?<!after )(?<!at )(?<!that's )(?<!is )\ball\b(?! right| done| set)"
    r"|\b(every|each|everything|everywhere|any|anything|anywhere|whole|entire)\b"
    r"|\b(in|at|around|throughout|across|of) (the |my |our |this )?(house|home|building|place)\b"
)
"""Words that mean more than the speaker's room; not "all right", and not a greeting to the house."""
_ENTRANCES: Final = frozenset({"door", "garage", "gate", "garage_door"})
_ENTRANCE_NAME: Final = re.compile(r"\b(doors?|garage|gates?)\b")
"""Where the owner gave no device class, the name says it."""
_GROUPS: Final = frozenset(
    {
        "HassLightSet",
        "HassSetVolume",
        "HassSetVolumeRelative",
        "HassFanSetSpeed",
        "HassMediaSearchAndPlay",
        "HassClimateGetTemperature",
    }
)
"""Actions that mean the things of a room even without a domain: a brightness is the lights' brightness."""
_DOMAINS: Final = frozenset(get_args(Domain))
_STATE_CLASSES: Final = frozenset(get_args(StateClass))
_SENSORS: Final = frozenset({"binary_sensor", "sensor"})
"""Kinds whose device class says what they measure; Home Assistant's questions name it."""
_BINARY: Final = {"open": "on", "closed": "off"}
"""A binary sensor knows on and off alone; a door's sensor is on when the door is open."""


def complete(action: JsonAction, surroundings: Surroundings) -> JsonAction | Doubt:
    """Fill in what the sentence leaves to the place where it is said, and to what is known of the thing it names."""
    if surroundings.area is None and (doubt := where_is_here(action)):
        return doubt
    meant = action if _EVERYWHERE.search(surroundings.text.casefold()) else the_one(action, surroundings)
    return meant if isinstance(meant, Doubt) else _lean(_placed(_known(meant, surroundings), surroundings))


def _known(action: JsonAction, surroundings: Surroundings) -> JsonAction:
    """The domain of a named thing where Home Assistant expects it, and a binary sensor's state in its own words."""
    name = action.get("name")
    entity = surroundings.entity(name) if isinstance(name, str) else None
    if entity is None or entity.kind not in _DOMAINS:
        return action
    if action["action"] == "HassGetState":
        action = {**action, "domain": entity.kind}
        if entity.kind == "binary_sensor" and action.get("state") in _BINARY:
            action["state"] = _BINARY[action["state"]]
        if entity.kind in _SENSORS and entity.device_class in _STATE_CLASSES:
            action.setdefault("device_class", entity.device_class)
    elif action["action"] == "HassTurnOn" and entity.kind == "script":
        action = {**action, "domain": entity.kind}
    return action


def _placed(action: JsonAction, surroundings: Surroundings) -> JsonAction:
    """The speaker's area where the sentence leaves the place to it; `here` becomes the area."""
    area = surroundings.area
    if action.get("area") == "here":
        rest = {name: value for name, value in action.items() if name != "area"}
        return {**rest, "area": area} if area else rest
    if area is None or any(slot in action for slot in ("name", "area", "floor")):
        return action
    group = "domain" in action or "device_class" in action or action["action"] in _GROUPS
    if action["action"] == "HassGetState":
        group = False  # "are any lights on" asks about the whole home
    if not group or _EVERYWHERE.search(surroundings.text.casefold()):
        return action
    return {**action, "area": area}


def _lean(action: JsonAction) -> JsonAction:
    """Without a domain that says nothing: HassLightSet is about lights, so one beside a name or a place is left out."""
    if action["action"] != "HassLightSet" or not any(slot in action for slot in ("name", "area", "floor")):
        return action
    return {name: value for name, value in action.items() if name != "domain"}


def hazard_of(action: JsonAction, hazard: Hazard, surroundings: Surroundings) -> Hazard:
    """Turning off a lock unlocks it; turning on an entrance opens it; everything of a room, and all its covers, may
    hold either, and so may a door of which nobody said whether it is a lock or a cover.
    """
    name = action.get("name")
    entity = surroundings.entity(name) if isinstance(name, str) else None
    domain = (entity.kind if entity else "") or action.get("domain")
    device_class = (entity.device_class if entity else "") or action.get("device_class")
    entrance = device_class in _ENTRANCES or (not device_class and bool(_ENTRANCE_NAME.search(str(name).casefold())))
    nameless_covers = name is None and device_class is None and domain in ("cover", None)
    match action["action"]:
        case "HassTurnOff" | "HassToggle" if domain == "lock" or (domain is None and entrance):
            return "lock"
        case "HassTurnOn" | "HassToggle" | "HassSetPosition" if nameless_covers:
            return "lock"
        case "HassTurnOn" | "HassToggle" | "HassSetPosition" if domain in ("cover", None) and entrance:
            return "lock"
        case "HassTurnOn" | "HassTurnOff" | "HassToggle" if domain is None and name is None:
            return "lock"
        case "HassTurnOff" | "HassToggle" if domain is None and "lock" in str(name).casefold():
            return "lock"
        case "HassTurnOn" | "HassToggle" if domain in ("climate", "water_heater"):
            return "heat"
        case "HassTurnOn" | "HassToggle" | "HassSetPosition" if device_class == "gas":
            return "heat"
        case "HassTurnOn" | "HassToggle" if domain in ("vacuum", "lawn_mower"):
            return "motion"
    return hazard


_NONE: Final = (
    devices.TurnOff,
    devices.TurnOn,
    devices.Toggle,
    devices.GetState,
    devices.LightSet,
    devices.SetPosition,
    devices.StopMoving,
    devices.FanSetSpeed,
    devices.HumidifierSetpoint,
    devices.HumidifierMode,
    devices.ClimateGetTemperature,
    devices.GetWeather,
    devices.GetCurrentTime,
    devices.GetCurrentDate,
    devices.Nevermind,
    devices.Respond,
    media.Next,
    media.Previous,
    media.Pause,
    media.Unpause,
    media.Mute,
    media.Unmute,
    media.SearchAndPlay,
    media.SetVolume,
    media.SetVolumeRelative,
    media.Broadcast,
    media.ListAddItem,
    media.ListCompleteItem,
    media.ShoppingListAddItem,
    media.ShoppingListCompleteItem,
    timers.StartTimer,
    timers.CancelTimer,
    timers.CancelAllTimers,
    timers.IncreaseTimer,
    timers.DecreaseTimer,
    timers.PauseTimer,
    timers.UnpauseTimer,
    timers.TimerStatus,
)

_MOTION: Final = (devices.VacuumStart, devices.VacuumReturnToBase, devices.LawnMowerStart, devices.LawnMowerDock)
"""Machines that drive; a mower's blades turn."""

PACK: Final = make_pack(
    "home",
    "A home run by Home Assistant: lights, covers, locks, climate, media, timers, lists, states.",
    {
        **dict.fromkeys(_NONE, "none"),
        **dict.fromkeys(_MOTION, "motion"),
        devices.ClimateSetTemperature: "heat",
    },
    phrases=tuple(
        _HERE / "phrases" / f"{name}.yaml"
        for name in (
            "shared",
            "reject",
            "home",
            "home_lights",
            "home_levels",
            "home_machines",
            "home_states",
            "home_media",
            "home_timers",
            "home_talk",
        )
    ),
    example_world=_HERE / "worlds" / "home.toml",
    ttl_ms=2_000,
    confidence_min=0.33,  # finding other words costs twice what undoing a wrong light does
    complete=complete,
    hazard_of=hazard_of,
)
