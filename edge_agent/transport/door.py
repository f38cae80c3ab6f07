"""One way in: a ROUTER for requests and a PUB for events, at two addresses. Moves bytes and says whose they are.

The door over TCP speaks CURVE only and lets nobody in without the gatekeeper's word; each message carries the
sender's key, and a key that is not good any more is sent nothing. The local door has no keys: the mode of its files
guards it.

Nothing here waits for a peer: what a peer does not take at once is dropped for that peer, and the sender is told so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket as unix
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import zmq
import zmq.asyncio

from edge_agent import limits
from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.keys.curve import KeyPair
from edge_agent.transport.addresses import socket_path
from edge_agent.transport.gatekeeper import COMMAND_DOMAIN, EVENTS_DOMAIN

Peer = bytes
"""A door's letter and a routing id: where to send back to. Never who somebody is."""

_SOCKET_MODE: Final = 0o660


@dataclass(frozen=True, slots=True)
class Received:
    """One message: where to answer, its frames (one, if the peer keeps to the rules), and the public key it came with.

    The key is empty at the local door.
    """

    peer: Peer
    frames: tuple[bytes, ...]
    key: str = ""

    @property
    def chose_its_routing_id(self) -> bool:
        """ZeroMQ's own begin with a zero and are used once; one that a peer chose may have been somebody else's."""
        return self.peer[1:2] != b"\0"


@dataclass(frozen=True, slots=True)
class Lock:
    """What makes a door ask for keys: the node's own pair, and whether a client's key is good now."""

    pair: KeyPair
    is_good: Callable[[str], bool]


class Door:
    """Both sockets, bound. Use from one loop's thread only."""

    def __init__(
        self, context: zmq.asyncio.Context, letter: bytes, command_address: str, events_address: str, lock: Lock | None
    ) -> None:
        """Bind; the addresses have been checked. `letter`: one byte, this door's own.

        Raises:
            ConfigurationFault: SETTINGS_INVALID.
            NodeFault: ALREADY_RUNNING when somebody listens there already.
        """
        self._context = context
        self._letter = letter
        self._command_address = command_address
        self._events_address = events_address
        self._closed: list[tuple[zmq.asyncio.Socket, str]] = []
        """Sockets that do not listen at present, and where they did."""
        self._lock = lock
        self._keys: OrderedDict[bytes, str] = OrderedDict()
        self._router = self._made(zmq.ROUTER, COMMAND_DOMAIN)
        # a send to a peer that is gone is an error that we hear, not a message that vanishes
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        _bind(self._router, command_address)
        self._publisher = self._made(zmq.PUB, EVENTS_DOMAIN)
        _bind(self._publisher, events_address)

    async def receive(self) -> Received:
        """The next message."""
        while True:
            if self._lock is None:
                routing_id, *frames = await self._router.recv_multipart()
                return Received(self._letter + routing_id, tuple(frames))
            parts = await self._router.recv_multipart(copy=False)
            try:
                key = str(parts[-1].get("User-Id"))
            except zmq.ZMQError:
                continue  # a message without its sender's key is nobody's
            routing_id, *frames = (part.bytes for part in parts)
            self._remember(routing_id, key)
            return Received(self._letter + routing_id, tuple(frames), key)

    def key_of(self, peer: Peer) -> str:
        """The public key that a peer last spoke with; empty for one that never spoke, and at the local door."""
        return self._keys.get(peer[1:], "")

    def send(self, peer: Peer, frame: bytes) -> bool:
        """Hand a frame to one peer; False when it is gone, takes nothing more, or its key is good no more."""
        routing_id = peer[1:]
        if self._lock is not None:
            key = self._keys.get(routing_id)
            if key is None or not self._lock.is_good(key):
                return False
        return self._hand(routing_id, frame)

    def send_last(self, peer: Peer, frame: bytes) -> None:
        """Hand a frame to a peer whatever its key: a stop for a robot that is being shut out."""
        self._hand(peer[1:], frame)

    def publish(self, topic: bytes, frame: bytes) -> None:
        """Show a frame to whoever listens to the topic."""
        _send_now(self._publisher, [topic, frame])

    def turn_out_watchers(self) -> None:
        """Close every connection of the events' socket until `reopen`; whoever is still known comes back by itself.

        A PUB cannot tell its subscribers apart, and a key is looked at only at the handshake. What happens in between
        is missed by all, as the gap in `event_seq` shows.
        """
        self._shut(self._publisher, self._events_address)

    def empty(self) -> None:
        """Close every connection and listen no more, until `reopen`.

        libzmq cannot close some of an address's connections and keep others.
        """
        self._shut(self._router, self._command_address)
        self._shut(self._publisher, self._events_address)

    def reopen(self) -> bool:
        """Listen again; False while libzmq still holds an address, which it lets go of in a thread of its own."""
        while self._closed:
            try:
                _bind(*self._closed[-1])
            except (NodeFault, ConfigurationFault):
                return False
            self._closed.pop()
        return True

    def _shut(self, socket: zmq.asyncio.Socket, address: str) -> None:
        if (socket, address) in self._closed:
            return
        with contextlib.suppress(zmq.ZMQError):  # somebody took the socket's file away
            socket.unbind(address)
        self._closed.append((socket, address))

    def _hand(self, routing_id: bytes, frame: bytes) -> bool:
        try:
            _send_now(self._router, [routing_id, frame])
        except zmq.ZMQError:
            return False
        return True

    def _remember(self, routing_id: bytes, key: str) -> None:
        self._keys[routing_id] = key
        self._keys.move_to_end(routing_id)
        while len(self._keys) > limits.PEERS_REMEMBERED_MAX:
            self._keys.popitem(last=False)

    def _made(self, kind: int, domain: str) -> zmq.asyncio.Socket:
        socket = self._context.socket(kind)
        messages_max = limits.PUB_MESSAGES_MAX if kind == zmq.PUB else limits.ROUTER_MESSAGES_MAX
        socket.setsockopt(zmq.SNDHWM, messages_max)
        socket.setsockopt(zmq.RCVHWM, messages_max)
        socket.setsockopt(zmq.LINGER, limits.LINGER_MS)
        socket.setsockopt(zmq.MAXMSGSIZE, limits.MESSAGE_BYTES_MAX)
        socket.setsockopt(zmq.HANDSHAKE_IVL, limits.HANDSHAKE_MS)
        socket.setsockopt(zmq.IMMEDIATE, 1)
        socket.setsockopt(zmq.HEARTBEAT_IVL, limits.HEARTBEAT_MS)
        if self._lock is not None:
            socket.setsockopt(zmq.IPV6, 1)
            socket.setsockopt(zmq.CURVE_SERVER, 1)
            socket.setsockopt(zmq.CURVE_SECRETKEY, self._lock.pair.secret.encode())
            socket.setsockopt(zmq.ZAP_DOMAIN, domain.encode())
            # without it libzmq lets everybody in while no handler answers
            socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        return socket


def _send_now(socket: zmq.asyncio.Socket, frames: list[bytes]) -> None:
    """Send without waiting: pyzmq answers a DONTWAIT send with a future that is done already."""
    cast("asyncio.Future[None]", socket.send_multipart(frames, flags=zmq.DONTWAIT)).result()


def _bind(socket: zmq.asyncio.Socket, address: str) -> None:
    path = socket_path(address)
    if path is not None and _somebody_listens(path):
        raise NodeFault(Code.ALREADY_RUNNING, "somebody listens there already", where=address)
    before = os.umask(0o117)  # the socket's file is 0660 from its first moment
    try:
        socket.bind(address)
        if path is not None:
            path.chmod(_SOCKET_MODE)
    except zmq.ZMQError as problem:
        if problem.errno == zmq.EADDRINUSE:
            raise NodeFault(Code.ALREADY_RUNNING, "somebody listens there already", where=address) from problem
        raise ConfigurationFault(Code.SETTINGS_INVALID, str(problem), where=address) from problem
    except OSError as problem:
        raise ConfigurationFault(Code.SETTINGS_INVALID, str(problem), where=address) from problem
    finally:
        os.umask(before)


def _somebody_listens(path: Path) -> bool:
    """libzmq takes over a living ipc socket without a word; we ask first."""
    if not path.is_socket():
        return False
    with unix.socket(unix.AF_UNIX, unix.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
