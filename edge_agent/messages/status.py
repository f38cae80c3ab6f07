"""What everybody may watch: state changes with a sequence number, a snapshot on request, and errors."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from edge_agent import limits
from edge_agent.errors import Code
from edge_agent.messages.answer import Outcome
from edge_agent.messages.base import Epoch, Identifier, JsonAction, Message, Milliseconds, Part, Reason
from edge_agent.messages.executor import ActionState

Sequence = Annotated[int, Field(ge=0)]
"""Rises by one an event of this epoch; a gap means: ask for a snapshot."""


class Unconfirmed(Part):
    """What somebody who may confirm needs to say yes to an action. Not the asker's token."""

    digest: str
    """sha256 of the action's canonical JSON; the yes repeats it."""
    expires_in_ms: Milliseconds
    """From this message on."""


class StateEvent(Message):
    """An action changed its state. On the PUB socket, topic `state`."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "state",
        "epoch": 7,
        "event_seq": 12,
        "command_id": "c-7-1",
        "action_id": "a-7-1-1",
        "robot": "robot",
        "action": {"action": "go_to", "place": "dock 3"},
        "state": "RUNNING",
    }

    type: Literal["state"] = "state"
    epoch: Epoch
    event_seq: Sequence
    command_id: Identifier
    action_id: Identifier
    robot: Identifier
    action: JsonAction
    state: ActionState
    reason: Reason = ""
    unconfirmed: Unconfirmed | None = None
    """Present while the action waits for somebody's yes."""


class CommandEvent(Message):
    """A command was answered. On the PUB socket, topic `command`."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "command_event",
        "epoch": 7,
        "event_seq": 11,
        "command_id": "c-7-1",
        "outcome": "actions",
    }

    type: Literal["command_event"] = "command_event"
    epoch: Epoch
    event_seq: Sequence
    command_id: Identifier
    outcome: Outcome


ModeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$", max_length=limits.ID_CHARS_MAX)]
"""The stable name of something that the node lacks; docs/health.md has them all. A later edition may add names."""


class JournalHead(Part):
    """The last row of the journal's chain; kept elsewhere, it shows that nothing before it was changed since."""

    seq: Annotated[int, Field(ge=0)]
    link: str


class Beat(Message):
    """The node is alive, and this is how it is. On the PUB socket, topic `node`, every `every_ms`."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "beat",
        "epoch": 7,
        "seq": 3600,
        "uptime_ms": 3600041.7,
        "every_ms": 1000,
        "last_event_seq": 12,
        "engine_ready": True,
        "open_actions": 1,
        "degraded": ["no_microphone"],
    }

    type: Literal["beat"] = "beat"
    epoch: Epoch
    seq: Sequence
    """Rises by one a beat of this epoch."""
    uptime_ms: Milliseconds
    every_ms: Annotated[int, Field(gt=0)]
    """When the next one is due; after three times that without one, the node counts as gone."""
    last_event_seq: Sequence
    """Of the latest numbered event; whoever has not seen that one has missed something."""
    engine_ready: bool
    open_actions: Annotated[int, Field(ge=0)]
    degraded: tuple[ModeName, ...] = ()
    stop_id: Identifier | None = None
    """The latched stop."""
    journal: JournalHead | None = None


class SnapshotRequest(Message):
    """Ask for everything that is open now."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "snapshot_request", "request_id": "r-4"}

    type: Literal["snapshot_request"] = "snapshot_request"
    request_id: Identifier


class OpenAction(Part):
    """An action that has not ended."""

    command_id: Identifier
    action_id: Identifier
    robot: Identifier
    action: JsonAction
    state: ActionState
    unconfirmed: Unconfirmed | None = None
    """Present while the action waits for somebody's yes."""


class RobotStatus(Part):
    """An executor that has said hello in this epoch."""

    robot: Identifier
    present: bool


class Snapshot(Message):
    """The node's state as of `event_seq`; later events apply on top."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "snapshot",
        "request_id": "r-4",
        "epoch": 7,
        "event_seq": 12,
        "version": "0.1.0",
        "packs": ["robot"],
        "engine_ready": True,
        "robots": [{"robot": "robot", "present": True}],
        "open": [],
    }

    type: Literal["snapshot"] = "snapshot"
    request_id: Identifier
    epoch: Epoch
    event_seq: Sequence
    version: str
    packs: tuple[Identifier, ...]
    engine_ready: bool
    degraded: tuple[str, ...] = ()
    """What is missing now, each as its stable name, a colon and words: `no_journal: disk I/O error`."""
    stop_id: Identifier | None = None
    """The latched stop; nothing moves while there is one."""
    robots: tuple[RobotStatus, ...] = ()
    open: tuple[OpenAction, ...] = ()
    truncated: bool = False
    """More actions are open than a snapshot names."""


class ErrorReply(Message):
    """A message that was refused; nothing of it was done."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "error",
        "code": "TOO_LONG",
        "message": "the text has 501 characters; at most 500 are read",
        "request_id": "r-1",
        "where": "text",
    }

    type: Literal["error"] = "error"
    code: Code
    message: str
    request_id: str | None = None
    """Of the refused message, as far as it could be read."""
    where: str = ""
