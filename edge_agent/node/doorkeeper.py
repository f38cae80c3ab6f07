"""The door over TCP from day to day: handshakes are answered, and a key that ends ends everywhere at once.

Each message's key is looked up when it comes; what is left to do when a key ends is here: its executors are told to
stop and are the robot's no longer, what its owner asked for and no robot has yet is not begun, and every watcher has to
come in anew, which only keys that are still good can.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import Code
from edge_agent.keys.ring import Ring
from edge_agent.messages import ActionState, Stop
from edge_agent.messages.codec import encode
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.jobs import Line
from edge_agent.node.lifecycle import Event
from edge_agent.observe.events import NodeChanged, Stream
from edge_agent.observe.modes import Degraded, Mode
from edge_agent.transport.sockets import Sockets


@dataclass(slots=True)
class Doorkeeper:
    """Does nothing where the node has no door that asks for keys (`ring` None)."""

    ring: Ring | None
    sockets: Sockets
    dispatcher: Dispatcher
    stream: Stream
    clock: Clock
    _looked_ms: float = 0.0
    _known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.ring is not None:
            self._known = self.ring.names()

    @property
    def trouble(self) -> str:
        """Why handshakes are not answered or keys not read now; empty when all is well."""
        gatekeeper = self.sockets.gatekeeper
        if gatekeeper is not None and not gatekeeper.answering:
            return "nobody answers at the door over TCP, so nobody new gets in"
        return self.ring.trouble if self.ring is not None else ""

    def degraded(self) -> tuple[Degraded, ...]:
        """What `trouble` comes to."""
        return (Degraded(Mode.NO_GATEKEEPER, self.trouble),) if self.trouble else ()

    async def serve(self) -> None:
        """Answer handshakes until cancelled."""
        if self.sockets.gatekeeper is not None:
            await self.sockets.gatekeeper.serve()
        else:
            await asyncio.Event().wait()

    def tick(self) -> None:
        """Time has passed: see which keys have ended."""
        now_ms = self.clock.now_ms()
        if self.ring is None or now_ms - self._looked_ms < limits.KEYS_LOOKED_AT_MS:
            return
        self._looked_ms = now_ms
        changed = self.ring.refresh()
        before, self._known = self._known, self.ring.names()
        known = self._known
        ended = before.keys() - known.keys()
        if changed or ended:
            self.stream.tell(
                NodeChanged("keys", self.ring.trouble or f"{len(known)} are good, {len(ended)} have ended")
            )
        if not ended:
            return
        for line in self.dispatcher.lines.all():
            if line.executor is not None and line.executor.key in ended:
                self._shut_out(line)
        self._end_what_waits({before[key] for key in ended} - set(known.values()))
        self.sockets.turn_out_watchers()

    def _end_what_waits(self, gone: set[str]) -> None:
        """What they asked for and no robot has yet would not be sent; it ends now, so that everybody sees it."""
        for job in self.dispatcher.lines.open_jobs():
            if job.state is ActionState.WAITING and job.asked is not None and job.asked.client in gone:
                reason = f"{Code.KEY_REVOKED}: {job.asked.client} has no good key any more"
                self.dispatcher.end(job, Event.REFUSE, reason)

    def _shut_out(self, line: Line) -> None:
        """The robot must not go on with what a stranger may now tell it: it hears one last stop."""
        assert line.executor is not None
        stop = Stop(
            stop_id=f"s-{self.dispatcher.epoch}-key",
            epoch=self.dispatcher.epoch,
            reason="the key of this robot has ended",
        )
        self.sockets.send_last(line.executor.peer, encode(stop))
        line.executor = None
        job = line.in_flight()
        if job is not None:
            self.dispatcher.end(job, Event.LOSE)
        self.dispatcher.show_presence(line)
