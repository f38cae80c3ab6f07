"""SIGKILL at every step: nothing accepted is lost, nothing is doubled, nothing moves by itself.

One folder lives through many lives. Each begins with what the last one owes (its open requests are asked again), goes
on with commands, replays, confirmations, stops and world updates side by side, and ends at a planned passage of a
planned point, the restart's own recovery included; where that is not reached, at a random moment of a burst. A life
counts only when the process died with something under way: of a planned kill the process itself is the witness, of a
random one an unanswered request.
"""

from __future__ import annotations

from pathlib import Path

from edge_agent.messages import EntityRecord, Outcome, WorldUpdate, WorldUpdated
from faults.campaign import Campaign, Result, Samples
from faults.lives import Lives
from faults.plan import Plan
from faults.points import BOOT, POINTS

STEPS = 14
"""What is asked in one life, at most, before it is killed at random."""
BURST = 6
BOOT_SHARE = 0.1
PASSAGE_RATE = 0.4
"""Of the exponential that says at which passage: the third on average."""
LATCHED_SHARE = 0.2
_TURNS = ("ask", "ask", "ask", "ask", "again", "again", "confirm", "halt", "stop", "world", "wait")


class Killing(Lives):
    """One folder and its lives."""

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed, folder)
        self.killed_at: list[str] = []
        self._places: list[str] = []
        self._kept_stop: str | None = None
        """A stop that is certainly on the disk and not released: it must hold after a kill."""

    def one_life(self) -> None:
        """Start, live and die."""
        self.node.plan = self._plan()
        if not self.node.came_up():
            self._died()
            return
        self.parties.connect(removes_duplicates=self.rng.random() < 0.5)
        try:
            if self._look_back():
                for _ in range(STEPS):
                    if not self.node.alive:
                        break
                    self._turn()
            if self.node.alive:
                self._kill_in_a_burst()
            elif self._kept_stop is None:
                self._died()
        finally:
            self.parties.leave()

    def _plan(self) -> Plan:
        point = self.rng.choice(BOOT if self.rng.random() < BOOT_SHARE else POINTS)
        passage = 1 if point in BOOT else 1 + int(self.rng.expovariate(PASSAGE_RATE))
        if point.endswith("delete"):
            return Plan(kill_at=point, kill_passage=passage, prune_ms=100.0, commands_kept=100_000)
        return Plan(kill_at=point, kill_passage=passage)

    def _died(self) -> None:
        """By its own hand, at the point; anything else is a crash."""
        assert self.node.process is not None
        status = self.node.process.wait()
        if status == -9:
            self.killed_at.append(self.node.plan.kill_at)
        else:
            self.violations.append(f"crash: the process ended with {status}\n{self.node.log()[-2000:]}")

    def _kill_in_a_burst(self) -> None:
        burst = [self.ask(wait=False) for _ in range(BURST)]
        self.parties.pump(self.rng.random() * 12)
        under_way = any(self.answer_of(one) is None for one in burst)
        self.node.kill()
        if under_way:
            self.killed_at.append("random")

    def _look_back(self) -> bool:
        """What the last life owes; False when the node died meanwhile."""
        kept, self._kept_stop = self._kept_stop, None
        snapshot = self.look_back()
        if snapshot is None:
            return False
        if kept is not None and snapshot.stop_id != kept:
            self.violations.append(f"lost: the stop {kept} was on the disk and does not hold any more")
        return self._world_holds()

    def _world_holds(self) -> bool:
        """The last place that was acknowledged is still known."""
        if not self._places:
            return True
        answer = self.answer_of(self.ask(f"go to {self._places[-1]}"))
        if answer is not None and answer.outcome is not Outcome.ACTIONS:
            self.violations.append(f"lost: {self._places[-1]} was acknowledged; going there is {answer.outcome} now")
        return answer is not None

    def _turn(self) -> None:
        match self.rng.choice(_TURNS):
            case "ask":
                self.ask(wait=self.rng.random() < 0.5)
            case "again" if self.asked:
                self.parties.say(self.rng.choice(self.asked))
            case "confirm":
                self.confirm()
            case "halt":
                if self.halt() and not self._dies_while_stopped():
                    self.resume()
            case "stop":
                if self.say_stop():
                    self.resume()
            case "world":
                self._learn("yard")
            case _:
                self.parties.pump(self.rng.random() * 40)

    def _dies_while_stopped(self) -> bool:
        """Now and then: what the next gate opened over is on the disk, so the stop must hold in the next life."""
        if not self._learn("spot") or self.rng.random() > LATCHED_SHARE:
            return False
        self._kept_stop = self.stop_id
        self.node.kill()
        self.killed_at.append("latched")
        return True

    def _learn(self, what: str) -> bool:
        """A new place; whether the node said that it holds."""
        name = f"{what} {len(self._places)}"
        update = WorldUpdate(request_id=self.new_id("u"), add=(EntityRecord(name=name, kind="place"),))
        if not isinstance(self.reply(update, WorldUpdated), WorldUpdated):
            return False
        self._places.append(name)
        return True


def run(seed: int, cases: int, folder: Path) -> Result:
    """Lives until so many were ended in the middle of something."""
    killing = Killing(seed, folder)
    for _ in range(2 * cases + 2):
        if len(killing.killed_at) >= cases or killing.violations:
            break
        killing.one_life()
    killing.last_life()
    at = killing.killed_at
    return Result(
        cases=len(killing.killed_at),
        violations=tuple(killing.violations),
        samples={
            "kills at a point": [float(POINTS.index(one)) for one in at if one in POINTS],
            "kills at a random moment": [1.0 for one in at if one == "random"],
            "kills while stopped": [1.0 for one in at if one == "latched"],
            "commands": [float(len(killing.parties.history.answers))],
        },
    )


def figure(samples: Samples) -> str:
    points = samples.get("kills at a point", [])
    return (
        f"{len(set(points))} of {len(POINTS)} points, {len(points)} kills there and "
        f"{len(samples.get('kills at a random moment', []))} at random, "
        f"{len(samples.get('kills while stopped', []))} under a stop; "
        f"{sum(samples.get('commands', [])):.0f} commands"
    )


CAMPAIGN = Campaign(
    name="kill",
    promise="0 accepted commands lost; a restart never replays motion",
    how="SIGKILL at every step: before and after each write, message and decision, in the recovery, and at random",
    cases=500,
    short=2,
    portion=50,
    run=run,
    figure=figure,
    unit="kills",
)
