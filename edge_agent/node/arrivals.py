"""Since when a message counts as received. Pure; time is an argument.

A message may lie in the socket while the loop is held up, or while the whole process is stopped, and its time to live
runs all the same. Nobody says when it came. So the loop notes when it looks around and finds the sockets empty; after a
while in which it did not look, what is found counts as received when they were last known to be empty, until they are
so again. That is too early for some of it, which then expires sooner: never too late.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

HELD_UP_MS: Final = 40.0
"""A loop that looks around every 20 ms and has not for this long was held up."""
EMPTY_LOOKS: Final = 2
"""Looks in a row, none of them late, at empty sockets: by then what a stopped process had before its sockets has come
through their own thread."""


class Arrivals:
    """Knows when the loop was held up. Until it is told of a first look, it never was."""

    def __init__(self) -> None:
        self._looked_ms: float | None = None
        self._empty_ms = 0.0
        self._empty_looks = 0
        self._held_up = False
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
        late = self._is_late(now_ms)
        self._held_up = self._held_up or late
        if self._looked_ms is None:
            self._empty_ms = now_ms
        self._looked_ms = now_ms
        self._empty_looks = self._empty_looks + 1 if self._waiting == receivers and not late else 0
        if self._empty_looks >= EMPTY_LOOKS:
            self._empty_ms = now_ms
            self._held_up = False

    def since(self, now_ms: float) -> float:
        """Since when a message that is found now counts as received."""
        return self._empty_ms if self._held_up or self._is_late(now_ms) else now_ms

    def _is_late(self, now_ms: float) -> bool:
        return self._looked_ms is not None and now_ms - self._looked_ms >= HELD_UP_MS
