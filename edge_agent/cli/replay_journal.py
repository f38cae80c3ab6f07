"""A journal opened for reading by `replay`, and SQLite's faults told in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.observe.database import reading
from edge_agent.observe.records import CommandRow
from edge_agent.observe.stories import find_command
from edge_agent.observe.tables import SCHEMA_VERSION


@contextmanager
def open_journal(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write.

    Raises:
        NodeFault: JOURNAL_UNAVAILABLE when there is none, or it cannot be read, or is of another version.
    """
    if not path.is_file():
        raise NodeFault(Code.JOURNAL_UNAVAILABLE, "there is no journal: has a node run here?", where=str(path))
    try:
        connection = reading(path)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != SCHEMA_VERSION:
                message = f"it is of version {version}, this program reads version {SCHEMA_VERSION}"
                raise NodeFault(Code.JOURNAL_UNAVAILABLE, message, where=str(path))
            yield connection
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeError) as problem:
        raise NodeFault(Code.JOURNAL_UNAVAILABLE, f"cannot be read: {problem}", where=str(path)) from problem


def command_of(connection: sqlite3.Connection, command_id: str) -> CommandRow:
    """The command of this id.

    Raises:
        ClientFault: UNKNOWN_TARGET.
    """
    command = find_command(connection, command_id)
    if command is None:
        raise ClientFault(Code.UNKNOWN_TARGET, "the journal knows no such command", where=command_id)
    return command
