"""The journal's chain: every version stays provable, whatever is touched is named, and forgetting breaks nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from journal_damage import ACTION, COMMAND

from edge_agent.clock import ManualClock
from edge_agent.errors import ClientFault, Code, ConfigurationFault, NodeFault
from edge_agent.node.boot import retention_of
from edge_agent.observe.chain import Head
from edge_agent.observe.database import FILE_NAME, open_database, reading
from edge_agent.observe.heads import HeadFile
from edge_agent.observe.history import read_past
from edge_agent.observe.journal import Journal
from edge_agent.observe.pruning import Retention
from edge_agent.observe.records import (
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
    seal,
)
from edge_agent.observe.tables import select
from edge_agent.observe.verifying import Verdict, Wrong, check
from edge_agent.settings import load_settings

DAY_MS = 86_400_000
ANSWER = "x" * 500


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


def test_every_version_of_a_row_is_kept_and_linked_as_documented(tmp_path: Path) -> None:
    """sha256 over the link before and six lines; the table shows the latest version, the chain has all of them."""
    with journal_in(tmp_path / "state") as journal:
        write(journal, COMMAND)
        write(journal, replace(COMMAND, outcome="reject"))
        head = journal.head
    connection = reading(tmp_path / "state" / FILE_NAME)
    link = bytes(32)
    outcomes = []
    for seq, wall_ms, table, key, body, private, written in connection.execute("SELECT * FROM entry ORDER BY seq"):
        digests = [hashlib.sha256(text.encode()).hexdigest() for text in (body, private)]
        line = "\n".join([str(seq), str(wall_ms), table, key, *digests])
        link = hashlib.sha256(link + line.encode()).digest()
        assert link == written
        if table == "command":
            outcomes.append(json.loads(body)["outcome"])
            assert json.loads(private)["text"] == COMMAND.text
            assert COMMAND.text not in body
    connection.close()
    assert outcomes == ["", "reject"]
    assert Head(3, link) == head == Head.parse(str(head))
    assert HeadFile(tmp_path / "state").read().head == head


def test_the_same_words_have_another_digest_each_time(tmp_path: Path) -> None:
    """So that a short sentence cannot be guessed from the digest that stands in an export in its place."""
    with journal_in(tmp_path / "state") as journal:
        write(journal, COMMAND, COMMAND)
    connection = reading(tmp_path / "state" / FILE_NAME)
    bodies = connection.execute("SELECT body, private FROM entry WHERE tbl = 'command'").fetchall()
    connection.close()
    assert len({body for body, _ in bodies}) == 1
    assert len({private for _, private in bodies}) == 2


@pytest.mark.parametrize("bad", [{"text": "\ud800"}, {"ttl_ms": 2**70}])
def test_a_refused_write_leaves_no_gap_in_the_chain(tmp_path: Path, bad: dict[str, Any]) -> None:
    """What no disk can hold is refused, its numbers and its link are given back, and the next write is taken."""
    with journal_in(tmp_path / "state") as journal:
        write(journal, COMMAND)
        with pytest.raises(NodeFault) as refused:
            write(journal, NodeRow(1, 0, ""), replace(COMMAND, command_id="c-1-9", request_id="r-9", **bad))
        assert refused.value.code is Code.JOURNAL_UNAVAILABLE
        write(journal, replace(COMMAND, outcome="reject"))
        assert journal.head.seq == 3
    assert looked_at(tmp_path / "state").broken is None


@pytest.mark.parametrize(
    ("statements", "seq", "wrong", "words"),
    [
        pytest.param(["UPDATE entry SET body = body || ' ' WHERE seq = 5"], 5, Wrong.CHANGED, "changed", id="body"),
        pytest.param(["UPDATE entry SET private = '' WHERE seq = 2"], 2, Wrong.CHANGED, "changed", id="words"),
        pytest.param(["UPDATE entry SET wall_ms = 1 WHERE seq = 7"], 7, Wrong.CHANGED, "changed", id="time"),
        pytest.param(["UPDATE entry SET link = x'00' WHERE seq = 3"], 3, Wrong.CHANGED, "changed", id="link"),
        pytest.param(["DELETE FROM entry WHERE seq IN (4, 5)"], 4, Wrong.MISSING, "4 to 5 are missing", id="gone"),
        pytest.param(
            [
                "UPDATE entry SET seq = 1000 WHERE seq = 5",
                "UPDATE entry SET seq = 5 WHERE seq = 8",
                "UPDATE entry SET seq = 8 WHERE seq = 1000",
            ],
            5,
            Wrong.ORDER,
            "written as entry 8",
            id="order",
        ),
        pytest.param(["UPDATE action SET state = 'FAILED' WHERE rowid = 3"], 3, Wrong.ROW, "a row of action", id="row"),
        pytest.param(["DELETE FROM command WHERE rowid = 2"], 2, Wrong.ROW, "c-1-0 is missing", id="row gone"),
        pytest.param(["DELETE FROM transition_ WHERE rowid = 4"], 0, Wrong.ROW, "1 rows of transition", id="grown"),
        pytest.param(["DROP INDEX action_open"], 0, Wrong.UNREADABLE, "not those of a journal", id="index"),
        pytest.param(
            [f"DELETE FROM {table} > 8" for table in ("entry WHERE seq", "command WHERE entry", "action WHERE entry")],
            0,
            Wrong.ROW,
            "transition",
            id="cut in part",
        ),
    ],
)
def test_whatever_is_touched_is_named(
    tmp_path: Path, statements: list[str], seq: int, wrong: Wrong, words: str
) -> None:
    """The first entry that is concerned, and what is wrong there; seals and indexes may be in order."""
    folder = tmp_path / "state"
    with journal_in(folder) as journal:
        for number in range(4):
            write(journal, *told(number))
    assert looked_at(folder).broken is None
    by_hand(folder, *statements)
    broken = looked_at(folder).broken
    assert broken is not None
    assert (broken.seq or seq, broken.wrong) == (seq or broken.seq, wrong), broken
    assert words in str(broken)


def test_a_tail_is_missed_by_whoever_holds_a_head(tmp_path: Path) -> None:
    """A journal that is whole in itself, but shorter than it was, or another one."""
    folder = tmp_path / "state"
    with journal_in(folder) as journal:
        write(journal, *told(1))
        early = journal.head
        write(journal, NodeRow(1, 0, ""))
        late = journal.head
    by_hand(folder, f"DELETE FROM entry WHERE seq = {late.seq}", "DELETE FROM node")
    assert looked_at(folder, early).broken is None
    broken = looked_at(folder, early, late).broken
    assert broken is not None and (broken.seq, broken.wrong) == (late.seq, Wrong.TAIL)
    forged = looked_at(folder, Head(early.seq, bytes(32))).broken
    assert forged is not None and forged.wrong is Wrong.CHANGED


def test_nothing_more_is_written_while_the_head_cannot_be_kept(tmp_path: Path) -> None:
    """What was committed is acknowledged; the next gate is shut until the disk takes the head again."""
    folder = tmp_path / "state"
    folder.mkdir()
    opened = open_database(folder)
    (folder / "head").mkdir()
    journal = Journal(opened.connection, heads=opened.heads)
    try:
        write(journal, COMMAND)
        assert "head cannot be kept" in journal.trouble
        with pytest.raises(NodeFault, match="head cannot be kept") as refused:
            write(journal, NodeRow(1, 0, ""))
        assert refused.value.code is Code.JOURNAL_UNAVAILABLE
        (folder / "head").rmdir()
        write(journal, NodeRow(2, 0, ""))
        assert not journal.trouble
        assert HeadFile(folder).read().head == journal.head
    finally:
        journal.close()


def test_a_disk_that_refuses_is_no_damage(tmp_path: Path) -> None:
    """What could not be looked at is not called broken, and so is not set aside."""
    with journal_in(tmp_path / "state") as journal:
        write(journal, *told(1))
    connection = reading(tmp_path / "state" / FILE_NAME)
    connection.set_progress_handler(lambda: 1, 50)  # every statement is cut off
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        check(connection)
    connection.close()


@pytest.mark.parametrize("text", ["", "7", "7:", ":" + "0" * 64, "x:" + "0" * 64, "7:" + "0" * 63, "-1:" + "0" * 64])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ClientFault) as refused:
        Head.parse(text)
    assert refused.value.code is Code.INVALID_MESSAGE


VERSION_1 = (
    "CREATE TABLE node (epoch INTEGER PRIMARY KEY, started_wall_ms, version, seal TEXT NOT NULL)",
    "CREATE TABLE command (command_id TEXT PRIMARY KEY, client, request_id, body_sha256, epoch, pack, robot, text, "
    "ttl_ms, received_wall_ms, outcome, answer, output, seal TEXT NOT NULL)",
    "CREATE TABLE action (action_id TEXT PRIMARY KEY, command_id, epoch, position, robot, action, digest, tier, state, "
    "reason, seq, seal TEXT NOT NULL)",
    "CREATE TABLE transition_ (epoch, wall_ms, action_id, event, state, reason, seal TEXT NOT NULL)",
    "CREATE TABLE confirmation (action_id TEXT PRIMARY KEY, epoch, digest, wall_ms, outcome, seal TEXT NOT NULL)",
    "CREATE TABLE stop (stop_id TEXT PRIMARY KEY, epoch, reason, wall_ms, released_wall_ms, seal TEXT NOT NULL)",
    "CREATE TABLE world_update (pack, revision, world_sha256, wall_ms, body, seal TEXT NOT NULL)",
    "CREATE UNIQUE INDEX command_request ON command (client, request_id)",
    "CREATE INDEX command_open ON command (outcome) WHERE outcome = ''",
    "PRAGMA user_version = 1",
)
"""What version 1 made."""


def version_1(folder: Path) -> None:
    """A journal as the version before wrote it."""
    folder.mkdir()
    rows: list[tuple[str, str, tuple[object, ...]]] = [
        ("node", "node", (3, 1_700_000_000_000, "0.1.0")),
        ("stop", "stop", ("s-3-1", 3, "button", 7, None)),
        ("transition_", "transition", (3, 5, "a-3-1-1", "plan", "WAITING", "")),
        ("world_update", "world_update", ("robot", 1, "0" * 64, 8, "{}")),
    ]
    for number in range(30):
        content = (f"c-3-{number}", "local", f"r-{number}", "0" * 64, 3, "robot", "robot", "go to dock 3", 2000, 9)
        rows.append(("command", "command", (*content, "reject", "{}", "[]")))
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in VERSION_1:
            connection.execute(statement)
        for table, name, content in rows:
            marks = ",".join("?" * (len(content) + 1))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", (*content, seal(name, content)))  # type: ignore[arg-type]
    connection.close()


def test_a_journal_of_version_1_is_brought_over_as_it_stands(tmp_path: Path) -> None:
    """Every row enters the chain; its first entry and the log say where they come from; the epoch goes on."""
    folder = tmp_path / "state"
    version_1(folder)
    opened = open_database(folder)
    past = read_past(opened.connection)
    shrinks = opened.connection.execute("PRAGMA auto_vacuum").fetchone()[0]
    opened.connection.close()
    opened.heads.close()
    assert "version 1" in opened.news and not opened.doubt
    assert past.epoch == 3 and past.latched == StopRow("s-3-1", 3, "button", 7, None)
    assert len(rows_in(folder, CommandRow)) == 30 and len(rows_in(folder, WorldRow)) == 1
    (first,) = rows_in(folder, JournalRow)
    assert isinstance(first, JournalRow) and "migrated from version 1: 34 rows" in first.began
    assert looked_at(folder).entries == 35
    assert shrinks == 2
    again = open_database(folder)
    again.connection.close()
    assert not again.news and not again.doubt and again.head == opened.head


def test_a_damaged_journal_of_version_1_is_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    version_1(folder)
    by_hand(folder, "UPDATE command SET text = 'go to dock 4' WHERE command_id = 'c-3-7'")
    opened = open_database(folder)
    opened.connection.close()
    assert opened.damaged is not None and "c-3-7" in opened.doubt


def test_what_is_older_than_it_may_be_is_forgotten_and_the_chain_holds(tmp_path: Path) -> None:
    """An anchor takes the place of what went; a head from before it can no longer be compared, a later one can."""
    folder, clock = tmp_path / "state", ManualClock()
    with journal_in(folder, clock, Retention(keep_days=10, commands=3)) as journal:
        for number in range(60):
            write(journal, *told(number))
        gone = journal.head
        clock.advance(20 * DAY_MS)
        for number in range(60, 64):
            write(journal, *told(number))
        young = journal.head
        prune(journal)
    verdict = looked_at(folder, gone, young)
    assert verdict.broken is None and verdict.older == ()
    assert verdict.cut.seq == gone.seq
    (anchor,) = rows_in(folder, AnchorRow)
    assert isinstance(anchor, AnchorRow) and anchor.entries == gone.seq
    assert [row.command_id for row in rows_in(folder, CommandRow) if isinstance(row, CommandRow)] == [
        f"c-1-{number}" for number in range(60, 64)
    ]
    assert len(rows_in(folder, ActionRow)) == len(rows_in(folder, TransitionRow)) == 4
    assert looked_at(folder, Head(gone.seq - 1, bytes(32))).older == (Head(gone.seq - 1, bytes(32)),)


def test_what_must_not_be_forgotten_is_entered_again(tmp_path: Path) -> None:
    """Open commands and actions, latched stops, the worlds' updates, the latest request ids, how the journal began."""
    folder, clock = tmp_path / "state", ManualClock()
    open_action = replace(ACTION, action_id="a-1-99-1", command_id="c-1-99", state="RUNNING")
    worlds = json.dumps({"robot": {"sha256": "1" * 64, "revision": 1}})
    with journal_in(folder, clock, Retention(keep_days=1, commands=5)) as journal:
        write(journal, NodeRow(1, 0, "0.1.0"), ConfigurationRow(1, 0, "", "", "{}", "{}", "{}", worlds))
        write(journal, StopRow("s-1-1", 1, "held", 7, None), StopRow("s-1-2", 1, "over", 7, 8))
        write(journal, WorldRow("robot", 1, "1" * 64, 8, "{}"), WorldRow("robot", 1, "0" * 64, 8, "{}"))
        write(journal, replace(COMMAND, command_id="c-1-99", request_id="open"), open_action)
        write(journal, TransitionRow(1, 5, "a-1-99-1", "running", "RUNNING", ""))
        for number in range(20):
            write(journal, *told(number))
        clock.advance(30 * DAY_MS)
        prune(journal)
        assert asyncio.run(journal.find("local", "r-19")) == told(19)[0]
        assert asyncio.run(journal.find("local", "r-3")) is None
    assert looked_at(folder).broken is None
    commands = [row.command_id for row in rows_in(folder, CommandRow) if isinstance(row, CommandRow)]
    assert sorted(commands) == sorted(["c-1-99", *(f"c-1-{number}" for number in range(15, 20))])
    assert rows_in(folder, ActionRow) == [open_action]
    assert len(rows_in(folder, TransitionRow)) == 1
    assert [row.stop_id for row in rows_in(folder, StopRow) if isinstance(row, StopRow)] == ["s-1-1"]
    assert [row.world_sha256 for row in rows_in(folder, WorldRow) if isinstance(row, WorldRow)] == ["1" * 64]
    assert len(rows_in(folder, NodeRow)) == len(rows_in(folder, JournalRow)) == 1


def test_a_journal_that_is_too_large_becomes_smaller_on_the_disk(tmp_path: Path) -> None:
    """The oldest go, however young, until it fits; pages go back to the disk, and it can be written meanwhile."""
    folder = tmp_path / "state"
    limit = 400_000
    with journal_in(folder, retention=Retention(max_bytes=limit, commands=10)) as journal:
        for number in range(400):
            journal.record(*told(number))
        write(journal, NodeRow(1, 0, ""))
        journal.prune()
        while journal.pruning:
            write(journal, NodeRow(1, 1, ""))
    open_database(folder).connection.close()  # writes the log back
    assert 0.5 * limit < (folder / FILE_NAME).stat().st_size < limit
    assert looked_at(folder).broken is None
    kept = rows_in(folder, CommandRow)
    assert 10 < len(kept) < 400 and kept[-1] == told(399)[0]


def test_pruning_again_and_again_is_steady(tmp_path: Path) -> None:
    """What is kept in any case is larger than the limit: each run ends, and loses nothing of it."""
    folder = tmp_path / "state"
    with journal_in(folder, retention=Retention(max_bytes=1, commands=50)) as journal:
        for number in range(80):
            journal.record(*told(number))
        prune(journal)
        head = journal.head
        prune(journal)
        assert journal.head == head, "nothing is written anew before it has grown"
        for number in range(80, 120):
            journal.record(*told(number))
        prune(journal)
    assert len(rows_in(folder, CommandRow)) == 50
    assert looked_at(folder).broken is None


def test_settings_say_how_much_is_kept() -> None:
    """Days and megabytes; less room than the latest request ids need is refused by name."""
    chosen = load_settings(None, {"journal": {"keep_days": 7, "max_mb": 200}})
    assert retention_of(chosen) == Retention(keep_days=7, max_bytes=200_000_000)
    with pytest.raises(ConfigurationFault, match=r"journal\.max_mb"):
        load_settings(None, {"journal": {"max_mb": 1}})
