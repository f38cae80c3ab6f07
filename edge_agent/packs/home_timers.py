"""The home pack's timers. A timer is meant by its name, its length (start_…) or its room."""

from __future__ import annotations

from typing import Literal

from edge_agent.packs.base import Action
from edge_agent.packs.home_slots import AreaName, Hours, Minutes, Seconds, ShortText


class _WhichTimer(Action):
    action: str
    start_hours: Hours | None = None
    start_minutes: Minutes | None = None
    start_seconds: Seconds | None = None
    name: ShortText | None = None
    area: AreaName | None = None


class _LengthOfTimer(Action):
    action: str
    hours: Hours | None = None
    minutes: Minutes | None = None
    seconds: Seconds | None = None
    start_hours: Hours | None = None
    start_minutes: Minutes | None = None
    start_seconds: Seconds | None = None
    name: ShortText | None = None
    area: AreaName | None = None


class StartTimer(Action):
    """Start a timer."""

    action: Literal["HassStartTimer"] = "HassStartTimer"
    hours: Hours | None = None
    minutes: Minutes | None = None
    seconds: Seconds | None = None
    name: ShortText | None = None


class CancelTimer(_WhichTimer):
    """Cancel a timer."""

    action: Literal["HassCancelTimer"] = "HassCancelTimer"


class CancelAllTimers(Action):
    """Cancel all timers."""

    action: Literal["HassCancelAllTimers"] = "HassCancelAllTimers"
    area: AreaName | None = None


class IncreaseTimer(_LengthOfTimer):
    """Add time to a timer."""

    action: Literal["HassIncreaseTimer"] = "HassIncreaseTimer"


class DecreaseTimer(_LengthOfTimer):
    """Take time off a timer."""

    action: Literal["HassDecreaseTimer"] = "HassDecreaseTimer"


class PauseTimer(_WhichTimer):
    """Pause a timer."""

    action: Literal["HassPauseTimer"] = "HassPauseTimer"


class UnpauseTimer(_WhichTimer):
    """Let a timer go on."""

    action: Literal["HassUnpauseTimer"] = "HassUnpauseTimer"


class TimerStatus(_WhichTimer):
    """Ask how long a timer still runs."""

    action: Literal["HassTimerStatus"] = "HassTimerStatus"
