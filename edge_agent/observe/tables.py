"""The journal's tables: their SQL, and reading rows back, each checked against its seal.

Every table's `entry` is the number of the chain's entry that the row came from, so that rows stand in the order in
which they were last written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from edge_agent.errors import Code, NodeFault
from edge_agent.observe.records import ROWS, Row, columns, seal

SCHEMA_VERSION: Final = 2

_ENTRY: Final = (
    "CREATE TABLE entry (seq INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL, tbl TEXT NOT NULL, key TEXT NOT NULL, "
    "body TEXT NOT NULL, private TEXT NOT NULL, link BLOB NOT NULL)"
)
_INDEXES: Final = (
    "CREATE UNIQUE INDEX command_request ON command (client, request_id)",
    "CREATE INDEX command_open ON command (outcome) WHERE outcome = ''",
    "CREATE INDEX action_open ON action (state) WHERE state NOT IN ('FINISHED', 'FAILED')",
    "CREATE INDEX action_command ON action (command_id)",
    "CREATE INDEX transition_action ON transition_ (action_id)",
    "CREATE INDEX entry_key ON entry (key) WHERE key <> ''",
)

R = TypeVar("R", bound=Row)


def table_of(row: type[Any]) -> str:
    """The SQL name of a row's table (`transition` is an SQL keyword in some dialects, so it is written transition_)."""
    return "transition_" if row.TABLE == "transition" else str(row.TABLE)


def schema() -> tuple[str, ...]:
    """The statements that make an empty journal."""
    tables = []
    for kind in ROWS:
        names = [f"{name} UNIQUE" if name == kind.KEY else name for name in columns(kind)]
        tables.append(
            f"CREATE TABLE {table_of(kind)} (entry INTEGER PRIMARY KEY, {', '.join(names)}, seal TEXT NOT NULL)"
        )
    return (_ENTRY, *tables, *_INDEXES)


def create(connection: sqlite3.Connection) -> None:
    """Make the tables, inside the caller's transaction."""
    for statement in schema():
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def select(
    connection: sqlite3.Connection, kind: type[R], where: str = "", parameters: tuple[object, ...] = ()
) -> list[R]:
    """Rows in order of writing, each checked against its seal.

    Raises:
        NodeFault: JOURNAL_DAMAGED when a row's values are not the ones that were written.
    """
    return list(rows(connection, kind, where, parameters))


def rows(
    connection: sqlite3.Connection, kind: type[R], where: str = "", parameters: tuple[object, ...] = ()
) -> Iterator[R]:
    """As `select`, one by one."""
    names = ",".join(columns(kind))
    condition = f"WHERE {where}" if where else ""
    found = connection.execute(f"SELECT {names}, seal FROM {table_of(kind)} {condition} ORDER BY entry", parameters)
    for *content, sealed in found:
        if seal(kind.TABLE, tuple(content)) != sealed:
            raise NodeFault(Code.JOURNAL_DAMAGED, f"a row of {kind.TABLE} ({content[0]!r}) is not what was written")
        yield kind(*content)
