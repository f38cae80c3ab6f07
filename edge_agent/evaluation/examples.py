"""Examples to measure with: one JSON object a line, each with its own world.

Decides what a line may look like; refuses a line that is not it with EVAL_INVALID, naming file, line and field. A line
may carry fields of its own (source, licence, tags), which are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.messages import JsonAction
from edge_agent.world.entities import Entity


@dataclass(frozen=True, slots=True)
class Example:
    """One sentence, the world it is said in, and the readings of it that are right.

    `text` is None for an example in sound, and `audio` its file. `accept` holds `expected` first and then every other
    list of actions that counts as right. `world_key` is equal for equal worlds.
    """

    id: str
    pack: str
    text: str | None
    world: tuple[Entity, ...]
    world_key: str
    area: str | None
    accept: tuple[tuple[JsonAction, ...], ...]
    free_slots: frozenset[str]
    audio: Path | None = None

    @property
    def expected(self) -> tuple[JsonAction, ...]:
        """The reading to show."""
        return self.accept[0]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Entity(_Part):
    name: Annotated[str, Field(min_length=1)]
    type: str | None = None
    aliases: tuple[str, ...] = ()
    area: str | None = None
    floor: str | None = None
    device_class: str | None = None


class _Context(_Part):
    area: str | None = None


class _Line(_Part):
    id: Annotated[str, Field(min_length=1)]
    pack: Annotated[str, Field(min_length=1)]
    text: str | None = None
    audio: str | None = None
    world: tuple[_Entity, ...] | None = None
    world_ref: str | None = None
    context: _Context | None = None
    expected: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]
    accept: tuple[tuple[dict[str, Any], ...], ...] = ()
    free_slots: tuple[str, ...] = ()


_WORLD_FILE = TypeAdapter(tuple[_Entity, ...])


def read_examples(path: Path) -> tuple[Example, ...]:
    """Every example of a file, in order.

    Raises:
        ConfigurationFault: EVAL_INVALID, naming file, line and field.
    """
    worlds: dict[str, tuple[Entity, ...]] = {}
    examples: dict[str, Example] = {}
    for number, raw in _lines(path):
        place = f"{path}:{number}"
        line = _parse(raw, place)
        if line.id in examples:
            raise _fault(f"{place}: id", f"{line.id!r} stands twice in this file")
        if line.world_ref is not None and line.world_ref not in worlds:
            worlds[line.world_ref] = _read_world(path.parent, line.world_ref, f"{place}: world_ref")
        audio = None if line.audio is None else _beside(path.parent, line.audio, f"{place}: audio")
        examples[line.id] = _example(line, worlds, audio)
    if not examples:
        raise _fault(str(path), "holds no example")
    return tuple(examples.values())


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise _fault(str(path), f"cannot be read: {problem}") from problem
    return [(number, raw) for number, raw in enumerate(text.split("\n"), 1) if raw.strip()]


def _parse(raw: str, place: str) -> _Line:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise _fault(place, f"not JSON: {problem}") from problem
    try:
        line = _Line.model_validate(value)
    except ValidationError as problem:
        raise _first_fault(problem, place) from problem
    if (line.text is None) == (line.audio is None):
        raise _fault(f"{place}: text", "an example has either `text` or `audio`")
    if line.world is not None and line.world_ref is not None:
        raise _fault(f"{place}: world", "an example has either `world` or `world_ref`")
    for name, actions in (("expected", (line.expected,)), ("accept", line.accept)):
        if any(not isinstance(action.get("action"), str) for reading in actions for action in reading):
            raise _fault(f"{place}: {name}", 'every action names itself: {"action": NAME, …}')
    return line


def _example(line: _Line, worlds: Mapping[str, tuple[Entity, ...]], audio: Path | None) -> Example:
    if line.world_ref is not None:
        world, key = worlds[line.world_ref], f"ref:{line.world_ref}"
    else:
        world = tuple(_entity(entity) for entity in line.world or ())
        key = f"inline:{world!r}"
    return Example(
        id=line.id,
        pack=line.pack,
        text=line.text,
        world=world,
        world_key=key,
        area=line.context.area if line.context else None,
        accept=(line.expected, *line.accept),
        free_slots=frozenset(line.free_slots),
        audio=audio,
    )


def _read_world(folder: Path, reference: str, place: str) -> tuple[Entity, ...]:
    """A shared world."""
    path = _beside(folder, reference, place)
    try:
        return tuple(_entity(entity) for entity in _WORLD_FILE.validate_json(path.read_bytes()))
    except OSError as problem:
        raise _fault(place, f"cannot be read: {problem}") from problem
    except ValidationError as problem:
        raise _first_fault(problem, f"{place}: {reference}") from problem


def _beside(folder: Path, reference: str, place: str) -> Path:
    """A world or a sound, which must lie beside the examples: a file may not point anywhere else."""
    path = (folder / reference).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise _fault(place, f"{reference!r} leads out of the folder")
    return path


def _entity(entity: _Entity) -> Entity:
    return Entity(
        name=entity.name,
        kind=entity.type or "",
        aliases=entity.aliases,
        area=entity.area or "",
        floor=entity.floor or "",
        device_class=entity.device_class or "",
    )


def _first_fault(problem: ValidationError, place: str) -> ConfigurationFault:
    first = problem.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(step) for step in first["loc"])
    return _fault(f"{place}: {field}" if field else place, first["msg"])


def _fault(where: str, message: str) -> ConfigurationFault:
    return ConfigurationFault(Code.EVAL_INVALID, message, where=where)
