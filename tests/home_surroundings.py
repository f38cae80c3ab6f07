"""What the home pack may look at when it completes an action, for its tests."""

from __future__ import annotations

from edge_agent.packs.base import Surroundings
from edge_agent.world.entities import Entity


def around(text: str, *entities: Entity, area: str | None = "Kitchen") -> Surroundings:
    """A sentence said in a room, in a home of these things."""
    by_name = {entity.name: entity for entity in entities}
    return Surroundings(
        text=text,
        area=area,
        speaker=None,
        entity=by_name.get,
        of_kind=lambda kind: [entity for entity in entities if entity.kind == kind],
    )
