"""A disk that neither takes nor refuses, at any moment, for seconds: told in time, nothing late, stops go through.

The node's state lies on a small ext4 of its own that is frozen and thawed (`fsfreeze`); where none can be mounted,
another connection in the middle of a write to the journal stands in. A case is one freezing under which every command
and a stop came to their end. Some lives end by SIGKILL while the disk hangs.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

from edge_agent.limits import REPLY_GRACE_MS
from edge_agent.messages import Answer, Command, Outcome
from faults.campaign import Campaign, Result, Samples, spread
from faults.lives import Lives

SIZE_BYTES = 64 << 20
TTL_MS = (50, 900)
SLACK_MS = 700.0
"""Between the node's clock and the client's look, on a crowded box."""
FREEZINGS_IN_LIFE = 5


class HangingDisk:
    """The node's state directory, and how its disk is held up."""

    def __init__(self, lives: Lives) -> None:
        self._state = lives.node.state_dir
        self._state.mkdir(mode=0o700, exist_ok=True)
        image = lives.node.folder / "disk.img"
        with image.open("wb") as file:
            file.truncate(SIZE_BYTES)
        self.mounted = os.geteuid() == 0 and _done("mke2fs", "-q", "-t", "ext4", image) and self._mount(image)
        self._writer: sqlite3.Connection | None = None

    def _mount(self, image: Path) -> bool:
        if not _done("mount", "-o", "loop", image, self._state):
            return False
        self._state.chmod(0o700)
        return True

    def hold_up(self) -> None:
        """From now on a write does not come back."""
        if self.mounted:
            subprocess.run(["fsfreeze", "--freeze", str(self._state)], check=True)
        else:
            self._writer = sqlite3.connect(self._state / "journal.db", isolation_level=None)
            self._writer.execute("BEGIN IMMEDIATE")

    def let_go(self) -> None:
        """What waited is written."""
        if self.mounted:
            _done("fsfreeze", "--unfreeze", self._state)
        elif self._writer is not None:
            self._writer.close()

    def close(self) -> None:
        self.let_go()
        if self.mounted:
            subprocess.run(["umount", "-l", str(self._state)], check=True)


class HoldingUp(Lives):
    """Lives on a disk that hangs now and then."""

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed, folder)
        self.disk = HangingDisk(self)
        self.held_up = 0
        self.told_ms: list[float] = []
        """How long after their time to live the commands of a hanging disk heard what became of them."""

    def one_life(self, freezings: int) -> None:
        self.node.start()
        self.parties.connect()
        if self.look_back() is None:
            self.violations.append("the node died on a disk that works")
            return
        went_well = all(self._hold_up() for _ in range(freezings))
        if went_well and self.rng.random() < 0.5:
            self._die_waiting()
        self.node.kill()
        self.parties.leave()

    def _hold_up(self) -> bool:
        for _ in range(self.rng.randrange(3)):
            self.ask(wait=False)
        self.parties.pump(self.rng.random() * 10)
        self.disk.hold_up()
        try:
            if not self._all_told() or not self.stop_gets_through("while the disk hung"):
                return False
        finally:
            self.disk.let_go()
        self.held_up += 1
        if not self.await_that(self._journal_is_there) or not self.resume():
            return False
        answer = self.answer_of(self.ask("go to dock 3"))
        if answer is None or answer.outcome is not Outcome.ACTIONS:
            self.violations.append("a command was not understood once the disk worked again")
        return not self.violations

    def _all_told(self) -> bool:
        """Each of some commands hears what became of it, in time, and it is nothing that moves."""
        until_ms: dict[str, float] = {}
        asked: list[Command] = []
        for _ in range(self.rng.randrange(1, 4)):
            ttl_ms = self.rng.randrange(*TTL_MS)
            asked.append(self.ask("go to dock 3", wait=False, ttl_ms=ttl_ms))
            until_ms[asked[-1].request_id] = time.monotonic() * 1000.0 + ttl_ms
        while until_ms:
            self.parties.pump(5)
            now_ms = time.monotonic() * 1000.0
            for command in asked:
                request_id = command.request_id
                if request_id in until_ms and (request_id in self.parties.replies or self.answer_of(command)):
                    self.told_ms.append(now_ms - until_ms.pop(request_id))
            if any(now_ms > ended_ms + REPLY_GRACE_MS + SLACK_MS for ended_ms in until_ms.values()):
                self.violations.append(f"not told while the disk hung: {', '.join(until_ms)}")
                return False
        if any(isinstance(answer := self.answer_of(one), Answer) and answer.actions for one in asked):
            self.violations.append("an action was promised that the disk does not have")
        return not self.violations

    def _die_waiting(self) -> None:
        """The end of a process that waits for its disk comes when the disk does."""
        self.disk.hold_up()
        self.ask(wait=False)
        self.parties.pump(50)
        os.kill(self.node.pid, signal.SIGKILL)
        self.disk.let_go()

    def _journal_is_there(self) -> bool:
        snapshot = self.snapshot()
        return snapshot is not None and not any("no_journal" in what for what in snapshot.degraded)


def _done(*command: str | Path) -> bool:
    try:
        return subprocess.run(list(map(str, command)), capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def run(seed: int, cases: int, folder: Path) -> Result:
    """Lives until the disk has hung so often."""
    holding = HoldingUp(seed, folder)
    try:
        while holding.held_up < cases and not holding.violations:
            holding.one_life(min(FREEZINGS_IN_LIFE, cases - holding.held_up))
        holding.last_life()
    finally:
        holding.disk.let_go()
        if holding.node.alive:
            holding.node.kill()
        holding.disk.close()
    samples = {"told ms": holding.told_ms, "frozen": [float(holding.disk.mounted)]}
    return Result(holding.held_up, tuple(holding.violations), samples)


def figure(samples: Samples) -> str:
    where = "a frozen ext4" if all(samples["frozen"]) else "a journal that another holds"
    return f"{where}; told after the time to live: {spread(samples, 'told ms')}"


CAMPAIGN = Campaign(
    name="held-up",
    promise="a disk that hangs: whoever asked is told within 1.5 s of the time to live, nothing late, stops go through",
    how="the disk frozen at any moment while commands and a stop come in, thawed when all are told; SIGKILL meanwhile",
    cases=60,
    short=0,
    portion=20,
    run=run,
    figure=figure,
    unit="freezings",
)
