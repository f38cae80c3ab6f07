"""The node's two ZeroMQ sockets, and nothing but moving their bytes. The only file of the node that imports zmq.

A ROUTER takes requests and executors' words and carries answers and actions back; a PUB shows what happens. Nothing
here waits for a peer: what a peer does not take at once is dropped for that peer, and the sender is told so. Whoever
missed something asks again with the same request id, or for a snapshot.
"""

from __future__ import annotations

import asyncio
import os
import socket as unix
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import zmq
import zmq.asyncio

from edge_agent import limits
from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.transport.addresses import check_address, socket_path

Peer = bytes
"""A routing id: where to send back to. Never who somebody is."""

ROUTER_MESSAGES_MAX: Final = 2_000
"""High-water mark of each peer's pipe, either way."""
PUB_MESSAGES_MAX: Final = 10_000
MESSAGE_BYTES_MAX: Final = 2 * limits.FRAME_BYTES_MAX
"""Above the frame's limit, so that a frame a little too large gets TOO_LARGE; beyond this the peer is cut off."""
LINGER_MS: Final = 500
"""How long a closing socket waits for peers to take what was sent."""
HANDSHAKE_MS: Final = 2_000
HEARTBEAT_MS: Final = 2_000
_SOCKET_MODE: Final = 0o660
_RUNTIME_MODE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Received:
    """One message from a peer: its routing id and the frames after it (one, if the peer keeps to the rules)."""

    peer: Peer
    frames: tuple[bytes, ...]


class Sockets:
    """Both sockets, bound. Use from one loop's thread only."""

    def __init__(self, command_address: str, events_address: str, *, insecure_loopback: bool = False) -> None:
        """Bind.

        Raises:
            ConfigurationFault: INSECURE_BIND, SETTINGS_INVALID.
            NodeFault: ALREADY_RUNNING when somebody listens there already.
        """
        for address, where in ((command_address, "transport.command"), (events_address, "transport.events")):
            check_address(address, insecure_loopback=insecure_loopback, where=where)
        self._context = zmq.asyncio.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._publisher = self._context.socket(zmq.PUB)
        try:
            self._configure()
            _bind(self._router, command_address)
            _bind(self._publisher, events_address)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def _configure(self) -> None:
        for socket, messages_max in ((self._router, ROUTER_MESSAGES_MAX), (self._publisher, PUB_MESSAGES_MAX)):
            socket.setsockopt(zmq.SNDHWM, messages_max)
            socket.setsockopt(zmq.RCVHWM, messages_max)
            socket.setsockopt(zmq.LINGER, LINGER_MS)
            socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES_MAX)
            socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
            socket.setsockopt(zmq.IMMEDIATE, 1)
            socket.setsockopt(zmq.IPV6, 1)
            socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
        # a send to a peer that is gone is an error that we hear, not a message that vanishes
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)

    async def receive(self) -> Received:
        """The next message."""
        peer, *frames = await self._router.recv_multipart()
        return Received(peer, tuple(frames))

    def send(self, peer: Peer, frame: bytes) -> bool:
        """Hand a frame to one peer; False when it is gone or takes nothing more."""
        try:
            _send_now(self._router, [peer, frame])
        except zmq.ZMQError:
            return False
        return True

    def publish(self, topic: str, frame: bytes) -> None:
        """Show a frame to whoever listens to the topic."""
        _send_now(self._publisher, [topic.encode(), frame])

    def close(self) -> None:
        """Give peers LINGER_MS to take what was sent, then close."""
        self._context.destroy(linger=LINGER_MS)


def prepare_runtime_dir(path: Path) -> None:
    """Make the directory of the sockets, for this user alone.

    Raises:
        ConfigurationFault: SETTINGS_INVALID when it cannot be made, INSECURE_BIND when it belongs to somebody else.
    """
    try:
        path.mkdir(mode=_RUNTIME_MODE, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as problem:
        raise ConfigurationFault(Code.SETTINGS_INVALID, str(problem), where="runtime_dir") from problem
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & stat.S_IWOTH:
        raise ConfigurationFault(
            Code.INSECURE_BIND, "it is not a directory of this user that others cannot write", where=str(path)
        )


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
