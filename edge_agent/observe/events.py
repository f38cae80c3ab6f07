"""One stream of what happens in the node: the log and the metrics listen to it, and never call each other.

Values and a list of listeners: no clock, no thread. A listener that raises is our own bug and is reported once, then
left out, so that a broken log cannot stop a robot from being stopped.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from edge_agent.messages import ActionState, Outcome
from edge_agent.observe.modes import Mode
from edge_agent.observe.vitals import Vitals


@dataclass(frozen=True, slots=True)
class StageCompleted:
    """One stage of one command took this long."""

    command_id: str
    stage: str
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class StageFailed:
    """One stage of one command ended with this code."""

    command_id: str
    stage: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class CommandAccepted:
    command_id: str
    request_id: str
    pack: str
    robot: str
    text: str


@dataclass(frozen=True, slots=True)
class CommandAnswered:
    command_id: str
    outcome: Outcome
    total_ms: float
    code: str = ""
    pack: str = ""
    passes: int = 0


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """Something came in that was refused before it became a command."""

    code: str
    message: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class HandshakeRefused:
    """Somebody came over TCP and was not let in."""

    address: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ActionChanged:
    action_id: str
    command_id: str
    robot: str
    state: ActionState
    reason: str


@dataclass(frozen=True, slots=True)
class ConfirmationChanged:
    """Somebody's yes is waited for, came, came to nothing, or did not come in time."""

    action_id: str
    outcome: Literal["asked", "confirmed", "refused", "expired"]


@dataclass(frozen=True, slots=True)
class StopLatched:
    stop_id: str
    reason: str
    executors: int
    to_bus_ms: float | None = None
    """From when its message was read to when it had been handed to every executor and the bus; None: it had none."""


@dataclass(frozen=True, slots=True)
class StopReleased:
    stop_id: str


@dataclass(frozen=True, slots=True)
class RobotChanged:
    """An executor came or went."""

    robot: str
    present: bool


@dataclass(frozen=True, slots=True)
class WorldChanged:
    pack: str
    revision: int
    entities: int


@dataclass(frozen=True, slots=True)
class NodeChanged:
    """The node itself: started, ready, degraded, closing."""

    what: str
    detail: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """The node lacks something from now on, or has it again."""

    mode: Mode
    holds: bool
    words: str


@dataclass(frozen=True, slots=True)
class NodeBeat:
    """A second has passed, and this is how the node is."""

    seq: int
    vitals: Vitals


NodeEvent = (
    StageCompleted
    | StageFailed
    | CommandAccepted
    | CommandAnswered
    | MessageRefused
    | HandshakeRefused
    | ActionChanged
    | ConfirmationChanged
    | StopLatched
    | StopReleased
    | RobotChanged
    | WorldChanged
    | NodeChanged
    | ModeChanged
    | NodeBeat
)

Listener = Callable[[NodeEvent], None]


class Stream:
    """Where parts tell and listeners hear. Called from the loop's thread only."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners: list[Listener] = list(listeners)

    def tell(self, event: NodeEvent) -> None:
        """Hand an event to every listener."""
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                self._listeners.remove(listener)
                traceback.print_exc(file=sys.stderr)
