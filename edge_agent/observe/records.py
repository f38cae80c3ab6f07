"""The journal's rows, one frozen record a table. A row is always written whole and sealed, never edited in part.

The seal is a digest over the row's own values, so that a bit that flipped on the disk is found when the row is read,
which SQLite's own checks do not do.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass, fields
from typing import Any, ClassVar

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One start of the node."""

    TABLE: ClassVar[str] = "node"

    epoch: int
    started_wall_ms: int
    version: str


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One accepted command, and its answer once there is one (`answer` is the message's JSON, `output` the model's)."""

    TABLE: ClassVar[str] = "command"

    command_id: str
    client: str
    request_id: str
    body_sha256: str
    epoch: int
    pack: str
    robot: str
    text: str
    ttl_ms: int
    received_wall_ms: int
    outcome: str = ""
    answer: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action of an answered command, as it stands now. `action` is its JSON."""

    TABLE: ClassVar[str] = "action"

    action_id: str
    command_id: str
    epoch: int
    position: int
    robot: str
    action: str
    digest: str
    tier: int
    state: str
    reason: str
    seq: int


@dataclass(frozen=True, slots=True)
class TransitionRow:
    """One event of one action, in the order in which they happened; for replay."""

    TABLE: ClassVar[str] = "transition"

    epoch: int
    wall_ms: int
    action_id: str
    event: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConfirmationRow:
    """What came of a confirmation: confirmed, or the code of why not."""

    TABLE: ClassVar[str] = "confirmation"

    action_id: str
    epoch: int
    digest: str
    wall_ms: int
    outcome: str


@dataclass(frozen=True, slots=True)
class StopRow:
    """A latched stop; released when `released_wall_ms` is set."""

    TABLE: ClassVar[str] = "stop"

    stop_id: str
    epoch: int
    reason: str
    wall_ms: int
    released_wall_ms: int | None


@dataclass(frozen=True, slots=True)
class WorldRow:
    """One world update (`body` is the message's JSON), on top of a TOML file of this digest."""

    TABLE: ClassVar[str] = "world_update"

    pack: str
    revision: int
    world_sha256: str
    wall_ms: int
    body: str


Row = NodeRow | CommandRow | ActionRow | TransitionRow | ConfirmationRow | StopRow | WorldRow
ROWS: tuple[type[Row], ...] = (NodeRow, CommandRow, ActionRow, TransitionRow, ConfirmationRow, StopRow, WorldRow)


def columns(row: type[Any]) -> tuple[str, ...]:
    """The columns of a row's table, the seal and the table's own rowid not counted."""
    return tuple(field.name for field in fields(row))


def values(row: Row) -> tuple[Value, ...]:
    """The row's values in the order of its columns."""
    return astuple(row)


def seal(table: str, row: tuple[Value, ...]) -> str:
    """Digest over a row's values."""
    text = json.dumps([table, *row], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
