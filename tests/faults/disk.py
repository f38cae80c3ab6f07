"""A disk that fills up at any moment and is freed again: stops go through, nothing accepted is lost.

The node's state lies on a small tmpfs of its own; where none can be mounted, a limit on file sizes stands in. A case is
one filling that the node noticed: it refused a command with JOURNAL_UNAVAILABLE, or said that its journal is away. A
stop is asked for while the disk is full; after the freeing it must be on the disk, which a kill then shows.
"""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import time
from pathlib import Path

from edge_agent.errors import Code
from edge_agent.messages import ErrorReply
from faults.campaign import Campaign, Result, Samples
from faults.lives import Lives

WRITTEN_S = 1.0
"""A stop is sent first and written after, even where the disk has not refused anything yet; so long it may take."""
SIZE = "32m"
FILLINGS_IN_LIFE = 4


class Disk:
    """The node's state directory, and how it is filled."""

    def __init__(self, lives: Lives) -> None:
        self._node = lives.node
        self._node.state_dir.mkdir(mode=0o700, exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "edge-agent-faults", str(self._node.state_dir)]
        self.mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
        self._filler = self._node.state_dir / "filler"

    def fill(self) -> None:
        """To the last byte."""
        if not self.mounted:
            resource.prlimit(self._node.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
            return
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as problem:
                    if problem.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        if self.mounted:
            self._filler.unlink(missing_ok=True)
        elif self._node.alive:
            resource.prlimit(self._node.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", str(self._node.state_dir)], check=True)


class Filling(Lives):
    """Lives on a disk that fills up."""

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed, folder)
        self.disk = Disk(self)
        self.noticed = 0

    def one_life(self, fillings: int) -> None:
        self.node.start()
        self.parties.connect()
        snapshot = self.look_back()
        if snapshot is None:
            self.violations.append("the node died on a disk with room")
            return
        for _ in range(fillings):
            self._fill_and_free()
        held = self.stop_id = self._stop_that_is_kept()
        self.node.kill()
        self.parties.leave()
        self.node.start()
        self.parties.connect()
        snapshot = self.snapshot()
        if snapshot is None or snapshot.stop_id != held:
            self.violations.append(f"lost: the stop {held} of a full disk does not hold after a kill")
        self.node.kill()
        self.parties.leave()

    def _fill_and_free(self) -> None:
        for _ in range(self.rng.randrange(4)):
            self.ask(wait=False)
        self.parties.pump(self.rng.random() * 10)
        self.disk.fill()
        refused = [self.ask() for _ in range(3)]
        self._note(refused)
        if not self.stop_gets_through("on a full disk"):
            return
        self.disk.free()
        self._await_the_journal()
        self.resume()

    def _stop_that_is_kept(self) -> str | None:
        """Pressed on a full disk, and left so when there is room again."""
        self.disk.fill()
        self._note([self.ask() for _ in range(3)])
        self.stop_gets_through("on a full disk")
        self.disk.free()
        self._await_the_journal()
        written = time.monotonic() + WRITTEN_S
        while time.monotonic() < written:
            self.parties.pump(50)
        return self.stop_id

    def _note(self, asked: list[object]) -> None:
        replies = [self.parties.replies.get(one.request_id) for one in asked]  # type: ignore[attr-defined]
        away = any(isinstance(one, ErrorReply) and one.code is Code.JOURNAL_UNAVAILABLE for one in replies)
        self.noticed += away or self._journal_away()

    def _await_the_journal(self) -> None:
        for _ in range(200):
            if not self._journal_away():
                return
            self.parties.pump(50)
        self.violations.append("the journal did not come back with room on the disk")

    def _journal_away(self) -> bool:
        snapshot = self.snapshot()
        return snapshot is not None and any("no_journal" in what for what in snapshot.degraded)


def run(seed: int, cases: int, folder: Path) -> Result:
    """Lives until the node noticed so many fillings."""
    filling = Filling(seed, folder)
    try:
        for _ in range(cases):
            if filling.noticed >= cases or filling.violations:
                break
            filling.one_life(min(FILLINGS_IN_LIFE, cases - 1))
        filling.last_life()
    finally:
        if filling.node.alive:
            filling.node.kill()
        filling.disk.close()
    return Result(filling.noticed, tuple(filling.violations), {"tmpfs": [float(filling.disk.mounted)]})


def figure(samples: Samples) -> str:
    return "on a tmpfs" if all(samples["tmpfs"]) else "under a limit on file sizes"


CAMPAIGN = Campaign(
    name="disk",
    promise="a full disk refuses commands, never a stop; 0 accepted commands lost",
    how=f"a tmpfs of {SIZE.upper()}B filled to the last byte at any moment, freed again; stops meanwhile; kills after",
    cases=120,
    short=0,
    portion=40,
    run=run,
    figure=figure,
    unit="fillings",
)
