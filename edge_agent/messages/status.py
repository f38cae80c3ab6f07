"""What everybody may watch: state changes with a sequence number, a snapshot on request, and errors."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from edge_agent.errors import Code
from edge_agent.messages.answer import Outcome
from edge_agent.messages.base import Epoch, Identifier, JsonAction, Message, Part, Reason
from edge_agent.messages.executor import ActionState

Sequence = Annotated[int, Field(ge=0)]
"""Rises by one an event of this epoch; a gap means: ask for a snapshot."""


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
    """What is missing now, in words: "no journal", "no model"."""
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
