"""Worlds of any size under invented names, and the file that a node reads one from. Equal seeds give equal worlds."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence

from edge_agent.packs.base import Pack
from edge_agent.world.entities import Entity


def invented_word(chance: random.Random) -> str:
    """Something to pronounce: two or three syllables."""
    syllables = chance.randint(2, 3)
    return "".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(syllables)) + chance.choice(
        ["", "n", "r", "k", "st"]
    )


def invented_names(size: int, chance: random.Random) -> list[str]:
    """So many different names: two or three words, a third of them numbered."""
    names: dict[str, None] = {}
    while len(names) < size:
        words = [invented_word(chance) for _ in range(chance.randint(1, 2))]
        words.append(str(chance.randint(1, 99)) if chance.random() < 0.33 else invented_word(chance))
        names[" ".join(words)] = None
    return list(names)


def few_of(entities: Sequence[Entity], count: int) -> list[Entity]:
    """The first few of a world, of every kind in turn, without the places that they stand in."""
    by_kind: dict[str, list[Entity]] = {}
    for entity in entities:
        by_kind.setdefault(entity.kind, []).append(entity)
    chosen: list[Entity] = []
    turn = 0
    while len(chosen) < min(count, len(entities)):
        chosen += [of_kind[turn] for of_kind in by_kind.values() if turn < len(of_kind)]
        turn += 1
    return [Entity(entity.name, entity.kind, entity.aliases) for entity in chosen[:count]]


def grown(entities: Sequence[Entity], pack: Pack, size: int, seed: int) -> list[Entity]:
    """A world of this size that begins with these entities; what is added has kinds of the pack."""
    chance = random.Random(seed)
    kinds = sorted(pack.kinds) or [""]
    taken = {name.casefold() for entity in entities for name in (entity.name, *entity.aliases)}
    new = [name for name in invented_names(size, chance) if name not in taken][: size - len(entities)]
    return [*entities, *(Entity(name, chance.choice(kinds)) for name in new)]


def world_toml(entities: Iterable[Entity]) -> str:
    """The entities as a world file."""
    tables = []
    for entity in entities:
        lines = ["[[entity]]", f"name = {json.dumps(entity.name)}"]
        lines += [
            f"{key} = {json.dumps(value)}" for key in ("kind", "area", "floor") if (value := getattr(entity, key))
        ]
        if entity.aliases:
            lines.append(f"aliases = {json.dumps(list(entity.aliases))}")
        tables.append("\n".join(lines))
    return "\n\n".join(tables) + "\n"
