"""Sleeps at every stage, a stopped process, jumping clocks: nothing is sent on after its time.

The executor judges: an action's first delivery must not come later than the command's sending plus its time to live,
plus a tolerance for the way from the node's last look at the clock to the executor. A case is a command in whose time
to live the disturbance fell; one that the node answered in peace does not count.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from edge_agent.clock import SystemClock
from edge_agent.errors import Code
from edge_agent.messages import Command, ErrorReply
from faults.campaign import Campaign, Result, Samples
from faults.history import TOLERANCE_MS, late, lateness, violations
from faults.lives import Lives
from faults.plan import Plan

SLEEPY = (
    "before receive", "before admit", "after admit", "before accept", "after accept", "before link", "after link",
    "before interpret", "after interpret", "before judge", "after judge", "before settle", "after settle",
    "before close", "before release", "before begin_send", "after begin_send", "before write_send", "after write_send",
    "before begin", "before insert", "before commit", "after commit", "before send accepted", "before send answer",
    "before take_report", "after report",
)  # fmt: skip
"""Points of a command's way. A sleep between the last look at the clock and the socket is no stage; it is measured as
the tolerance."""
COMMANDS_IN_LIFE = 25
TTL_MS = (150, 1_200)
SLEEP_MS = (40, 900)
SLOWEST_TURNS = 4_000
"""A journal that sleeps for almost a second at each of a life's fifty insertions and more answers late."""
STOPPED_MS = (50, 1_500)
HOUR_S = 3_600.0
BOOT_SHIFT_S = 864_000
"""Ten days: a life in a time namespace of its own, and the next one without, as after a reboot."""

Spans = list[tuple[float, float]]


class Delaying(Lives):
    """Lives in which time goes wrong."""

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed, folder)
        self.held_up: Spans = []
        self.commands = COMMANDS_IN_LIFE
        self._clock = SystemClock()

    def one_life(self, number: int) -> None:
        """One kind of disturbance, some commands under it."""
        kinds: tuple[Callable[[], None], ...] = (self._sleepy, self._sleepy, self._stopped, self._jumping)
        kind = kinds[number % len(kinds)]
        self.node.plan = Plan()
        self.node.before = ()
        kind()
        self.node.kill()
        self.parties.leave()

    def _begin(self) -> None:
        self.node.start()
        self.parties.connect()
        self.look_back()

    def _commands(self, between: Callable[[], None]) -> None:
        for _ in range(self.commands):
            self.ask("go to dock 3", wait=False, ttl_ms=self.rng.randrange(*TTL_MS))
            between()
        asked = self.asked[-self.commands :]
        self.await_that(lambda: all(map(self._told, asked)), turns=SLOWEST_TURNS)
        for command in asked:
            if not self.answer_of(command):  # it heard that its time was over while the disk hung; the answer is kept
                self.parties.say(command)
        self.await_that(lambda: all(self.answer_of(one) for one in asked), turns=SLOWEST_TURNS)

    def _told(self, command: Command) -> bool:
        reply = self.parties.replies.get(command.request_id)
        return bool(self.answer_of(command)) or (isinstance(reply, ErrorReply) and reply.code is Code.EXPIRED)

    def _sleepy(self) -> None:
        point = self.rng.choice(SLEEPY)
        self.node.plan = Plan(
            sleeps_ms={point: float(self.rng.randrange(*SLEEP_MS))}, sleep_every=self.rng.randrange(1, 6)
        )
        self._begin()
        self._commands(lambda: self._pass_time(60.0))
        lines = (self.node.folder / "held-up").read_text().splitlines()
        self.held_up += [(float(began), float(ended)) for began, ended in (line.split() for line in lines)]

    def _stopped(self) -> None:
        """SIGSTOP at any moment, for longer than many a time to live."""
        self._begin()

        def between() -> None:
            self._pass_time(30.0)
            if self.rng.random() < 0.3:
                began_ms = self._clock.now_ms()
                os.kill(self.node.pid, signal.SIGSTOP)
                self._pass_time(2.0 * self.rng.randrange(*STOPPED_MS))
                os.kill(self.node.pid, signal.SIGCONT)
                self.held_up.append((began_ms, self._clock.now_ms()))

        self._commands(between)

    def _jumping(self) -> None:
        """The wall clock jumps an hour forth and back; the clock since boot is another one than in the last life."""
        self.node.plan = Plan(wall_jumps_s=[HOUR_S, -HOUR_S, 0.0])
        if os.geteuid() == 0 and self.rng.random() < 0.5:
            self.node.before = ("unshare", "--time", "--boottime", str(BOOT_SHIFT_S), "--kill-child")
        self._begin()

        def between() -> None:
            now_ms = self._clock.now_ms()
            self._signal_daemon(signal.SIGUSR1)
            self._pass_time(40.0)
            self.held_up.append((now_ms, self._clock.now_ms()))

        self._commands(between)

    def _signal_daemon(self, number: signal.Signals) -> None:
        """In a namespace of its own the daemon is the child of what made it."""
        children = list(self.node.children()) if self.node.before else []
        os.kill(children[0] if children else self.node.pid, number)

    def _pass_time(self, most_ms: float) -> None:
        until_ms = self._clock.now_ms() + self.rng.random() * most_ms
        while (left_ms := until_ms - self._clock.now_ms()) > 0:
            self.parties.pump(left_ms)

    def disturbed(self) -> int:
        """Commands in whose time to live something went wrong."""
        spans = 0
        for command in self.asked:
            until_ms = self.parties.history.may_begin_until_ms[command.request_id]
            sent_ms = until_ms - (command.ttl_ms or 0)
            spans += any(began < until_ms and ended > sent_ms for began, ended in self.held_up)
        return spans


def run(seed: int, cases: int, folder: Path) -> Result:
    """Lives until so many commands were disturbed."""
    delaying = Delaying(seed, folder)
    delaying.commands = min(COMMANDS_IN_LIFE, cases)
    for number in range(2 * cases):
        if delaying.disturbed() >= cases or delaying.violations:
            break
        delaying.one_life(number)
    history = delaying.parties.history
    found = [*delaying.violations, *late(history), *violations(history)]
    # asked again in a later life, a request is only told its answer: its time was the first sending's
    return Result(delaying.disturbed(), tuple(found), {"lateness ms": list(lateness(history).values())})


def figure(samples: Samples) -> str:
    values = samples["lateness ms"]
    return f"{len(values)} of them delivered, the latest {max(values, default=0):+.1f} ms from its limit"


CAMPAIGN = Campaign(
    name="late",
    promise=f"0 dispatches after expiry (tolerance {TOLERANCE_MS:.0f} ms)",
    how="sleeps at every stage, SIGSTOP for longer than the time to live, wall clock ±1 h, another clock since boot",
    cases=1_250,
    short=8,
    portion=250,
    run=run,
    figure=figure,
    unit="commands",
)
