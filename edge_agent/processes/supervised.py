"""A child that is started again whenever it ends, on the node's own loop. Its frames go to one listener.

Decides when it is started and how long to wait after it failed; one that a file or a setting keeps from starting is not
tried again, as it would fail the same way. One that stands still while it loads, or while it owes an answer, is ended.
What is sent while there is no child is refused, not kept: sound that waits for a restart is old when it is heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from edge_agent.clock import Clock
from edge_agent.errors import ConfigurationFault, EdgeAgentError
from edge_agent.limits import BACKLOG_BYTES_MAX, LISTENER_LOAD_S_MAX, STILL_LOOK_S
from edge_agent.processes.faults import read_fault
from edge_agent.processes.frames import BadFrame, JsonObject, pack_frame, receive_frame
from edge_agent.processes.spawn import Spawned, spawn
from edge_agent.processes.stillness import Stillness, processor_ticks

BACKOFF_S: Final = (0.0, 0.2, 1.0, 2.0, 5.0)
"""Waits before the first, second, … start in a row that failed; the last one repeats."""
STEADY_S: Final = 10.0
"""A child that lived this long has not failed to start."""


class Listener(Protocol):
    """What a supervised child speaks to. Called on the loop; must not block."""

    def came_up(self, facts: Mapping[str, Any]) -> None:
        """It is ready."""

    def said(self, header: JsonObject, payload: bytes) -> None:
        """A frame of it. A `BadFrame` raised here ends the child."""

    def owes(self) -> bool:
        """Whether it has been given work that it has not done; one that merely waits for some is let be."""

    def went_down(self, why: str) -> None:
        """It ended or could not start; another start follows."""


@dataclass(slots=True)
class _Running:
    child: Spawned
    writer: asyncio.StreamWriter


@dataclass(slots=True)
class Supervised:
    """One kind of child. `load` is what it is told first; it answers {"ready": {facts}} or {"failed": a fault}."""

    module: str
    load: Callable[[], JsonObject]
    listener: Listener
    clock: Clock
    inherit: tuple[str, ...] = ()
    backoff_s: tuple[float, ...] = BACKOFF_S
    look_s: float = STILL_LOOK_S
    facts: Mapping[str, Any] = field(default_factory=dict)
    restarts: int = 0
    last_end: str = ""
    failure: EdgeAgentError | None = None
    """Why the latest start failed, in the child's own words."""
    _running: _Running | None = None
    _why: str = ""

    @property
    def ready(self) -> bool:
        """Whether a loaded child listens."""
        return self._running is not None

    @property
    def pid(self) -> int | None:
        """Of the ready child."""
        return self._running.child.pid if self._running else None

    def send(self, header: JsonObject, payload: bytes = b"") -> bool:
        """Hand it a frame; False when there is no child or it reads nothing any more."""
        if self._running is None or self._running.writer.is_closing():
            return False
        transport = self._running.writer.transport
        if transport.get_write_buffer_size() > BACKLOG_BYTES_MAX:
            return False
        self._running.writer.write(pack_frame(header, payload))
        return True

    def kill(self, why: str) -> None:
        """End it; another is started."""
        if self._running is not None:
            self._why = why
            self._running.child.kill()

    async def run(self) -> None:
        """Start it, listen to it, start it again; until this is cancelled, which ends it for good, or it cannot be."""
        failures = 0
        while True:
            await asyncio.sleep(self.backoff_s[min(failures, len(self.backoff_s) - 1)])
            began_ms = self.clock.now_ms()
            why = await self._one_life()
            failures = 0 if self.clock.now_ms() - began_ms >= STEADY_S * 1000.0 else failures + 1
            self.restarts += 1
            self.last_end = why
            self.listener.went_down(why)
            if isinstance(self.failure, ConfigurationFault):
                return

    async def _one_life(self) -> str:
        """From start to end; returns how it ended."""
        try:
            child = spawn(self.module, inherit=self.inherit)
        except OSError as problem:
            return f"cannot be started: {problem}"
        writer: asyncio.StreamWriter | None = None
        self._why, self.failure = "", None
        watch = asyncio.create_task(self._watch(child))
        try:
            reader, writer = await asyncio.open_connection(sock=child.socket)
            writer.write(pack_frame(self.load()))
            header, _ = await asyncio.wait_for(receive_frame(reader), LISTENER_LOAD_S_MAX)
            if not isinstance(header.get("ready"), dict):
                self.failure = read_fault(header.get("failed"))
                return str(self.failure or _told(header))[:400]
            self.facts = header["ready"]
            self._running = _Running(child, writer)
            self.listener.came_up(self.facts)
            while True:
                self.listener.said(*await receive_frame(reader))
        except BadFrame as problem:
            self._why = f"sent {problem}"
        except (EOFError, OSError):
            pass
        except TimeoutError:
            self._why = f"was not ready within {LISTENER_LOAD_S_MAX:g} s"
        finally:
            self._running = None
            watch.cancel()
            child.kill()
            if writer is not None:
                writer.close()
            status = await asyncio.shield(_end_of(child))
        return f"{self._why or 'ended'} (exit status {status}) {child.last_words()}".rstrip()

    async def _watch(self, child: Spawned) -> None:
        """End it when it stands still with something to do."""
        stillness = Stillness()
        while not stillness.look(processor_ticks(child.pid), owes=self._running is None or self.listener.owes()):
            await asyncio.sleep(self.look_s)
        self._why = "stood still"
        child.kill()


async def _end_of(child: Spawned) -> int:
    return await asyncio.get_running_loop().run_in_executor(None, child.wait)


def _told(header: JsonObject) -> str:
    """Why it cannot start, in its own words."""
    match header.get("failed"):
        case {"code": code, "message": message}:
            return f"{code}: {message}"
    return f"said {sorted(header)} instead of being ready"
