"""The journal's rows, one frozen record a table. A row is always written whole and sealed, never edited in part.

The seal is a digest over the row's own values, so that a bit that flipped on the disk is found when the row is read,
which SQLite's own checks do not do. `chain` keeps every version of every row; the tables hold the latest of each key.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, ClassVar

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One start of the node, and its end once there is one: `ended` says how, `ended_wall_ms` when if anybody knows."""

    TABLE: ClassVar[str] = "node"
    KEY: ClassVar[str] = "epoch"
    PRIVATE: ClassVar[tuple[str, ...]] = ()

    epoch: int
    started_wall_ms: int
    version: str
    ended_wall_ms: int | None = None
    ended: str = ""


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One accepted command, and its answer once there is one (`answer` is the message's JSON, `output` the model's).

    `message` is the whole command as it came, with its other readings and its context. `evidence` is the JSON of what
    it was read with: the world's revision, what "it" could mean, the grammar's digest.
    """

    TABLE: ClassVar[str] = "command"
    KEY: ClassVar[str] = "command_id"
    PRIVATE: ClassVar[tuple[str, ...]] = ("text", "answer", "output", "message", "evidence")
    """What holds somebody's words; an export can leave them out and be verified nevertheless."""

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
    message: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action of an answered command, as it stands now. `action` is its JSON."""

    TABLE: ClassVar[str] = "action"
    KEY: ClassVar[str] = "action_id"
    PRIVATE: ClassVar[tuple[str, ...]] = ("action",)

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
    KEY: ClassVar[str] = ""
    PRIVATE: ClassVar[tuple[str, ...]] = ()

    epoch: int
    wall_ms: int
    action_id: str
    event: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConfirmationRow:
    """What came of a confirmation: confirmed, or the code of why not; `client` is who said it."""

    TABLE: ClassVar[str] = "confirmation"
    KEY: ClassVar[str] = "action_id"
    PRIVATE: ClassVar[tuple[str, ...]] = ()

    action_id: str
    epoch: int
    digest: str
    wall_ms: int
    outcome: str
    client: str = ""


@dataclass(frozen=True, slots=True)
class StopRow:
    """A latched stop, and by whom; released when `released_wall_ms` is set, by `released_by`."""

    TABLE: ClassVar[str] = "stop"
    KEY: ClassVar[str] = "stop_id"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)

    stop_id: str
    epoch: int
    reason: str
    wall_ms: int
    released_wall_ms: int | None
    client: str = ""
    released_by: str = ""


@dataclass(frozen=True, slots=True)
class WorldRow:
    """One world update (`body` is the message's JSON), on top of a TOML file of this digest."""

    TABLE: ClassVar[str] = "world_update"
    KEY: ClassVar[str] = ""
    PRIVATE: ClassVar[tuple[str, ...]] = ()

    pack: str
    revision: int
    world_sha256: str
    wall_ms: int
    body: str
    client: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationRow:
    """What a start of the node ran with. `settings`, `model`, `packs` and `worlds` are JSON; digests are sha256."""

    TABLE: ClassVar[str] = "configuration"
    KEY: ClassVar[str] = "epoch"
    PRIVATE: ClassVar[tuple[str, ...]] = ()

    epoch: int
    wall_ms: int
    version: str
    settings_sha256: str
    settings: str
    model: str
    packs: str
    worlds: str


@dataclass(frozen=True, slots=True)
class JournalRow:
    """How this journal came to be: the first entry of every chain. `previous` is the head that was known before it."""

    TABLE: ClassVar[str] = "journal"
    KEY: ClassVar[str] = "journal_id"
    PRIVATE: ClassVar[tuple[str, ...]] = ()

    journal_id: str
    wall_ms: int
    began: str
    previous: str = ""


@dataclass(frozen=True, slots=True)
class AnchorRow:
    """Where the oldest entries were cut off: everything up to `seq`, whose link is `link`; `entries` in all so far."""

    TABLE: ClassVar[str] = "anchor"
    KEY: ClassVar[str] = "anchor_id"
    PRIVATE: ClassVar[tuple[str, ...]] = ()

    anchor_id: str
    seq: int
    link: str
    wall_ms: int
    entries: int


Row = (
    NodeRow
    | CommandRow
    | ActionRow
    | TransitionRow
    | ConfirmationRow
    | StopRow
    | WorldRow
    | ConfigurationRow
    | JournalRow
    | AnchorRow
)
ROWS: tuple[type[Row], ...] = (
    NodeRow,
    CommandRow,
    ActionRow,
    TransitionRow,
    ConfirmationRow,
    StopRow,
    WorldRow,
    ConfigurationRow,
    JournalRow,
    AnchorRow,
)
KINDS: dict[str, type[Row]] = {kind.TABLE: kind for kind in ROWS}

compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""JSON as the journal writes it: no spaces, keys in the record's order, UTF-8 as it stands."""


_COLUMNS: dict[str, tuple[str, ...]] = {kind.TABLE: tuple(field.name for field in fields(kind)) for kind in ROWS}
_VALUES = {table: attrgetter(*names) for table, names in _COLUMNS.items()}


def columns(row: type[Any]) -> tuple[str, ...]:
    """The columns of a row's table, the entry's number and the seal not counted."""
    return _COLUMNS[row.TABLE]


def values(row: Row) -> tuple[Value, ...]:
    """The row's values in the order of its columns."""
    content: tuple[Value, ...] = _VALUES[row.TABLE](row)
    return content


def key_of(row: Row) -> str:
    """What the row is the latest version of; empty in tables that only grow."""
    return str(getattr(row, row.KEY)) if row.KEY else ""


def seal(table: str, row: tuple[Value, ...]) -> str:
    """Digest over a row's values."""
    text = compact_json([table, *row])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
