"""A journal of version 1 to one of version 2: its rows enter a new chain as they stand, in one transaction.

Version 1 kept only the current rows, each with a seal. They were checked before this is called; what they were before,
nobody knows any more, and the chain's first entry says so.
"""

from __future__ import annotations

import secrets
import sqlite3
from typing import Final

from edge_agent.clock import Clock
from edge_agent.errors import Code, NodeFault
from edge_agent.observe.book import Book
from edge_agent.observe.chain import Head
from edge_agent.observe.heads import HeadFile
from edge_agent.observe.records import (
    ActionRow,
    CommandRow,
    ConfirmationRow,
    JournalRow,
    NodeRow,
    Row,
    StopRow,
    TransitionRow,
    WorldRow,
    columns,
    seal,
)
from edge_agent.observe.tables import create, table_of

VERSION: Final = 1
_COLUMNS: Final[dict[type[Row], int]] = {
    NodeRow: 3,
    CommandRow: 13,
    ActionRow: 11,
    TransitionRow: 6,
    ConfirmationRow: 5,
    StopRow: 5,
    WorldRow: 5,
}
"""How many of each record's columns version 1 had; later ones were put behind them."""
_ID_BYTES: Final = 8


def check_version_1(connection: sqlite3.Connection) -> None:
    """Every page, index and seal of a journal of version 1.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
        sqlite3.DatabaseError: the file is so damaged that SQLite does not read it.
    """
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise NodeFault(Code.JOURNAL_DAMAGED, str(verdict).replace("\n", " "))
    for kind in _COLUMNS:
        try:
            _rows(connection, kind)
        except (TypeError, ValueError) as problem:
            raise NodeFault(Code.JOURNAL_DAMAGED, f"a row of {kind.TABLE} cannot be read: {problem}") from problem


def migrate(connection: sqlite3.Connection, clock: Clock, heads: HeadFile) -> Head:
    """Bring it to version 2; all of it or nothing. The head is kept before the commit: version 1 looks at none.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
        sqlite3.Error, OSError: the disk refuses.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = [row for kind in _COLUMNS for row in _rows(connection, kind)]
        for kind in _COLUMNS:
            connection.execute(f"DROP TABLE {table_of(kind)}")
        create(connection)
        book = Book(connection, clock, Head())
        began = f"migrated from version {VERSION}: {len(found)} rows, as they stood"
        book.enter(first_row(clock, began))
        for row in found:
            book.enter(row)
        heads.begin(book.head)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return book.head


def first_row(clock: Clock, began: str, previous: str = "") -> JournalRow:
    """What a chain begins with."""
    return JournalRow(f"j-{secrets.token_hex(_ID_BYTES)}", clock.wall_ms(), began, previous)


def _rows(connection: sqlite3.Connection, kind: type[Row]) -> list[Row]:
    names = columns(kind)[: _COLUMNS[kind]]
    found: list[Row] = []
    for *content, sealed in connection.execute(f"SELECT {','.join(names)}, seal FROM {table_of(kind)} ORDER BY rowid"):
        if seal(kind.TABLE, tuple(content)) != sealed:
            raise NodeFault(Code.JOURNAL_DAMAGED, f"a row of {kind.TABLE} ({content[0]!r}) is not what was written")
        found.append(kind(*content))
    return found
