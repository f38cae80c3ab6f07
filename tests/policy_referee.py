"""A site with rules of every sort, four packs on it, and a referee that knows the rules by tables of its own.

For tests of the policy and the fault campaign; holds no test. The referee shares no code with the policy: the packs'
own classes check slots, and what is closed or limited is written out here by hand.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Final

from edge_agent.packs.base import EntitySlot, Pack
from edge_agent.packs.registry import load_pack
from edge_agent.safety.policy import Planned, Policy
from edge_agent.safety.reading import policy_of
from edge_agent.settings.policy import PolicySettings
from edge_agent.world.entities import Entity
from edge_agent.world.store import World

_WINCH: Final = {
    "title": "winch",
    "oneOf": [
        {
            "type": "object",
            "x-hazard": "motion",
            "properties": {
                "action": {"const": "lift"},
                "load": {"x-entity": ["load"], "x-words": ["it"]},
                "height_m": {"type": "number", "x-unit": "m", "minimum": 0, "maximum": 30},
                "speed": {"type": "integer", "x-unit": "percent", "minimum": 1, "maximum": 100},
                "mode": {"enum": ["soft", "hard"]},
            },
            "required": ["action", "load"],
        },
        {
            "type": "object",
            "x-hazard": "motion",
            "properties": {"action": {"const": "swing"}, "to": {"x-entity": ["place"], "x-words": ["here"]}},
            "required": ["action", "to"],
        },
        {
            "type": "object",
            "properties": {"action": {"const": "note"}, "text": {"type": "string", "x-text": True, "maxLength": 40}},
            "required": ["action", "text"],
        },
        {"type": "object", "x-hazard": "stop", "properties": {"action": {"const": "hold"}}, "required": ["action"]},
    ],
}


def _winch() -> Pack:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "winch.json"
        path.write_text(json.dumps(_WINCH), encoding="utf-8")
        return load_pack(str(path))


PACKS: Final = {**{name: load_pack(name) for name in ("robot", "home", "kiosk")}, "winch": _winch()}
WORLDS: Final = {
    "robot": World.of(
        [
            Entity("dock 3", "place"),
            Entity("hall", "place"),
            Entity("server room", "place", ("machine room",), area="hall"),
            Entity("rack room", "place", area="server room"),
            Entity("rack 7", "item", ("tall rack",), area="rack room"),
            Entity("red box", "item", area="hall"),
            Entity("lamp", "device", area="hall"),
            Entity("ann", "person", area="machine room"),
            Entity("bob", "person", area="hall"),
        ]
    ),
    "home": World.of(
        [
            Entity("Upstairs", "floor"),
            Entity("Nursery", "area", floor="Upstairs"),
            Entity("Kitchen", "area"),
            Entity("Cot Heater", "climate", area="Nursery"),
            Entity("Stove Heater", "climate", area="Kitchen"),
            Entity("Cellar Door", "lock", area="Kitchen"),
            Entity("Back Door", "lock", area="Nursery"),
            Entity("Lamp", "light", area="Kitchen"),
            Entity("Robby", "vacuum", area="Kitchen"),
            Entity("Crib Robot", "vacuum", area="Nursery"),
        ]
    ),
    "kiosk": World.of([Entity("espresso", "drink"), Entity("tea", "drink", ("chai",)), Entity("large", "size")]),
    "winch": World.of(
        [Entity("crate", "load", area="pit"), Entity("beam", "load"), Entity("pit", "place"), Entity("yard", "place")]
    ),
}
SETTINGS: Final = PolicySettings.model_validate(
    {
        "confirm": ["lock", "heat", "money", "motion"],
        "limit": [
            {"action": "move", "slot": "distance_m", "max": 2, "total_max": 3, "required": True},
            {"action": "move", "slot": "direction", "one_of": ["forward", "backward", "left", "right"]},
            {"action": "turn", "slot": "angle_deg", "max": 90, "robot": "porter"},
            {"action": "wait", "slot": "seconds", "min": 1, "max": 60},
            {"action": "HassClimateSetTemperature", "slot": "temperature", "min": 5, "max": 26},
            {"action": "HassClimateSetTemperature", "slot": "temperature", "max": 22, "area": "Nursery"},
            {"action": "order_drink", "slot": "quantity", "max": 6, "total_max": 8},
            {"action": "lift", "slot": "speed", "max": 20},
        ],
        "forbid": [{"action": "open"}, {"action": "HassVacuumStart"}],
        "no_go": [
            {"place": "server room"},
            {"place": "Cellar Door", "actions": ["HassTurnOff", "HassToggle"]},
            {"place": "pit", "pack": "winch"},
            {"place": "Nursery", "pack": "home"},
        ],
    }
)
POLICY: Final[Policy] = policy_of(SETTINGS, PACKS, WORLDS)
ROBOT: Final = "porter"

_CLOSED: Final = {
    "robot": {"server room", "machine room", "rack room", "rack 7", "tall rack", "ann"},
    "winch": {"pit", "crate"},
}
_MOVES: Final = {
    "robot": {"go_to", "follow", "guide", "pick", "place", "bring", "find", "inspect", "close"},
    "winch": {"lift", "swing"},
}
_RANGES: Final = {
    ("move", "distance_m"): (0.01, 2.0),
    ("turn", "angle_deg"): (1.0, 90.0),
    ("wait", "seconds"): (1.0, 60.0),
    ("HassClimateSetTemperature", "temperature"): (5.0, 26.0),
    ("order_drink", "quantity"): (1.0, 6.0),
    ("lift", "speed"): (1.0, 20.0),
}
_FORBIDDEN: Final = {"open", "HassVacuumStart"}
_KITCHEN_ONLY: Final = {"kitchen", "stove heater", "lamp", "cellar door", "robby"}
_NOT_THE_CELLAR: Final = {
    "cot heater",
    "stove heater",
    "nursery",
    "upstairs",
    "back door",
    "lamp",
    "robby",
    "crib robot",
}
_NURSERY: Final = {"nursery", "cot heater", "back door", "crib robot"}
_DRIVING: Final = {"HassVacuumReturnToBase", "HassLawnMowerStartMowing", "HassLawnMowerDock"}


def object_to(pack: str, planned: tuple[Planned, ...], *, area: str | None, speaker: str | None) -> str:
    """What is wrong with actions that the policy let pass, or ""."""
    actions = [one.action for one in planned]
    for action in actions:
        problem = _wrong(pack, action, area, speaker)
        if problem:
            return f"{action}: {problem}"
    metres = sum(action["distance_m"] for action in actions if action["action"] == "move")
    cups = sum(action.get("quantity", 1) for action in actions if action["action"] == "order_drink")
    return f"{metres} metres, {cups} cups" if metres > 3 or cups > 8 else ""


def _wrong(pack: str, action: dict[str, Any], area: str | None, speaker: str | None) -> str:
    name = action["action"]
    spec = next(one for one in PACKS[pack].actions if one.name == name)
    spec.model.model_validate(json.loads(json.dumps(action)))
    named = {
        str(action[one.name]).casefold()
        for one in spec.slots
        if isinstance(one.slot, EntitySlot) and one.name in action
    }
    called = {word.casefold() for one in WORLDS[pack].entities for word in (one.name, *one.aliases)}
    told = {word.casefold() for word in (area, speaker) if word}
    if not named <= called | told | {"me", "here"}:
        return "names what is not here"
    if name in _FORBIDDEN:
        return "is forbidden"
    for (limited, slot), (low, high) in _RANGES.items():
        if name == limited and slot in action and not low <= action[slot] <= high:
            return f"{slot} is out of its range"
    if name == "move" and action["direction"] in ("up", "down"):
        return "goes up or down"
    reached = named | (told if named & ({"me", "here"} | told) else set())
    if name in _MOVES.get(pack, ()) and reached & _CLOSED[pack]:
        return "reaches a closed place"
    if name == "HassClimateSetTemperature" and not reached & _KITCHEN_ONLY and action["temperature"] > 22:
        return "is too warm for the nursery"
    mowers = action.get("domain") == "lawn_mower" and "name" not in action
    drives = name in _DRIVING or (mowers and name in ("HassTurnOn", "HassToggle"))
    if drives and (reached & _NURSERY or "upstairs" in named or not reached & (_KITCHEN_ONLY | {"yard"})):
        return "may drive into the nursery"
    if name in ("HassTurnOff", "HassToggle") and ("cellar door" in named or not reached & _NOT_THE_CELLAR):
        return "may turn the cellar door"
    return ""
