"""What the stop spotter of a stream is given to hear: everything that may be speech, and a little before and after.

Decides it generously, by a far lower threshold than the segmenter's and without its energy gate: a stop may be faint,
and may be shouted over music. Refuses nothing; it only spares the work of listening for words in an empty room.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final, Protocol

from edge_agent.speech.audio import Samples
from edge_agent.speech.events import StopHeard

ATTENTION_PROBABILITY: Final = 0.1
"""From here a window may be speech."""
LEAD_WINDOWS: Final = 15
"""Windows before it that are heard as well, 480 ms."""
LINGER_MS: Final = 1_000.0
"""How long the spotter listens on: what it knows late belongs to sound that is past."""


class Spotter(Protocol):
    """What listens for stop words in one stream."""

    def hear(self, samples: Samples) -> list[StopHeard]:
        """The next samples; `at_ms` of what is heard counts from the first sample after `reset`."""

    def reset(self) -> None:
        """What follows does not join on to what was heard."""


class Attention:
    """One stream's spotter, woken when it may be needed."""

    def __init__(self, spotter: Spotter) -> None:
        self._spotter = spotter
        self._lead: deque[tuple[float, Samples]] = deque(maxlen=LEAD_WINDOWS)
        self._awake_until_ms: float | None = None
        self._origin_ms = 0.0
        """Where the sound began that the spotter is hearing."""

    def window(self, begin_ms: float, probability: float, samples: Samples) -> list[StopHeard]:
        """The next window of sound; what was heard in it, in the stream's own time."""
        if probability >= ATTENTION_PROBABILITY:
            woken = self._wake(begin_ms) if self._awake_until_ms is None else []
            self._awake_until_ms = begin_ms + LINGER_MS
            return [*woken, *self._heard(samples)]
        if self._awake_until_ms is not None and begin_ms <= self._awake_until_ms:
            return self._heard(samples)
        self._awake_until_ms = None
        self._lead.append((begin_ms, samples))
        return []

    def reset(self) -> None:
        """What follows does not join on to what was heard."""
        self._awake_until_ms = None
        self._lead.clear()

    def _wake(self, begin_ms: float) -> list[StopHeard]:
        self._spotter.reset()
        self._origin_ms = self._lead[0][0] if self._lead else begin_ms
        lead = [samples for _, samples in self._lead]
        self._lead.clear()
        return [stop for samples in lead for stop in self._heard(samples)]

    def _heard(self, samples: Samples) -> list[StopHeard]:
        return [replace(stop, at_ms=self._origin_ms + stop.at_ms) for stop in self._spotter.hear(samples)]
