"""Turns: one worker at a time reads sentences, and whoever waits for the engine lets the next one on.

Linkers and grammars are not for several threads at once, and Python computes in one thread at a time anyway; what many
workers gain is that their sentences wait for the engine together. The earliest deadline gets the next turn.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from edge_agent.language.decision import Decider, DecideRequest, Decision


class Turns:
    """Who may compute now. For any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._numbers = count()

    @contextmanager
    def mine(self, deadline_ms: float) -> Iterator[None]:
        """Wait for a turn and have it for a while."""
        self._take(deadline_ms)
        try:
            yield
        finally:
            self._pass_on()

    @contextmanager
    def lent(self, deadline_ms: float) -> Iterator[None]:
        """Let others on for a while; wait for a turn again afterwards."""
        self._pass_on()
        try:
            yield
        finally:
            self._take(deadline_ms)

    def _take(self, deadline_ms: float) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            called = threading.Event()
            heapq.heappush(self._waiting, (deadline_ms, next(self._numbers), called))
        called.wait()

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                heapq.heappop(self._waiting)[2].set()  # the turn stays taken: it is theirs now
            else:
                self._taken = False


class Lending:
    """An engine for workers that have the turn: they give it away while they wait for an answer."""

    def __init__(self, engine: Decider, turns: Turns) -> None:
        self._engine = engine
        self._turns = turns

    def decide(self, request: DecideRequest) -> Decision:
        """See `Decider`."""
        with self._turns.lent(request.deadline_ms):
            return self._engine.decide(request)

    def close(self) -> None:
        self._engine.close()
