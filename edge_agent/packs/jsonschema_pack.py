"""A pack from a plain JSON Schema file: data only, no code.

    {"title": "lights", "description": "…", "x-phrases": ["lights.yaml"],
     "oneOf": [{"type": "object", "description": "Dim a lamp.", "x-hazard": "none",
                "properties": {"action": {"const": "dim"},
                               "lamp": {"type": "string", "x-entity": ["lamp"], "x-words": ["it"]},
                               "level": {"type": "number", "x-unit": "percent", "minimum": 0, "maximum": 100},
                               "mode": {"enum": ["soft", "hard"]},
                               "note": {"type": "string", "x-text": true}},
                "required": ["action", "lamp"]}]}

Each action becomes a class of the same shape as a Python pack's, so that nothing after this file tells them apart.
Refuses, with file and field (and line where the file is no JSON): references, keywords it would not keep, slots of no
known type.
"""

from __future__ import annotations

import json
import typing
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn

from pydantic import PydanticUserError, create_model

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.limits import PACK_FILE_BYTES_MAX
from edge_agent.packs.base import Action, EntitySlot, Hazard, Pack, QuantitySlot, TextSlot, make_pack
from edge_agent.world.mention import Unit

BOUND_MAX: Final = 1e15
"""Of a number that can be said; beyond it a float no longer knows one from the next."""
_TOP: Final = {
    "$schema",
    "$id",
    "title",
    "description",
    "oneOf",
    "x-phrases",
    "x-world",
    "x-ttl-ms",
    "x-stop-prefix",
    "x-confidence-min",
}
_ACTION: Final = {"title", "type", "description", "properties", "required", "additionalProperties", "x-hazard"}
_SLOT: Final = {
    "entity": {"type", "description", "x-entity", "x-words"},
    "quantity": {"type", "description", "x-unit", "minimum", "maximum"},
    "choice": {"type", "description", "enum"},
    "text": {"type", "description", "x-text", "maxLength"},
}


def load_schema_pack(path: Path) -> Pack:
    """The pack in a JSON Schema file.

    Raises:
        ConfigurationFault: UNKNOWN_PACK when there is no such file, PACK_INVALID naming file and field.
    """
    tree = _read(path)
    top = _object(tree, str(path), _TOP)
    name = top.get("title")
    if not isinstance(name, str) or not name.isidentifier():
        _fault(f"{path}: title", "names the pack: letters, digits and _")
    actions = top.get("oneOf")
    if not isinstance(actions, list) or not actions:
        _fault(f"{path}: oneOf", "is a list of at least one action")
    models = dict(_action(f"{path}: oneOf[{number}]", body) for number, body in enumerate(actions))
    ttl_ms = top.get("x-ttl-ms", 2_000)
    if not isinstance(ttl_ms, int) or isinstance(ttl_ms, bool) or ttl_ms < 1:
        _fault(f"{path}: x-ttl-ms", "is a whole number of milliseconds above 0")
    least = top.get("x-confidence-min", 0)
    if not isinstance(least, int | float) or isinstance(least, bool) or not 0 <= least <= 1:
        _fault(f"{path}: x-confidence-min", "is a number from 0 to 1")
    phrases = _strings(top.get("x-phrases", []), f"{path}: x-phrases")
    world = top.get("x-world")
    return make_pack(
        name,
        str(top.get("description", name)),
        models,
        phrases=tuple(path.parent / phrase for phrase in phrases),
        example_world=path.parent / world if isinstance(world, str) else None,
        ttl_ms=ttl_ms,
        confidence_min=float(least),
        stop_prefix=top.get("x-stop-prefix") is True,
    )


def _action(where: str, body: Any) -> tuple[type[Action], Hazard]:
    action = _object(body, where, _ACTION)
    properties = _object(action.get("properties", {}), f"{where}.properties")
    head = properties.get("action")
    name = head.get("const") if isinstance(head, dict) else None
    if not isinstance(name, str):
        _fault(f"{where}.properties.action", 'is {"const": "the action\'s name"}')
    required = _strings(action.get("required", []), f"{where}.required")
    if unknown := sorted(set(required) - set(properties)):
        _fault(f"{where}.required", f"names {', '.join(unknown)}, which is no property")
    hazard = action.get("x-hazard", "none")
    if hazard not in typing.get_args(Hazard):
        _fault(f"{where}.x-hazard", f"is one of {', '.join(typing.get_args(Hazard))}")
    fields: dict[str, Any] = {"action": (Literal[name], name)}
    for slot_name, slot_body in properties.items():
        if slot_name != "action":
            hint = _slot(f"{where}.properties.{slot_name}", slot_body)
            fields[slot_name] = (hint, ...) if slot_name in required else (hint | None, None)
    try:
        model = create_model(name, __base__=Action, __doc__=str(action.get("description", name)), **fields)
    except (PydanticUserError, NameError, ValueError) as problem:  # names such as "_x" or "model_config"
        _fault(where, f"cannot become an action: {problem}")
    return model, hazard


def _slot(where: str, body: Any) -> Any:
    """The annotation that a Python pack would write for this slot."""
    slot = _object(body, where)
    if "$ref" in slot:
        _fault(where, "references are not followed, local or remote; write the slot out")
    if "x-entity" in slot:
        _object(body, where, _SLOT["entity"])
        words = _strings(slot.get("x-words", []), f"{where}.x-words")
        try:
            return Annotated[str, EntitySlot(*_strings(slot["x-entity"], f"{where}.x-entity"), words=words)]
        except ValueError as problem:
            _fault(f"{where}.x-words", str(problem))
    if "enum" in slot:
        _object(body, where, _SLOT["choice"])
        values = _strings(slot["enum"], f"{where}.enum")
        if not values or len(set(values)) != len(values):
            _fault(f"{where}.enum", "is a list of different texts, at least one")
        return Literal[tuple(values)]
    if slot.get("type") in ("number", "integer"):
        return _quantity(where, _object(body, where, _SLOT["quantity"]))
    if slot.get("x-text") is True and slot.get("type") == "string":
        _object(body, where, _SLOT["text"])
        length = slot.get("maxLength", 200)
        if not isinstance(length, int) or not 0 < length <= 500:
            _fault(f"{where}.maxLength", "is a whole number from 1 to 500")
        return Annotated[str, TextSlot(length)]
    return _fault(where, "is no slot: give it x-entity, a number type with x-unit, enum, or type string with x-text")


def _quantity(where: str, slot: dict[str, Any]) -> Any:
    unit = slot.get("x-unit", "count")
    if unit not in tuple(Unit):
        _fault(f"{where}.x-unit", f"is one of {', '.join(Unit)}")
    low, high = (_bound(f"{where}.{key}", slot.get(key)) for key in ("minimum", "maximum"))
    if low > high:
        _fault(where, "minimum is above maximum")
    whole = slot["type"] == "integer"
    return Annotated[int if whole else float, QuantitySlot(Unit(unit), low, high, integer=whole)]


def _bound(where: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not -BOUND_MAX <= value <= BOUND_MAX:
        _fault(where, f"is needed, a number within ±{BOUND_MAX:g}")
    return value


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > PACK_FILE_BYTES_MAX:
            _fault(str(path), f"is larger than {PACK_FILE_BYTES_MAX} bytes")
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except FileNotFoundError as problem:
        raise ConfigurationFault(Code.UNKNOWN_PACK, "there is no such file", where=str(path)) from problem
    except json.JSONDecodeError as problem:
        _fault(f"{path}:{problem.lineno}", f"is no JSON: {problem.msg}")
    except (OSError, UnicodeDecodeError, RecursionError, ValueError) as problem:
        _fault(str(path), f"cannot be read: {problem}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"the key {twice[0]!r} stands there twice")
    return dict(pairs)


def _object(value: Any, where: str, keys: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        _fault(where, "is a JSON object")
    if keys is not None and (unknown := sorted(set(value) - keys)):
        hint = "references are not followed" if unknown[0] == "$ref" else f"known here: {', '.join(sorted(keys))}"
        _fault(f"{where}.{unknown[0]}", f"is not a key that a pack keeps; {hint}")
    return value


def _strings(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        _fault(where, "is a list of texts")
    return value


def _fault(where: str, message: str) -> NoReturn:
    raise ConfigurationFault(Code.PACK_INVALID, message, where=where)
