"""Who is told what a microphone of this box hears: connections that asked for it. Everybody else is told directly.

A microphone has no connection of its own, so its commands come from a peer that does not exist; what is said to that
peer goes to everybody attached to it. A connection that is gone is forgotten at the next message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import Message
from edge_agent.messages.codec import encode

_PREFIX: Final = b"microphone:"

Send = Callable[[bytes, bytes], bool]


def microphone_peer(name: str) -> bytes:
    """The peer that a microphone's commands come from. No connection has such a routing id: those begin with a zero."""
    return _PREFIX + name.encode()


class Attached:
    """Sends messages to peers, microphones' among them."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._attached: dict[bytes, list[bytes]] = {}

    def attach(self, microphone: str, peer: bytes) -> None:
        """Tell this connection as well.

        Raises:
            ClientFault: QUEUE_FULL.
        """
        peers = self._attached.setdefault(microphone_peer(microphone), [])
        if peer in peers:
            return
        if len(peers) >= limits.ATTACHED_MAX:
            raise ClientFault(Code.QUEUE_FULL, f"{limits.ATTACHED_MAX} connections are attached to it already")
        peers.append(peer)

    def reply(self, peer: bytes, message: Message) -> None:
        """Send a message to a peer, or to everybody attached to a microphone."""
        frame = encode(message)
        if not peer.startswith(_PREFIX):
            self._send(peer, frame)
            return
        peers = self._attached.get(peer, [])
        peers[:] = [one for one in peers if self._send(one, frame)]
