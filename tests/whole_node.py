"""A whole node in this process: its clock is moved by hand, its doors are lists, its journal is a real one on the disk.

For tests of the lifecycle; holds no test. The engine is a script: each "unlock" and "turn on" of a sentence becomes an
action, and unlocking waits for a yes.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

from edge_agent.clock import ManualClock
from edge_agent.errors import NodeFault
from edge_agent.language.decision import DecideRequest
from edge_agent.language.scripted import ScriptedDecider
from edge_agent.messages import FROM_NODE, Message
from edge_agent.messages.codec import Codec, encode
from edge_agent.node.assembly import Parts, assemble
from edge_agent.node.boot import open_state
from edge_agent.node.compose import read_policy
from edge_agent.node.daemon import Daemon
from edge_agent.node.watching import watched
from edge_agent.node.worlds import LoadedWorld
from edge_agent.observe.database import FILE_NAME
from edge_agent.packs import home
from edge_agent.settings import Settings
from edge_agent.transport.door import Received
from edge_agent.transport.sockets import Sockets
from edge_agent.world.entities import Entity
from edge_agent.world.store import World

WORLD = World.of((Entity("front door", "lock"), Entity("lamp", "light")))
SETTINGS = Settings.model_validate(
    {
        "packs": [{"name": "home"}],
        "speech": {"recogniser": "off", "stop_words": False},
        "policy": {"confirm": ["lock"]},
        "health": {"log_level": "error"},
    }
)
FUTURE_MS = 1e12
"""Where the clock begins: the script's deadlines are compared with the machine's own clock, which is never there."""
_CODEC = Codec(FROM_NODE)
_SETTLE_S = 0.0005

Sent = Callable[[bytes, Message], bool]
Shown = Callable[[Message], None]


class Doors:
    """Where the node's sockets would be."""

    doors = ()
    gatekeeper = None

    def __init__(self, sent: Sent, shown: Shown) -> None:
        self._sent = sent
        self._shown = shown

    def send(self, peer: bytes, frame: bytes) -> bool:
        return self._sent(peer, _CODEC.decode(frame))

    def send_last(self, peer: bytes, frame: bytes) -> None:
        self._sent(peer, _CODEC.decode(frame))

    def publish(self, _topic: str, frame: bytes) -> None:
        self._shown(_CODEC.decode(frame))

    def key_of(self, _peer: bytes) -> str:
        return ""


class WholeNode:
    """One node at a time on one state directory; `cut_power` leaves what is on the disk and begins the next one."""

    def __init__(self, sent: Sent, shown: Shown) -> None:
        self.clock = ManualClock(boot_ms=FUTURE_MS)
        self.log = io.StringIO()
        """Faults of the node's own, and nothing else: no command here is one."""
        self._loop = asyncio.new_event_loop()
        self._root = Path(tempfile.mkdtemp(prefix="whole-node-"))
        self._doors = Doors(sent, shown)
        self._lives = 0
        self._watching = ExitStack()
        self._holder: sqlite3.Connection | None = None
        self._full = False
        self._sizes = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.state_dir = self._root / "0"
        self.state_dir.mkdir()
        self.daemon = self._boot()

    @property
    def disk_answers(self) -> bool:
        """Whether the disk takes writes now."""
        return self._holder is None and not self._full

    @property
    def epoch(self) -> int:
        """Which life this is."""
        return self.daemon.reception.epoch

    def say(self, peer: bytes, message: Message) -> None:
        """A frame comes in."""
        self._in_loop(lambda: self.daemon.reception.receive(Received(peer, (encode(message),))))

    def tick(self) -> None:
        """What the daemon does every few milliseconds."""

        def look() -> None:
            self.daemon.confirmations.expire(self.clock.now_ms())
            self.daemon.dispatcher.tick()
            self.daemon.stops.tick()
            self.daemon.health.tick()

        self._in_loop(look)

    def settle(self) -> None:
        """Let everything come to its end that can; what waits for a disk that hangs goes on waiting."""
        self._loop.run_until_complete(self._settle())

    def go_on_until(self, condition: Callable[[], bool]) -> None:
        """Let everything go on, in the smallest steps there are, until a condition holds or all is done."""

        async def there() -> None:
            while len(self.daemon.tasks) and not condition() and self._holder is None:
                await asyncio.sleep(0)

        self._loop.run_until_complete(there())

    def hold_disk(self) -> None:
        """Another program holds the database: a write waits, and after two seconds it is refused."""
        self._holder = sqlite3.connect(self.state_dir / FILE_NAME, isolation_level=None)
        self._holder.execute("BEGIN IMMEDIATE")

    def fill_disk(self) -> None:
        """No file may grow: every write is refused."""
        self._full = True
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, self._sizes[1]))

    def free_disk(self) -> None:
        """It takes writes again."""
        self._let_go()
        self._in_loop(self.daemon.health.tick)

    def _let_go(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None
        resource.setrlimit(resource.RLIMIT_FSIZE, self._sizes)
        self._full = False

    def read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What is on the disk, seen by somebody else than the node."""
        connection = sqlite3.connect(self.state_dir / FILE_NAME)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def cut_power(self) -> None:
        """The node is gone in this moment; the next one begins with what lies on the disk."""
        resource.setrlimit(resource.RLIMIT_FSIZE, self._sizes)
        after = self._root / str(self._lives + 1)
        shutil.copytree(self.state_dir, after, ignore=shutil.ignore_patterns("*-shm"))
        self._leave()
        self.state_dir = after
        self._lives += 1
        self.daemon = self._boot()

    def close(self) -> None:
        self._leave()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
        shutil.rmtree(self._root)

    def _boot(self) -> Daemon:
        """As `compose` does it."""
        packs = {"home": home.PACK}
        worlds = {"home": LoadedWorld(WORLD, "0" * 64, 0)}
        settings = SETTINGS.model_copy(update={"state_dir": self.state_dir})
        watching = self._watching.enter_context(watched(settings, packs, self.clock, self.log))
        parts = Parts(
            settings=settings,
            packs=packs,
            worlds=worlds,
            policy=read_policy(settings, packs, worlds, watching.stream),
            state=open_state(self.state_dir, self.clock, watching.stream),
            engine=ScriptedDecider(answer_of),
            watching=watching,
            clock=self.clock,
        )
        return assemble(parts, cast(Sockets, self._doors))

    def _leave(self) -> None:
        """End this node; what it still says and writes concerns nobody."""
        self._let_go()
        sent, shown = self._doors._sent, self._doors._shown
        self._doors._sent, self._doors._shown = (lambda _peer, _message: False), (lambda _message: None)
        self._loop.run_until_complete(self.daemon.tasks.drain(0.0))
        self.daemon.workers.shutdown()
        self.daemon.journal.close()
        self._watching.close()
        self._doors._sent, self._doors._shown = sent, shown

    def _in_loop(self, work: Callable[[], None]) -> None:
        async def there() -> None:
            work()

        self._loop.run_until_complete(there())

    async def _settle(self) -> None:
        if self._holder is not None:
            for _ in range(6):
                await asyncio.sleep(_SETTLE_S)
            return
        while len(self.daemon.tasks):
            await asyncio.sleep(_SETTLE_S)
        with contextlib.suppress(NodeFault):
            await self.daemon.journal.find("nobody", "nothing")  # behind everything that was to be written


def answer_of(request: DecideRequest) -> str:
    """The script."""
    actions = [
        {"action": "HassTurnOff" if part.startswith("unlock") else "HassTurnOn", "name": int(label)}
        for part, label in re.findall(r"(unlock|turn on) the \[(\d+) ", request.marked)
    ]
    return json.dumps(actions, separators=(",", ":"))
