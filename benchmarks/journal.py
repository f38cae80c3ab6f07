"""What the journal costs: writes a second alone and in company, with and without the head kept beside it; the start of
a node with a full journal; and how long a write waits while the oldest entries are forgotten.

    python benchmarks/journal.py [--commands 20000] [--folder DIR]

One command is what the node writes for it: accepted, answered with one action, its timings, sent, running, finished:
five writes that are waited for, eleven rows. The folder decides which disk is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

from edge_agent.observe.database import FILE_NAME, open_database, reading
from edge_agent.observe.journal import Journal
from edge_agent.observe.pruning import Retention
from edge_agent.observe.records import ActionRow, CommandRow, NodeRow, TransitionRow
from edge_agent.observe.verifying import check

COMMAND = CommandRow("", "local", "", "0" * 64, 1, "robot", "robot", "go to dock 3", 2000, 1_700_000_000_000)
MESSAGE = (
    '{"type":"command","request_id":"r-1","text":"go to dock 3","ttl_ms":2000,"context":{"area":"hall a"},'
    '"spoken":{"alternatives":["go to doc three","go to duck 3"],"confidence":0.8}}'
)
EVIDENCE = '{"world_revision":0,"recent":["red box"],"grammar_sha256":"' + "0" * 64 + '","heard":"go to dock 3"}'
ANSWER = (
    '{"type":"answer","request_id":"r-1","command_id":"c-1-1","epoch":1,"outcome":"actions","actions":[{"action_id":'
    '"a-1-1-1","robot":"robot","action":{"action":"go_to","place":"dock 3"},"digest":"' + "0" * 64 + '","tier":2}],'
    '"marked":"go to [1 dock 3]","confidence":0.99,"passes":2,"timings":{"total_ms":20.1,"admit_ms":0.5,"link_ms":0.4,'
    '"grammar_ms":0.2,"queue_ms":0.2,"decide_ms":15.5,"resolve_ms":0.4,"dispatch_ms":2.0}}'
)
ACTION = ActionRow("", "", 1, 1, "robot", '{"action":"go_to","place":"dock 3"}', "0" * 64, 2, "WAITING", "", 0)
GATES, ROWS = 5, 11
"""Of one command."""
ROUNDS = 5


async def tell(journal: Journal, number: int) -> None:
    """One command, as the node writes it."""
    command = replace(COMMAND, command_id=f"c-1-{number}", request_id=f"r-{number}", message=MESSAGE)
    await journal.accept(command)
    output = '[{"action":"go_to","place":1}]'
    answered = replace(command, outcome="actions", answer=ANSWER, output=output, evidence=EVIDENCE)
    action = replace(ACTION, action_id=f"a-1-{number}-1", command_id=command.command_id)

    def event(name: str, state: str) -> TransitionRow:
        return TransitionRow(1, 5, action.action_id, name, state, "")

    await journal.write(answered, action, event("plan", "WAITING"))
    journal.record(answered)
    for name, state in (("send", "INITIALIZING"), ("running", "RUNNING"), ("finished", "FINISHED")):
        await journal.write(replace(action, state=state), event(name, state))


async def tell_all(one: Callable[[int], Awaitable[None]], commands: int, side_by_side: int) -> float:
    """Seconds for so many commands."""

    async def lane(first: int) -> None:
        for number in range(first, commands, side_by_side):
            await one(number)

    began_s = time.perf_counter()
    await asyncio.gather(*(lane(first) for first in range(side_by_side)))
    return time.perf_counter() - began_s


def write(folder: Path, commands: int, side_by_side: int, *, heads: bool) -> float:
    """Seconds for so many commands in a new journal."""
    folder.mkdir(parents=True)
    opened = open_database(folder)
    journal = Journal(opened.connection, heads=opened.heads if heads else None)
    try:
        return asyncio.run(tell_all(lambda number: tell(journal, number), commands, side_by_side))
    finally:
        journal.close()


def show_writes(folder: Path) -> None:
    """Alone, as one person speaks, and 32 side by side."""
    for side_by_side, commands in ((1, 200), (32, 1000)):
        took_s: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(ROUNDS):  # in turn, so that whatever else the machine does meets both
            for heads, found in took_s.items():
                found.append(write(folder / f"{side_by_side}-{heads}-{turn}", commands, side_by_side, heads=heads))
        for heads, found in took_s.items():
            best, middle = min(found), median(found)
            print(
                f"{side_by_side:>2} side by side, head {'kept' if heads else 'unkept':<6}: "
                f"{commands * GATES / middle:6.0f} writes/s, {commands * ROWS / middle:6.0f} rows/s "
                f"(median of {ROUNDS}; the best {commands * GATES / best:.0f} writes/s)"
            )


def show_start(folder: Path, commands: int) -> None:
    """The whole journal looked at: on the wall, and of one processor."""
    write(folder, commands, 32, heads=True)
    size_mb = (folder / FILE_NAME).stat().st_size / 1e6
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    opened = open_database(folder)
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    opened.connection.close()
    connection = reading(folder / FILE_NAME)
    verdict = check(connection)
    connection.close()
    print(
        f"start with {commands} commands: {took_s:.2f} s ({cpu_s:.2f} s of one core), {size_mb:.0f} MB, "
        f"{verdict.entries} entries, {verdict.rows} rows; {size_mb / cpu_s:.0f} MB/s"
    )


def show_pruning(folder: Path) -> None:
    """How long one write waits while half of the journal is forgotten, and without."""
    opened = open_database(folder)
    size = (folder / FILE_NAME).stat().st_size
    journal = Journal(opened.connection, heads=opened.heads, retention=Retention(max_bytes=size // 2, commands=100))

    async def waits(while_pruning: bool) -> list[float]:
        found = []
        while journal.pruning if while_pruning else len(found) < 500:
            began_s = time.perf_counter()
            await journal.write(NodeRow(1, len(found), ""))
            found.append((time.perf_counter() - began_s) * 1e3)
        return sorted(found)

    quiet = asyncio.run(waits(while_pruning=False))
    began_s = time.perf_counter()
    journal.prune()
    busy = asyncio.run(waits(while_pruning=True))
    took_s = time.perf_counter() - began_s
    journal.close()
    open_database(folder).connection.close()
    for name, found in (("quiet", quiet), ("pruning", busy)):
        p99 = found[int(len(found) * 0.99)]
        print(f"a write, {name}: p50 {median(found):.2f}, p99 {p99:.2f}, max {found[-1]:.2f} ms of {len(found)}")
    after = (folder / FILE_NAME).stat().st_size
    print(f"pruned from {size / 1e6:.0f} to {after / 1e6:.0f} MB in {took_s:.1f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=20_000, help="of the full journal")
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: the temporary folder's)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        show_writes(folder)
        show_start(folder / "full", options.commands)
        show_pruning(folder / "full")


if __name__ == "__main__":
    main()
