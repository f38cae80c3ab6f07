"""Writes commands into a journal and prunes it all the while, until it is killed; says what was acknowledged.

`python journal_writer.py FOLDER LIFE`, a line an acknowledged command: its id and the chain's head. Holds no test.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from journal_damage import ACTION, COMMAND

from edge_agent.observe.database import open_database
from edge_agent.observe.journal import Journal
from edge_agent.observe.pruning import Retention
from edge_agent.observe.records import TransitionRow

MAX_BYTES = 600_000
COMMANDS_KEPT = 50
PRUNE_EVERY = 40


async def write(journal: Journal, life: int) -> None:
    """Without an end."""
    number = 0
    while True:
        number += 1
        one = f"{life}-{number}"
        command = replace(COMMAND, command_id=f"c-{one}", request_id=f"r-{one}", epoch=life, outcome="actions")
        action = replace(ACTION, action_id=f"a-{one}-1", command_id=command.command_id, state="FINISHED")
        await journal.write(command, action, TransitionRow(life, number, action.action_id, "plan", "WAITING", ""))
        sys.stdout.write(f"{command.command_id} {journal.head}\n")
        sys.stdout.flush()
        if number % PRUNE_EVERY == 0:
            journal.prune()


def main() -> None:
    """Open it, refuse to go on with anything doubtful, and write."""
    opened = open_database(Path(sys.argv[1]))
    assert not opened.doubt, opened.doubt
    retention = Retention(max_bytes=MAX_BYTES, commands=COMMANDS_KEPT)
    asyncio.run(write(Journal(opened.connection, heads=opened.heads, retention=retention), int(sys.argv[2])))


if __name__ == "__main__":
    main()
