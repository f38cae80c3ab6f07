"""Whatever happens to the journal's files: all that was promised is there, or nothing moves before somebody looked."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_damage import Became, Good, damage, fill, judge

from edge_agent.clock import ManualClock
from edge_agent.errors import Code
from edge_agent.node.boot import is_doubt, open_state
from edge_agent.observe.database import FILE_NAME, open_database
from edge_agent.observe.events import NodeChanged, NodeEvent, Stream

SEEDS = int(os.environ.get("EDGE_AGENT_DAMAGE_SEEDS", "60"))
"""How many damages each sort of journal suffers here; the fault campaign suffers more."""
COMMANDS = 25


@pytest.fixture(scope="module")
def goods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Good]]:
    folder = tmp_path_factory.mktemp("good")
    yield {
        "closed": fill(folder / "closed", COMMANDS),
        "crashed": fill(folder / "alive", COMMANDS, copy=folder / "crashed"),
    }


@pytest.mark.parametrize("kind", ["closed", "crashed"])
def test_no_damage_is_silently_wrong(goods: dict[str, Good], tmp_path: Path, kind: str) -> None:
    """By seed: each file, bit, frame, page, version and hand that may touch it."""
    became: Counter[Became] = Counter()
    for seed in range(SEEDS):
        folder = tmp_path / str(seed)
        shutil.copytree(goods[kind].folder, folder)
        what = damage(folder, random.Random(f"{kind} {seed}"))
        try:
            became[judge(folder, goods[kind])] += 1
        except AssertionError as wrong:
            raise AssertionError(f"seed {seed}: {what}: {wrong}") from wrong
        shutil.rmtree(folder)
    assert became[Became.SET_ASIDE] > SEEDS // 4
    assert became[Became.WHOLE] > 0


def _boot(folder: Path) -> tuple[list[NodeEvent], object]:
    told: list[NodeEvent] = []
    state = open_state(folder, ManualClock(), Stream(told.append))
    state.journal.close()
    return told, state.latched


def test_a_log_that_lost_its_end_is_noticed(goods: dict[str, Good], tmp_path: Path) -> None:
    """SQLite ends a log at its first bad frame and says nothing; the head beside it says how far it had gone."""
    folder = tmp_path / "state"
    shutil.copytree(goods["crashed"].folder, folder)
    log = folder / f"{FILE_NAME}-wal"
    content = bytearray(log.read_bytes())
    content[-2000] ^= 1
    log.write_bytes(content)
    opened = open_database(folder)
    opened.connection.close()
    assert opened.damaged is not None
    assert "the tail is missing" in opened.doubt


def test_a_doubtful_journal_latches_a_stop_that_holds_across_starts(goods: dict[str, Good], tmp_path: Path) -> None:
    """By the node itself, with number 0; the log says JOURNAL_DAMAGED once, the stop says why while it holds."""
    folder = tmp_path / "state"
    shutil.copytree(goods["closed"].folder, folder)
    (folder / "head").unlink()
    told, latched = _boot(folder)
    assert any(isinstance(event, NodeChanged) and event.code == Code.JOURNAL_DAMAGED for event in told)
    assert latched is not None and is_doubt(latched) and "head file is gone" in latched.reason
    told, again = _boot(folder)
    assert again == latched
    assert not any(isinstance(event, NodeChanged) and event.code for event in told)


def test_a_crash_before_the_stop_is_written_finds_the_damage_again(goods: dict[str, Good], tmp_path: Path) -> None:
    """Between the new journal and its first write nothing speaks of the new chain but the journal itself."""
    folder = tmp_path / "state"
    shutil.copytree(goods["closed"].folder, folder)
    (folder / FILE_NAME).write_bytes(b"rubbish" * 1000)
    open_database(folder).connection.close()
    opened = open_database(folder)
    opened.connection.close()
    assert opened.doubt and opened.damaged is not None and opened.damaged.name == "journal.damaged-2"


def test_the_first_start_that_crashes_anywhere_is_followed_by_a_first_start(tmp_path: Path) -> None:
    """No file, an empty one, one without tables, one with the first entry: nothing was promised, nothing is doubted."""
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / FILE_NAME).touch()
    for _ in range(2):
        opened = open_database(folder)
        opened.connection.close()
        assert not opened.doubt and opened.damaged is None
