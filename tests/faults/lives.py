"""One folder's node through its lives, with a client and an executor that outlive it: asking, awaiting, looking back.

What every campaign that ends lives needs. Each wait also ends when the node died; a node that lives and says nothing is
a violation of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.messages import Answer, Command, Confirm, Halt, Halted, Message, Resume, Snapshot, SnapshotRequest
from faults.history import violations
from faults.paper import breaches, read_paper
from faults.parties import Parties
from faults.plan import FaultyNode, Plan

TTL_MS = 20_000
QUIET_MS = 120
"""How long nothing may come by itself after a restart."""
PATIENCE_TURNS = 400
TURN_MS = 25
TEXTS = ("go to dock 3", "go to dock 3 then go to packing", "wait two seconds", "go to the moon")


class Lives:
    """A node, and what was asked of it so far."""

    def __init__(self, seed: int, folder: Path, **settings: Any) -> None:
        self.rng = random.Random(seed)
        self.node = FaultyNode(folder, **settings)
        self.parties = Parties(self.node.command_address, self.rng)
        self.violations: list[str] = []
        self.asked: list[Command] = []
        self.stop_id: str | None = None
        self._number = 0

    def new_id(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._number}"

    def ask(self, text: str = "", *, wait: bool = True, ttl_ms: int = TTL_MS, pack: str | None = None) -> Command:
        """One more command; with `wait` until it is answered or refused."""
        text = text or self.rng.choice(TEXTS)
        command = Command(request_id=self.new_id("r"), text=text, ttl_ms=ttl_ms, pack=pack)
        self.asked.append(command)
        self.parties.say(command)
        if wait:
            self.await_settled(command)
        else:
            self.parties.pump()
        return command

    def answer_of(self, command: Command) -> Answer | None:
        told = self.parties.history.answers.get(command.request_id)
        return told[0] if told else None

    def await_settled(self, command: Command) -> bool:
        """Until it is answered or refused."""
        return self.await_that(lambda: bool(self.answer_of(command)) or command.request_id in self.parties.replies)

    def confirm(self) -> list[Confirm]:
        """Ask for what needs a yes, and say it; what was sent."""
        said = []
        answer = self.answer_of(self.ask("unlock the front door", pack="home"))
        for planned in answer.actions if answer else ():
            if planned.confirmation is not None:
                fields = {"action_id": planned.action_id, "digest": planned.digest, "token": planned.confirmation.token}
                said.append(Confirm(request_id=self.new_id("y"), **fields))
                self.reply(said[-1], Message)
        return said

    def halt(self) -> bool:
        """Stop; the id is kept."""
        halted = self.reply(Halt(request_id=self.new_id("h"), reason="campaign"), Halted)
        if isinstance(halted, Halted):
            self.stop_id = halted.stop_id
        return isinstance(halted, Halted)

    def say_stop(self) -> bool:
        """Stop in words; the id is kept."""
        known = set(self.parties.stopped_by)
        request_id = self.new_id("stop")
        self.parties.history.stops.add(request_id)
        self.parties.say(Command(request_id=request_id, text="stop", ttl_ms=TTL_MS))
        if not self.await_that(lambda: bool(set(self.parties.stopped_by) - known)):
            return False
        self.stop_id = self.parties.stopped_by[-1]
        return True

    def stop_gets_through(self, when: str) -> bool:
        """Stop, in words or by `halt`; it must reach the executor."""
        known = len(self.parties.stopped_by)
        pressed = self.say_stop() if self.rng.random() < 0.5 else self.halt()
        if pressed and self.await_that(lambda: len(self.parties.stopped_by) > known):
            return True
        self.violations.append(f"a stop did not reach the executor {when}")
        return False

    def resume(self) -> bool:
        """Release the stop; False when the node died meanwhile."""
        stop_id, self.stop_id = self.stop_id, None
        assert stop_id is not None
        return self.reply(Resume(request_id=self.new_id("e"), stop_id=stop_id), Message) is not None

    def snapshot(self) -> Snapshot | None:
        reply = self.reply(SnapshotRequest(request_id=self.new_id("s")), Snapshot)
        return reply if isinstance(reply, Snapshot) else None

    def reply(self, request: Message, kind: type[Message]) -> Message | None:
        """The node's reply of a kind; None when it refused or died first."""
        request_id: str = request.request_id  # type: ignore[attr-defined]
        self.parties.say(request)
        self.await_that(lambda: request_id in self.parties.replies)
        reply = self.parties.replies.get(request_id)
        return reply if reply is None or isinstance(reply, kind) else None

    def await_that(self, condition: Callable[[], bool], turns: int = PATIENCE_TURNS) -> bool:
        """Pump until it holds; False when the node died first."""
        for _ in range(turns):
            if condition():
                return True
            if not self.parties.pump(TURN_MS) and not self.node.alive:
                return condition()
        self.violations.append(f"hang: what was waited for did not come, in life {self.node.starts}")
        self.node.kill()
        return False

    def look_back(self, *, everything: bool = False) -> Snapshot | None:
        """At the start of a life: nothing open, nothing comes by itself, what is owed is answered. None: it died."""
        snapshot = self.snapshot()
        if snapshot is None or not self.await_that(lambda: self.parties.epoch is not None):
            return None
        history = self.parties.history
        history.open_after_start.append((snapshot.epoch, len(snapshot.open)))
        for _ in range(4):
            self.parties.pump(QUIET_MS / 4)
        self.stop_id = snapshot.stop_id
        if self.stop_id is not None and not self.resume():
            return None
        taken = {one.request_id for one in history.accepted}
        for command in [one for one in self.asked if one.request_id in taken]:
            before = len(history.answers.get(command.request_id, []))
            if before and not everything:
                continue
            self.parties.say(command)
            if not self.await_that(lambda: len(history.answers.get(command.request_id, [])) > before):  # noqa: B023
                return None
        return snapshot

    def last_life(self) -> None:
        """One that nothing happens to: every request is asked again, then the paper is looked at."""
        self.node.plan = Plan()
        self.node.start()
        self.parties.connect()
        self.look_back(everything=True)
        self.parties.leave()
        if self.node.stop() != 0:
            self.violations.append(f"the last life ended with an error\n{self.node.log()[-2000:]}")
        history = self.parties.history
        self.violations += breaches(history, read_paper(self.node.state_dir), self.parties.epoch or 0)
        self.violations += violations(history)
