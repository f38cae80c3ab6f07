"""A real daemon with faults planted from outside: `python -m faults.daemon SETTINGS.json PLAN.json [--model]`.

The plan says at which passage of which point the process kills itself, where it sleeps and how often, when its wall
clock jumps, and how many answered commands its journal keeps. Everything else is the product's own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import daemon_with_script

from edge_agent.clock import SystemClock
from edge_agent.node import daemon as node_daemon
from edge_agent.observe.journal import Journal
from faults.plan import Plan
from faults.points import watch


class Faults:
    """What happens at each passage of a point."""

    def __init__(self, plan: Plan, held_up: Path) -> None:
        """`held_up`: a file that gets a line of begin and end for every sleep."""
        self._plan = plan
        self._held_up = held_up
        self._clock = SystemClock()
        self._passages: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._wall_shift_ns = 0

    def passed(self, point: str) -> None:
        with self._lock:
            self._passages[point] += 1
            passage = self._passages[point]
        if point == self._plan.kill_at and passage == self._plan.kill_passage:
            os.kill(os.getpid(), signal.SIGKILL)
        sleep_ms = self._plan.sleeps_ms.get(point, 0.0)
        if sleep_ms and passage % self._plan.sleep_every == 0:
            began_ms = self._clock.now_ms()
            time.sleep(sleep_ms / 1000.0)
            with self._held_up.open("a") as file:
                file.write(f"{began_ms} {self._clock.now_ms()}\n")

    def jump(self, *_signal: object) -> None:
        """The wall clock goes an hour forth, and at the next call an hour back; twice as far after that."""
        steps = self._plan.wall_jumps_s
        if steps:
            self._wall_shift_ns = int(steps[0] * 1e9)
            self._plan.wall_jumps_s.append(steps.pop(0))

    def move_wall_clock(self) -> None:
        true_time_ns = time.time_ns
        time.time_ns = lambda: true_time_ns() + self._wall_shift_ns
        time.time = lambda: time.time_ns() / 1e9


def main() -> int:
    """Plant what the plan says, then be the daemon of the tests."""
    plan = Plan(**json.loads(Path(sys.argv.pop(2)).read_text()))
    faults = Faults(plan, Path(sys.argv[1]).with_name("held-up"))
    watch(faults.passed)
    if plan.wall_jumps_s:
        faults.move_wall_clock()
        signal.signal(signal.SIGUSR1, faults.jump)
    if plan.prune_ms:
        node_daemon.PRUNE_MS = plan.prune_ms  # type: ignore[misc]
    if plan.commands_kept:
        prune = Journal.prune
        Journal.prune = lambda self: prune(self, plan.commands_kept)  # type: ignore[method-assign]
    return daemon_with_script.main()


if __name__ == "__main__":
    raise SystemExit(main())
