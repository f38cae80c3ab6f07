"""STOP: sent first, journalled after, sent again until acknowledged, latched until somebody releases exactly this one.

Needs no engine, no journal and no room in any queue. It asks for a normal stop over software; it is not safety-rated
and replaces no emergency stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code
from edge_agent.keys.grants import LOCAL
from edge_agent.messages import Stop, Stopped
from edge_agent.messages.codec import encode
from edge_agent.node.board import Board
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.lifecycle import Event
from edge_agent.observe.events import StopLatched, StopReleased, Stream
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import StopRow

Send = Callable[[bytes, bytes], bool]
REASON_MAX: Final = limits.REASON_CHARS_MAX


class Stops:
    """The latch, and who has yet to acknowledge."""

    def __init__(
        self,
        *,
        dispatcher: Dispatcher,
        journal: Journal,
        board: Board,
        stream: Stream,
        send: Send,
        clock: Clock,
        resend_ms: float,
    ) -> None:
        self._dispatcher = dispatcher
        self._journal = journal
        self._board = board
        self._stream = stream
        self._send = send
        self._clock = clock
        self._resend_ms = resend_ms
        self._count = 0
        self._presses = 0
        """Every halt, those of a stop that holds already included."""
        self._releases = 0
        """Releases that are on their way to the disk."""
        self._latched: StopRow | None = None
        self._acknowledged: set[str] = set()
        self._sent_ms = 0.0
        self._pressed = asyncio.Event()

    @property
    def latched(self) -> StopRow | None:
        """The stop that holds now."""
        return self._latched

    @property
    def count(self) -> int:
        """Stops since the start; a command that began before the last one is over, even if that was released since."""
        return self._count

    @property
    def pressed(self) -> asyncio.Event:
        """Set while a stop holds; whoever works on a command waits for this beside the work."""
        return self._pressed

    def restore(self, row: StopRow) -> None:
        """A stop from before this start still holds."""
        self._hold(row)

    def halt(self, reason: str, client: str = LOCAL.name, read_ms: float | None = None) -> str:
        """Stop every robot now; returns the stop's id. Called again, it is sent again and stays the same stop.

        `client`: who asked for it. `read_ms`: when its message was read, if it came in one.
        """
        now_ms = self._clock.now_ms()
        fresh = self._latched is None
        if self._latched is None:
            self._count += 1
            stop_id = f"s-{self._board.epoch}-{self._count}"
            self._hold(StopRow(stop_id, self._board.epoch, reason[:REASON_MAX], self._clock.wall_ms(), None, client))
        row = self._latched
        assert row is not None
        self._presses += 1
        self._spread(row, everybody=True, now_ms=now_ms)
        to_bus_ms = self._clock.now_ms() - read_ms if read_ms is not None else None
        if fresh:
            self._journal.record(row)
            self._dispatcher.end_all(Event.STOP)
            executors = len(self._dispatcher.lines.executors())
            self._stream.tell(StopLatched(row.stop_id, row.reason, executors, to_bus_ms))
        elif self._releases:
            self._journal.record(row)  # behind the release that is being written: it holds on
        return row.stop_id

    def acknowledge(self, stopped: Stopped) -> None:
        """An executor stands still. An acknowledgement of another stop says nothing about this one."""
        if self._latched is not None and stopped.stop_id == self._latched.stop_id:
            self._acknowledged.add(stopped.robot)

    def tell_again(self, robot: str) -> None:
        """An executor said hello while a stop holds: it must hear of it."""
        if self._latched is not None:
            self._acknowledged.discard(robot)
            self._spread(self._latched, everybody=False, now_ms=self._clock.now_ms())

    def tick(self) -> None:
        """Time has passed: say it again to whoever has not acknowledged."""
        now_ms = self._clock.now_ms()
        if self._latched is not None and now_ms - self._sent_ms >= self._resend_ms and self._waited_for():
            self._spread(self._latched, everybody=False, now_ms=now_ms)

    async def resume(self, stop_id: str, client: str = LOCAL.name) -> None:
        """Release exactly this stop, once that is on the disk. `client`: who asked for it.

        Raises:
            ClientFault: NOT_STOPPED when no stop, or another one, holds; STOPPED when somebody stopped again meanwhile.
            NodeFault: JOURNAL_UNAVAILABLE; the stop holds on.
        """
        row, presses = self._held(stop_id), self._presses
        released = replace(row, released_wall_ms=self._clock.wall_ms(), released_by=client)
        self._releases += 1
        try:
            await self._journal.write(released)
        finally:
            self._releases -= 1
        self._held(stop_id)
        if self._presses != presses:
            raise ClientFault(Code.STOPPED, "somebody stopped again meanwhile; the stop holds on", where="stop_id")
        self._latched = None
        self._dispatcher.halted = False
        self._pressed.clear()
        self._stream.tell(StopReleased(stop_id))

    def _held(self, stop_id: str) -> StopRow:
        row = self._latched
        if row is None:
            raise ClientFault(Code.NOT_STOPPED, "no stop holds", where="stop_id")
        if row.stop_id != stop_id:
            raise ClientFault(Code.NOT_STOPPED, f"the stop that holds is {row.stop_id}", where="stop_id")
        return row

    def _hold(self, row: StopRow) -> None:
        self._latched = row
        self._acknowledged.clear()
        self._dispatcher.halted = True
        self._pressed.set()

    def _waited_for(self) -> list[tuple[str, bytes]]:
        return [(robot, peer) for robot, peer in self._dispatcher.lines.executors() if robot not in self._acknowledged]

    def _spread(self, row: StopRow, *, everybody: bool, now_ms: float) -> None:
        stop = Stop(stop_id=row.stop_id, epoch=self._board.epoch, reason=row.reason)
        frame = encode(stop)
        for _robot, peer in self._dispatcher.lines.executors() if everybody else self._waited_for():
            self._send(peer, frame)
        self._board.show_stop(stop)
        self._sent_ms = now_ms
