"""An executor's side of the conversation: the decisions with a manual clock, the loop on real sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_node import ScriptedNode

from edge_agent.client import Executor, PerformFailed
from edge_agent.client.performing import HEARTBEAT_MS, REPEAT_MS, Performing, Step
from edge_agent.clock import ManualClock
from edge_agent.errors import ClientFault, Code
from edge_agent.limits import PERFORMED_REMEMBERED_MAX
from edge_agent.messages import (
    ActionState,
    ErrorReply,
    Heartbeat,
    Hello,
    Message,
    Noted,
    Perform,
    Report,
    Stop,
    Stopped,
    Welcome,
)


def task(number: int = 1, **changes: Any) -> Perform:
    fields = {**Perform.EXAMPLE, "action_id": f"a-7-{number}", "seq": number, **changes}
    return Perform.model_validate(fields)


class Robot:
    """A robot of three steps, 100 ms each, that remembers what it did."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.clock = ManualClock()
        self.side = Performing("robot", self._perform, actions=("go_to",))

    def _perform(self, asked: Perform) -> Iterator[Step]:
        name = asked.action_id
        self.did.append(f"{name} begins")
        try:
            match asked.action.get("place"):
                case "nowhere":
                    raise PerformFailed("no such place")
                case "broken":
                    raise OSError("motor 3")
                case "slow":
                    yield ActionState.PAUSED
                    yield 0.1
                    yield ActionState.RUNNING
            for _ in range(3):
                yield 0.1
            self.did.append(f"{name} arrives")
        finally:
            self.did.append(f"{name} brakes")

    def hears(self, message: Message) -> list[Message]:
        return self.side.receive(message, self.clock.now_ms())

    def waits(self, delta_ms: float) -> list[Message]:
        """Let time pass as the loop would: to each moment at which something is due."""
        until_ms = self.clock.now_ms() + delta_ms
        said: list[Message] = []
        while (wake_ms := self.side.wake_ms()) <= until_ms:
            self.clock.advance(max(0.0, wake_ms - self.clock.now_ms()))
            said += self.side.tick(self.clock.now_ms())
        self.clock.advance(until_ms - self.clock.now_ms())
        return said

    def is_welcome(self, epoch: int = 7) -> list[Message]:
        return self.hears(Welcome(robot="robot", epoch=epoch, stopped=False))


@pytest.fixture
def robot() -> Robot:
    """A robot that the node knows."""
    robot = Robot()
    robot.side.connected(robot.clock.now_ms())
    robot.is_welcome()
    return robot


def states(messages: Iterable[Message]) -> list[tuple[str, str, str]]:
    """The reports among messages, each once."""
    reports = [(m.action_id, m.state.value, m.reason) for m in messages if isinstance(m, Report)]
    return list(dict.fromkeys(reports))


def test_hello_is_repeated_until_it_is_answered() -> None:
    """Nothing else is said before; it lists what the robot can do."""
    robot = Robot()
    (hello,) = robot.side.connected(robot.clock.now_ms())
    assert hello == Hello(robot="robot", removes_duplicates=True, actions=("go_to",))
    assert robot.waits(3 * REPEAT_MS) == [hello] * 3
    robot.is_welcome()
    assert hello not in robot.waits(3 * REPEAT_MS)


def test_a_known_robot_shows_signs_of_life(robot: Robot) -> None:
    """One heartbeat a period, of the node's epoch."""
    beats = [message for message in robot.waits(3 * HEARTBEAT_MS) if isinstance(message, Heartbeat)]
    assert beats == [Heartbeat(robot="robot", epoch=7)] * 4


def test_an_action_is_acknowledged_done_and_reported(robot: Robot) -> None:
    """RUNNING comes at once, FINISHED after the last step, and the robot's own cleaning up has run."""
    assert states(robot.hears(task())) == [("a-7-1", "RUNNING", "")]
    assert states(robot.waits(299)) == [("a-7-1", "RUNNING", "")][:0]
    assert states(robot.waits(2)) == [("a-7-1", "FINISHED", "")]
    assert robot.did == ["a-7-1 begins", "a-7-1 arrives", "a-7-1 brakes"]


def test_a_second_delivery_does_nothing(robot: Robot) -> None:
    """While it runs and after it ended, the last report is the whole answer."""
    robot.hears(task())
    assert states(robot.hears(task())) == [("a-7-1", "RUNNING", "")]
    robot.waits(400)
    assert states(robot.hears(task())) == [("a-7-1", "FINISHED", "")]
    assert robot.did.count("a-7-1 begins") == 1


def test_a_report_is_repeated_until_it_is_noted(robot: Robot) -> None:
    """Each report by itself, in order."""
    robot.hears(task())
    robot.waits(400)
    assert states(robot.waits(REPEAT_MS)) == [("a-7-1", "RUNNING", ""), ("a-7-1", "FINISHED", "")]
    robot.hears(Noted(action_id="a-7-1", state=ActionState.RUNNING))
    assert states(robot.waits(REPEAT_MS)) == [("a-7-1", "FINISHED", "")]
    robot.hears(Noted(action_id="a-7-1", state=ActionState.FINISHED))
    assert states(robot.waits(3 * REPEAT_MS)) == []


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        pytest.param("nowhere", "no such place", id="says-why"),
        pytest.param("broken", "OSError: motor 3", id="any-exception"),
    ],
)
def test_a_failure_is_the_actions_own(robot: Robot, place: str, reason: str) -> None:
    """What a step raises ends the action as FAILED with its words; the next action is done as ever."""
    action = {"action": "go_to", "place": place}
    assert states(robot.hears(task(1, action=action)))[-1] == ("a-7-1", "FAILED", reason)
    robot.hears(task(2))
    assert states(robot.waits(400))[-1] == ("a-7-2", "FINISHED", "")


def test_a_long_reason_is_cut_to_what_a_report_may_hold() -> None:
    """A robot's stack of words never makes its report unsendable."""

    def perform(_: Perform) -> Iterator[Step]:
        raise PerformFailed("x" * 5_000)
        yield 0.0

    side = Performing("robot", perform)
    side.receive(Welcome(robot="robot", epoch=7, stopped=False), 0.0)
    report = side.receive(task(), 0.0)[-1]
    assert isinstance(report, Report)
    assert len(report.reason) == 200


def test_a_robot_can_say_that_it_pauses(robot: Robot) -> None:
    """A yielded state is reported between RUNNING and the end."""
    said = robot.hears(task(action={"action": "go_to", "place": "slow"})) + robot.waits(600)
    assert [state for _, state, _ in states(said)] == ["RUNNING", "PAUSED", "FINISHED"]
    ordered = [m.state.value for m in said if isinstance(m, Report)]
    assert ordered[:3] == ["RUNNING", "PAUSED", "RUNNING"]


def test_a_stop_ends_what_runs_and_what_waits(robot: Robot) -> None:
    """The robot has braked before the acknowledgement goes out; nothing goes on afterwards."""
    robot.hears(task(1))
    robot.hears(task(2))
    said = robot.hears(Stop(stop_id="s-1", epoch=7))
    assert said[0] == Stopped(stop_id="s-1", robot="robot", epoch=7)
    assert states(said) == [("a-7-1", "FAILED", "stopped"), ("a-7-2", "FAILED", "stopped")]
    assert robot.did == ["a-7-1 begins", "a-7-1 brakes"]
    robot.waits(1_000)
    assert robot.did == ["a-7-1 begins", "a-7-1 brakes"]


def test_a_stop_is_acknowledged_each_time_and_from_any_epoch(robot: Robot) -> None:
    """A stop too many is harmless; one that is doubted is not."""
    for epoch in (7, 3, 9):
        assert robot.hears(Stop(stop_id="s-1", epoch=epoch)) == [Stopped(stop_id="s-1", robot="robot", epoch=epoch)]


def test_cleaning_up_that_fails_does_not_keep_a_stop_from_being_acknowledged(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the conversation goes on."""

    def perform(_: Perform) -> Iterator[Step]:
        try:
            yield 10.0
        finally:
            raise OSError("brake stuck")

    side = Performing("robot", perform)
    side.receive(Welcome(robot="robot", epoch=7, stopped=False), 0.0)
    side.receive(task(), 0.0)
    assert isinstance(side.receive(Stop(stop_id="s-1", epoch=7), 1.0)[0], Stopped)
    assert "brake stuck" in caplog.text


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"epoch": 6}, id="older-epoch"),
        pytest.param({"epoch": 8}, id="epoch-not-yet-welcomed"),
        pytest.param({"robot": "other"}, id="another-robot"),
    ],
)
def test_an_action_that_is_not_meant_for_it_is_dropped(robot: Robot, changes: dict[str, Any]) -> None:
    """Neither begun nor reported."""
    assert robot.hears(task(**changes)) == []
    assert robot.did == []


def test_an_action_that_waited_too_long_is_not_begun(robot: Robot) -> None:
    """Behind another action its time to live runs on."""
    robot.hears(task(1))
    robot.hears(task(2, expires_in_ms=100.0))
    assert ("a-7-2", "FAILED", "expired") in states(robot.waits(400))
    assert "a-7-2 begins" not in robot.did


def test_a_restarted_node_no_longer_knows_what_runs(robot: Robot) -> None:
    """A new epoch ends the running action, forgets its reports, and older actions stay dropped."""
    robot.hears(task(1))
    robot.side.connected(robot.clock.now_ms())
    robot.is_welcome(epoch=8)
    assert robot.did == ["a-7-1 begins", "a-7-1 brakes"]
    assert states(robot.waits(3 * REPEAT_MS)) == []
    assert robot.hears(task(2)) == []
    assert states(robot.hears(task(3, epoch=8))) == [("a-7-3", "RUNNING", "")]


def test_a_lost_connection_to_the_same_node_ends_nothing(robot: Robot) -> None:
    """Same epoch: the action goes on, and what was not noted is said again."""
    robot.hears(task())
    robot.side.connected(robot.clock.now_ms())
    assert states(robot.is_welcome()) == [("a-7-1", "RUNNING", "")]
    assert states(robot.waits(400))[-1] == ("a-7-1", "FINISHED", "")


@pytest.mark.parametrize("code", [Code.STALE_EPOCH, Code.UNKNOWN_TARGET, Code.WRONG_ROBOT, Code.ROBOT_TAKEN])
def test_a_node_that_does_not_know_it_hears_hello_again(robot: Robot, code: Code) -> None:
    """So a restart that the connection survived is noticed, and its own old connection is waited out."""
    robot.hears(ErrorReply(code=code, message="who?"))
    assert any(isinstance(message, Hello) for message in robot.waits(REPEAT_MS))


def test_memory_of_actions_is_bounded(robot: Robot) -> None:
    """The oldest are forgotten first, never the one that runs."""
    for number in range(1, PERFORMED_REMEMBERED_MAX + 20):
        robot.hears(task(number))
        robot.waits(301)
        for state in (ActionState.RUNNING, ActionState.FINISHED):
            robot.hears(Noted(action_id=f"a-7-{number}", state=state))
    assert robot.did.count(f"a-7-{PERFORMED_REMEMBERED_MAX + 19} arrives") == 1
    assert len(robot.side._last) == PERFORMED_REMEMBERED_MAX


def serve(executor: Executor) -> threading.Thread:
    thread = threading.Thread(target=executor.run)
    thread.start()
    return thread


def test_the_loop_carries_out_and_stops_over_real_sockets(tmp_path: Path) -> None:
    """Hello, an action, its reports, then a stop in the middle of the next one."""
    ended = threading.Event()

    def perform(asked: Perform) -> Iterator[float]:
        try:
            for _ in range(3 if asked.seq == 1 else 10_000):
                yield 0.01
        finally:
            if asked.seq == 2:
                ended.set()

    def node_side(message: Message) -> Iterable[Message]:
        match message:
            case Hello():
                return [Welcome(robot="robot", epoch=7, stopped=False), task(1)]
            case Report(action_id="a-7-1", state=ActionState.FINISHED):
                return [noted(message), task(2)]
            case Report(action_id="a-7-2", state=ActionState.RUNNING):
                return [noted(message), Stop(stop_id="s-1", epoch=7)]
            case Report():
                return [noted(message)]
        return []

    def noted(report: Report) -> Noted:
        return Noted(action_id=report.action_id, state=ActionState(report.state))

    with ScriptedNode(tmp_path, node_side) as node:
        executor = Executor(node.command_address, robot="robot", perform=perform)
        thread = serve(executor)
        assert ended.wait(20)
        while not (node.heard_of(Stopped) and len(node.heard_of(Report)) >= 4):
            assert thread.is_alive()
            time.sleep(0.01)
        executor.close()
        thread.join(10)
    assert states(node.heard) == [
        ("a-7-1", "RUNNING", ""),
        ("a-7-1", "FINISHED", ""),
        ("a-7-2", "RUNNING", ""),
        ("a-7-2", "FAILED", "stopped"),
    ]


def test_the_loop_waits_for_a_node_and_finds_the_next_one(tmp_path: Path) -> None:
    """An executor may be started first, and survives the node's restart by saying hello to the new one."""
    welcomed = threading.Semaphore(0)

    def node_side(message: Message) -> Iterable[Message]:
        if isinstance(message, Hello):
            welcomed.release()
            return [Welcome(robot="robot", epoch=7, stopped=False)]
        return []

    executor = Executor(f"ipc://{tmp_path}/command.sock", robot="robot", perform=lambda _: iter(()))
    thread = serve(executor)
    for _ in range(2):
        with ScriptedNode(tmp_path, node_side):
            assert welcomed.acquire(timeout=20)
    executor.close()
    thread.join(10)
    assert not thread.is_alive()


def test_an_executor_that_is_closed_brakes_and_says_so(tmp_path: Path) -> None:
    """The action it was at ends FAILED with the reason, and the node hears it before the connection goes."""

    def perform(_: Perform) -> Iterator[float]:
        while True:
            yield 0.01

    def node_side(message: Message) -> Iterable[Message]:
        match message:
            case Hello():
                return [Welcome(robot="robot", epoch=7, stopped=False), task(1)]
            case Report(state=ActionState.RUNNING):
                executor.close()
        return []

    with ScriptedNode(tmp_path, node_side) as node:
        executor = Executor(node.command_address, robot="robot", perform=perform)
        executor.run()
        until = time.monotonic() + 10
        while len(states(node.heard)) < 2 and time.monotonic() < until:
            time.sleep(0.01)
    assert states(node.heard)[-1] == ("a-7-1", "FAILED", "the executor ended")


def test_a_robot_that_is_taken_ends_the_loop(tmp_path: Path) -> None:
    """Two programs must not be one robot; the second one learns it."""
    refuse = [ErrorReply(code=Code.ROBOT_TAKEN, message="another program is this robot")]
    with ScriptedNode(tmp_path, lambda _: refuse) as node, pytest.raises(ClientFault, match="ROBOT_TAKEN"):
        Executor(node.command_address, robot="robot", perform=lambda _: iter(())).run()
