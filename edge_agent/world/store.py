"""The world: every entity there is, as one frozen value with a revision.

Decides whether a set of entities is a world and what it is after an update. An update holds whole or not at all. It
refuses names without a word in them, names used twice for one kind, too many aliases and too many entities. Files are
read in `loading`; finding names in sentences is the linker's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.world.entities import Entity
from edge_agent.world.text import words_of


@dataclass(frozen=True, slots=True)
class Names:
    """Entities by their casefolded names and aliases."""

    by_name: dict[str, tuple[Entity, ...]]
    by_alias: dict[str, tuple[Entity, ...]]

    @classmethod
    def of(cls, entities: Iterable[Entity]) -> Names:
        """The tables of these entities."""
        names = cls({}, {})
        for entity in entities:
            names._add(entity)
        return names

    def named(self, name: str) -> tuple[Entity, ...]:
        """The entities of this name."""
        return self.by_name.get(name.casefold(), ())

    def changed(self, gone: Iterable[Entity], come: Iterable[Entity]) -> Names:
        """The tables without some entities and with others."""
        names = Names(dict(self.by_name), dict(self.by_alias))
        for entity in gone:
            for table, name in _places(names, entity):
                left = tuple(one for one in table[name] if one is not entity)
                if left:
                    table[name] = left
                else:
                    del table[name]
        for entity in come:
            names._add(entity)
        return names

    def _add(self, entity: Entity) -> None:
        for table, name in _places(self, entity):
            table[name] = (*table.get(name, ()), entity)


def _places(names: Names, entity: Entity) -> list[tuple[dict[str, tuple[Entity, ...]], str]]:
    aliases = dict.fromkeys(alias.casefold() for alias in entity.aliases) if entity.aliases else ()
    return [(names.by_name, entity.name.casefold()), *((names.by_alias, alias) for alias in aliases)]


@dataclass(frozen=True, slots=True)
class World:
    """Entities in their owner's order. `revision` counts the updates since the world was made.

    `unalike` are words for which the everyday synonyms do not hold here. `former` are entities as they were before
    updates took them away or changed them: what was said of a place once is not unsaid by whoever may update the world.
    """

    entities: tuple[Entity, ...] = ()
    revision: int = 0
    _names: Names | None = field(default=None, repr=False, compare=False)
    unalike: frozenset[str] = frozenset()
    former: Names = field(default_factory=lambda: Names({}, {}), repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._names is None:
            object.__setattr__(self, "_names", Names.of(self.entities))

    @property
    def names(self) -> Names:
        """The lookup tables."""
        assert self._names is not None  # set in __post_init__
        return self._names

    @classmethod
    def of(cls, entities: Iterable[Entity]) -> World:
        """A checked world.

        Raises:
            ClientFault: WORLD_INVALID; `where` names the entity by its place, counted from 0.
        """
        kept = tuple(entities)
        if len(kept) > limits.WORLD_ENTITIES_MAX:
            raise _invalid(f"{len(kept)} entities; at most {limits.WORLD_ENTITIES_MAX} are held", "entities")
        for place, entity in enumerate(kept):
            check_entity(entity, f"entities.{place}")
        if len({identity(entity) for entity in kept}) < len(kept):
            place, twin = _first_twin(kept)
            raise _invalid(f"{kept[place].name!r} of kind {kept[place].kind!r} stands twice", f"entities.{twin}.name")
        return cls(kept)

    def entity(self, name: str) -> Entity | None:
        """The entity of this name, whatever its case; else the only entity with this alias; else None."""
        key = name.casefold()
        if found := self.names.by_name.get(key):
            return found[0]
        found = self.names.by_alias.get(key, ())
        return found[0] if len(found) == 1 else None

    def ever_called(self, name: str) -> Iterator[Entity]:
        """Every entity that has this name or alias, or had it before an update."""
        key = name.casefold()
        for names in (self.names, self.former):
            yield from names.by_name.get(key, ())
            yield from names.by_alias.get(key, ())

    def updated(self, remove: Sequence[str], add: Sequence[Entity]) -> World:
        """This world without the names in `remove` and with the entities in `add`, each replacing its like.

        Raises:
            ClientFault: WORLD_INVALID, naming the field; this world stays as it was.
        """
        for place, name in enumerate(remove):
            if name.casefold() not in self.names.by_name:
                raise _invalid(f"there is no entity named {name!r}", f"remove.{place}")
        for place, entity in enumerate(add):
            check_entity(entity, f"add.{place}")
        if len({identity(entity) for entity in add}) < len(add):
            place, twin = _first_twin(add)
            raise _invalid(f"{add[place].name!r} of kind {add[place].kind!r} stands twice", f"add.{twin}.name")
        gone = [entity for name in dict.fromkeys(map(str.casefold, remove)) for entity in self.names.by_name[name]]
        successors: dict[int, Entity | None] = {id(entity): None for entity in gone}
        new: list[Entity] = []
        for entity in add:
            like = next((one for one in self.names.named(entity.name) if one.kind == entity.kind), None)
            if like is None:
                new.append(entity)
            else:
                successors[id(like)] = entity
                gone += [] if like in gone else [like]
        kept = (successors.get(id(entity), entity) for entity in self.entities)
        entities = (*(entity for entity in kept if entity is not None), *new)
        if len(entities) > limits.WORLD_ENTITIES_MAX:
            raise _invalid(f"{len(entities)} entities; at most {limits.WORLD_ENTITIES_MAX} are held", "add")
        return World(entities, self.revision + 1, self.names.changed(gone, add), self.unalike, self._with_former(gone))

    def _with_former(self, gone: Iterable[Entity]) -> Names:
        fresh = [entity for entity in gone if entity not in self.former.named(entity.name)]
        if not fresh:
            return self.former
        if len(fresh) + sum(map(len, self.former.by_name.values())) > limits.FORMER_ENTITIES_MAX:
            raise _invalid(
                f"{limits.FORMER_ENTITIES_MAX} entities were taken away or changed; write them into the file", "add"
            )
        return self.former.changed((), fresh)


def identity(entity: Entity) -> tuple[str, str]:
    """What tells entities apart: no two of a world share name and kind."""
    return entity.name.casefold(), entity.kind


def check_entity(entity: Entity, where: str) -> None:
    """Refuse an entity that nobody could name.

    Raises:
        ClientFault: WORLD_INVALID with `where` as the entity's place.
    """
    _check_name(entity.name, f"{where}.name")
    if len(entity.aliases) > limits.ALIASES_MAX:
        raise _invalid(f"{len(entity.aliases)} aliases; at most {limits.ALIASES_MAX} are held", f"{where}.aliases")
    for place, alias in enumerate(entity.aliases):
        _check_name(alias, f"{where}.aliases.{place}")
    for field_name in ("kind", "area", "floor", "device_class"):
        value = getattr(entity, field_name)
        if value:
            _check_name(value, f"{where}.{field_name}")


def _check_name(name: str, where: str) -> None:
    if len(name) > limits.NAME_CHARS_MAX:
        raise _invalid(f"{len(name)} characters; a name has at most {limits.NAME_CHARS_MAX}", where)
    if not name.isprintable():
        raise _invalid("the name holds characters that cannot be printed", where)
    if not words_of(name):
        raise _invalid(f"{name!r} holds no word that could be said", where)


def _first_twin(entities: Sequence[Entity]) -> tuple[int, int]:
    """Places of an entity and of the first later one with the same identity."""
    counts = Counter(identity(entity) for entity in entities)
    twins = [place for place, entity in enumerate(entities) if counts[identity(entity)] > 1]
    key = identity(entities[twins[0]])
    return twins[0], next(place for place in twins[1:] if identity(entities[place]) == key)


def _invalid(message: str, where: str) -> ClientFault:
    return ClientFault(Code.WORLD_INVALID, message, where=where)
