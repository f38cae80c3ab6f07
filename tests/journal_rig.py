"""A journal under test: opened by a clock moved by hand, filled, pruned, read and touched from outside."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from journal_damage import ACTION, COMMAND

from edge_agent.clock import ManualClock
from edge_agent.observe.chain import Head
from edge_agent.observe.database import FILE_NAME, open_database, reading
from edge_agent.observe.journal import Journal
from edge_agent.observe.pruning import Retention
from edge_agent.observe.records import ActionRow, CommandRow, Row, TransitionRow
from edge_agent.observe.tables import select
from edge_agent.observe.verifying import Verdict, check


@contextmanager
def journal_in(folder: Path, clock: ManualClock | None = None, retention: Retention | None = None) -> Iterator[Journal]:
    folder.mkdir(exist_ok=True)
    clock = clock or ManualClock()
    opened = open_database(folder, clock)
    journal = Journal(opened.connection, heads=opened.heads, clock=clock, retention=retention or Retention())
    try:
        yield journal
    finally:
        journal.close()


def write(journal: Journal, *rows: Row) -> None:
    asyncio.run(journal.write(*rows))


def told(number: int) -> tuple[CommandRow, ActionRow, TransitionRow]:
    """A command that was answered, with its action."""
    command = replace(
        COMMAND, command_id=f"c-1-{number}", request_id=f"r-{number}", outcome="actions", answer="x" * 500
    )
    action = replace(ACTION, action_id=f"a-1-{number}-1", command_id=command.command_id, state="FINISHED")
    return command, action, TransitionRow(1, number, action.action_id, "finished", "FINISHED", "")


def looked_at(folder: Path, *known: Head) -> Verdict:
    connection = reading(folder / FILE_NAME)
    try:
        return check(connection, known)
    finally:
        connection.close()


def rows_in(folder: Path, kind: type[Row]) -> list[Row]:
    connection = reading(folder / FILE_NAME)
    try:
        return select(connection, kind)
    finally:
        connection.close()


def by_hand(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / FILE_NAME) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def prune(journal: Journal, commands: int | None = None) -> None:
    journal.prune(commands)
    until = time.monotonic() + 30.0
    while journal.pruning:
        assert time.monotonic() < until
        time.sleep(0.002)
