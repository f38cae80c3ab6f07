"""One command's whole story from the journal: every version of its rows, its actions' ways, confirmations and stops.

Reads only. The chain gives the order and the times; whether it is whole is `verifying`'s to say.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from edge_agent.observe.records import (
    ActionRow,
    CommandRow,
    ConfigurationRow,
    ConfirmationRow,
    StopRow,
    WorldRow,
)
from edge_agent.observe.tables import select

_ROBOT_EVENTS: Final = frozenset({"running", "paused", "retriable", "finished", "failed"})
"""Events that are a robot's own reports; what it says of an action that has ended here begins with "late"."""
_AROUND_MS: Final = 1_000
"""How long before a command's receipt, and after its last moment, a stop still belongs to its story."""
_VERSIONS: Final = (
    "SELECT seq, wall_ms, tbl, body, private FROM entry WHERE key <> '' AND tbl = ? AND key = ? ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, at entry `seq` of the chain. `who`: a client, a robot or the node."""

    seq: int
    wall_ms: int
    subject: str
    what: str
    who: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """A command from its receipt to its last action's end.

    `command` is its row as it stands. `moments` are in the chain's order. `configuration` is what the node
    ran with then, if that is known.
    """

    command: CommandRow
    actions: tuple[ActionRow, ...]
    confirmations: tuple[ConfirmationRow, ...]
    moments: tuple[Moment, ...]
    configuration: ConfigurationRow | None

    @property
    def answer(self) -> dict[str, Any]:
        """The answer as the client got it; empty when there is none (yet)."""
        return dict(json.loads(self.command.answer)) if self.command.answer else {}

    @property
    def first_seq(self) -> int:
        """The chain's first entry of this story."""
        return self.moments[0].seq

    @property
    def last_seq(self) -> int:
        """And its last."""
        return self.moments[-1].seq


def read_story(connection: sqlite3.Connection, command: CommandRow) -> Story:
    """Everything that the journal has of a command.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
    """
    actions = tuple(select(connection, ActionRow, "command_id = ?", (command.command_id,)))
    actions = tuple(sorted(actions, key=lambda row: row.position))
    asked = [row for one in actions for row in select(connection, ConfirmationRow, "action_id = ?", (one.action_id,))]
    own = [*_command(connection, command)]
    for action in actions:
        own += [*_way(connection, action), *_confirmed(connection, action)]
    until_ms = max((moment.wall_ms for moment in own), default=command.received_wall_ms) + _AROUND_MS
    own += _stops(connection, command.received_wall_ms - _AROUND_MS, until_ms)
    own.sort(key=lambda moment: moment.seq)
    configurations = select(connection, ConfigurationRow, "epoch = ?", (command.epoch,))
    return Story(
        command=command,
        actions=actions,
        confirmations=tuple(asked),
        moments=tuple(own),
        configuration=configurations[-1] if configurations else None,
    )


def find_command(connection: sqlite3.Connection, command_id: str) -> CommandRow | None:
    """A command by its id.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
    """
    found = select(connection, CommandRow, "command_id = ?", (command_id,))
    return found[0] if found else None


def last_commands(connection: sqlite3.Connection, count: int) -> list[CommandRow]:
    """The commands written last, the latest at the end.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
    """
    where = "entry IN (SELECT entry FROM command ORDER BY entry DESC LIMIT ?)"
    return select(connection, CommandRow, where, (max(0, count),))


def worlds_until(connection: sqlite3.Connection, pack: str, revision: int) -> list[WorldRow]:
    """The updates of a pack's world up to a revision, whatever file they were made on.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
    """
    return select(connection, WorldRow, "pack = ? AND revision <= ?", (pack, revision))


def _versions(connection: sqlite3.Connection, table: str, key: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    for seq, wall_ms, _table, body, private in connection.execute(_VERSIONS, (table, key)):
        yield seq, wall_ms, json.loads(body) | (json.loads(private) if private else {})


def _command(connection: sqlite3.Connection, command: CommandRow) -> Iterator[Moment]:
    """Accepted, answered; what only adds the timings to an answer that stands is no moment."""
    told = None
    for seq, wall_ms, row in _versions(connection, CommandRow.TABLE, command.command_id):
        if row["outcome"] != told:
            told = row["outcome"]
            what = f"answered: {told}" if told else "accepted"
            yield Moment(seq, wall_ms, command.command_id, what, "" if told else row["client"])


def _way(connection: sqlite3.Connection, action: ActionRow) -> Iterator[Moment]:
    names = "entry, wall_ms, event, state, reason"
    for seq, wall_ms, event, state, reason in connection.execute(
        f"SELECT {names} FROM transition_ WHERE action_id = ? ORDER BY entry", (action.action_id,)
    ):
        reported = event.removeprefix("late ") in _ROBOT_EVENTS
        yield Moment(seq, wall_ms, action.action_id, f"{state:<13}{event}", action.robot if reported else "", reason)


def _confirmed(connection: sqlite3.Connection, action: ActionRow) -> Iterator[Moment]:
    for seq, _wall_ms, row in _versions(connection, ConfirmationRow.TABLE, action.action_id):
        yield Moment(seq, row["wall_ms"], action.action_id, f"yes: {row['outcome']}", row["client"])


def _stops(connection: sqlite3.Connection, from_ms: int, until_ms: int) -> Iterator[Moment]:
    """Stops that were latched or released meanwhile."""
    for row in select(connection, StopRow):
        for seq, _wall_ms, version in _versions(connection, StopRow.TABLE, row.stop_id):
            released = version["released_wall_ms"]
            moment_ms = released or version["wall_ms"]
            if from_ms <= moment_ms <= until_ms:
                who = version["released_by"] if released else version["client"]
                yield Moment(seq, moment_ms, row.stop_id, "released" if released else "stopped", who, version["reason"])
