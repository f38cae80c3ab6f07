"""The states of an action and what moves it from one to the next: one table, and docs/lifecycle.md shows the same one.

Pure: it decides what a state becomes and refuses every event that the table does not list. Journalling, sending and
publishing a change are elsewhere (`ledger`, `dispatch`); the order of those writes is in docs/lifecycle.md.
"""

from __future__ import annotations

from enum import StrEnum

from edge_agent.errors import ClientFault, Code
from edge_agent.messages import ActionState


class Event(StrEnum):
    """Everything that can happen to an action."""

    SEND = "send"
    """Journalled for sending; the send follows."""
    RUNNING = "running"
    """The robot accepted it, or goes on with it."""
    PAUSED = "paused"
    RETRIABLE = "retriable"
    FINISHED = "finished"
    FAILED = "failed"
    """The robot's own report."""
    EXPIRE = "expire"
    """Its time to live passed before the robot got it."""
    LOSE = "lose"
    """It was sent, and nobody knows what became of it."""
    STOP = "stop"
    REFUSE = "refuse"
    """The robot's hello does not list it, or the journal could not take it."""
    DENY = "deny"
    """Its confirmation did not come, came late, or was for something else."""
    ABANDON = "abandon"
    """An earlier action of the same command failed."""
    RESTART = "restart"
    """The node was restarted before the robot got it."""


S = ActionState

_ENDS: dict[Event, ActionState] = {Event.STOP: S.FAILED, Event.LOSE: S.FAILED}
_REPORTS: dict[Event, ActionState] = {
    Event.RUNNING: S.RUNNING,
    Event.PAUSED: S.PAUSED,
    Event.RETRIABLE: S.RETRIABLE,
    Event.FINISHED: S.FINISHED,
    Event.FAILED: S.FAILED,
}

TABLE: dict[ActionState, dict[Event, ActionState]] = {
    S.WAITING: {
        Event.SEND: S.INITIALIZING,
        Event.EXPIRE: S.FAILED,
        Event.STOP: S.FAILED,
        Event.REFUSE: S.FAILED,
        Event.DENY: S.FAILED,
        Event.ABANDON: S.FAILED,
        Event.RESTART: S.FAILED,
    },
    S.INITIALIZING: {
        Event.RUNNING: S.RUNNING,
        Event.FINISHED: S.FINISHED,
        Event.FAILED: S.FAILED,
        Event.EXPIRE: S.FAILED,
        Event.REFUSE: S.FAILED,
        **_ENDS,
    },
    S.RUNNING: _REPORTS | _ENDS,
    S.PAUSED: _REPORTS | _ENDS,
    S.RETRIABLE: _REPORTS | _ENDS,
    S.FINISHED: {},
    S.FAILED: {},
}

REASONS: dict[Event, str] = {
    Event.EXPIRE: "expired",
    Event.LOSE: "unknown_outcome",
    Event.STOP: "stopped",
    Event.REFUSE: "refused",
    Event.DENY: "not confirmed",
    Event.ABANDON: "predecessor failed",
    Event.RESTART: "restart",
}
"""The reason written beside FAILED when nobody gives a better one."""

ENDED = frozenset(state for state, moves in TABLE.items() if not moves)
IN_FLIGHT = frozenset({S.INITIALIZING, S.RUNNING, S.PAUSED, S.RETRIABLE})

REPORTED: dict[ActionState, Event] = {
    S.RUNNING: Event.RUNNING,
    S.PAUSED: Event.PAUSED,
    S.RETRIABLE: Event.RETRIABLE,
    S.FINISHED: Event.FINISHED,
    S.FAILED: Event.FAILED,
}
"""A robot's report as an event."""


def advance(state: ActionState, event: Event) -> ActionState:
    """The state after an event.

    Raises:
        ClientFault: ILLEGAL_STATE when the table has no such move; nothing has changed then.
    """
    after = TABLE[state].get(event)
    if after is None:
        raise ClientFault(Code.ILLEGAL_STATE, f"an action that is {state} takes no {event}")
    return after


def after_restart(state: ActionState) -> Event | None:
    """What a restart of the node does to an action found in this state: None when it had ended."""
    if state in ENDED:
        return None
    return Event.RESTART if state is S.WAITING else Event.LOSE
