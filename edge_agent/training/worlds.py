"""Random worlds to make sentences in: a few dozen things of a pack's kinds, under names that are soon forgotten."""

from __future__ import annotations

import random
from dataclasses import dataclass

from edge_agent.packs.base import EntitySlot, Pack
from edge_agent.training.words import name
from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.store import World

_PLACES = frozenset({"area", "place"})
THINGS_MIN, THINGS_MAX = 6, 40
ALIAS_SHARE = 0.25
NAME_WORDS_MAX = 4
AFTER_PLACE_SHARE = 0.2
"""How often a thing is called after a place of the world: the kitchen lamp of a home with a kitchen."""


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


def _is_thing(kind: str) -> bool:
    """Sorts places first, so that things can be called after them."""
    return kind not in _PLACES


def random_place(rng: random.Random, pack: Pack) -> Place:
    """A new world. Every kind that a slot can take has at least one thing in it."""
    kinds = sorted(pack.kinds)
    count = max(rng.randint(THINGS_MIN, THINGS_MAX), len(kinds))
    wanted = [*sorted(kinds, key=_is_thing), *(rng.choice(kinds) for _ in range(count - len(kinds)))] if kinds else []
    taken: set[str] = set()
    things: list[Entity] = []
    for kind in wanted:
        called = _name(rng, pack, kind, things)
        if called in taken or len(called.split()) > NAME_WORDS_MAX:
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


def _name(rng: random.Random, pack: Pack, kind: str, things: list[Entity]) -> str:
    """A name, now and then one that holds the name of a place of this world."""
    called = name(rng, pack.name, kind)
    if kind in _PLACES or kind == "person" or rng.random() >= AFTER_PLACE_SHARE:
        return called
    places = [thing.name for thing in things if thing.kind in _PLACES]
    if not places or len(called.split()) > 1:
        return called
    return f"{rng.choice(places)} {called}"


def kinds_of(pack: Pack, list_name: str, slot: EntitySlot | None) -> tuple[str, ...]:
    """The kinds that a list of the phrases stands for: its own, or for `any` those of the slot."""
    if list_name in pack.kinds:
        return (list_name,)
    return slot.kinds if slot is not None else ()
