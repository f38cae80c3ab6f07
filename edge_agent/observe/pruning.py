"""Forgetting the oldest entries, by age and by size, without breaking the chain.

The log is cut from its old end only, in small steps, each a transaction of its own. What must not be forgotten (open
commands and actions, latched stops, updates of the worlds as they are, the latest request ids with their answers) is
entered again at the head before its old entry goes, so that every row always has its last entry in the chain. An anchor
says where the chain begins now and with which link; it is an entry itself.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Final

from edge_agent import limits
from edge_agent.observe.book import Book
from edge_agent.observe.records import (
    ROWS,
    ActionRow,
    AnchorRow,
    CommandRow,
    ConfigurationRow,
    JournalRow,
    NodeRow,
    Row,
    StopRow,
    TransitionRow,
    WorldRow,
)
from edge_agent.observe.tables import select, table_of
from edge_agent.observe.verifying import anchor_of

STEP_ENTRIES: Final = 64
"""Entries that one step forgets: what a gate may have to wait for."""
STEP_PAGES: Final = 64
"""Pages that one step gives back to the disk."""
_TIGHT: Final = 0.9
"""How far below the limit a journal that is too large is cut."""
_ALL: Final = (-1, 0)
"""The floor of fewer commands than are kept in any case."""
_DAY_MS: Final = 86_400_000
_ITS_ACTION: Final = "SELECT 1 FROM action WHERE action_id = ? AND state NOT IN ('FINISHED', 'FAILED')"
_NUMBER: Final = "CAST(substr(command_id, instr(substr(command_id, 3), '-') + 3) AS INTEGER)"
"""A command's number in its epoch: the 7 of c-2-7."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept: entries of so many days, in so many bytes, and the latest commands in any case."""

    keep_days: float = 90.0
    max_bytes: int = 256_000_000
    commands: int = limits.JOURNAL_COMMANDS_KEPT


@dataclass(frozen=True, slots=True)
class Cut:
    """How far one run of pruning goes.

    Entries up to `until_seq` go while they are older than `before_ms`, or while the journal is larger than
    `bytes_max`. Commands from `floor` (epoch and number) on keep their rows; updates of other worlds than `worlds` may
    go, if that is known.
    """

    until_seq: int
    before_ms: float
    bytes_max: float
    floor: tuple[int, int]
    worlds: frozenset[tuple[str, str]] | None


def plan_cut(book: Book, retention: Retention, left_bytes: int = 0) -> Cut:
    """What to forget now. `left_bytes` is what the last run left.

    Where what is kept in any case is more than the limit, it is not entered again and again, but when it has grown.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
    """
    large = size_bytes(book.connection) > max(retention.max_bytes, left_bytes / _TIGHT)
    return Cut(
        until_seq=book.head.seq,
        before_ms=book.clock.wall_ms() - retention.keep_days * _DAY_MS,
        bytes_max=retention.max_bytes * _TIGHT if large else float("inf"),
        floor=_floor(book.connection, retention.commands),
        worlds=_worlds(book.connection),
    )


def plan_cut_to(book: Book, commands: int) -> Cut:
    """Forget everything before the latest `commands`, whatever its age.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
    """
    floor = _floor(book.connection, commands)
    first = book.connection.execute(
        f"SELECT min(entry) FROM command WHERE (epoch, {_NUMBER}) >= (?, ?) AND outcome <> ''", floor
    ).fetchone()[0]
    until = int(first) - 1 if first is not None and floor != _ALL else 0
    return Cut(until, float("inf"), 0.0, floor, _worlds(book.connection))


def step(book: Book, cut: Cut) -> bool:
    """Forget a few of the oldest entries, in the caller's transaction; False when there is nothing (more) to forget.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
    """
    connection = book.connection
    large = size_bytes(connection) > cut.bytes_max
    going = None
    entries = 0
    for seq, wall_ms, link in connection.execute(
        "SELECT seq, wall_ms, link FROM entry ORDER BY seq LIMIT ?", (STEP_ENTRIES,)
    ):
        if seq > cut.until_seq or not (large or wall_ms < cut.before_ms):
            break
        going, entries = (int(seq), bytes(link)), entries + 1
    if going is None:
        return False
    seq, link = going
    before = anchor_of(connection)
    for kind in ROWS:
        for row in select(connection, kind, "entry <= ?", (seq,)):
            if _stays(connection, row, cut) and not isinstance(row, AnchorRow):
                book.enter(row)
        connection.execute(f"DELETE FROM {table_of(kind)} WHERE entry <= ?", (seq,))
    connection.execute("DELETE FROM entry WHERE seq <= ?", (seq,))
    gone = entries + (before.entries if before is not None else 0)
    book.enter(AnchorRow("cut", seq, link.hex(), book.clock.wall_ms(), gone))
    _give_back(connection)
    return True


def _give_back(connection: sqlite3.Connection) -> None:
    """Some of the free pages, to the disk. One a statement: sqlite3 steps a statement without columns only once."""
    free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
    for _ in range(min(free, STEP_PAGES)):
        connection.execute("PRAGMA incremental_vacuum(1)")


def size_bytes(connection: sqlite3.Connection) -> int:
    """What the journal's content takes: free pages are not counted."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _stays(connection: sqlite3.Connection, row: Row, cut: Cut) -> bool:
    match row:
        case CommandRow():
            return not row.outcome or (row.epoch, _number_of(row.command_id)) >= cut.floor
        case ActionRow():
            return row.state not in ("FINISHED", "FAILED")
        case TransitionRow():
            return bool(connection.execute(_ITS_ACTION, (row.action_id,)).fetchone())
        case StopRow():
            return row.released_wall_ms is None
        case WorldRow():
            return cut.worlds is None or (row.pack, row.world_sha256) in cut.worlds
        case NodeRow() | ConfigurationRow():
            latest = connection.execute(f"SELECT max(epoch) FROM {table_of(type(row))}").fetchone()[0]
            return bool(row.epoch == latest)
        case _:
            return isinstance(row, JournalRow)


def _number_of(command_id: str) -> int:
    number = command_id[2:].partition("-")[2]
    return int(number) if number.isdecimal() else 0


def _floor(connection: sqlite3.Connection, commands: int) -> tuple[int, int]:
    """Epoch and number of the oldest command that keeps its row."""
    found = connection.execute(
        f"SELECT epoch, {_NUMBER} FROM command WHERE outcome <> '' ORDER BY 1 DESC, 2 DESC LIMIT 1 OFFSET ?",
        (max(0, commands - 1),),
    ).fetchone()
    return (int(found[0]), int(found[1])) if found else _ALL


def _worlds(connection: sqlite3.Connection) -> frozenset[tuple[str, str]] | None:
    """Packs and the digests of their worlds' files at the latest start."""
    found = select(connection, ConfigurationRow, "epoch = (SELECT max(epoch) FROM configuration)")
    if not found:
        return None
    worlds = json.loads(found[0].worlds)
    return frozenset((pack, str(world.get("sha256", ""))) for pack, world in worlds.items())
