"""`replay`: a command's story as the journal tells it. Reads only, beside a running node too; runs nothing again."""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_agent.cli.answers import compact, label
from edge_agent.cli.connection import add_settings_arguments, read_settings
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.observe.database import FILE_NAME, select
from edge_agent.observe.records import ActionRow, CommandRow, TransitionRow

EXAMPLE = "edge-agent replay             # the last commands\nedge-agent replay c-7-1       # one command's story"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `replay` takes."""
    parser.add_argument("command_id", nargs="?", metavar="COMMAND_ID", help="the last commands when left out")
    parser.add_argument("--last", type=int, default=10, metavar="N", help="how many commands to list (default: 10)")
    add_settings_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """List the last commands, or tell one."""
    path = read_settings(options).state_dir / FILE_NAME
    with _reading(path) as connection:
        if options.command_id is None:
            _list(screen, connection, options.last)
        else:
            _tell(screen, connection, options.command_id)
    return Exit.OK


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise NodeFault(Code.JOURNAL_UNAVAILABLE, "there is no journal: has a node run here?", where=str(path))
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as problem:
        raise NodeFault(Code.JOURNAL_UNAVAILABLE, f"cannot be read: {problem}", where=str(path)) from problem


def _list(screen: Screen, connection: sqlite3.Connection, last: int) -> None:
    where = "rowid IN (SELECT rowid FROM command ORDER BY rowid DESC LIMIT ?)"
    commands = select(connection, CommandRow, where, (max(0, last),))
    for command in commands:
        screen.record(_command_json(command))
    rows = [
        (command.command_id, _time(command.received_wall_ms), command.outcome or "open", command.text)
        for command in commands
    ]
    screen.table(("command", "received", "outcome", "words"), rows)


def _tell(screen: Screen, connection: sqlite3.Connection, command_id: str) -> None:
    found = select(connection, CommandRow, "command_id = ?", (command_id,))
    if not found:
        raise ClientFault(Code.UNKNOWN_TARGET, "the journal knows no such command", where=command_id)
    command = found[0]
    answer = json.loads(command.answer) if command.answer else {}
    screen.record(_command_json(command) | {"answer": answer})
    screen.line(label("heard"), command.text, (f"  {_time(command.received_wall_ms)}, {command.client}", "dim"))
    screen.line(label("read"), answer.get("marked", ""))
    screen.line(label("model"), command.output)
    screen.line(label("answer"), command.outcome or "open", f"  {answer.get('reject', answer.get('error', ''))}")
    for action in select(connection, ActionRow, "command_id = ?", (command_id,)):
        screen.line(label("action", "green"), compact(json.loads(action.action)), (f"  {action.action_id}", "dim"))
        for step in select(connection, TransitionRow, "action_id = ?", (action.action_id,)):
            screen.record({"action_id": action.action_id, "wall_ms": step.wall_ms} | _step_json(step))
            screen.line(label(""), (_time(step.wall_ms), "dim"), f"  {step.state:<13}{step.event}  {step.reason}")


def _command_json(command: CommandRow) -> dict[str, Any]:
    return {
        "command_id": command.command_id,
        "received_wall_ms": command.received_wall_ms,
        "text": command.text,
        "pack": command.pack,
        "robot": command.robot,
        "outcome": command.outcome or None,
        "output": command.output,
    }


def _step_json(step: TransitionRow) -> dict[str, Any]:
    return {"event": step.event, "state": step.state, "reason": step.reason}


def _time(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
