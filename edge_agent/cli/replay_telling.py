"""How a command's story looks: what was heard and read, what was answered, and every moment by its time since then."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from edge_agent.cli.answers import compact, label
from edge_agent.cli.screen import Screen
from edge_agent.observe.records import CommandRow
from edge_agent.observe.stories import Moment, Story, read_story


def list_commands(screen: Screen, commands: Sequence[CommandRow]) -> None:
    """One line a command."""
    for command in commands:
        screen.record(command_json(command))
    rows = [
        (
            command.command_id,
            clock_time(command.received_wall_ms),
            command.client,
            command.outcome or "open",
            command.text,
        )
        for command in commands
    ]
    screen.table(("command", "received", "from", "outcome", "words"), rows)


def tell(screen: Screen, connection: sqlite3.Connection, command: CommandRow) -> None:
    """One command's story.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
    """
    story = read_story(connection, command)
    screen.record(command_json(command) | {"answer": story.answer, "ran_with": ran_with(story)})
    for name, words, aside in lines(story):
        screen.line(label(name), words, (f"  {aside}" if aside else "", "dim"))
    for action in story.actions:
        screen.line(label("action", "green"), compact(json.loads(action.action)), (f"  {action.action_id}", "dim"))
    for moment in story.moments:
        screen.record(moment_json(story, moment))
        screen.line(
            label(""),
            (f"{since(story, moment):>10}  ", "dim"),
            f"{moment.subject:<12} {moment.what}",
            (f"  {moment.who}" if moment.who else "", "cyan"),
            f"  {moment.detail}" if moment.detail else "",
        )


def lines(story: Story) -> list[tuple[str, str, str]]:
    """The story's head: a word, what it says, and an aside."""
    command, answer = story.command, story.answer
    asked = json.loads(command.message) if command.message else {}
    said = [("heard", command.text, f"{clock_time(command.received_wall_ms)}, from {command.client}")]
    if others := asked.get("spoken", {}).get("alternatives"):
        said.append(("or", " | ".join(others), f"spoken, {asked['spoken'].get('confidence', 1.0):.2f}"))
    if context := asked.get("context"):
        said.append(("where", ", ".join(f"{name}: {value}" for name, value in context.items()), ""))
    if evidence := json.loads(command.evidence) if command.evidence else None:
        aside = f"world revision {evidence['world_revision']}"
        if evidence["heard"] != command.text:
            said.append(("taken as", evidence["heard"], ""))
        said.append(("read", str(answer.get("marked", "")), aside))
    else:
        said.append(("read", str(answer.get("marked", "")), ""))
    said.append(("model", command.output, ""))
    said.append(("answer", command.outcome or "open", _why(answer)))
    said.append(("with", ", ".join(f"{name} {value}" for name, value in ran_with(story).items()), ""))
    return [line for line in said if line[1]]


def ran_with(story: Story) -> dict[str, str]:
    """What the node ran with: version, model, the command's pack and its world."""
    configuration = story.configuration
    if configuration is None:
        return {}
    pack = story.command.pack
    model = json.loads(configuration.model)
    world = json.loads(configuration.worlds).get(pack, {})
    return {
        "version": configuration.version,
        "model": f"{model.get('file', '')} {str(model.get('sha256', ''))[:16]}".strip(),
        "pack": f"{pack} {str(json.loads(configuration.packs).get(pack, ''))[:16]}",
        "world": f"{pack} {str(world.get('sha256', ''))[:16]}",
        "settings": configuration.settings_sha256[:16],
    }


def moment_json(story: Story, moment: Moment) -> dict[str, Any]:
    """One moment as a record; an action's also with the state that it was in from then on."""
    state, _, event = moment.what.partition(" ")
    own = {"state": state, "event": event.strip()} if state.isupper() else {"state": None, "event": moment.what}
    return {
        "seq": moment.seq,
        "subject": moment.subject,
        "wall_ms": moment.wall_ms,
        "since_received_ms": moment.wall_ms - story.command.received_wall_ms,
        **own,
        "who": moment.who,
        "reason": moment.detail,
    }


def command_json(command: CommandRow) -> dict[str, Any]:
    """A command as a record."""
    return {
        "command_id": command.command_id,
        "received_wall_ms": command.received_wall_ms,
        "client": command.client,
        "text": command.text,
        "pack": command.pack,
        "robot": command.robot,
        "outcome": command.outcome or None,
        "output": command.output,
    }


def since(story: Story, moment: Moment) -> str:
    """How long after the command's receipt."""
    return f"{(moment.wall_ms - story.command.received_wall_ms) / 1000:+.3f} s"


def clock_time(wall_ms: int) -> str:
    """The wall clock's time here."""
    return datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _why(answer: dict[str, Any]) -> str:
    if reject := answer.get("reject"):
        return f"{reject['reason']} {reject.get('detail', '')}".strip()
    if error := answer.get("error"):
        return f"{error['code']} {error.get('message', '')}".strip()
    return ""
