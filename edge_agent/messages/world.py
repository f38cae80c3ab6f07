"""Changes of the world over the wire: whole or not at all, from the next command on."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from edge_agent import limits
from edge_agent.messages.base import Identifier, Message, Name, Part


class EntityRecord(Part):
    """One thing that exists here."""

    name: Name
    kind: Name | None = None
    """What it is; an entity without a kind fits any entity slot."""
    aliases: Annotated[tuple[Name, ...], Field(max_length=limits.ALIASES_MAX)] = ()
    area: Name | None = None
    floor: Name | None = None
    device_class: Name | None = None


class WorldUpdate(Message):
    """Remove these names, then add these entities (an existing name of the same kind is replaced)."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "world_update",
        "request_id": "r-3",
        "remove": ["red box"],
        "add": [{"name": "blue box", "kind": "item", "aliases": ["the blue one"]}],
    }

    type: Literal["world_update"] = "world_update"
    request_id: Identifier
    pack: Identifier | None = None
    """Whose world; the node's first pack when absent."""
    remove: Annotated[tuple[Name, ...], Field(max_length=limits.WORLD_UPDATE_ENTITIES_MAX)] = ()
    add: Annotated[tuple[EntityRecord, ...], Field(max_length=limits.WORLD_UPDATE_ENTITIES_MAX)] = ()


class WorldUpdated(Message):
    """The update holds from the next command on, and across restarts."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "world_updated",
        "request_id": "r-3",
        "pack": "robot",
        "revision": 4,
        "entities": 12,
    }

    type: Literal["world_updated"] = "world_updated"
    request_id: Identifier
    pack: Identifier
    revision: Annotated[int, Field(ge=0)]
    entities: Annotated[int, Field(ge=0)]
