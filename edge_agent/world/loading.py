"""A world from a TOML file.

    [[entity]]
    name = "dock 3"
    kind = "place"
    aliases = ["loading bay three"]
    area = "hall a"

    [synonyms]
    box = ["carton", "crate"]   # "red box" may also be called "red carton"
    cabinet = []                # no everyday synonym of it: a cupboard is another thing here

Decides whether the file is a world; every refusal names file, line and field. It refuses files that are no regular
file (a pipe would block the start), too large, not UTF-8, and unknown keys.
"""

from __future__ import annotations

import re
import stat
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edge_agent import limits
from edge_agent.errors import ClientFault, Code, ConfigurationFault
from edge_agent.limits import WORLD_FILE_BYTES_MAX
from edge_agent.world.entities import Entity
from edge_agent.world.store import World
from edge_agent.world.text import words_of

_FIELDS: Final = ("name", "kind", "aliases", "area", "floor", "device_class")
_ENTITY_HEADER: Final = re.compile(r"^\s*\[\[\s*entity\s*\]\]")
_SYNONYMS_HEADER: Final = re.compile(r"^\s*\[\s*synonyms\s*\]")


def load_world(path: Path) -> World:
    """Read a world file.

    Raises:
        ConfigurationFault: WORLD_INVALID; `where` is `FILE:LINE: FIELD` as far as they are known.
    """
    text = _read(path)
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as problem:  # also for numbers of thousands of digits, and lists that deep
        line = re.search(r"at line (\d+)", str(problem))  # else "at end of document"
        number = line.group(1) if line else len(text.splitlines())
        raise _invalid(f"no TOML: {problem}", f"{path}:{number}") from problem
    lines = text.splitlines()
    try:
        return _world_of(tree)
    except ClientFault as fault:
        raise _invalid(fault.message, _place(path, lines, fault.where)) from fault


def _read(path: Path) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _invalid("is no regular file; give the path of a TOML file", str(path))
        if status.st_size > WORLD_FILE_BYTES_MAX:
            raise _invalid(f"has {status.st_size} bytes; at most {WORLD_FILE_BYTES_MAX} are read", str(path))
        return path.read_text(encoding="utf-8")
    except OSError as problem:
        raise _invalid(f"cannot be read: {problem.strerror or problem}", str(path)) from problem
    except UnicodeDecodeError as problem:
        raise _invalid(f"is not UTF-8 (byte {problem.start})", str(path)) from problem


def _world_of(tree: dict[str, Any]) -> World:
    for key in tree:
        if key not in ("entity", "synonyms"):
            raise _wrong(f"unknown key {key!r}; a world has [[entity]] tables and one [synonyms] table", key)
    tables = tree.get("entity", [])
    if not isinstance(tables, list):
        raise _wrong("write [[entity]] with two brackets", "entity")
    synonyms = _synonyms_of(tree.get("synonyms", {}))
    world = World.of(_named_alike(_entity_of(table, place), synonyms) for place, table in enumerate(tables))
    unalike = frozenset(word for word, others in synonyms.items() if not others)
    return replace(world, unalike=unalike) if unalike else world


def _entity_of(table: Any, place: int) -> Entity:
    where = f"entities.{place}"
    if not isinstance(table, dict):
        raise _wrong("an entity is a table", where)
    for key, value in table.items():
        if key not in _FIELDS:
            raise _wrong(f"unknown field; an entity has {', '.join(_FIELDS)}", f"{where}.{key}")
        if key != "aliases" and not isinstance(value, str):
            raise _wrong("needs a string", f"{where}.{key}")
    aliases = table.get("aliases", [])
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise _wrong("needs a list of strings", f"{where}.aliases")
    if "name" not in table:
        raise _wrong("an entity needs a name", f"{where}.name")
    return Entity(**{**table, "aliases": tuple(aliases)})


def _synonyms_of(table: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise _wrong("[synonyms] is a table of words and lists", "synonyms")
    for word, others in table.items():
        if not isinstance(others, list) or not all(isinstance(other, str) and words_of(other) for other in others):
            raise _wrong("needs a list of words", f"synonyms.{word}")
    return {" ".join(words_of(word)): tuple(others) for word, others in table.items()}


def _named_alike(entity: Entity, synonyms: dict[str, tuple[str, ...]]) -> Entity:
    """The entity with more aliases, a word of its name exchanged for a synonym; as many as an entity may have."""
    spoken = f" {' '.join(words_of(entity.name))} "
    more = [
        spoken.replace(f" {word} ", f" {other} ").strip()
        for word, others in synonyms.items()
        if f" {word} " in spoken
        for other in others
    ]
    room = max(0, limits.ALIASES_MAX - len(entity.aliases))
    new = [alias for alias in dict.fromkeys(more) if alias not in entity.aliases][:room]
    return replace(entity, aliases=(*entity.aliases, *new)) if new else entity


def _place(path: Path, lines: list[str], where: str) -> str:
    """`FILE:LINE: FIELD` for a field such as `entities.4.aliases.0`; the table's line when the field has none."""
    parts = where.split(".")
    if parts[0] == "synonyms":
        start = _line_of(lines, _SYNONYMS_HEADER, 0)
    elif parts[0] == "entities" and len(parts) > 1 and parts[1].isdecimal():  # or a key of the file's own that looks so
        start = _line_of(lines, _ENTITY_HEADER, int(parts[1]))
    else:
        start = None
    key = parts[2] if parts[0] == "entities" and len(parts) > 2 else parts[-1]
    field = re.compile(rf"""^\s*\[{{0,2}}["']?{re.escape(key)}["']?\s*[=\]]""")
    line = start
    for number in range(start or 0, len(lines)):
        if number > (start or 0) and parts[0] == "entities" and lines[number].lstrip().startswith("["):
            break
        if field.match(lines[number]):
            line = number
            break
    name = f"entity.{key}" if parts[0] == "entities" else where
    return f"{path}:{line + 1}: {name}" if line is not None else f"{path}: {name}"


def _line_of(lines: list[str], header: re.Pattern[str], nth: int) -> int | None:
    matching = (number for number, line in enumerate(lines) if header.match(line))
    return next((number for count, number in enumerate(matching) if count == nth), None)


def _wrong(message: str, where: str) -> ClientFault:
    return ClientFault(Code.WORLD_INVALID, message, where=where)


def _invalid(message: str, where: str) -> ConfigurationFault:
    return ConfigurationFault(Code.WORLD_INVALID, message, where=where)
