"""A decider that answers from a callable: for tests and demonstrations without a model. Ships beside the real one."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.language.decision import DecideRequest, Decision
from edge_agent.observe.modes import Degraded


class ScriptedDecider:
    """Answers each request with `answer_of(request)`; counts as ready until it is closed."""

    def __init__(self, answer_of: Callable[[DecideRequest], str]) -> None:
        self._answer_of = answer_of
        self._closed = False
        self.restarts = 0
        self.missing: tuple[Degraded, ...] = ()
        self.pid: int | None = None
        self.facts: dict[str, object] = {"engine": "scripted"}

    @property
    def ready(self) -> bool:
        """Whether it takes requests."""
        return not self._closed

    def start(self) -> None:
        """Nothing to load."""

    def decide(self, request: DecideRequest) -> Decision:
        """As `Decider.decide`; a callable that takes longer than the deadline is EXPIRED."""
        if self._closed:
            raise NodeFault(Code.ENGINE_UNAVAILABLE, "the engine is closed")
        answer = self._answer_of(request)
        if time.clock_gettime(time.CLOCK_BOOTTIME) * 1000.0 >= request.deadline_ms:
            raise ClientFault(Code.EXPIRED, "the time to live passed while deciding")
        return Decision(answer, 1.0, len(answer), 1, 1, 0.0, 0.0)

    def withdraw(self, ticket: str) -> None:
        """A callable cannot be told that nobody waits for it."""

    def close(self) -> None:
        """Take no more requests."""
        self._closed = True
