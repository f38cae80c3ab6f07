"""What the journal says of the time before this start, read once at boot. Reads only."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from edge_agent.observe.records import ActionRow, CommandRow, NodeRow, StopRow, WorldRow
from edge_agent.observe.tables import select


@dataclass(frozen=True, slots=True)
class Past:
    """Everything that had not ended when the node last stopped."""

    epoch: int = 0
    unanswered: tuple[CommandRow, ...] = ()
    open_actions: tuple[ActionRow, ...] = ()
    latched: StopRow | None = None
    world_updates: tuple[WorldRow, ...] = ()
    unended: tuple[NodeRow, ...] = ()
    """Starts of the node whose end nobody wrote down."""


def read_past(connection: sqlite3.Connection) -> Past:
    """Read it.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
    """
    epoch = connection.execute("SELECT coalesce(max(epoch), 0) FROM node").fetchone()[0]
    stops = select(connection, StopRow, "released_wall_ms IS NULL")
    return Past(
        epoch=int(epoch),
        unanswered=tuple(select(connection, CommandRow, "outcome = ''")),
        open_actions=tuple(select(connection, ActionRow, "state NOT IN ('FINISHED', 'FAILED')")),
        latched=stops[-1] if stops else None,
        world_updates=tuple(select(connection, WorldRow)),
        unended=tuple(select(connection, NodeRow, "ended = ''")),
    )
