"""Bytes to and from the node over ZeroMQ; the one file of the client that knows ZeroMQ. Decides nothing.

A message is handed only to a connection whose handshake is done, so a node that is not there is noticed at once and
nothing waits in a queue to surprise it later. Refuses with NODE_UNREACHABLE.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Self, TypeVar

import zmq
import zmq.asyncio
from zmq.utils.monitor import recv_monitor_message

from edge_agent import limits
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.keys.client_key import ClientKey
from edge_agent.limits import EVENTS_WAITING_MAX

RECONNECT_FIRST_MS: Final = 50
RECONNECT_MAX_MS: Final = 1_000
LAST_WORDS_MS: Final = 200
"""How long a closing executor waits for the node to take its last reports."""

AnySocket = TypeVar("AnySocket", zmq.Socket[bytes], zmq.asyncio.Socket)


def _tuned(socket: AnySocket, address: str, connect_ms: int, key: ClientKey | None) -> AnySocket:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, limits.FRAME_BYTES_MAX)
    socket.setsockopt(zmq.SNDTIMEO, connect_ms)
    socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_FIRST_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
    if socket.type == zmq.SUB:
        socket.setsockopt(zmq.RCVHWM, EVENTS_WAITING_MAX)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
    else:
        # not for a SUB: its subscription would be sent only when somebody next reads from it
        socket.setsockopt(zmq.IMMEDIATE, 1)
    if key is not None:
        socket.setsockopt(zmq.IPV6, 1)
        socket.setsockopt(zmq.CURVE_SERVERKEY, key.node_public.encode())
        socket.setsockopt(zmq.CURVE_PUBLICKEY, key.pair.public.encode())
        socket.setsockopt(zmq.CURVE_SECRETKEY, key.pair.secret.encode())
    try:
        socket.connect(address)
    except zmq.ZMQError as problem:
        socket.close()
        raise ClientFault(Code.NODE_UNREACHABLE, f"not an address: {problem}", where=address) from problem
    return socket


def _unreachable(address: str, problem: zmq.ZMQError) -> NodeFault:
    doubt = "is it running?" if address.startswith("ipc:") else "is it running, and does it know this key?"
    return NodeFault(Code.NODE_UNREACHABLE, f"no node answers there ({problem}); {doubt}", where=address)


def _whole_ms(timeout_ms: float) -> int:
    """Rounded up, so that a wait of less than a millisecond does not become a busy loop."""
    return max(0, math.ceil(timeout_ms))


class Connection:
    """A blocking DEALER. Belongs to one thread."""

    def __init__(self, address: str, *, connect_ms: int, key: ClientKey | None = None) -> None:
        self._address = address
        self._context = zmq.Context()
        try:
            self._socket = _tuned(self._context.socket(zmq.DEALER), address, connect_ms, key)
        except ClientFault:
            self._context.term()
            raise

    def send(self, *frames: bytes) -> None:
        """Hand one message on.

        Raises:
            NodeFault: NODE_UNREACHABLE when no handshake is done within `connect_ms`.
        """
        try:
            self._socket.send_multipart(frames)
        except zmq.ZMQError as problem:
            raise _unreachable(self._address, problem) from problem

    def receive(self, timeout_ms: float) -> bytes | None:
        """The last frame of the next message, or None when the time passes."""
        if not self._socket.poll(_whole_ms(timeout_ms)):
            return None
        return self._socket.recv_multipart()[-1]

    def close(self) -> None:
        self._context.destroy(linger=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Subscription(Connection):
    """A blocking SUB for every topic; a message is a topic frame and a JSON frame."""

    def __init__(self, address: str, *, key: ClientKey | None = None) -> None:
        self._address = address
        self._context = zmq.Context()
        try:
            self._socket = _tuned(self._context.socket(zmq.SUB), address, 0, key)
        except ClientFault:
            self._context.term()
            raise
        self._monitor: zmq.Socket[bytes] | None = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)

    def wait_until_watching(self, timeout_ms: float) -> None:
        """Wait for the first handshake; the subscription goes out with it, and a PUB drops what comes before."""
        if self._monitor is not None:
            self._monitor.poll(_whole_ms(timeout_ms))
            self._unwatch()

    def _unwatch(self) -> None:
        if self._monitor is not None:
            self._socket.disable_monitor()
            self._monitor.close()
            self._monitor = None

    def close(self) -> None:
        self._unwatch()
        super().close()


class WatchedConnection(Connection):
    """A DEALER that never waits to send and says when its peer is there anew: an executor's."""

    def __init__(self, address: str, on_connected: Callable[[], None], *, key: ClientKey | None = None) -> None:
        super().__init__(address, connect_ms=0, key=key)
        self._on_connected = on_connected
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)

    def receive(self, timeout_ms: float) -> bytes | None:
        ready = dict(self._poller.poll(_whole_ms(timeout_ms)))
        if self._monitor in ready:
            recv_monitor_message(self._monitor)
            self._on_connected()
        return self._socket.recv_multipart()[-1] if self._socket in ready else None

    def close(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close()
        self._context.destroy(linger=LAST_WORDS_MS)


class AsyncConnection:
    """A DEALER, or with `events` a SUB, for asyncio. Belongs to one event loop."""

    def __init__(self, address: str, *, connect_ms: int, events: bool = False, key: ClientKey | None = None) -> None:
        self._address = address
        self._context = zmq.asyncio.Context()
        try:
            self._socket = _tuned(self._context.socket(zmq.SUB if events else zmq.DEALER), address, connect_ms, key)
        except ClientFault:
            self._context.term()
            raise
        self._monitor: zmq.asyncio.Socket | None = (
            self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED) if events else None
        )

    async def wait_until_watching(self, timeout_ms: float) -> None:
        """As `Subscription.wait_until_watching`."""
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            await monitor.poll(_whole_ms(timeout_ms))
            self._socket.disable_monitor()
            monitor.close()

    async def send(self, *frames: bytes) -> None:
        """As `Connection.send`."""
        try:
            await self._socket.send_multipart(frames)
        except zmq.ZMQError as problem:
            raise _unreachable(self._address, problem) from problem

    async def receive(self) -> bytes:
        """The last frame of the next message."""
        frames: list[bytes] = await self._socket.recv_multipart()
        return frames[-1]

    async def receive_within(self, timeout_ms: float) -> bytes | None:
        """As `receive`, or None when the time passes."""
        return await self.receive() if await self._socket.poll(_whole_ms(timeout_ms)) else None

    def close(self) -> None:
        if self._monitor is not None:
            self._socket.disable_monitor()
        self._context.destroy(linger=0)
