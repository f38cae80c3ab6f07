"""The journal's chain: every version stays provable, whatever is touched is named, and forgetting breaks nothing."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from journal_damage import COMMAND
from journal_rig import by_hand, journal_in, looked_at, rows_in, told, write

from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.observe.chain import Head
from edge_agent.observe.database import FILE_NAME, open_database, reading
from edge_agent.observe.heads import HeadFile
from edge_agent.observe.history import read_past
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import (
    CommandRow,
    JournalRow,
    NodeRow,
    StopRow,
    WorldRow,
    seal,
)
from edge_agent.observe.verifying import Wrong, check


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
