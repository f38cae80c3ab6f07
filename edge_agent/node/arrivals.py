"""Since when a message counts as received. Pure; time is an argument.

A message may lie in the socket while the loop is held up, or while the whole process is stopped, and its time to live
runs all the same. Nobody says when it came. So the loop notes when it looks around; after a while in which it did not,
everything that is found counts as received when that while began, until the sockets have been found empty again. That
is too early for some of it, which then expires sooner: never too late.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

HELD_UP_MS: Final = 40.0
"""A loop that looks around every 20 ms and has not for this long was held up."""
SETTLING_MS: Final = 100.0
"""How long messages of such a while may still be on their way through the socket's own thread."""


class Arrivals:
    """Knows when the loop was held up. Until it is told of a first look, it never was."""

    def __init__(self) -> None:
        self._looked_ms: float | None = None
        self._held_up_since_ms: float | None = None
        self._held_up_until_ms = 0.0
        self._waiting = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around a receiver's wait for its next message: while it waits, its socket is empty."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def look(self, now_ms: float, receivers: int) -> None:
        """The loop looks around. `receivers`: how many there are, waiting or not."""
        self._note(now_ms)
        self._looked_ms = now_ms
        if self._waiting == receivers and now_ms - self._held_up_until_ms >= SETTLING_MS:
            self._held_up_since_ms = None

    def since(self, now_ms: float) -> float:
        """Since when a message that is found now counts as received."""
        self._note(now_ms)
        return now_ms if self._held_up_since_ms is None else self._held_up_since_ms

    def _note(self, now_ms: float) -> None:
        if self._looked_ms is not None and now_ms - self._looked_ms >= HELD_UP_MS:
            if self._held_up_since_ms is None:
                self._held_up_since_ms = self._looked_ms
            self._held_up_until_ms = now_ms
