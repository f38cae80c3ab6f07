"""A process that writes and prunes the journal is killed anywhere: it is whole, and what was acknowledged is in it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from journal_writer import COMMANDS_KEPT

from edge_agent.observe.chain import Head
from edge_agent.observe.database import open_database, select
from edge_agent.observe.records import CommandRow

LIVES = int(os.environ.get("EDGE_AGENT_JOURNAL_LIVES", "4"))
"""How often it is killed here; a longer run is asked for by this."""
LIFE_S_MAX = 0.6


def test_a_kill_anywhere_leaves_a_whole_journal(tmp_path: Path) -> None:
    """No damage is seen where there was none, and the latest acknowledged commands are known."""
    chance = random.Random(1)
    for life in range(1, LIVES + 1):
        command = [sys.executable, str(Path(__file__).with_name("journal_writer.py")), str(tmp_path), str(life)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            told = [writer.stdout.readline()]
            time.sleep(chance.random() * LIFE_S_MAX)
            writer.kill()
            told += writer.stdout.readlines()
        acknowledged = [line.split() for line in told if line.endswith("\n")]
        assert acknowledged, f"life {life} did not begin"
        opened = open_database(tmp_path)
        known = {row.command_id for row in select(opened.connection, CommandRow)}
        opened.connection.close()
        assert not opened.doubt and opened.damaged is None
        assert {command_id for command_id, _ in acknowledged[-COMMANDS_KEPT:]} <= known
        assert opened.head.seq >= Head.parse(acknowledged[-1][1]).seq
