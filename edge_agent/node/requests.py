"""Request ids: the same id with the same content is one command, however often and over what connection it is asked.

Every key has a space of ids of its own. The clients of the local sockets cannot be told apart and share one.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import Accepted, Answer

RequestKey = tuple[str, str]
"""Whose request it is, and its id."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Where to answer, and the name of who asks."""

    peer: bytes
    client: str


@dataclass(slots=True)
class Open:
    """A command that is worked on, and who waits for it."""

    body_sha256: str
    askers: list[bytes] = field(default_factory=list)
    accepted: Accepted | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A command that has its answer."""

    body_sha256: str
    answer: Answer


class Requests:
    """Commands in progress and the latest answers."""

    def __init__(self) -> None:
        self._open: dict[RequestKey, Open] = {}
        self._answered: OrderedDict[RequestKey, Answered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def known(self, request: RequestKey, body_sha256: str, peer: bytes) -> Open | Answered | None:
        """What is known of a request. One in progress takes the peer among those who wait.

        Raises:
            ClientFault: SAME_ID_DIFFERENT_CONTENT.
        """
        known = self._open.get(request) or self._answered.get(request)
        if known is None:
            return None
        check_body(known.body_sha256, body_sha256)
        if isinstance(known, Open) and peer not in known.askers and len(known.askers) < limits.ASKERS_MAX:
            known.askers.append(peer)
        return known

    def begin(self, request: RequestKey, body_sha256: str, peer: bytes) -> Open:
        """A new command.

        Raises:
            ClientFault: QUEUE_FULL.
        """
        if len(self._open) >= limits.COMMANDS_IN_FLIGHT_MAX:
            raise ClientFault(
                Code.QUEUE_FULL, f"{limits.COMMANDS_IN_FLIGHT_MAX} commands are worked on; ask again later"
            )
        self._open[request] = Open(body_sha256, [peer])
        return self._open[request]

    def accept(self, request: RequestKey, accepted: Accepted) -> tuple[bytes, ...]:
        """It is on the disk; returns who is to be told."""
        entry = self._open.get(request)
        if entry is None:
            return ()
        entry.accepted = accepted
        return tuple(entry.askers)

    def finish(self, request: RequestKey, answer: Answer) -> tuple[bytes, ...]:
        """It has its answer; returns who waits for it."""
        done = self._open.pop(request)
        self._answered[request] = Answered(done.body_sha256, answer)
        while len(self._answered) > limits.ANSWERS_KEPT:
            self._answered.popitem(last=False)
        return tuple(done.askers)

    def leave(self, request: RequestKey) -> tuple[bytes, ...]:
        """Nobody waits for it any more, though it is worked on; returns who did."""
        left = self._open.get(request)
        if left is None:
            return ()
        waited, left.askers = tuple(left.askers), []
        return waited

    def abandon(self, request: RequestKey) -> tuple[bytes, ...]:
        """It was not taken after all; returns who waits."""
        dropped = self._open.pop(request, None)
        return tuple(dropped.askers) if dropped else ()


def check_body(known: str, asked: str) -> None:
    """Refuse another content under the same id.

    Raises:
        ClientFault: SAME_ID_DIFFERENT_CONTENT.
    """
    if known != asked:
        raise ClientFault(
            Code.SAME_ID_DIFFERENT_CONTENT, "this request id was used for another command", where="request_id"
        )
