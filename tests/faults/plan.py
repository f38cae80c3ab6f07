"""What is to go wrong in one life of a daemon, as its launcher reads it; and that daemon as a campaign holds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from node_harness import Node

TESTS = Path(__file__).parent.parent
READY = '"detail": "ready"'


@dataclass(slots=True)
class Plan:
    """Nothing goes wrong unless it is named here."""

    kill_at: str = ""
    kill_passage: int = 1
    sleeps_ms: dict[str, float] = field(default_factory=dict)
    sleep_every: int = 1
    wall_jumps_s: list[float] = field(default_factory=list)
    """Where the wall clock stands after each SIGUSR1, as seconds beside the true time; taken in turn."""
    prune_ms: float = 0.0
    commands_kept: int = 0


_BEGUN: list[FaultyNode] = []


def end_all() -> None:
    """No daemon of this process outlives its campaign, whatever became of that."""
    while _BEGUN:
        node = _BEGUN.pop()
        if node.process is not None:
            node.process.kill()
            node.process.wait()


class FaultyNode(Node):
    """The tests' daemon with a plan."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        quiet = {"recogniser": "off", "stop_words": False}
        super().__init__(folder, **{"speech": quiet, **settings})
        self.plan = Plan()
        self.before: tuple[str, ...] = ()
        """What the command line begins with: another namespace, another limit."""

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start it with its plan and do not wait."""
        settings, plan = self.folder / "settings.json", self.folder / "plan.json"
        settings.write_text(json.dumps(self.settings))
        plan.write_text(json.dumps(asdict(self.plan)))
        self.starts += 1
        _BEGUN.append(self)
        paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        command = [*self.before, sys.executable, "-m", "faults.daemon", str(settings), str(plan), *arguments]
        with self._log_path().open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        return self.process

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def came_up(self, *arguments: str, patience_s: float = 40.0) -> bool:
        """Start it; False when it died on the way, as it was planned to."""
        self.begin(*arguments)
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            if READY in self.log():
                return True
            if not self.alive:
                return False
            time.sleep(0.02)
        raise AssertionError(f"neither ready nor dead after {patience_s:g} s\n{self.log()}")

    def children(self) -> dict[int, str]:
        """The daemon's children by process id, each with its command line."""
        found: dict[int, str] = {}
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                with suppress(OSError):  # it has ended meanwhile
                    line = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[int(child)] = line
        return {pid: line for pid, line in found.items() if "resource_tracker" not in line}


def until(condition: Callable[[], bool], patience_s: float) -> bool:
    """Whether it came true in time; asked every few milliseconds."""
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
