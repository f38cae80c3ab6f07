"""The journal's file: who holds it, whether it is whole. The only file that opens SQLite for writing.

It refuses a second holder of the state directory (ALREADY_RUNNING) and a schema of a later version. A damaged file is
set aside under another name, never repaired and never read on: it is looked at through a connection that cannot write,
so that what is set aside, write-ahead log included, is what was found.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.observe.book import Book
from edge_agent.observe.chain import Head
from edge_agent.observe.heads import HeadFile, KeptHead
from edge_agent.observe.migrating import VERSION, check_version_1, first_row, migrate
from edge_agent.observe.tables import SCHEMA_VERSION, create, select
from edge_agent.observe.verifying import check, is_damage

__all__ = ["FILE_NAME", "OpenedDatabase", "hold", "open_database", "read_epoch", "reading", "select", "write_epoch"]

FILE_NAME: Final = "journal.db"
_EPOCH_NAME = "epoch"
_LOCK_NAME = "lock"
_BUSY_MS = 2_000
_WAL_BYTES_KEPT: Final = 16 << 20
"""What the write-ahead log is cut to after it has been written back."""


@dataclass(frozen=True, slots=True)
class OpenedDatabase:
    """A journal ready to be written. `damaged` is the file that was set aside to get it.

    `doubt`: what was promised may not be there, and why; nothing may move before somebody has looked. `news`: what
    became of the file, for the log; empty when it was simply opened.
    """

    connection: sqlite3.Connection
    heads: HeadFile
    head: Head
    damaged: Path | None = None
    doubt: str = ""
    news: str = ""


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


def open_database(state_dir: Path, clock: Clock | None = None) -> OpenedDatabase:
    """Open the journal and check all of it, or set a damaged one aside and begin another.

    Raises:
        NodeFault: JOURNAL_UNAVAILABLE when the disk does not let us, or the file is of a later version.
    """
    path = state_dir / FILE_NAME
    clock = clock or SystemClock()
    heads = HeadFile(state_dir)
    kept = heads.read()
    try:
        try:
            return _open(path, heads, kept, clock)
        except NodeFault as problem:
            if problem.code is not Code.JOURNAL_DAMAGED:
                raise
            return _begin_after(problem.message, path, heads, kept, clock)
    except (sqlite3.Error, OSError) as problem:
        raise NodeFault(
            Code.JOURNAL_UNAVAILABLE, f"the journal cannot be opened: {problem}", where=str(path)
        ) from problem


def reading(path: Path) -> sqlite3.Connection:
    """A connection that can write nothing, beside a running node too.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def _open(path: Path, heads: HeadFile, kept: KeptHead, clock: Clock) -> OpenedDatabase:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise NodeFault(Code.JOURNAL_UNAVAILABLE, "the journal is not a plain file", where=str(path))
    if not path.exists() or not path.stat().st_size:
        if kept != KeptHead() or _size(path, "-wal"):  # to look with SQLite would delete the log of an empty file
            what = "empty" if path.exists() else "gone"
            raise NodeFault(Code.JOURNAL_DAMAGED, f"it is {what}, and something was in it once")
        return _begin(path, heads, "new", clock)
    version, head = _look(path, kept)
    if not version:
        return _begin(path, heads, "new", clock)  # an earlier start came no further than making the file
    connection = _connect(path)
    try:
        news = doubt = ""
        if version == VERSION:
            head = migrate(connection, clock, heads)
            news = "brought from version 1 to version 2; its rows stand in the chain as they stood"
        elif kept.head is None and head.seq > 1:
            doubt = "nothing says how far the journal had come: its head file is " + (
                "broken" if kept.broken else "gone"
            )
        elif kept.broken:
            news = "one of the two places where its head is kept was broken; the other one holds"
        _make_shrinkable(connection)
    except BaseException:
        connection.close()
        raise
    return OpenedDatabase(connection, heads, head, doubt=doubt, news=news)


def _make_shrinkable(connection: sqlite3.Connection) -> None:
    """A file of version 1 gives no page back to the disk until it has been written anew once."""
    if not connection.execute("PRAGMA auto_vacuum").fetchone()[0]:
        with contextlib.suppress(sqlite3.Error):  # it wants room for a copy; without it, the next start tries again
            connection.execute("VACUUM")


def _look(path: Path, kept: KeptHead) -> tuple[int, Head]:
    """The file's version and the head of its chain, all of it checked, nothing of it touched; 0 when nothing is in it.

    Raises:
        NodeFault: JOURNAL_DAMAGED, or JOURNAL_UNAVAILABLE for a later version.
    """
    connection = reading(path)
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            message = f"it is of version {version}, this program writes version {SCHEMA_VERSION}"
            raise NodeFault(Code.JOURNAL_UNAVAILABLE, message, where=str(path))
        if version == VERSION:
            check_version_1(connection)
            return version, Head()
        if not version and kept == KeptHead() and _is_empty(connection):
            return 0, Head()
        verdict = check(connection, [kept.head] if kept.head is not None else [])
    except (sqlite3.Error, UnicodeError) as problem:
        if is_damage(problem):
            raise NodeFault(Code.JOURNAL_DAMAGED, str(problem)) from problem
        raise
    finally:
        connection.close()
    if verdict.broken is not None:
        raise NodeFault(Code.JOURNAL_DAMAGED, str(verdict.broken))
    return version, verdict.head


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None


def _size(path: Path, suffix: str) -> int:
    companion = path.with_name(path.name + suffix)
    return companion.stat().st_size if companion.exists() else 0


def _begin_after(why: str, path: Path, heads: HeadFile, kept: KeptHead, clock: Clock) -> OpenedDatabase:
    """Begin another journal in a damaged one's place.

    The head file goes on speaking of the old chain until the new one's first write is on the disk: a crash before that
    finds a journal that does not fit, and comes here again.
    """
    damaged = _set_aside(path)
    name = f"the journal was damaged and set aside as {damaged.name}" if damaged else "the journal is gone"
    doubt = f"{name}: {why}"
    fresh = _begin(path, heads, doubt, clock, str(kept.head) if kept.head is not None else "")
    return OpenedDatabase(fresh.connection, heads, fresh.head, damaged, doubt)


def _begin(path: Path, heads: HeadFile, began: str, clock: Clock, previous: str = "") -> OpenedDatabase:
    connection = _connect(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        create(connection)
        book = Book(connection, clock, Head())
        book.enter(first_row(clock, began, previous))
        connection.execute("COMMIT")
        path.chmod(0o600)
    except BaseException:
        connection.close()
        raise
    heads.anew()
    return OpenedDatabase(connection, heads, book.head)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file; so that pruning can make it smaller
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")
    except BaseException:
        connection.close()
        raise
    return connection


def _set_aside(path: Path) -> Path | None:
    """Rename the damaged file and what belongs to it; the first free number. None when there is none."""
    number = 1
    while (aside := path.with_name(f"journal.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    if not path.exists():
        return None
    path.rename(aside)
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
