"""What the node and the programs that carry actions out say to each other (VDA 5050 action states)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from edge_agent.messages.base import Epoch, Identifier, JsonAction, Message, Milliseconds, Reason


class ActionState(StrEnum):
    """VDA 5050 action states."""

    WAITING = "WAITING"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    RETRIABLE = "RETRIABLE"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class Hello(Message):
    """An executor presents itself; sent again at every (re)connection and after an unknown epoch."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "hello",
        "robot": "robot",
        "removes_duplicates": True,
        "actions": ["go_to", "bring"],
    }

    type: Literal["hello"] = "hello"
    robot: Identifier
    removes_duplicates: bool
    """Whether a second delivery of one action_id is harmless; without it nothing is ever resent."""
    actions: tuple[Identifier, ...] = ()
    """What it can do; empty: everything of the pack."""


class Welcome(Message):
    """The node knows the executor. Actions of lower epochs must be dropped from now on."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "welcome", "robot": "robot", "epoch": 7, "stopped": False}

    type: Literal["welcome"] = "welcome"
    robot: Identifier
    epoch: Epoch
    stopped: bool
    """A stop is latched: nothing will come until it is released."""


class Perform(Message):
    """Do this, once. `seq` rises by one an action of this robot and epoch."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "perform",
        "action_id": "a-7-1-1",
        "command_id": "c-7-1",
        "robot": "robot",
        "epoch": 7,
        "seq": 1,
        "action": {"action": "go_to", "place": "dock 3"},
        "digest": "0" * 64,
        "expires_in_ms": 1800.0,
    }

    type: Literal["perform"] = "perform"
    action_id: Identifier
    command_id: Identifier
    robot: Identifier
    epoch: Epoch
    seq: Annotated[int, Field(ge=1)]
    action: JsonAction
    digest: str
    expires_in_ms: Milliseconds
    """Do not start it later than this after receipt."""


class Report(Message):
    """The robot's own word on an action. The first one (RUNNING or FAILED) is the acknowledgement."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "report",
        "action_id": "a-7-1-1",
        "robot": "robot",
        "epoch": 7,
        "state": "RUNNING",
    }

    type: Literal["report"] = "report"
    action_id: Identifier
    robot: Identifier
    epoch: Epoch
    state: Literal[
        ActionState.RUNNING, ActionState.PAUSED, ActionState.RETRIABLE, ActionState.FINISHED, ActionState.FAILED
    ]
    reason: Reason = ""


class Noted(Message):
    """The report is in the journal; an executor repeats a report until it has seen this."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "noted", "action_id": "a-7-1-1", "state": "RUNNING"}

    type: Literal["noted"] = "noted"
    action_id: Identifier
    state: ActionState


class Heartbeat(Message):
    """An executor is alive. Without one for the node's executor timeout, no new action is sent to it."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "heartbeat", "robot": "robot", "epoch": 7}

    type: Literal["heartbeat"] = "heartbeat"
    robot: Identifier
    epoch: Epoch
