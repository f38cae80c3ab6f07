"""Request ids: the same id with the same content is one command, however often and wherever it is asked.

Over ipc and loopback without keys nobody can be told from anybody, so all clients share one space of ids, "local".
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import Accepted, Answer

CLIENT: Final = "local"
"""Whose request ids these are, until clients have keys."""
ANSWERS_KEPT: Final = 1_000
"""Answers at hand without asking the journal."""
ASKERS_MAX: Final = 16
"""Connections that wait for one command's answer."""


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
        self._open: dict[str, Open] = {}
        self._answered: OrderedDict[str, Answered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def known(self, request_id: str, body_sha256: str, peer: bytes) -> Open | Answered | None:
        """What is known of a request. One in progress takes the peer among those who wait.

        Raises:
            ClientFault: SAME_ID_DIFFERENT_CONTENT.
        """
        known = self._open.get(request_id) or self._answered.get(request_id)
        if known is None:
            return None
        check_body(known.body_sha256, body_sha256)
        if isinstance(known, Open) and peer not in known.askers and len(known.askers) < ASKERS_MAX:
            known.askers.append(peer)
        return known

    def begin(self, request_id: str, body_sha256: str, peer: bytes) -> Open:
        """A new command.

        Raises:
            ClientFault: QUEUE_FULL.
        """
        if len(self._open) >= limits.COMMANDS_IN_FLIGHT_MAX:
            raise ClientFault(
                Code.QUEUE_FULL, f"{limits.COMMANDS_IN_FLIGHT_MAX} commands are worked on; ask again later"
            )
        self._open[request_id] = Open(body_sha256, [peer])
        return self._open[request_id]

    def accept(self, request_id: str, accepted: Accepted) -> tuple[bytes, ...]:
        """It is on the disk; returns who is to be told."""
        entry = self._open.get(request_id)
        if entry is None:
            return ()
        entry.accepted = accepted
        return tuple(entry.askers)

    def finish(self, request_id: str, answer: Answer) -> tuple[bytes, ...]:
        """It has its answer; returns who waits for it."""
        done = self._open.pop(request_id)
        self._answered[request_id] = Answered(done.body_sha256, answer)
        while len(self._answered) > ANSWERS_KEPT:
            self._answered.popitem(last=False)
        return tuple(done.askers)

    def abandon(self, request_id: str) -> tuple[bytes, ...]:
        """It was not taken after all; returns who waits."""
        dropped = self._open.pop(request_id, None)
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
