"""The things that exist here: one frozen record each. What a world is made of; loading and indexing are next door."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing of the world.

    `kind` is "" when the owner gave none: such an entity fits any entity slot. `area` and `floor` are names of other
    entities, or "".
    """

    name: str
    kind: str = ""
    aliases: tuple[str, ...] = ()
    area: str = ""
    floor: str = ""
    device_class: str = ""
