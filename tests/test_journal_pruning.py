"""What a journal forgets, by age and by size; what it must not forget; and that its chain holds."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from journal_damage import ACTION, COMMAND
from journal_rig import journal_in, looked_at, prune, rows_in, told, write

from edge_agent.clock import ManualClock
from edge_agent.errors import ConfigurationFault
from edge_agent.node.boot import retention_of
from edge_agent.observe.chain import Head
from edge_agent.observe.database import FILE_NAME, open_database
from edge_agent.observe.pruning import Retention
from edge_agent.observe.records import (
    ActionRow,
    AnchorRow,
    CommandRow,
    ConfigurationRow,
    JournalRow,
    NodeRow,
    StopRow,
    TransitionRow,
    WorldRow,
)
from edge_agent.settings import load_settings

DAY_MS = 86_400_000


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
