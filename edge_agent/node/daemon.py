"""The daemon's life: startup, main loop, shutdown. Moves frames from the sockets to the reception and keeps time."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from edge_agent.clock import Clock
from edge_agent.errors import Code
from edge_agent.limits import DRAIN_S
from edge_agent.node.confirm import Confirmations
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.doorkeeper import Doorkeeper
from edge_agent.node.health import Engine, Health
from edge_agent.node.pulse import Pulse
from edge_agent.node.reception import Reception
from edge_agent.node.speech_side import SpeechSide
from edge_agent.node.stops import Stops
from edge_agent.node.tasks import Tasks
from edge_agent.node.worlds import Worlds
from edge_agent.observe.events import NodeChanged, Stream
from edge_agent.observe.journal import Journal
from edge_agent.observe.systemd import Systemd
from edge_agent.transport.door import Door
from edge_agent.transport.sockets import Sockets

TICK_MS: Final = 20.0
"""How often time is looked at: expiry, resends. A send looks at the clock itself."""
HEALTH_MS: Final = 500.0
PRUNE_MS: Final = 600_000.0


@dataclass(frozen=True, slots=True)
class Daemon:
    """A composed node."""

    sockets: Sockets
    doorkeeper: Doorkeeper
    reception: Reception
    dispatcher: Dispatcher
    stops: Stops
    confirmations: Confirmations
    worlds: Worlds
    journal: Journal
    health: Health
    pulse: Pulse
    speech: SpeechSide
    engine: Engine
    workers: ThreadPoolExecutor
    tasks: Tasks
    stream: Stream
    systemd: Systemd
    clock: Clock

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises:
            EdgeAgentError: the engine cannot be started.
        """
        ending = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ending.set)
        serving = [loop.create_task(work) for work in self._works()]
        waiting = loop.create_task(ending.wait())
        try:
            # receiving and keeping time never end by themselves: whoever ends here brings the reason
            pending: set[asyncio.Task[Any]] = {waiting, *serving}
            while not ending.is_set():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for ended in done:
                    ended.result()
        finally:
            waiting.cancel()
            await self._shut_down(serving)

    def _works(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What goes on all the time, and the engine's start."""
        receiving = (self._receive(door) for door in self.sockets.doors)
        return *receiving, self.doorkeeper.serve(), self._keep_time(), self._start_engine()

    async def _receive(self, door: Door) -> None:
        while True:
            with self.reception.arrivals.waiting():
                received = await door.receive()
            self.reception.receive(received)
            # a burst of commands begins one a turn of the loop, so that a stop behind it is read after the next of them
            await asyncio.sleep(0)

    async def _keep_time(self) -> None:
        health_ms = prune_ms = alive_ms = self.clock.now_ms()
        while True:
            now_ms = self.clock.now_ms()
            self.reception.arrivals.look(now_ms, receivers=len(self.sockets.doors))
            self.confirmations.expire(now_ms)
            self.dispatcher.tick()
            self.stops.tick()
            self.speech.tick()
            self.doorkeeper.tick()
            if emptied := self.sockets.look_around():
                self.stream.tell(
                    NodeChanged("door", f"too many connections: all {emptied} ones were closed", Code.QUEUE_FULL)
                )
            self.pulse.tick(TICK_MS)
            if now_ms - health_ms >= HEALTH_MS:
                health_ms = now_ms
                self.health.tick()
            if now_ms - prune_ms >= PRUNE_MS:
                prune_ms = now_ms
                self.journal.prune()
            if self.systemd.watchdog_ms and now_ms - alive_ms >= self.systemd.watchdog_ms:
                alive_ms = now_ms
                self.systemd.alive()
            await asyncio.sleep(TICK_MS / 1000.0)

    async def _start_engine(self) -> None:
        """The engine loads while stops are taken already."""
        await asyncio.get_running_loop().run_in_executor(self.workers, self.engine.start)
        self.health.tick()
        self.speech.begin()
        self.systemd.ready()
        self.stream.tell(NodeChanged("node", "ready"))

    async def _shut_down(self, serving: list[asyncio.Task[None]]) -> None:
        """Take nothing more, let what runs end. What had not ended is settled at the next start."""
        self.systemd.stopping()
        self.stream.tell(NodeChanged("node", "closing"))
        for work in serving:
            work.cancel()
        for work in serving:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await work
        await self.speech.close()
        await self.tasks.drain(DRAIN_S)
        self.engine.close()
        self.workers.shutdown(wait=False, cancel_futures=True)
        self.worlds.close()
