"""The loop of a program that carries actions out: bytes in, bytes out, the clock read; `Performing` decides.

    def perform(task: Perform) -> Iterator[float]:
        robot.drive_to(task.action["place"])
        try:
            while not robot.arrived():
                yield 0.05                  # look again in 50 ms
        finally:
            robot.brake()                   # reached at the end, and at a stop

    Executor(robot="robot", perform=perform).run()

Between two yields nothing is heard, a stop included: a step must be short.
"""

from __future__ import annotations

import threading
from typing import Final, Self

from edge_agent.client.connection import WatchedConnection
from edge_agent.client.performing import PerformFailed, PerformFunction, Performing
from edge_agent.client.requests import FROM_NODE_CODEC, error_of
from edge_agent.client.whereabouts import AnyKey, whereabouts
from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.messages import ErrorReply, Message
from edge_agent.messages.codec import encode

__all__ = ["Executor", "PerformFailed"]

POLL_MS_MAX: Final = 200
"""How soon `close` from another thread is noticed."""


class Executor:
    """Connects one robot to one node, the local one where neither an address nor a key is given. One thread."""

    def __init__(
        self,
        address: str | None = None,
        *,
        robot: str,
        perform: PerformFunction,
        actions: tuple[str, ...] = (),
        key: AnyKey | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`key`: a key file, for a node elsewhere; its addresses are in it.

        Raises:
            ConfigurationFault: KEY_MISSING, KEY_INVALID.
        """
        self._performing = Performing(robot, perform, actions)
        self._clock = clock or SystemClock()
        self._closing = threading.Event()
        self._where = whereabouts(address, None, key)

    def run(self) -> None:
        """Carry actions out until `close`; a node that goes away is waited for.

        Raises:
            ClientFault: ROBOT_TAKEN when another program is this robot from the beginning. Later it may be this
                program's own old connection, which the node has not missed yet: hello is said again until it has.
        """
        with WatchedConnection(self._where.command, self._connected, key=self._where.key) as connection:
            self._connection = connection
            try:
                while not self._closing.is_set():
                    self._turn()
            finally:
                self._send(self._performing.end("the executor ended"))

    def close(self) -> None:
        """Ask `run` to end; from any thread or a signal handler."""
        self._closing.set()

    def _turn(self) -> None:
        wait_ms = min(self._performing.wake_ms() - self._clock.now_ms(), POLL_MS_MAX)
        frame = self._connection.receive(wait_ms)
        if frame is not None:
            try:
                message = FROM_NODE_CODEC.decode(frame)
            except ClientFault:
                return  # of a newer edition: not for us
            if (
                isinstance(message, ErrorReply)
                and message.code is Code.ROBOT_TAKEN
                and not self._performing.was_welcome
            ):
                raise error_of(message)
            self._send(self._performing.receive(message, self._clock.now_ms()))
        self._send(self._performing.tick(self._clock.now_ms()))

    def _connected(self) -> None:
        self._send(self._performing.connected(self._clock.now_ms()))

    def _send(self, messages: list[Message]) -> None:
        """What cannot be sent now is said again later by `Performing`."""
        for message in messages:
            try:
                self._connection.send(encode(message))
            except NodeFault:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
