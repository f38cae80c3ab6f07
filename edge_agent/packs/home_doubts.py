"""The one thing that "the light" or "the list" means, where nothing says which.

Decides by what the home holds: of one such thing, it is meant; of several, nobody can tell, and the answer is a doubt
that names them. Refuses to choose. "The lights", "all" and "everywhere" are no such case, nor is a speaker whose room
is known: there they mean what is in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from edge_agent.messages.base import JsonAction
from edge_agent.packs.base import Doubt, Surroundings
from edge_agent.world.entities import Entity

_NOUNS: Final = {
    "light": "light|lamp|bulb|light bulb",
    "switch": "switch|outlet|plug|socket",
    "fan": "fan",
    "lock": "lock|door",
    "media_player": "tv|television|telly|speaker|receiver|radio|media player|stereo",
    "vacuum": "vacuum|vacuum cleaner|robot vacuum|hoover",
    "climate": "thermostat|heater|air conditioner",
    "valve": "valve|tap",
    "humidifier": "humidifier",
    "siren": "siren",
    "camera": "camera",
    "cover": "cover",
}
"""What people call one thing of a kind."""
_COVERS: Final = {
    "awning": "awning",
    "blind": "blind",
    "curtain": "curtain",
    "damper": "damper",
    "door": "door",
    "garage": "garage|garage door",
    "gate": "gate",
    "shade": "shade",
    "shutter": "shutter|roller shutter",
    "window": "window",
}
_KINDS: Final = {
    "HassLightSet": "light",
    "HassFanSetSpeed": "fan",
    "HassSetVolume": "media_player",
    "HassSetVolumeRelative": "media_player",
    "HassVacuumStart": "vacuum",
    "HassVacuumReturnToBase": "vacuum",
}
"""Actions that are about things of one kind without saying so."""
_QUESTIONS: Final = frozenset({"HassGetState", "HassClimateGetTemperature", "HassTimerStatus"})
"""A question about all of them harms nobody, and its answer says which."""
_ON_A_LIST: Final = {
    "HassShoppingListAddItem": "HassListAddItem",
    "HassShoppingListCompleteItem": "HassListCompleteItem",
}
_THE_LIST: Final = re.compile(r"\b(the|my|our|that|this) list\b")
_SHOPPING: Final = re.compile(r"\b(shopping|grocery|groceries)\b")


def the_one(action: JsonAction, surroundings: Surroundings) -> JsonAction | Doubt:
    """The action upon the only thing it can mean, unchanged where it means more than one, or a doubt."""
    if action["action"] in _ON_A_LIST:
        return _the_list(action, surroundings)
    placed = surroundings.area is not None or any(slot in action for slot in ("name", "area", "floor"))
    if placed or action["action"] in _QUESTIONS:
        return action
    kind = action.get("domain") or _KINDS.get(action["action"], "")
    device_class = action.get("device_class", "")
    if not kind and device_class in _COVERS:
        kind = "cover"
    nouns = _COVERS.get(device_class, "") if kind == "cover" and device_class else _NOUNS.get(kind, "")
    if not nouns or not _says_one(surroundings.text.casefold(), nouns):
        return action
    there = [one for one in surroundings.of_kind(kind) if not device_class or _is_of(one, device_class)]
    if not there:
        return action
    if len(there) > 1:
        return Doubt(f"there are {len(there)} such things, and nothing says which", _names(there))
    rest = {slot: value for slot, value in action.items() if slot not in ("action", "domain", "device_class")}
    return {"action": action["action"], "name": there[0].name, **rest}


def where_is_here(action: JsonAction) -> Doubt | None:
    """A doubt where "here" is said and nobody knows where that is: without a place the whole home would be meant."""
    if action.get("area") != "here" or action["action"] in _QUESTIONS:
        return None
    return Doubt("where the speaker stands is not known: where is here?")


def _the_list(action: JsonAction, surroundings: Surroundings) -> JsonAction | Doubt:
    """ "The list" is the shopping list only where there is no other."""
    said = surroundings.text.casefold()
    if not _THE_LIST.search(said) or _SHOPPING.search(said):
        return action
    lists = surroundings.of_kind("todo")
    if len(lists) > 1:
        return Doubt(f"there are {len(lists)} lists, and nothing says which", _names(lists))
    if not lists or _SHOPPING.search(lists[0].name.casefold()):
        return action
    return {**action, "action": _ON_A_LIST[action["action"]], "name": lists[0].name}


def _says_one(said: str, nouns: str) -> bool:
    """Whether one thing is said, and not several of the kind anywhere else in the sentence."""
    one = re.search(rf"\b(the|my|our|that|this) ({nouns})\b(?! (switch|bulbs|door|control|level|color|colour)\b)", said)
    several = re.search(rf"\b({nouns})e?s\b", said)
    return one is not None and several is None


def _is_of(entity: Entity, device_class: str) -> bool:
    if entity.device_class:
        return entity.device_class == device_class
    return device_class in entity.name.casefold()


def _names(entities: Iterable[Entity]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entity.name for entity in entities))
