"""Whether the node takes commands now, for a supervisor or a load balancer that asks. A listener of the stream.

Decides from the last beat: one that is SILENCE_MS old means that the loop hangs, whatever the beat said. A latched stop
is no fault: somebody wanted it. Read from another thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.observe.events import NodeBeat, NodeEvent
from edge_agent.observe.modes import MEANINGS

STARTING: Final = "starting"
STALLED: Final = "stalled"


@dataclass(frozen=True, slots=True)
class Ready:
    """What keeps the node from carrying out commands (nothing: it is ready), and every mode that it is in."""

    missing: tuple[str, ...]
    degraded: tuple[str, ...] = ()


class Readiness:
    """Remembers the last beat."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: tuple[float, NodeBeat] | None = None

    def __call__(self, event: NodeEvent) -> None:
        """Take note of a beat."""
        if isinstance(event, NodeBeat):
            self._last = self._clock.now_ms(), event

    def look(self) -> Ready:
        """How it stands now."""
        if self._last is None:
            return Ready((STARTING,))
        came_ms, beat = self._last
        modes = tuple(dict.fromkeys(one.mode for one in beat.vitals.degraded))
        if self._clock.now_ms() - came_ms >= limits.SILENCE_MS:
            return Ready((STALLED,), tuple(map(str, modes)))
        missing = tuple(str(mode) for mode in modes if not MEANINGS[mode].ready)
        return Ready(missing, tuple(map(str, modes)))
