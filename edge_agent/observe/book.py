"""Writing rows: the entry into the chain and the row into its table, together, in the caller's transaction."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from edge_agent.clock import Clock
from edge_agent.observe.chain import Head, digest, link_after, texts_of
from edge_agent.observe.records import ROWS, Row, columns, key_of, seal, values
from edge_agent.observe.tables import table_of

_ENTER: Final = "INSERT INTO entry (seq, wall_ms, tbl, key, body, private, link) VALUES (?,?,?,?,?,?,?)"


def _insertion(kind: type[Any]) -> str:
    names = ("entry", *columns(kind), "seal")
    return f"INSERT OR REPLACE INTO {table_of(kind)} ({','.join(names)}) VALUES ({','.join('?' * len(names))})"


_INSERT: Final = {kind.TABLE: _insertion(kind) for kind in ROWS}


class Book:
    """A journal's connection and the head of its chain. One thread."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, head: Head | None = None) -> None:
        """`head`: where the chain stands; read from the journal when it is not given."""
        self.connection = connection
        self.clock = clock
        self.head = head if head is not None else head_of(connection)

    def enter(self, row: Row) -> None:
        """Write a row whole and sealed, and its entry; a row of the same key is replaced.

        Whoever rolls the transaction back puts `head` back as well.
        """
        seq, wall_ms, key = self.head.seq + 1, self.clock.wall_ms(), key_of(row)
        body, private = texts_of(row)
        place = (seq, wall_ms, row.TABLE, key)
        link = link_after(self.head.link, place, digest(body.encode()), digest(private.encode()))
        content = values(row)
        self.connection.execute(_ENTER, (*place, body, private, link))
        self.connection.execute(_INSERT[row.TABLE], (seq, *content, seal(row.TABLE, content)))
        self.head = Head(seq, link)


def head_of(connection: sqlite3.Connection) -> Head:
    """The head of the chain as the journal has it, not checked."""
    found = connection.execute("SELECT seq, link FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(int(found[0]), bytes(found[1])) if found else Head()
