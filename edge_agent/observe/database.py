"""The journal's file: its tables, who holds it, whether it is whole. The only file that opens SQLite for writing.

It refuses a second holder of the state directory (ALREADY_RUNNING) and a schema of a later version. A damaged file is
set aside under another name, never repaired and never read on.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.observe.records import ROWS, Row, columns, seal, values

SCHEMA_VERSION = 1
FILE_NAME = "journal.db"
_EPOCH_NAME = "epoch"
_LOCK_NAME = "lock"
_BUSY_MS = 2_000

_KEYS = {
    "node": "epoch INTEGER PRIMARY KEY",
    "command": "command_id TEXT PRIMARY KEY",
    "action": "action_id TEXT PRIMARY KEY",
    "confirmation": "action_id TEXT PRIMARY KEY",
    "stop": "stop_id TEXT PRIMARY KEY",
}
"""Tables with a key of their own; the others (transition, world_update) grow in order of writing."""

_INDEXES = (
    "CREATE UNIQUE INDEX command_request ON command (client, request_id)",
    "CREATE INDEX command_open ON command (outcome) WHERE outcome = ''",
    "CREATE INDEX action_open ON action (state) WHERE state NOT IN ('FINISHED', 'FAILED')",
    "CREATE INDEX action_command ON action (command_id)",
    "CREATE INDEX transition_action ON transition_ (action_id)",
)


@dataclass(frozen=True, slots=True)
class OpenedDatabase:
    """A connection, and the damaged file that was set aside to get it (None when all was well)."""

    connection: sqlite3.Connection
    damaged: Path | None


def table_of(row: type[Any]) -> str:
    """The SQL name of a row's table (`transition` is an SQL keyword in some dialects, so it is written transition_)."""
    return "transition_" if row.TABLE == "transition" else row.TABLE


def insert(connection: sqlite3.Connection, row: Row) -> None:
    """Write a row whole and sealed; a row of the same key is replaced."""
    names = (*columns(type(row)), "seal")
    marks = ",".join("?" * len(names))
    content = values(row)
    connection.execute(
        f"INSERT OR REPLACE INTO {table_of(type(row))} ({','.join(names)}) VALUES ({marks})",
        (*content, seal(row.TABLE, content)),
    )


R = TypeVar("R", bound=Row)


def select(
    connection: sqlite3.Connection, kind: type[R], where: str = "", parameters: tuple[object, ...] = ()
) -> list[R]:
    """Rows in order of writing, each checked against its seal.

    Raises:
        NodeFault: JOURNAL_DAMAGED when a row's values are not the ones that were written.
    """
    return list(_rows(connection, kind, where, parameters))


def _rows(
    connection: sqlite3.Connection, kind: type[R], where: str = "", parameters: tuple[object, ...] = ()
) -> Iterator[R]:
    names = columns(kind)
    found = connection.execute(
        f"SELECT {','.join(names)}, seal FROM {table_of(kind)} {where and 'WHERE ' + where} ORDER BY rowid", parameters
    )
    for *content, sealed in found:
        if seal(kind.TABLE, tuple(content)) != sealed:
            raise NodeFault(Code.JOURNAL_DAMAGED, f"a row of {kind.TABLE} ({content[0]!r}) is not what was written")
        yield kind(*content)


def hold(state_dir: Path) -> int:
    """Take the state directory for this process; the descriptor holds it until it is closed.

    Raises:
        NodeFault: ALREADY_RUNNING.
        ConfigurationFault: SETTINGS_INVALID when the directory cannot be made or written.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(state_dir / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise ConfigurationFault(Code.SETTINGS_INVALID, str(problem), where="state_dir") from problem
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        os.close(descriptor)
        raise NodeFault(
            Code.ALREADY_RUNNING, "another node holds this state directory", where=str(state_dir)
        ) from problem
    return descriptor


def open_database(state_dir: Path) -> OpenedDatabase:
    """Open the journal, or set a damaged one aside and begin another.

    Raises:
        NodeFault: JOURNAL_UNAVAILABLE when the disk does not let us, or the file is of a later version.
    """
    path = state_dir / FILE_NAME
    try:
        try:
            return OpenedDatabase(_open(path), None)
        except NodeFault as problem:
            if problem.code is not Code.JOURNAL_DAMAGED:
                raise
            damaged = _set_aside(path)
            return OpenedDatabase(_open(path), damaged)
    except (sqlite3.Error, OSError) as problem:
        raise NodeFault(
            Code.JOURNAL_UNAVAILABLE, f"the journal cannot be opened: {problem}", where=str(path)
        ) from problem


def _open(path: Path) -> sqlite3.Connection:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise NodeFault(Code.JOURNAL_UNAVAILABLE, "the journal is not a plain file", where=str(path))
    connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version == 0 and not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
            _create(connection)
        else:
            _check_version(version, path)
            check_whole(connection)
        path.chmod(0o600)
    except (sqlite3.DatabaseError, UnicodeError) as problem:  # sqlite3 decodes even its messages about damage
        connection.close()
        if isinstance(problem, UnicodeError) or _is_damage(problem):
            raise NodeFault(Code.JOURNAL_DAMAGED, str(problem), where=str(path)) from problem
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(version: int, path: Path) -> None:
    if version > SCHEMA_VERSION:
        message = f"it is of version {version}, this program writes version {SCHEMA_VERSION}"
        raise NodeFault(Code.JOURNAL_UNAVAILABLE, message, where=str(path))


def check_whole(connection: sqlite3.Connection) -> None:
    """Every page, index and seal.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
        sqlite3.DatabaseError: the file is so damaged that SQLite does not read it.
    """
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise NodeFault(Code.JOURNAL_DAMAGED, str(verdict))
    for kind in ROWS:
        try:
            for _row in _rows(connection, kind):
                pass
        except (TypeError, ValueError, UnicodeError, sqlite3.OperationalError) as problem:
            raise NodeFault(Code.JOURNAL_DAMAGED, f"a row of {kind.TABLE} cannot be read: {problem}") from problem


def _is_damage(problem: sqlite3.DatabaseError) -> bool:
    code = getattr(problem, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT)


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for kind in ROWS:
            names = [_KEYS[kind.TABLE], *columns(kind)[1:]] if kind.TABLE in _KEYS else list(columns(kind))
            connection.execute(f"CREATE TABLE {table_of(kind)} ({', '.join(names)}, seal TEXT NOT NULL)")
        for statement in _INDEXES:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        connection.execute("ROLLBACK")
        raise


def _set_aside(path: Path) -> Path:
    """Rename the damaged file and what belongs to it; the first free number."""
    number = 1
    while (aside := path.with_name(f"journal.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    return aside


def read_epoch(state_dir: Path) -> int:
    """The last epoch, kept beside the journal so that it never falls when the journal is lost; 0 when unknown."""
    try:
        return max(0, int((state_dir / _EPOCH_NAME).read_text(encoding="ascii")[:20]))
    except (OSError, ValueError):
        return 0


def write_epoch(state_dir: Path, epoch: int) -> None:
    """Keep the epoch beside the journal; raises OSError when the disk is full."""
    fresh = state_dir / f"{_EPOCH_NAME}.new"
    with fresh.open("w", encoding="ascii") as file:
        file.write(str(epoch))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(state_dir / _EPOCH_NAME)
