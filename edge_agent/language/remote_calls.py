"""Requests on their way to a server elsewhere: how long each may still take, and how one is ended from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, NodeFault


class Away(NodeFault):
    """The server itself cannot be used now; it is not only bad at one sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.ENGINE_UNAVAILABLE, message)


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: any status, its body whole."""

    status: int
    body: bytes
    retry_after_s: float = 0.0
    """What the server asked to wait, where it said so in seconds."""


@dataclass(slots=True, eq=False)
class Call:
    """One request, due by `deadline_ms` (CLOCK_BOOTTIME). `ticket` names who waits for it."""

    deadline_ms: float
    ticket: str
    clock: Clock
    hang_up: Callable[[], None] | None = None
    """Ends what the request waits for; set before each wait."""
    withdrawn: bool = False

    def left_s(self) -> float:
        """Seconds until the deadline, more than none.

        Raises:
            ClientFault: EXPIRED, or STOPPED when the request was withdrawn.
        """
        if self.withdrawn:
            raise withdrawn()
        left_s = (self.deadline_ms - self.clock.now_ms()) / 1000.0
        if left_s <= 0:
            raise late()
        return left_s


@dataclass(slots=True)
class Calls:
    """All requests on their way; each runs in the thread that asks."""

    _own: threading.local = field(default_factory=threading.local)
    _all: set[Call] = field(default_factory=set)
    _over: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def current(self) -> Call:
        """The request that this thread is about."""
        call: Call = self._own.call
        return call

    def begin(self, call: Call) -> None:
        """This thread is about this request now."""
        self._own.call = call
        with self._lock:
            self._all.add(call)
            call.withdrawn = self._over

    def end(self, call: Call) -> None:
        """It has its response, or has failed."""
        with self._lock:
            self._all.discard(call)

    def withdraw(self, ticket: str) -> None:
        """End the requests with this ticket."""
        with self._lock:
            _end(call for call in self._all if call.ticket == ticket)

    def close(self) -> None:
        """End all requests, and those that begin from now on."""
        with self._lock:
            self._over = True
            _end(self._all)


def _end(calls: Iterable[Call]) -> None:
    for call in calls:
        call.withdrawn = True
        if call.hang_up:
            call.hang_up()


def late() -> ClientFault:
    """The time ran out."""
    return ClientFault(Code.EXPIRED, "the remote engine did not answer in time")


def withdrawn() -> ClientFault:
    """Nobody waits for the answer any more."""
    return ClientFault(Code.STOPPED, "the question to the remote engine was withdrawn")
