"""Anything in any order: a whole node keeps every promise of docs/lifecycle.md, whatever its neighbours do.

`EDGE_AGENT_FUZZ_EXAMPLES=5000` tries for long, with other examples each time; `make fuzz` does.
"""

from __future__ import annotations

import os
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from lifecycle_witness import Witness, same_in_memory_and_on_disk
from whole_node import WholeNode

from edge_agent.errors import Code
from edge_agent.messages import (
    ActionState,
    Command,
    Confirm,
    ErrorReply,
    Halt,
    Heartbeat,
    Hello,
    Message,
    Report,
    Resume,
    Stopped,
)
from edge_agent.node import lifecycle, recovery
from edge_agent.node.confirm import Confirmations
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.hearing import Hearing
from edge_agent.node.jobs import Job, Line
from edge_agent.observe.records import Row

LONG = os.environ.get("EDGE_AGENT_FUZZ_EXAMPLES")
PROFILE = settings(
    max_examples=int(LONG) if LONG else 20,
    stateful_step_count=60 if LONG else 25,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
CLIENT = b"l\0client"
ROBOTS = ("robot", "arm")
TIMES_MS = (20.0, 250.0, 600.0, 1_900.0, 2_500.0, 6_000.0, 25_000.0)
JUMPS_MS = (0, 0, 3_600_000, -3_600_000)
robots = st.sampled_from(ROBOTS)
states = st.sampled_from(("RUNNING", "PAUSED", "RETRIABLE", "FINISHED", "FAILED"))
parts = st.lists(st.sampled_from((False, False, True)), min_size=1, max_size=6)
"""A command's actions; True waits for a yes."""
which = st.integers(0, 7)
"""Of the latest ones, counted from the last."""
at_once = st.booleans()
"""Whether the next thing happens before the node has done anything about this one."""
T = TypeVar("T")


def chosen(latest: list[T], which: int) -> T | None:
    """One of the last few; None where there is none."""
    return latest[-1 - which % len(latest)] if latest else None


class Lifecycle(RuleBasedStateMachine):
    """Clients, executors, time, the disk and the power switch, around one node.

    What is drawn never depends on the node, whose journal has a thread of its own: `which` counts through whatever
    there is to choose from.
    """

    @initialize()
    def start(self) -> None:
        self.witness = Witness(lambda: self.node.clock.now_ms(), self._on_disk)
        self.node = WholeNode(self.witness.sent, self.witness.shown)
        self.witness.new_life()
        self.connections = self.requests = 0
        self.commands: list[Command] = []
        for robot in ROBOTS:
            self._greet(robot, fresh=True, removes_duplicates=robot == "robot")
        self._done(at_once=False)

    def teardown(self) -> None:
        """In the end the disk answers, and everything that was begun comes to its end."""
        if hasattr(self, "node"):
            self.node.free_disk()
            self._done(at_once=False)
            self.promises_hold()
            self.everything_agrees_when_all_is_settled()
            self.node.close()

    def _on_disk(self, action_id: str) -> str | None:
        found = self.node.read("SELECT state FROM action WHERE action_id = ?", action_id)
        return found[0][0] if found else None

    def _done(self, *, at_once: bool) -> None:
        self.settled = not at_once
        if not at_once:
            self.node.settle()

    # clients

    @rule(parts=parts, robot=robots, ttl_ms=st.sampled_from((500, 2_000, 60_000)), at_once=at_once)
    def command(self, parts: list[bool], robot: str, ttl_ms: int, at_once: bool) -> None:
        """One to six actions; opening the door waits for a yes."""
        self.requests += 1
        text = " then ".join("unlock the front door" if yes else "turn on the lamp" for yes in parts)
        self.commands.append(Command(request_id=f"r-{self.requests}", text=text, robot=robot, ttl_ms=ttl_ms))
        self._ask(self.commands[-1], at_once)

    @rule(which=which, changed=st.booleans(), at_once=at_once)
    def ask_again(self, which: int, changed: bool, at_once: bool) -> None:
        """The same request, or another one under its id."""
        if command := chosen(self.commands, which):
            self._ask(command.model_copy(update={"text": "turn off the lamp"}) if changed else command, at_once)

    def _ask(self, command: Command, at_once: bool) -> None:
        if command.request_id not in self.witness.accepted:
            self.witness.asked[command.request_id] = (self.node.clock.now_ms(), float(command.ttl_ms or 0))
        self.node.say(CLIENT, command)
        self._done(at_once=at_once)

    @rule(which=which, wrong=st.sampled_from(("", "", "token", "digest")), at_once=at_once)
    def say_yes(self, which: int, wrong: str, at_once: bool) -> None:
        """In time or late, once or again, with what is this action's or not."""
        if name := chosen([name for name, one in self.witness.actions.items() if one.token], which):
            self._confirm(name, wrong, at_once=at_once)

    def _confirm(self, name: str, wrong: str = "", *, at_once: bool) -> None:
        action = self.witness.actions[name]
        if not wrong:
            self.witness.agreed.add(name)
        token = "0" * 32 if wrong == "token" else action.token
        digest = "0" * 64 if wrong == "digest" else action.digest
        self.node.say(CLIENT, Confirm(request_id="yes", action_id=name, digest=digest, token=token))
        self._done(at_once=at_once)

    @rule(words=st.booleans(), at_once=at_once)
    def stop(self, words: bool, at_once: bool) -> None:
        """In words or by name."""
        self.requests += 1
        request_id = f"r-{self.requests}"
        self.witness.asked[request_id] = (self.node.clock.now_ms(), 0.0)
        self.node.say(CLIENT, Command(request_id=request_id, text="stop") if words else Halt(request_id=request_id))
        assert self.witness.latched is not None
        self._done(at_once=at_once)

    @rule(right=st.sampled_from((True, True, False)), at_once=at_once)
    def resume(self, right: bool, at_once: bool) -> None:
        """By the name of the stop that holds, or of another one."""
        stop_id = self.witness.latched if right else "s-0-7"
        self.node.say(CLIENT, Resume(request_id="on", stop_id=stop_id or "s-1-1"))
        self._done(at_once=at_once)

    @rule(robot=robots, times=st.integers(1, 6), parts=parts, state=states, removes=st.booleans())
    def work_goes_on(self, robot: str, times: int, parts: list[bool], state: str, removes: bool) -> None:
        """For a while everybody does what is right: releases a stop, says yes, carries out, and else commands."""
        for _ in range(times):
            if self.witness.latched:
                self.resume(right=True, at_once=False)
            elif not self._peer(robot) or self._peer(robot) in self.witness.gone:
                self.hello(robot=robot, fresh=True, removes_duplicates=removes, at_once=False)
            elif waiting := self.witness.waiting_for_yes():
                self._confirm(waiting[0], at_once=False)
            elif self.witness.in_flight():
                self.robot_goes_on(which=0, state=state, at_once=False)
            else:
                self.command(parts=parts[:3], robot=robot, ttl_ms=2_000, at_once=False)

    # executors

    @rule(robot=robots, fresh=st.booleans(), removes_duplicates=st.booleans(), at_once=at_once)
    def hello(self, robot: str, fresh: bool, removes_duplicates: bool, at_once: bool) -> None:
        """Over the same connection, or over another one while the first may be alive."""
        self._greet(robot, fresh=fresh, removes_duplicates=removes_duplicates)
        self._done(at_once=at_once)

    def _greet(self, robot: str, *, fresh: bool, removes_duplicates: bool) -> None:
        peer = self._peer(robot)
        if fresh or not peer:
            self.connections += 1
            peer = f"l\0{robot}-{self.connections}".encode()
        hello = Hello(robot=robot, removes_duplicates=removes_duplicates)
        self.witness.greeting = (peer, hello)
        self.node.say(peer, hello)

    def _peer(self, robot: str) -> bytes:
        return self.witness.executors.get(robot, (b"", False))[0]

    @rule(at_once=at_once)
    def executors_are_alive(self, at_once: bool) -> None:
        for robot in ROBOTS:
            if peer := self._peer(robot):
                self.node.say(peer, Heartbeat(robot=robot, epoch=self.witness.epoch))
        self._done(at_once=at_once)

    @rule(which=which, state=states, at_once=at_once)
    def robot_goes_on(self, which: int, state: str, at_once: bool) -> None:
        """It begins what it has, pauses, or is done with it."""
        if name := chosen(self.witness.in_flight(), which):
            before = self.witness.actions[name].state
            self._report(name, ["RUNNING" if before == "INITIALIZING" else "FINISHED" if before == state else state])
        self._done(at_once=at_once)

    @rule(which=which, states=st.lists(states, min_size=1, max_size=3), at_once=at_once)
    def robot_reports(self, which: int, states: list[str], at_once: bool) -> None:
        """Of what it has, in any order, the same thing twice."""
        if name := chosen(self.witness.in_flight(), which):
            self._report(name, states)
        self._done(at_once=at_once)

    @rule(which=which, state=states, robot=robots, wrong=st.sampled_from(("robot", "peer", "epoch")), at_once=at_once)
    def wrong_report(self, which: int, state: str, robot: str, wrong: str, at_once: bool) -> None:
        """Of what a robot has, or had: by somebody else, in another's name, of the life before."""
        if name := chosen(self.witness.in_flight() or list(self.witness.actions), which):
            own = self.witness.actions[name].robot
            peer = CLIENT if wrong == "peer" else self._peer(robot)
            epoch = self.witness.epoch - (wrong == "epoch")
            self._report(name, [state], peer or CLIENT, robot if wrong == "robot" else own, epoch)
        self._done(at_once=at_once)

    def _report(
        self, name: str, states: list[str], peer: bytes = b"", robot: str = "", epoch: int | None = None
    ) -> None:
        robot = robot or self.witness.actions[name].robot
        for state in states:
            self.witness.reported.add((name, state))
            report = Report(
                action_id=name,
                robot=robot,
                epoch=self.witness.epoch if epoch is None else epoch,
                state=ActionState(state),  # type: ignore[arg-type]
            )
            self.node.say(peer or self._peer(robot) or CLIENT, report)

    @rule(robot=robots)
    def stands_still(self, robot: str) -> None:
        stopped = Stopped(stop_id=self.witness.latched or "s-1-1", robot=robot, epoch=self.witness.epoch)
        self.node.say(self._peer(robot) or CLIENT, stopped)

    # the world

    @rule(delta_ms=st.sampled_from(TIMES_MS), jump_ms=st.sampled_from(JUMPS_MS), seen=st.booleans(), at_once=at_once)
    def time_passes(self, delta_ms: float, jump_ms: int, seen: bool, at_once: bool) -> None:
        """Also the wall clock's, which may jump. `seen`: the node looks at the clock before anything else happens."""
        self.node.clock.advance(delta_ms)
        self.node.clock.unix_ms += jump_ms
        if seen:
            self.node.tick()
        self._done(at_once=at_once)

    @rule(parts=parts, robot=robots, then=st.sampled_from(("sleep", "silence", "stop", "power", "connection")))
    def something_comes_between_a_write_and_its_end(self, parts: list[bool], robot: str, then: str) -> None:
        """The machine sleeps, the robot says nothing, somebody stops, the power or the connection goes."""
        if self.witness.latched:
            self.resume(right=True, at_once=False)
        if not self._peer(robot) or self._peer(robot) in self.witness.gone:
            self.hello(robot=robot, fresh=True, removes_duplicates=len(parts) > 2, at_once=False)
        self.executors_are_alive(at_once=False)
        self.command(parts=[False, *parts][:6], robot=robot, ttl_ms=2_000, at_once=True)
        self.node.go_on_until(self._about_to_send)
        match then:
            case "sleep":
                self.time_passes(delta_ms=2_500.0, jump_ms=0, seen=False, at_once=False)
            case "silence":
                self.node.settle()
                self.time_passes(delta_ms=600.0, jump_ms=0, seen=True, at_once=False)
            case "stop":
                self.stop(words=False, at_once=False)
            case _:
                self.misfortune(what=then, robot=robot, greet=True)

    def _about_to_send(self) -> bool:
        flying = [line.in_flight() for line in self.node.daemon.dispatcher.lines.all()]
        return any(job is not None and not job.sent_ms for job in flying)

    @rule(at_once=at_once)
    def disk_answers_again(self, at_once: bool) -> None:
        self.node.free_disk()
        self._done(at_once=at_once)

    @rule(what=st.sampled_from(("power", "full disk", "held disk", "connection", "connection")), robot=robots,
          greet=st.booleans())  # fmt: skip
    def misfortune(self, what: str, robot: str, greet: bool) -> None:
        """A power cut, a disk that is full or held by another program, a connection that is gone."""
        if what == "power":
            self._cut_power(greet=greet)
        elif what == "connection":
            self.witness.gone.add(self._peer(robot) or b"l\0nobody")
        elif self.node.disk_answers:
            (self.node.fill_disk if what == "full disk" else self.node.hold_disk)()
            self.settled = False

    def _cut_power(self, *, greet: bool) -> None:
        """Whatever was not on the disk is gone; nothing moves by itself afterwards."""
        held = self.node.read("SELECT stop_id FROM stop WHERE released_wall_ms IS NULL")
        self.node.cut_power()
        self.witness.latched = held[-1][0] if held else None
        self.witness.new_life()
        for robot in ROBOTS if greet else ():
            self._greet(robot, fresh=True, removes_duplicates=True)
        self._done(at_once=False)

    # what always holds

    @invariant()
    def promises_hold(self) -> None:
        if not hasattr(self, "node"):
            return
        assert self.witness.broken == []
        assert self.node.log.getvalue() == ""
        for line in self.node.daemon.dispatcher.lines.all():
            out = [job for job in line.jobs if job.state in lifecycle.IN_FLIGHT]
            assert len(out) <= 1, f"{line.robot} has {len(out)} actions at once"

    @invariant()
    def everything_agrees_when_all_is_settled(self) -> None:
        if not hasattr(self, "node") or not self.settled or not self.node.disk_answers:
            return
        assert same_in_memory_and_on_disk(self.node) == []
        assert not self.witness.latched or not self.node.daemon.dispatcher.lines.open_jobs(), "a stop ends everything"
        unanswered = self.node.read("SELECT command_id FROM command WHERE outcome = '' OR answer = ''")
        assert unanswered == [], "an accepted command has no answer on the disk"
        here = [name for name, command in self.witness.accepted.items() if command.startswith(f"c-{self.node.epoch}-")]
        assert set(here) <= self.witness.answers.keys(), "an accepted command was never answered"


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = PROFILE


def test_a_stop_while_its_release_is_on_the_way_to_the_disk_holds_on() -> None:
    """Whoever presses last is heard, in memory and after a power cut."""
    heard: list[Message] = []
    node = WholeNode(lambda _peer, message: not heard.append(message), lambda _message: None)
    try:
        node.say(CLIENT, Halt(request_id="stop"))
        node.settle()
        node.hold_disk()
        node.say(CLIENT, Resume(request_id="on", stop_id="s-1-1"))
        node.settle()
        node.say(CLIENT, Halt(request_id="again"))
        node.free_disk()
        node.settle()
        assert isinstance(heard[-1], ErrorReply) and heard[-1].code is Code.STOPPED
        assert node.daemon.stops.latched is not None
        node.cut_power()
        assert node.daemon.stops.latched is not None and node.daemon.stops.latched.stop_id == "s-1-1"
    finally:
        node.close()


async def _send_first(dispatcher: Dispatcher, line: Line, job: Job, rows: tuple[Row, ...]) -> None:
    dispatcher._perform(line, job)
    await dispatcher._ledger.write_send(job, rows)


async def _never_look_again(dispatcher: Dispatcher, line: Line, job: Job, rows: tuple[Row, ...]) -> None:
    if await dispatcher._ledger.write_send(job, rows):
        dispatcher._perform(line, job)


PLANTED = [
    pytest.param(Line, "in_flight", lambda _line: None, id="a robot gets several at once"),
    pytest.param(Dispatcher, "_send_when_written", _send_first, id="sent before it is on the disk"),
    pytest.param(Dispatcher, "_send_when_written", _never_look_again, id="sent after its time"),
    pytest.param(Dispatcher, "end_all", lambda *_: None, id="a stop ends nothing"),
    pytest.param(Confirmations, "redeem", lambda *_, **__: None, id="any yes will do"),
    pytest.param(Hearing, "speaker", lambda self, _peer, robot, _epoch: self._lines.of(robot), id="anybody may report"),
    pytest.param(recovery, "after_restart", lambda _state: None, id="a restart settles nothing"),
]


@pytest.mark.parametrize(("place", "name", "fault"), PLANTED)
def test_a_planted_fault_is_found(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, fault: Any) -> None:
    """The machine is worth what it finds."""
    monkeypatch.setattr(place, name, fault)
    seeking = settings(
        PROFILE,
        phases=[Phase.generate],
        max_examples=100,
        derandomize=True,  # also where others try for long: what is on trial here is the machine, not the node
        database=None,
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Lifecycle, settings=seeking)
