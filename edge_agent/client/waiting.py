"""What waits for a yes, as somebody beside the machine sees it, and what one press of a button can mean. Pure.

Decides which action a press agrees to: the only one that waits, and only when it was shown long enough to be read.
Refuses a press that could be meant for several actions, or for one that nobody can have seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent import limits
from edge_agent.messages import OpenAction, Snapshot, StateEvent

Shown = StateEvent | OpenAction


@dataclass(slots=True)
class Waiting:
    """Actions that wait for a yes, and since when each has been shown. `robot`: only that one's count."""

    robot: str | None = None
    _shown_ms: dict[str, float] = field(default_factory=dict)

    def hear(self, event: StateEvent, now_ms: float) -> bool:
        """An action changed; whether it is one that waits now and has not been shown before."""
        if event.unconfirmed is None:
            self._shown_ms.pop(event.action_id, None)
            return False
        return self._takes(event) and self._show(event.action_id, now_ms)

    def look(self, snapshot: Snapshot, now_ms: float) -> list[OpenAction]:
        """Everything that is open; those that wait and have not been shown before."""
        waiting = self._waiting(snapshot)
        known = {action.action_id for action in waiting}
        for gone in self._shown_ms.keys() - known:
            del self._shown_ms[gone]
        return [action for action in waiting if self._show(action.action_id, now_ms)]

    def meant(self, snapshot: Snapshot, now_ms: float) -> OpenAction | str:
        """The action that a press agrees to, by a snapshot taken after it; or in words why it agrees to none."""
        waiting = self._waiting(snapshot)
        if snapshot.truncated:
            return "more is open than the node shows; nothing was confirmed"
        if not waiting:
            return "nothing waits for a yes"
        if len(waiting) > 1:
            return f"{len(waiting)} actions wait for a yes; confirm one of them by its id"
        shown_ms = self._shown_ms.get(waiting[0].action_id)
        if shown_ms is None or now_ms - shown_ms < limits.PRESS_UNREAD_MS:
            return "pressed before anybody can have read what waits; nothing was confirmed"
        return waiting[0]

    def _waiting(self, snapshot: Snapshot) -> list[OpenAction]:
        return [action for action in snapshot.open if action.unconfirmed is not None and self._takes(action)]

    def _takes(self, action: Shown) -> bool:
        return self.robot in (None, action.robot)

    def _show(self, action_id: str, now_ms: float) -> bool:
        fresh = action_id not in self._shown_ms
        self._shown_ms.setdefault(action_id, now_ms)
        return fresh
