"""`replay --export`: a folder or an archive for an incident report, which whoever gets it can check by himself."""

from __future__ import annotations

import argparse
import io
import json
import sqlite3
import tarfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.replay_journal import command_of
from edge_agent.cli.replay_report import report
from edge_agent.cli.screen import Screen
from edge_agent.clock import SystemClock
from edge_agent.errors import ClientFault, Code, ConfigurationFault
from edge_agent.observe.chain import Entry
from edge_agent.observe.exporting import Part, files_of, range_between, whole_range
from edge_agent.observe.records import CommandRow, ConfigurationRow
from edge_agent.observe.stories import Story, read_story
from edge_agent.observe.tables import select

REPORT: Final = "report.md"
_ARCHIVE: Final = ".tar.gz"
_STORIES_MAX: Final = 500
"""Commands that are told one by one in a report; the entries of all are in it."""
_COMMANDS: Final = "entry IN (SELECT entry FROM command WHERE entry BETWEEN ? AND ? ORDER BY entry LIMIT ?)"


def export(options: argparse.Namespace, screen: Screen, connection: sqlite3.Connection) -> Exit:
    """Write it.

    Raises:
        ClientFault: UNKNOWN_TARGET for a command or a time of which the journal has nothing, INVALID_MESSAGE for a
            time that is none.
        ConfigurationFault: SETTINGS_INVALID when the folder is not empty or cannot be written.
    """
    connection.execute("BEGIN")  # one view of it, while a node goes on writing
    part, stories = _chosen(options, connection)
    if part.first > part.last:
        raise ClientFault(Code.UNKNOWN_TARGET, "the journal has nothing of that time", where="--from, --to")
    made_wall_ms = SystemClock().wall_ms()
    others = _others(connection, stories, made_wall_ms, with_text=part.with_text)
    files = files_of(connection, part, others, made_wall_ms)
    target: Path = options.export
    try:
        _write_archive(target, files) if target.name.endswith(_ARCHIVE) else _write_folder(target, files)
    except OSError as problem:
        raise ConfigurationFault(Code.SETTINGS_INVALID, f"cannot be written: {problem}", where=str(target)) from problem
    screen.record({"export": str(target), "first": part.first, "last": part.last, "commands": len(stories)})
    screen.line(("written", "green"), f"  {target}: entries {part.first} to {part.last}, {len(stories)} commands told")
    screen.line(("", ""), "check it with: python verify.py  (in the folder; needs nothing else)")
    if part.with_text:
        screen.line(("note", "yellow"), "  it holds what people said; --without-text leaves that out")
    return Exit.OK


def _chosen(options: argparse.Namespace, connection: sqlite3.Connection) -> tuple[Part, list[Story]]:
    with_text = not options.without_text
    if options.command_id is not None:
        story = read_story(connection, command_of(connection, options.command_id))
        own = frozenset({moment.subject for moment in story.moments})

        def belongs(entry: Entry) -> bool:
            return entry.key in own or (entry.table == "transition" and entry.content().get("action_id") in own)

        return Part(story.first_seq, story.last_seq, belongs, with_text), [story]
    if options.since is None and options.until is None:
        first, last = whole_range(connection)
    else:
        first, last = range_between(connection, _time_ms(options.since, 0), _time_ms(options.until, float("inf")))
    commands = select(connection, CommandRow, _COMMANDS, (first, last, _STORIES_MAX))
    stories = [read_story(connection, command) for command in commands]
    return Part(first, last, lambda _entry: True, with_text), stories


def _others(
    connection: sqlite3.Connection, stories: list[Story], made_wall_ms: int, *, with_text: bool
) -> dict[str, bytes]:
    """The report, and what the node ran with in the starts that it is about; every start's when it is about none."""
    epochs = {story.command.epoch for story in stories}
    starts = [row for row in select(connection, ConfigurationRow) if not epochs or row.epoch in epochs]
    files = {REPORT: report(stories, starts, made_wall_ms, with_text=with_text).encode()}
    for start in starts:
        versions = {
            "epoch": start.epoch,
            "wall_ms": start.wall_ms,
            "version": start.version,
            "model": json.loads(start.model),
            "packs": json.loads(start.packs),
            "worlds": json.loads(start.worlds),
            "settings_sha256": start.settings_sha256,
        }
        files[f"versions-{start.epoch}.json"] = (json.dumps(versions, indent=2) + "\n").encode()
        files[f"settings-{start.epoch}.json"] = (json.dumps(json.loads(start.settings), indent=2) + "\n").encode()
    return files


def _time_ms(text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    try:
        return datetime.fromisoformat(text).astimezone().timestamp() * 1000.0
    except ValueError as problem:
        raise ClientFault(Code.INVALID_MESSAGE, "a time is 2026-05-01 or 2026-05-01T12:00", where=text) from problem


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ConfigurationFault(Code.SETTINGS_INVALID, "the folder is not empty", where=str(folder))
    for name, content in files.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)


def _write_archive(path: Path, files: Mapping[str, bytes]) -> None:
    path.touch(mode=0o600, exist_ok=False)
    inside = path.name.removesuffix(_ARCHIVE)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{inside}/{name}")
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
