"""From a message to an order that can be worked on: who it is for, by when, and whether it is taken at all.

Refuses what is wrong before anything is written: UNKNOWN_PACK, UNKNOWN_TARGET, EMPTY_TEXT, TOO_LONG, BAD_TEXT. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge_agent.errors import ClientFault, Code
from edge_agent.messages import Command
from edge_agent.messages.codec import encode
from edge_agent.node.jobs import Asked
from edge_agent.node.requests import Asker, RequestKey
from edge_agent.packs.base import Pack
from edge_agent.world.text import check_text


@dataclass(frozen=True, slots=True)
class Order:
    """A command that is taken. Times are on CLOCK_BOOTTIME."""

    command: Command
    client: str
    """The name of who asked."""
    command_id: str
    pack: Pack
    robot: str
    session: str
    ttl_ms: int
    received_ms: float
    deadline_ms: float
    body_sha256: str

    @property
    def request(self) -> RequestKey:
        """Whose request it is, and its id."""
        return self.client, self.command.request_id

    def asked(self, text: str) -> Asked:
        """What its actions are judged by; `text` is the words as they were read."""
        context = self.command.context
        return Asked(self.pack, self.robot, self.client, text, context.area, context.speaker)


@dataclass(frozen=True, slots=True)
class Admission:
    """What this node takes: its packs, its default robot, and who has said hello."""

    packs: Mapping[str, Pack]
    robot: str
    greeted: Callable[[str], object | None]
    """Something, for a robot whose executor has said hello."""

    def pack_of(self, name: str | None) -> Pack:
        """The pack of this name; the node's first one when none is named.

        Raises:
            ClientFault: UNKNOWN_PACK.
        """
        if name is None:
            return next(iter(self.packs.values()))
        if name not in self.packs:
            raise ClientFault(Code.UNKNOWN_PACK, f"this node speaks {', '.join(self.packs)}", where="pack")
        return self.packs[name]

    def admit(self, command: Command, asker: Asker, *, command_id: str, received_ms: float) -> Order:
        """Make an order of a command.

        Raises:
            ClientFault: UNKNOWN_PACK, UNKNOWN_TARGET, EMPTY_TEXT, TOO_LONG, BAD_TEXT.
        """
        pack = self.pack_of(command.pack)
        robot = command.robot or self.robot
        if robot != self.robot and self.greeted(robot) is None:
            raise ClientFault(Code.UNKNOWN_TARGET, f"no executor of {robot!r} has said hello", where="robot")
        check_text(command.text)
        ttl_ms = command.ttl_ms or pack.ttl_ms
        return Order(
            command=command,
            client=asker.client,
            command_id=command_id,
            pack=pack,
            robot=robot,
            session=f"{asker.client} {command.session or asker.peer.hex()}",
            ttl_ms=ttl_ms,
            received_ms=received_ms,
            deadline_ms=received_ms + ttl_ms,
            body_sha256=body_of(command),
        )


def body_of(command: Command) -> str:
    """Digest of what was asked: the same for the same content, however its JSON was written."""
    return hashlib.sha256(encode(command)).hexdigest()
