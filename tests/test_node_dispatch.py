"""The dispatcher on a clock that is moved by hand: a real journal, and a list where the socket would be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge_agent.clock import ManualClock
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import FROM_NODE, ActionState, Heartbeat, Hello, Noted, Perform, Report
from edge_agent.messages.codec import Codec
from edge_agent.node.board import Board
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.hearing import Hearing
from edge_agent.node.jobs import Job
from edge_agent.node.ledger import Ledger
from edge_agent.node.lifecycle import Event
from edge_agent.node.lines import Lines
from edge_agent.node.tasks import Tasks
from edge_agent.observe.database import open_database
from edge_agent.observe.events import ActionChanged, NodeEvent, Stream
from edge_agent.observe.journal import Journal
from edge_agent.settings import ExecutorSettings

EPOCH = 7
PEER, OTHER = b"peer", b"other"
TIMEOUT_MS, RESEND_MS = 5_000, 500


class Bench:
    """A dispatcher with everything around it in the test's hand."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.sent: list[tuple[bytes, Perform]] = []
        self.gone: set[bytes] = set()
        self.hindered: dict[str, str] = {}
        """Why an action may not go out, by its id."""
        self.changes: list[tuple[str, str, str]] = []
        self.journal = Journal(open_database(folder).connection)
        stream = Stream(self._hear)
        self.tasks = Tasks(stream)
        board = Board(lambda _topic, _frame: None, stream, EPOCH)
        ledger = Ledger(self.journal, board, self.clock)
        self.dispatcher = Dispatcher(
            lines=Lines(),
            ledger=ledger,
            send=self._send,
            stream=stream,
            clock=self.clock,
            tasks=self.tasks,
            epoch=EPOCH,
            rules=ExecutorSettings(timeout_ms=TIMEOUT_MS, resend_ms=RESEND_MS),
            hindrance=lambda job: self.hindered.get(job.action_id, ""),
        )
        self.hearing = Hearing(self.dispatcher, ledger, self._send, self.clock)

    def _hear(self, event: NodeEvent) -> None:
        if isinstance(event, ActionChanged):
            self.changes.append((event.action_id, event.state, event.reason))

    def _send(self, peer: bytes, frame: bytes) -> bool:
        if peer in self.gone:
            return False
        message = Codec(FROM_NODE).decode(frame)
        if isinstance(message, Perform):
            self.sent.append((peer, message))
        return True

    def sent_ids(self) -> list[str]:
        return [message.action_id for _peer, message in self.sent]

    def hello(self, peer: bytes = PEER, *, removes_duplicates: bool = True) -> None:
        self.hearing.hello(peer, Hello(robot="robot", removes_duplicates=removes_duplicates))
        self.hearing.greeted("robot")

    def give(self, *jobs: Job, ttl_ms: float = 2_000) -> None:
        self.dispatcher.lines.hold(jobs)
        self.dispatcher.release(jobs, self.clock.now_ms() + ttl_ms, self.clock.now_ms() + 20_000)

    async def settle(self) -> None:
        """Let every write and send that has begun come to its end."""
        while len(self.tasks):
            await asyncio.sleep(0.001)

    async def report(self, action_id: str, state: str, peer: bytes = PEER, reason: str = "") -> None:
        report = Report(action_id=action_id, robot="robot", epoch=EPOCH, state=state, reason=reason)  # type: ignore[arg-type]
        noted = await self.hearing.report(peer, report)
        assert noted == Noted(action_id=action_id, state=ActionState(state))
        await self.settle()

    async def pass_ms(self, delta_ms: float) -> None:
        """Time passes in steps of a quarter second, the executor alive all along."""
        while delta_ms > 0:
            step_ms = min(250.0, delta_ms)
            self.clock.advance(step_ms)
            delta_ms -= step_ms
            self.dispatcher.tick()
            await self.settle()


def job(name: str, command: str = "c", position: int = 1, *, unconfirmed: bool = False) -> Job:
    return Job(name, command, "robot", position, {"action": "dock"}, "0" * 64, 2, 2_000, unconfirmed=unconfirmed)


def on_bench(play: Callable[[Bench], Awaitable[None]], folder: Path) -> None:
    async def scene() -> None:
        bench = Bench(folder)
        try:
            await play(bench)
        finally:
            await bench.settle()
            bench.journal.close()

    asyncio.run(scene())


def test_nothing_is_sent_without_an_executor_and_what_waited_goes_out_with_its_hello(tmp_path: Path) -> None:
    async def play(bench: Bench) -> None:
        bench.give(job("a"))
        await bench.settle()
        assert bench.sent == []
        bench.hello()
        await bench.settle()
        assert bench.sent_ids() == ["a"]
        assert bench.sent[0][1].expires_in_ms == 2_000

    on_bench(play, tmp_path)


def test_an_executor_that_is_silent_for_too_long_gets_nothing_until_it_is_heard(tmp_path: Path) -> None:
    async def play(bench: Bench) -> None:
        bench.hello()
        bench.clock.advance(TIMEOUT_MS)
        bench.give(job("a"), ttl_ms=60_000)
        await bench.settle()
        assert bench.sent == []
        bench.hearing.heartbeat(PEER, Heartbeat(robot="robot", epoch=EPOCH))
        await bench.settle()
        assert bench.sent_ids() == ["a"]

    on_bench(play, tmp_path)


def test_a_deadline_that_passes_while_the_disk_syncs_keeps_the_action_here(tmp_path: Path) -> None:
    """INITIALIZING is written, then the clock is looked at again: FAILED/expired, never sent."""

    async def play(bench: Bench) -> None:
        bench.hello()
        bench.give(job("a"))
        bench.clock.advance(2_000)
        await bench.settle()
        assert bench.sent == []
        assert bench.changes[-1] == ("a", "FAILED", "expired")

    on_bench(play, tmp_path)


def test_a_stop_while_the_disk_syncs_keeps_the_action_here(tmp_path: Path) -> None:
    async def play(bench: Bench) -> None:
        bench.hello()
        bench.give(job("a"))
        bench.dispatcher.halted = True
        bench.dispatcher.end_all(Event.STOP)
        await bench.settle()
        assert bench.sent == []
        assert bench.changes[-1] == ("a", "FAILED", "stopped")

    on_bench(play, tmp_path)


def test_a_jump_of_the_wall_clock_changes_no_deadline(tmp_path: Path) -> None:
    """An hour forward and two back: only time since boot counts."""

    async def play(bench: Bench) -> None:
        bench.give(job("a"))
        for jump_ms in (3_600_000, -7_200_000):
            bench.clock.unix_ms += jump_ms
            bench.dispatcher.tick()
        bench.hello()
        await bench.settle()
        assert bench.sent_ids() == ["a"]

    on_bench(play, tmp_path)


def test_a_suspend_longer_than_the_time_to_live_expires_what_waited(tmp_path: Path) -> None:
    """Time since boot goes on in a suspend; the first look at the clock afterwards ends the action."""

    async def play(bench: Bench) -> None:
        bench.give(job("a"))
        bench.clock.advance(3_600_000)
        bench.hello()
        bench.dispatcher.tick()
        await bench.settle()
        assert bench.sent == [] and bench.changes[-1] == ("a", "FAILED", "expired")

    on_bench(play, tmp_path)


def test_an_unacknowledged_action_is_sent_again_while_it_lives_and_then_is_an_unknown_outcome(tmp_path: Path) -> None:
    async def play(bench: Bench) -> None:
        bench.hello()
        bench.give(job("a"), job("b", "d"), ttl_ms=2_000)
        await bench.pass_ms(2_000)
        assert set(bench.sent_ids()) == {"a"} and len(bench.sent) >= 3
        assert {message.seq for _peer, message in bench.sent} == {1}
        sent = len(bench.sent)
        await bench.pass_ms(TIMEOUT_MS)
        assert len(bench.sent) == sent
        assert ("a", "FAILED", "unknown_outcome") in bench.changes

    on_bench(play, tmp_path)


def test_an_action_whose_connection_never_took_it_is_expired_not_unknown(tmp_path: Path) -> None:
    """Also for a robot that does not remove duplicates: what never left can be sent again."""

    async def play(bench: Bench) -> None:
        bench.hello(removes_duplicates=False)
        bench.gone.add(PEER)
        bench.give(job("a"), ttl_ms=1_000)
        await bench.pass_ms(600)
        bench.gone.clear()
        await bench.pass_ms(300)
        assert bench.sent_ids() == ["a"]
        await bench.report("a", "FINISHED")
        bench.gone.add(PEER)
        bench.give(job("b", "d"), ttl_ms=1_000)
        await bench.pass_ms(1_000)
        assert bench.changes[-1] == ("b", "FAILED", "expired")

    on_bench(play, tmp_path)


def test_the_clock_of_a_later_action_starts_when_the_one_before_has_finished(tmp_path: Path) -> None:
    async def play(bench: Bench) -> None:
        bench.hello()
        first, second = job("a"), job("b", position=2)
        bench.give(first, second)
        await bench.settle()
        await bench.report("a", "RUNNING")
        for _ in range(20):  # ten times its time to live
            await bench.pass_ms(1_000)
            bench.hearing.heartbeat(PEER, Heartbeat(robot="robot", epoch=EPOCH))
        await bench.report("a", "FINISHED")
        assert bench.sent_ids()[-1] == "b"
        assert bench.sent[-1][1].expires_in_ms == 2_000

    on_bench(play, tmp_path)


def test_an_action_that_waits_for_a_yes_lets_others_pass(tmp_path: Path) -> None:
    async def play(bench: Bench) -> None:
        bench.hello()
        asked = job("a", unconfirmed=True)
        bench.give(asked, job("then", position=2))
        bench.give(job("b", "d"))
        await bench.settle()
        assert bench.sent_ids() == ["b"]
        await bench.report("b", "FINISHED")
        bench.dispatcher.confirmed(asked)
        await bench.settle()
        assert bench.sent_ids() == ["b", "a"]

    on_bench(play, tmp_path)


def test_without_its_yes_an_action_fails_and_takes_the_rest_of_its_command_along(tmp_path: Path) -> None:
    async def play(bench: Bench) -> None:
        bench.hello()
        bench.give(job("a", unconfirmed=True), job("b", position=2))
        await bench.pass_ms(20_000)
        assert bench.sent == []
        assert ("a", "FAILED", "confirmation expired") in bench.changes
        assert ("b", "FAILED", "predecessor failed") in bench.changes

    on_bench(play, tmp_path)


def test_a_report_on_what_no_robot_has_yet_is_refused(tmp_path: Path) -> None:
    """While it is on its way to the disk nobody can know of it; it goes out as ever."""

    async def play(bench: Bench) -> None:
        bench.hello()
        bench.give(job("a"))
        with pytest.raises(ClientFault) as refused:
            await bench.report("a", "FINISHED")
        assert refused.value.code is Code.ILLEGAL_STATE
        await bench.settle()
        assert bench.sent_ids() == ["a"]
        await bench.report("a", "FINISHED")

    on_bench(play, tmp_path)


def test_reports_in_quick_succession_hold_in_their_order(tmp_path: Path) -> None:
    """RUNNING, PAUSED, RUNNING, FINISHED without waiting for a note in between."""

    async def play(bench: Bench) -> None:
        bench.hello()
        bench.give(job("a"))
        await bench.settle()
        await asyncio.gather(*(bench.report("a", state) for state in ("RUNNING", "PAUSED", "RUNNING", "FINISHED")))
        states = [state for _action, state, _reason in bench.changes]
        assert states == ["WAITING", "INITIALIZING", "RUNNING", "PAUSED", "RUNNING", "FINISHED"]

    on_bench(play, tmp_path)


def test_a_late_report_is_noted_and_changes_nothing(tmp_path: Path) -> None:
    async def play(bench: Bench) -> None:
        bench.hello()
        bench.give(job("a"))
        await bench.settle()
        bench.dispatcher.end_all(Event.STOP)
        await bench.report("a", "FINISHED")
        assert bench.changes[-1] == ("a", "FAILED", "stopped")

    on_bench(play, tmp_path)


@pytest.mark.parametrize("speaks", [True, False], ids=["and speaks of its action", "and does not"])
def test_an_executor_that_returns_over_another_connection(tmp_path: Path, speaks: bool) -> None:
    """It keeps its running action when it speaks of it in time; otherwise nobody knows what became of it."""

    async def play(bench: Bench) -> None:
        bench.hello()
        bench.give(job("a"))
        await bench.settle()
        await bench.report("a", "RUNNING")
        bench.gone.add(PEER)
        bench.hello(OTHER)
        if speaks:
            await bench.report("a", "RUNNING", OTHER)
        await bench.pass_ms(TIMEOUT_MS)
        assert len(bench.sent) == 1, "an acknowledged action is never sent again"
        assert (bench.changes[-1] == ("a", "FAILED", "unknown_outcome")) is not speaks

    on_bench(play, tmp_path)


def test_a_robot_whose_executor_lives_is_taken(tmp_path: Path) -> None:
    async def play(bench: Bench) -> None:
        bench.hello()
        with pytest.raises(ClientFault) as refused:
            bench.hello(OTHER)
        assert refused.value.code is Code.ROBOT_TAKEN
        bench.clock.advance(TIMEOUT_MS)
        bench.hello(OTHER)

    on_bench(play, tmp_path)


def test_what_may_not_happen_any_more_is_not_sent(tmp_path: Path) -> None:
    """The policy is asked right before a sending; the next action goes instead."""

    async def play(bench: Bench) -> None:
        bench.hindered["a"] = "POLICY_REFUSED: place: gone"
        bench.give(job("a"))
        bench.give(job("b", "d"))
        bench.hello()
        await bench.settle()
        assert bench.sent_ids() == ["b"]
        assert ("a", "FAILED", "POLICY_REFUSED: place: gone") in bench.changes

    on_bench(play, tmp_path)


def test_a_refusal_while_the_sending_is_written_still_holds_it_back(tmp_path: Path) -> None:
    async def play(bench: Bench) -> None:
        bench.hello()
        bench.give(job("a"))
        bench.hindered["a"] = "POLICY_REFUSED: place: gone"  # the write has begun and is not done
        await bench.settle()
        assert bench.sent_ids() == []
        assert bench.changes[-1] == ("a", "FAILED", "POLICY_REFUSED: place: gone")

    on_bench(play, tmp_path)


def test_what_the_robot_may_have_is_not_sent_again_when_it_is_refused_by_now(tmp_path: Path) -> None:
    """Nobody knows what became of it; it ends so."""

    async def play(bench: Bench) -> None:
        bench.hello()
        bench.give(job("a"))
        await bench.settle()
        bench.hindered["a"] = "POLICY_REFUSED: place: gone"
        await bench.pass_ms(RESEND_MS * 3)
        assert bench.sent_ids() == ["a"]
        await bench.pass_ms(TIMEOUT_MS + 2_000)
        assert bench.changes[-1] == ("a", "FAILED", "unknown_outcome")

    on_bench(play, tmp_path)
