"""Half an hour at 20 commands a second, with the real model and an executor: nothing grows, nothing is lost.

A case is one command. The load is open: commands go out by the clock, whether or not the last was answered. Memory is
that of the daemon and its children. It is warmed up first, by a flood that fills every cache and every place, and by
the first two fifths of the load; neither counts. A descriptor counts when it is open at two looks in a row, some
milliseconds apart: a file that is read and closed is not held. When there are more than at the warm-up's end, the new
ones are named.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

from edge_agent.messages import Command
from faults.campaign import Campaign, Result, Samples, percentile
from faults.history import violations
from faults.measure import Slope, daemon_mb, descriptors, memory_mb, slope
from faults.parties import Parties
from faults.plan import FaultyNode

RATE_HZ = 20
TTL_MS = 10_000
FLOOD_SHARE = 0.2
"""Of the cases, sent beforehand as fast as they are answered."""
FLOOD_IN_FLIGHT = 64
WARM_UP_SHARE = 0.4
LOOK_EVERY_S = 5.0
LOOK_AGAIN_MS = 10
SLOPE_MAX_MB_PER_H = 1.0
TEXTS = (
    "go to dock 3",
    "go to packing",
    "bring the red box from dock 3 to packing",
    "go to dock 3 then go to packing",
    "wait two seconds",
    "go to the moon",
    "drive over to the packing please",
    "take the red box to dock 3",
)


class Soaking:
    """The load, and what is looked at meanwhile."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = random.Random(seed)
        self.node = FaultyNode(folder)
        self.parties = Parties(self.node.command_address, self.rng, finishes=1.0, acknowledges=1.0)
        self.looks: list[tuple[float, float, float, float]] = []
        """Seconds, megabytes of all, of the daemon alone, descriptors of all."""
        self.latencies: list[tuple[float, float]] = []
        """Seconds, milliseconds."""
        self._open: dict[str, float] = {}
        self.held: list[frozenset[tuple[int, int, str]]] = []
        """The descriptors of all, a set for each look."""

    def warm_up(self, commands: int) -> None:
        """As many as go, side by side; what is refused at the robot's queue or expires is no loss."""
        sent = [f"w-{number}" for number in range(commands)]
        waiting: set[str] = set()
        while sent or waiting:
            while sent and len(waiting) < FLOOD_IN_FLIGHT:
                request_id = sent.pop()
                waiting.add(request_id)
                self.parties.say(Command(request_id=request_id, text=self.rng.choice(TEXTS), ttl_ms=TTL_MS))
            self.parties.pump(20)
            waiting = {one for one in waiting if not self.parties.answered(one) and one not in self.parties.replies}

    def load(self, cases: int) -> None:
        """Send by the clock, take what comes."""
        began, sent, next_look_s = time.monotonic(), 0, 0.0
        while sent < cases or (self._open and time.monotonic() - began < cases / RATE_HZ + TTL_MS / 1000.0):
            now_s = time.monotonic() - began
            if sent < cases and now_s >= sent / RATE_HZ:
                request_id = f"r-{sent}"
                self.parties.say(Command(request_id=request_id, text=self.rng.choice(TEXTS), ttl_ms=TTL_MS))
                self._open[request_id] = now_s
                sent += 1
            if now_s >= next_look_s:
                next_look_s += LOOK_EVERY_S
                self._look(now_s)
            self.parties.pump(max(0.0, min(sent / RATE_HZ - now_s, 0.02)) * 1000.0)
            self._settle(time.monotonic() - began)

    def _look(self, now_s: float) -> None:
        before = self._descriptors()
        self.parties.pump(LOOK_AGAIN_MS)
        self.held.append(before & self._descriptors())
        self.looks.append((now_s, memory_mb(self.node), daemon_mb(self.node), float(len(self.held[-1]))))

    def _descriptors(self) -> frozenset[tuple[int, int, str]]:
        return frozenset().union(*(descriptors(pid) for pid in (self.node.pid, *self.node.children())))

    def news(self) -> list[str]:
        """What was not held at the warm-up's end and is later, at looks that find more than then."""
        warm = self.held[int(len(self.held) * WARM_UP_SHARE) :]
        more = [held - warm[0] for held in warm if len(held) > len(warm[0])]
        return sorted({target for new in more for _pid, _number, target in new})

    def _settle(self, now_s: float) -> None:
        for request_id in [one for one in self._open if self.parties.answered(one)]:
            sent_s = self._open.pop(request_id)
            self.latencies.append((sent_s, (now_s - sent_s) * 1000.0))


def run(seed: int, cases: int, folder: Path) -> Result:
    """Commands for as long as it takes to send them."""
    soaking = Soaking(seed, folder)
    soaking.node.start("--model")
    soaking.parties.connect()
    soaking.warm_up(round(cases * FLOOD_SHARE))
    soaking.load(cases)
    history = soaking.parties.history
    soaking.parties.leave()
    found = violations(history)
    unanswered = cases - len(soaking.latencies)
    if unanswered:
        found.append(f"lost: {unanswered} of {cases} commands were never answered")
    found += [f"grows: {target} is held open since the warm-up" for target in soaking.news()]
    if soaking.node.stop() != 0:
        found.append("crash: the node did not end well")
    samples = {
        "at s": [look[0] for look in soaking.looks],
        "memory MB": [look[1] for look in soaking.looks],
        "daemon MB": [look[2] for look in soaking.looks],
        "descriptors": [look[3] for look in soaking.looks],
        "asked s": [at for at, _ms in soaking.latencies],
        "answer ms": [round(ms, 2) for _at, ms in soaking.latencies],
        "delivered": [float(len(history.deliveries))],
    }
    return Result(len(soaking.latencies), tuple(found), samples)


def memory_slope(samples: Samples) -> Slope:
    """MB an hour after warm-up."""
    at, memory = samples["at s"], samples["memory MB"]
    warm = [index for index, second in enumerate(at) if second >= at[-1] * WARM_UP_SHARE]
    return slope([at[index] / 3600.0 for index in warm], [memory[index] for index in warm])


def judge(samples: Samples) -> list[str]:
    """A slope is judged where the run was long enough to see one: its interval is narrower than the promise."""
    found, rise = [], memory_slope(samples)
    if rise.half_width < SLOPE_MAX_MB_PER_H <= rise.rise:
        found.append(f"grows: {rise.rise:.2f} ± {rise.half_width:.2f} MB an hour after warm-up")
    files = samples["descriptors"]
    warm = files[int(len(files) * WARM_UP_SHARE) :]
    if warm and max(warm) > min(warm):
        found.append(f"grows: between {min(warm):.0f} and {max(warm):.0f} descriptors after warm-up")
    return found


def figure(samples: Samples) -> str:
    rise, at, answers = memory_slope(samples), samples["asked s"], samples["answer ms"]
    third = max(at) / 3
    first = [ms for second, ms in zip(at, answers, strict=True) if second < third]
    last = [ms for second, ms in zip(at, answers, strict=True) if second > 2 * third]
    return (
        f"{rise.rise:+.2f} ± {rise.half_width:.2f} MB an hour after warm-up, at {samples['memory MB'][-1]:.0f} MB; "
        f"{samples['descriptors'][-1]:.0f} descriptors; answers p50 {percentile(first, 0.5):.1f} ms in the first "
        f"third, {percentile(last, 0.5):.1f} ms in the last, p99 {percentile(answers, 0.99):.1f} ms; "
        f"{samples['delivered'][0]:.0f} actions carried out; {max(at) / 60:.0f} min"
    )


CAMPAIGN = Campaign(
    name="soak",
    promise="30 min at 20 commands/s: memory slope < 1 MB/h after warm-up, descriptors flat",
    how="the real model and an executor, an open load of 20 commands/s; the memory of all processes every 5 s",
    cases=36_000,
    short=0,
    portion=36_000,
    run=run,
    figure=figure,
    judge=judge,
    unit="commands",
    limit_s=2_400.0,
)
