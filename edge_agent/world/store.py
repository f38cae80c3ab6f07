"""The world: every entity there is, as one frozen value with a revision.

Decides whether a set of entities is a world and what it is after an update. An update holds whole or not at all. It
refuses names without a word in them, names used twice for one kind, too many aliases and too many entities. Files are
read in `loading`; finding names in sentences is the linker's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from edge_agent.errors import ClientFault, Code
from edge_agent.messages import limits
from edge_agent.world.entities import Entity
from edge_agent.world.text import words_of


@dataclass(frozen=True, slots=True)
class World:
    """Entities in their owner's order. `revision` counts the updates since the world was made."""

    entities: tuple[Entity, ...] = ()
    revision: int = 0
    _by_name: dict[str, tuple[Entity, ...]] = field(init=False, repr=False, compare=False)
    _by_alias: dict[str, tuple[Entity, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", _grouped((entity.name, entity) for entity in self.entities))
        aliases = ((alias, entity) for entity in self.entities for alias in entity.aliases)
        object.__setattr__(self, "_by_alias", _grouped(aliases))

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
        if found := self._by_name.get(key):
            return found[0]
        found = self._by_alias.get(key, ())
        return found[0] if len(found) == 1 else None

    def updated(self, remove: Sequence[str], add: Sequence[Entity]) -> World:
        """This world without the names in `remove` and with the entities in `add`, each replacing its like.

        Raises:
            ClientFault: WORLD_INVALID, naming the field; this world stays as it was.
        """
        for place, name in enumerate(remove):
            if name.casefold() not in self._by_name:
                raise _invalid(f"there is no entity named {name!r}", f"remove.{place}")
        for place, entity in enumerate(add):
            check_entity(entity, f"add.{place}")
        new = {identity(entity): entity for entity in add}
        if len(new) < len(add):
            place, twin = _first_twin(add)
            raise _invalid(f"{add[place].name!r} of kind {add[place].kind!r} stands twice", f"add.{twin}.name")
        gone = {name.casefold() for name in remove}
        kept: list[Entity] = []
        for entity in self.entities:
            key = identity(entity)
            if key in new:
                kept.append(new.pop(key))
            elif key[0] not in gone:
                kept.append(entity)
        kept.extend(new.values())
        if len(kept) > limits.WORLD_ENTITIES_MAX:
            raise _invalid(f"{len(kept)} entities; at most {limits.WORLD_ENTITIES_MAX} are held", "add")
        return World(tuple(kept), self.revision + 1)


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


def _grouped(pairs: Iterable[tuple[str, Entity]]) -> dict[str, tuple[Entity, ...]]:
    groups: dict[str, tuple[Entity, ...]] = {}
    for name, entity in pairs:
        key = name.casefold()
        already = groups.get(key, ())
        if entity not in already:
            groups[key] = (*already, entity)
    return groups


def _first_twin(entities: Sequence[Entity]) -> tuple[int, int]:
    """Places of an entity and of the first later one with the same identity."""
    counts = Counter(identity(entity) for entity in entities)
    twins = [place for place, entity in enumerate(entities) if counts[identity(entity)] > 1]
    key = identity(entities[twins[0]])
    return twins[0], next(place for place in twins[1:] if identity(entities[place]) == key)


def _invalid(message: str, where: str) -> ClientFault:
    return ClientFault(Code.WORLD_INVALID, message, where=where)
