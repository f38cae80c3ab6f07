"""Random worlds to make sentences in: a few dozen things of a pack's kinds, under names that are soon forgotten."""

from __future__ import annotations

import random
from dataclasses import dataclass

from edge_agent.packs.base import EntitySlot, Pack
from edge_agent.training.words import name
from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.store import World

THINGS_MIN, THINGS_MAX = 6, 40
ALIAS_SHARE = 0.15
FRESH_TRIES = 20


@dataclass(frozen=True, slots=True)
class Place:
    """A world with its linker, and its things by kind."""

    pack: Pack
    linker: Linker
    by_kind: dict[str, tuple[Entity, ...]]

    def thing(self, rng: random.Random, kinds: tuple[str, ...]) -> Entity | None:
        """A thing of one of these kinds (no kinds: of any), or None when this world has none."""
        pool = [kind for kind in kinds or tuple(self.by_kind) if self.by_kind.get(kind)]
        return rng.choice(self.by_kind[rng.choice(pool)]) if pool else None

    def absent(self, rng: random.Random, kind: str) -> str:
        """A name of this kind in which this world's linker sees nothing; "" when none was found."""
        for _ in range(FRESH_TRIES):
            candidate = name(rng, self.pack.name, kind)
            if not self.linker.link(f"the {candidate}").mentions:
                return candidate
        return ""


def random_place(rng: random.Random, pack: Pack) -> Place:
    """A new world. Every kind that a slot can take has at least one thing in it."""
    kinds = sorted(pack.kinds)
    count = max(rng.randint(THINGS_MIN, THINGS_MAX), len(kinds))
    wanted = [*kinds, *(rng.choice(kinds) for _ in range(count - len(kinds)))] if kinds else []
    taken: set[str] = set()
    things: list[Entity] = []
    for kind in wanted:
        called = name(rng, pack.name, kind)
        if called in taken:
            continue
        taken.add(called)
        alias = name(rng, pack.name, kind)
        aliases = (alias,) if rng.random() < ALIAS_SHARE and alias not in taken else ()
        taken.update(aliases)
        things.append(Entity(called, kind, aliases))
    by_kind: dict[str, list[Entity]] = {}
    for thing in things:
        by_kind.setdefault(thing.kind, []).append(thing)
    return Place(pack, Linker(World.of(things)), {kind: tuple(of_kind) for kind, of_kind in by_kind.items()})


def kinds_of(pack: Pack, list_name: str, slot: EntitySlot | None) -> tuple[str, ...]:
    """The kinds that a list of the phrases stands for: its own, or for `any` those of the slot."""
    if list_name in pack.kinds:
        return (list_name,)
    return slot.kinds if slot is not None else ()
