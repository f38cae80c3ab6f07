"""Journals that are damaged in every way a disk, a crash or a hand can do it, by seed, and what may come of each.

For tests and the fault campaign; holds no test. `Damaged` makes a state directory from a good one, `judge` opens it and
says what happened, or fails when something that was promised is silently gone or changed.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from edge_agent.errors import Code, NodeFault
from edge_agent.observe.chain import Head
from edge_agent.observe.database import FILE_NAME, open_database, select
from edge_agent.observe.heads import FILE_NAME as HEAD_NAME
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import ROWS, ActionRow, CommandRow, Row, StopRow, TransitionRow

COMMAND = CommandRow("c-1-1", "local", "r-1", "0" * 64, 1, "robot", "robot", "go to dock 3", 2000, 1_700_000_000_000)
ACTION = ActionRow("a-1-1-1", "c-1-1", 1, 1, "robot", '{"action":"go_to"}', "0" * 64, 2, "WAITING", "", 0)
WAL, SHM = FILE_NAME + "-wal", FILE_NAME + "-shm"
PAGE_BYTES = 4096


class Became(StrEnum):
    """What a node makes of what it finds."""

    WHOLE = "whole"
    """All that was promised is there, and verified."""
    SET_ASIDE = "set aside"
    DOUBTED = "doubted"
    """It stands, but nobody can say whether its end is there: a stop is latched."""
    REFUSED = "refused"
    """It is left alone, and every gate stays shut."""


@dataclass(frozen=True)
class Good:
    """A journal as a node left it: its folder, all its rows, and its head."""

    folder: Path
    rows: list[list[Row]]
    head: Head


def fill(folder: Path, commands: int, copy: Path | None = None) -> Good:
    """A journal of some commands; `copy` gets its files as a crash would leave them, the log not written back."""
    folder.mkdir(parents=True)
    opened = open_database(folder)
    journal = Journal(opened.connection, heads=opened.heads)

    async def tell() -> None:
        for number in range(commands):
            command = replace(COMMAND, command_id=f"c-1-{number}", request_id=f"r-{number}", outcome="actions")
            action = replace(ACTION, action_id=f"a-1-{number}-1", command_id=command.command_id)
            await journal.write(replace(command, outcome=""))
            await journal.write(command, action, TransitionRow(1, number, action.action_id, "plan", "WAITING", ""))
            await journal.write(replace(action, state="FINISHED"))
        await journal.write(StopRow("s-1-1", 1, "button", 7, None))

    asyncio.run(tell())
    if copy is not None:
        shutil.copytree(folder, copy)
    journal.close()
    again = open_database(folder)
    rows = [select(again.connection, kind) for kind in ROWS]
    again.connection.close()
    return Good(copy or folder, rows, again.head)


def damage(folder: Path, chance: random.Random) -> str:
    """Do something to a state directory; what, in words."""
    return chance.choice(_WAYS)(folder, chance)


def judge(folder: Path, good: Good) -> Became:
    """Open it as a node does.

    Raises:
        AssertionError: something is silently wrong.
    """
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.name in (FILE_NAME, WAL)}
    try:
        opened = open_database(folder)
    except NodeFault as problem:
        assert problem.code is Code.JOURNAL_UNAVAILABLE
        assert {name: (folder / name).read_bytes() for name in found} == found, "it is left as it was found"
        return Became.REFUSED
    try:
        rows = [select(opened.connection, kind) for kind in ROWS]
    finally:
        opened.connection.close()
    if opened.damaged is not None or (opened.doubt and FILE_NAME not in found):
        assert opened.doubt
        if opened.damaged is not None:
            assert opened.damaged.read_bytes() == found[FILE_NAME], "evidence is kept as it was found"
            if found.get(WAL):
                assert opened.damaged.with_name(opened.damaged.name + "-wal").read_bytes() == found[WAL]
        assert opened.head.seq == 1, "another chain was begun"
        return Became.SET_ASIDE
    assert rows == good.rows
    assert opened.head == good.head
    return Became.DOUBTED if opened.doubt else Became.WHOLE


def _flip(folder: Path, chance: random.Random) -> str:
    path, content = _pick(folder, chance)
    place = chance.randrange(len(content))
    content[place] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    return f"a bit of byte {place} of {path.name}"


def _cut(folder: Path, chance: random.Random) -> str:
    path, content = _pick(folder, chance)
    length = chance.choice([0, chance.randrange(len(content)), len(content) // 512 * 512 - 512])
    path.write_bytes(content[: max(0, length)])
    return f"{path.name} cut to {length} bytes"


def _cut_frames(folder: Path, chance: random.Random) -> str:
    """As many whole frames of the log as chance has it are gone."""
    path = folder / WAL
    if not path.exists():
        return _cut(folder, chance)
    content = path.read_bytes()
    frame = PAGE_BYTES + 24
    frames = (len(content) - 32) // frame
    left = chance.randrange(frames) if frames > 0 else 0
    path.write_bytes(content[: 32 + left * frame])
    return f"{WAL} cut to {left} of {frames} frames"


def _blank(folder: Path, chance: random.Random) -> str:
    path, content = _pick(folder, chance)
    place = chance.randrange(0, len(content), PAGE_BYTES)
    content[place : place + PAGE_BYTES] = bytes(len(content[place : place + PAGE_BYTES]))
    path.write_bytes(content)
    return f"a page of {path.name} blank from {place} on"


def _swap(folder: Path, chance: random.Random) -> str:
    path = folder / FILE_NAME
    content = bytearray(path.read_bytes())
    one, two = (chance.randrange(0, len(content), PAGE_BYTES) for _ in range(2))
    first, second = content[one : one + PAGE_BYTES], content[two : two + PAGE_BYTES]
    content[one : one + PAGE_BYTES], content[two : two + PAGE_BYTES] = second, first
    path.write_bytes(content)
    return f"pages at {one} and {two} in each other's place"


def _remove(folder: Path, chance: random.Random) -> str:
    path, _ = _pick(folder, chance)
    path.unlink()
    return f"{path.name} gone"


def _stranger(folder: Path, chance: random.Random) -> str:
    """Another program's file in the journal's place."""
    for name in (FILE_NAME, WAL, SHM):
        (folder / name).unlink(missing_ok=True)
    kind = chance.choice(["noise", "text", "database", "empty database", "later version"])
    if kind in ("noise", "text"):
        content = chance.randbytes(10_000) if kind == "noise" else b"nothing of the kind\n" * 400
        (folder / FILE_NAME).write_bytes(content)
        return kind
    with sqlite3.connect(folder / FILE_NAME) as connection:
        if kind != "empty database":
            connection.execute("CREATE TABLE command (text)")
        if kind == "later version":
            connection.execute("PRAGMA user_version = 99")
    connection.close()
    return kind


def _by_hand(folder: Path, chance: random.Random) -> str:
    """What somebody with a database tool does, seals and indexes in order."""
    statement = chance.choice(
        [
            "DELETE FROM command WHERE command_id = 'c-1-3'",
            "DELETE FROM transition_ WHERE action_id = 'a-1-3-1'",
            "UPDATE action SET state = 'FAILED' WHERE action_id = 'a-1-2-1'",
            "UPDATE stop SET released_wall_ms = 8",
            "UPDATE entry SET body = replace(body, 'FINISHED', 'FAILED') WHERE seq > 20",
            "UPDATE entry SET wall_ms = wall_ms + 1 WHERE seq = 17",
            "DELETE FROM entry WHERE seq = 17",
            "DELETE FROM entry WHERE seq > 60",
            "UPDATE entry SET link = x'00' WHERE seq = 30",
            "INSERT INTO anchor SELECT 400, 'cut', 20, hex(link), 0, 20, '' FROM entry WHERE seq = 20",
            "DROP INDEX command_request",
        ]
    )
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.execute(statement)
    connection.close()
    return statement


def _pick(folder: Path, chance: random.Random) -> tuple[Path, bytearray]:
    """One of the files that hold anything; the journal and its log more often than the rest."""
    names = [name for name in (FILE_NAME, FILE_NAME, WAL, WAL, SHM, HEAD_NAME) if (folder / name).exists()]
    names = [name for name in names if (folder / name).stat().st_size]
    path = folder / chance.choice(names)
    return path, bytearray(path.read_bytes())


_WAYS: tuple[Callable[[Path, random.Random], str], ...] = (
    _flip,
    _flip,
    _flip,
    _flip,
    _cut,
    _cut_frames,
    _cut_frames,
    _blank,
    _swap,
    _remove,
    _stranger,
    _by_hand,
)
