"""The journal on a real disk: what was promised is there, what could not be written did not happen, damage is seen."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.observe.database import FILE_NAME, hold, open_database, read_epoch, select, write_epoch
from edge_agent.observe.history import read_past
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import (
    ROWS,
    ActionRow,
    CommandRow,
    ConfigurationRow,
    JournalRow,
    NodeRow,
    Row,
    StopRow,
    TransitionRow,
    WorldRow,
)

COMMAND = CommandRow("c-1-1", "local", "r-1", "0" * 64, 1, "robot", "robot", "go to dock 3", 2000, 1_700_000_000_000)
ACTION = ActionRow("a-1-1-1", "c-1-1", 1, 1, "robot", '{"action":"go_to"}', "0" * 64, 2, "WAITING", "", 0)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@contextmanager
def journal_in(folder: Path) -> Iterator[Journal]:
    opened = open_database(folder)
    journal = Journal(opened.connection, heads=opened.heads)
    try:
        yield journal
    finally:
        journal.close()


def wait_until_pruned(journal: Journal) -> None:
    """Steps queue behind one another in the journal's own thread."""
    until = time.monotonic() + 20.0
    while journal.pruning:
        assert time.monotonic() < until
        time.sleep(0.005)


def rows_in(folder: Path, kind: type[Row]) -> list[Row]:
    connection = open_database(folder).connection
    try:
        return select(connection, kind)
    finally:
        connection.close()


@contextmanager
def disk_full(at_bytes: int) -> Iterator[None]:
    """No file of this process may grow past this: what a full disk does, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_every_sort_of_row_comes_back_as_it_was_written(state_dir: Path) -> None:
    rows = [
        NodeRow(1, 1_700_000_000_000, "0.1.0"),
        COMMAND,
        replace(COMMAND, command_id="c-1-2", request_id="r-2", text="über den Flur, 走", outcome="reject"),
        ACTION,
        TransitionRow(1, 5, "a-1-1-1", "plan", "WAITING", ""),
        StopRow("s-1-1", 1, "button", 7, None),
        WorldRow("robot", 1, "0" * 64, 8, "{}"),
        ConfigurationRow(1, 1_700_000_000_000, "0.1.0", "0" * 64, "{}", "{}", "{}", "{}"),
    ]
    with journal_in(state_dir) as journal:
        asyncio.run(journal.write(*rows))
    for kind in set(ROWS) - {JournalRow}:
        assert rows_in(state_dir, kind) == [row for row in rows if isinstance(row, kind)]
    assert oct((state_dir / FILE_NAME).stat().st_mode)[-3:] == "600"


def test_a_gate_opens_only_when_another_process_could_read_the_row(state_dir: Path) -> None:
    """A second connection sees it the moment `write` returns."""

    async def write_and_look() -> None:
        await journal.write(COMMAND)
        with sqlite3.connect(state_dir / FILE_NAME) as other:
            assert other.execute("SELECT request_id FROM command").fetchall() == [("r-1",)]
        other.close()

    with journal_in(state_dir) as journal:
        asyncio.run(write_and_look())


def test_many_writers_share_a_transaction_and_each_hears_of_it(state_dir: Path) -> None:
    """1,000 concurrent gates; every row is there."""

    async def write_all() -> None:
        rows = (replace(COMMAND, command_id=f"c-1-{number}", request_id=f"r-{number}") for number in range(1000))
        await asyncio.gather(*(journal.write(row) for row in rows))

    with journal_in(state_dir) as journal:
        asyncio.run(write_all())
    assert len(rows_in(state_dir, CommandRow)) == 1000


def test_a_request_is_accepted_once(state_dir: Path) -> None:
    """The second time, the row that is there comes back and stays."""

    async def accept_twice() -> None:
        assert await journal.accept(COMMAND) is None
        assert await journal.accept(replace(COMMAND, command_id="c-1-2", text="another")) == COMMAND
        assert await journal.find("local", "r-1") == COMMAND
        assert await journal.find("local", "r-2") is None
        assert await journal.find("somebody", "r-1") is None

    with journal_in(state_dir) as journal:
        asyncio.run(accept_twice())


def test_a_full_disk_closes_the_gate_and_owes_the_facts(state_dir: Path) -> None:
    """Nothing goes through while it is full; afterwards the facts are written first, in order, and the gate opens."""

    async def fill_and_free() -> None:
        await journal.write(COMMAND)
        size = max(file.stat().st_size for file in state_dir.iterdir())
        with disk_full(size):
            with pytest.raises(NodeFault) as refused:
                for number in range(1000):
                    await journal.write(replace(COMMAND, command_id=f"c-2-{number}", request_id=f"x-{number}"))
            assert refused.value.code is Code.JOURNAL_UNAVAILABLE
            journal.record(StopRow("s-1-1", 1, "button", 7, None))
            journal.record(replace(ACTION, state="FAILED", reason="stopped"))
            with pytest.raises(NodeFault):
                await journal.write(replace(COMMAND, command_id="c-3", request_id="y", text="x" * 5000))
            assert journal.trouble
        journal.retry()
        await journal.write(replace(COMMAND, command_id="c-4", request_id="z"))
        assert not journal.trouble

    with journal_in(state_dir) as journal:
        asyncio.run(fill_and_free())
    assert [row.stop_id for row in rows_in(state_dir, StopRow) if isinstance(row, StopRow)] == ["s-1-1"]
    assert [row.reason for row in rows_in(state_dir, ActionRow) if isinstance(row, ActionRow)] == ["stopped"]
    written = [row.command_id for row in rows_in(state_dir, CommandRow) if isinstance(row, CommandRow)]
    assert "c-3" not in written and written[-1] == "c-4"


def test_a_full_disk_is_trouble_until_it_takes_something(state_dir: Path) -> None:
    """Also where nothing is owed: trying again writes a page, is never owed itself, and finds room when there is."""

    async def fill_and_free() -> None:
        await journal.write(COMMAND)
        with disk_full(1):
            with pytest.raises(NodeFault):
                await journal.write(replace(COMMAND, command_id="c-2", request_id="x"))
            for _ in range(5):
                journal.retry()
                assert await journal.find("local", "r-1") == COMMAND
                assert journal.trouble
            assert (journal.owed, journal.waiting) == (0, 0)
        journal.retry()
        assert await journal.find("local", "r-1") == COMMAND
        assert not journal.trouble

    with journal_in(state_dir) as journal:
        asyncio.run(fill_and_free())


def test_without_a_file_every_gate_stays_shut(state_dir: Path) -> None:
    journal = Journal(None, "the disk is gone")
    try:
        journal.record(COMMAND)
        with pytest.raises(NodeFault, match="the disk is gone") as refused:
            asyncio.run(journal.write(COMMAND))
        assert refused.value.code is Code.JOURNAL_UNAVAILABLE
    finally:
        journal.close()


def test_a_second_holder_is_refused(state_dir: Path) -> None:
    held = hold(state_dir)
    with pytest.raises(NodeFault) as refused:
        hold(state_dir)
    assert refused.value.code is Code.ALREADY_RUNNING
    os.close(held)
    os.close(hold(state_dir))


def _filled(state_dir: Path) -> bytes:
    async def fill() -> None:
        for number in range(40):
            command = replace(COMMAND, command_id=f"c-1-{number}", request_id=f"r-{number}", outcome="actions")
            action = replace(ACTION, action_id=f"a-1-{number}-1", command_id=command.command_id, state="FINISHED")
            await journal.write(command, action, TransitionRow(1, number, action.action_id, "plan", "WAITING", ""))

    with journal_in(state_dir) as journal:
        asyncio.run(fill())
    return (state_dir / FILE_NAME).read_bytes()


def _everything(state_dir: Path) -> list[list[Row]]:
    return [rows_in(state_dir, kind) for kind in ROWS]


def test_a_flipped_bit_is_seen_or_harmless_never_silently_wrong(state_dir: Path) -> None:
    """A bit in every 1499th byte: the file is set aside, or every row still reads as it was written."""
    good = _filled(state_dir)
    expected = _everything(state_dir)
    head = (state_dir / "head").read_bytes()
    set_aside = 0
    for place in range(0, len(good), 1499):
        shutil.rmtree(state_dir)
        state_dir.mkdir()
        damaged = bytearray(good)
        damaged[place] ^= 1 << (place % 8)
        (state_dir / FILE_NAME).write_bytes(damaged)
        (state_dir / "head").write_bytes(head)
        try:
            opened = open_database(state_dir)
        except EdgeAgentError as problem:
            assert problem.code is Code.JOURNAL_UNAVAILABLE, f"byte {place}"
            continue
        try:
            if opened.damaged is not None:
                set_aside += 1
                assert opened.damaged.read_bytes() == bytes(damaged), "evidence is kept as it was found"
                assert read_past(opened.connection).epoch == 0
            else:
                assert [select(opened.connection, kind) for kind in ROWS] == expected, f"byte {place}"
        finally:
            opened.connection.close()
    assert set_aside > 15


def test_a_file_that_is_no_journal_is_set_aside(state_dir: Path) -> None:
    (state_dir / FILE_NAME).write_bytes(b"not a database at all" * 100)
    opened = open_database(state_dir)
    opened.connection.close()
    assert opened.damaged == state_dir / "journal.damaged-1"


def test_a_journal_of_a_later_version_is_left_alone(state_dir: Path) -> None:
    open_database(state_dir).connection.close()
    with sqlite3.connect(state_dir / FILE_NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(NodeFault, match="version 99") as refused:
        open_database(state_dir)
    assert refused.value.code is Code.JOURNAL_UNAVAILABLE
    assert not list(state_dir.glob("journal.damaged*"))


@pytest.mark.parametrize("kind", ["fifo", "link", "directory"])
def test_what_is_no_plain_file_is_refused(state_dir: Path, kind: str) -> None:
    path = state_dir / FILE_NAME
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(NodeFault) as refused:
        open_database(state_dir)
    assert refused.value.code is Code.JOURNAL_UNAVAILABLE


def test_old_answered_commands_are_forgotten_and_open_ones_are_not(state_dir: Path) -> None:
    """With them their actions and transitions."""
    _filled(state_dir)
    with journal_in(state_dir) as journal:
        asyncio.run(journal.write(replace(COMMAND, command_id="c-0-0", request_id="open")))
        journal.prune(10)
        wait_until_pruned(journal)
    kept = [row.command_id for row in rows_in(state_dir, CommandRow) if isinstance(row, CommandRow)]
    assert kept == [*(f"c-1-{number}" for number in range(30, 40)), "c-0-0"]
    assert len(rows_in(state_dir, ActionRow)) == len(rows_in(state_dir, TransitionRow)) == 10


def test_the_epoch_survives_the_journal(state_dir: Path) -> None:
    assert read_epoch(state_dir) == 0
    write_epoch(state_dir, 41)
    assert read_epoch(state_dir) == 41
    (state_dir / "epoch").write_text("rubbish")
    assert read_epoch(state_dir) == 0


async def _turns_of(journal: Journal, writes: int) -> tuple[list[int], list[bool]]:
    """In which turn of the loop each of many writes that were begun together went on, and whether it had succeeded."""
    turn, turns, succeeded = 0, [], []

    async def count_turns() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    async def write(number: int) -> None:
        try:
            await journal.write(replace(COMMAND, command_id=f"c-1-{number}", request_id=f"r-{number}"))
            succeeded.append(True)
        except NodeFault:
            succeeded.append(False)
        turns.append(turn)

    counting = asyncio.create_task(count_turns())
    await asyncio.gather(*(write(number) for number in range(writes)))
    counting.cancel()
    return turns, succeeded


@pytest.mark.parametrize("full", [pytest.param(False, id="a disk with room"), pytest.param(True, id="a full disk")])
def test_those_who_waited_together_go_on_one_by_one(state_dir: Path, full: bool) -> None:
    """With their success as with their failure: what comes in meanwhile, a stop, is read between any two of them."""
    with journal_in(state_dir) as journal, disk_full(1 if full else resource.RLIM_INFINITY):
        turns, succeeded = asyncio.run(_turns_of(journal, 40))
    assert succeeded == [not full] * 40
    assert len(set(turns)) == 40
