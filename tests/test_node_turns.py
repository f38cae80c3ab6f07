"""Many commands at once: one worker computes at a time, and one robot's commands keep their order."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from node_harness import Node, Raw, fresh_node

from edge_agent.language.decision import DecideRequest, Decision
from edge_agent.limits import SEQUENCES_MAX
from edge_agent.messages import Accepted, ActionState, Answer, Command, Hello, Noted, Outcome, Perform, Report, Welcome
from edge_agent.node.lineup import Lineup
from edge_agent.node.turns import Lending, Turns

PATIENCE_S = 20.0


def test_the_earliest_deadline_gets_the_next_turn() -> None:
    turns, order = Turns(), list[float]()
    held, waiting = threading.Event(), []

    def work(deadline_ms: float) -> None:
        with turns.mine(deadline_ms):
            order.append(deadline_ms)

    with turns.mine(0.0):
        for deadline_ms in (30.0, 10.0, 20.0):
            thread = threading.Thread(target=work, args=(deadline_ms,))
            thread.start()
            waiting.append(thread)
            until = time.monotonic() + PATIENCE_S
            while len(turns._waiting) < len(waiting) and time.monotonic() < until:
                time.sleep(0.001)
        held.set()
    for thread in waiting:
        thread.join(PATIENCE_S)
    assert order == [10.0, 20.0, 30.0]


def test_nobody_computes_while_somebody_else_does() -> None:
    """Also not after giving the turn away for an answer and having it back."""
    turns, inside, most = Turns(), list[int](), list[int]()

    class Slow:
        def decide(self, request: DecideRequest) -> Decision:
            time.sleep(0.001)
            return Decision("[]", 1.0, 0, 0, 0, 0.0, 0.0)

        def close(self) -> None: ...

    def work() -> None:
        for _ in range(20):
            with turns.mine(1.0):
                inside.append(1)
                most.append(len(inside))
                inside.pop()
                Lending(Slow(), turns).decide(DecideRequest("robot", "", "", 1.0))
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(most) == 8 * 20 * 2
    assert set(most) == {1}


def test_a_worker_that_fails_passes_its_turn_on() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="mine"), turns.mine(1.0):
        raise ValueError("mine")
    with pytest.raises(ValueError, match="lent"), turns.mine(1.0), turns.lent(1.0):
        raise ValueError("lent")
    with turns.mine(1.0):
        assert turns._taken
    assert not turns._taken


def test_a_robots_commands_are_settled_in_the_order_they_came() -> None:
    async def scene() -> None:
        lineup = Lineup()
        first, second, third = (lineup.join("porter") for _ in range(3))
        assert await first.reached(0)
        assert not await second.reached(1)
        second.leave()  # it expired before its turn
        assert not await third.reached(1)
        first.leave()
        assert await third.reached(PATIENCE_S * 1000)
        third.leave()
        third.leave()  # twice is once
        assert await lineup.join("porter").reached(0)

    asyncio.run(scene())


def test_another_robot_does_not_wait() -> None:
    async def scene() -> None:
        lineup = Lineup()
        lineup.join("porter")
        assert await lineup.join("loader").reached(0)
        assert not await lineup.join("porter").reached(1)

    asyncio.run(scene())


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    for one in fresh_node():
        yield one.start()
        assert one.stop() == 0, one.log()


def performed(executor: Raw, count: int) -> list[str]:
    """The commands whose actions an executor gets, in order; each is finished at once, and the node has noted that.

    What comes a second time, as nobody had acknowledged it in time, the executor has promised to drop.
    """
    found, known, noted = list[str](), set[str](), set[str]()
    until = time.monotonic() + PATIENCE_S
    while len(found) < count or len(noted) < count:
        assert time.monotonic() < until, (found, noted)
        match executor.hear(PATIENCE_S):
            case Perform() as task if task.action_id not in known:
                known.add(task.action_id)
                found.append(task.command_id)
                for state in (ActionState.RUNNING, ActionState.FINISHED):
                    executor.say(Report(robot=task.robot, action_id=task.action_id, epoch=task.epoch, state=state))
            case Noted(action_id=action_id, state=ActionState.FINISHED):
                noted.add(action_id)
    return found


def test_a_slow_command_is_not_overtaken_by_those_behind_it(node: Node) -> None:
    """Twenty commands to one robot, the first of which takes long to read: the robot gets them as they were sent."""
    with Raw(node.command_address) as client, Raw(node.command_address) as executor:
        executor.say(Hello(robot="robot", removes_duplicates=True))
        executor.hear_a(Welcome)
        texts = ["go slowly to dock 3", *(f"go to {('dock 3', 'packing')[number % 2]}" for number in range(19))]
        for number, text in enumerate(texts):
            client.say(Command(request_id=f"turn-{number}", text=text, pack="robot", ttl_ms=30_000))
        answers = [client.hear_a(Answer) for _ in texts]
        assert [answer.request_id for answer in answers] == [f"turn-{number}" for number in range(20)]
        assert {answer.outcome for answer in answers} == {Outcome.ACTIONS}
        assert performed(executor, 20) == [answer.command_id for answer in answers]


def test_a_client_that_leaves_in_the_middle_leaves_the_others_theirs(node: Node) -> None:
    """Its command was accepted and is carried out; the command behind it is answered as ever."""
    with Raw(node.command_address) as executor, Raw(node.command_address) as staying:
        executor.say(Hello(robot="robot", removes_duplicates=True))
        executor.hear_a(Welcome)
        with Raw(node.command_address) as leaving:
            leaving.say(Command(request_id="left", text="go slowly to packing", pack="robot", ttl_ms=30_000))
            leaving.hear_a(Accepted)
            staying.say(Command(request_id="stayed", text="go to dock 3", pack="robot", ttl_ms=30_000))
            staying.hear_a(Accepted)
        answer = staying.hear_a(Answer)
        assert (answer.request_id, answer.outcome) == ("stayed", Outcome.ACTIONS)
        assert performed(executor, 2)[-1] == answer.command_id


def test_one_robots_slow_command_holds_no_other_robot_up(node: Node) -> None:
    with Raw(node.command_address) as client, Raw(node.command_address) as porter, Raw(node.command_address) as loader:
        for name, executor in (("robot", porter), ("loader", loader)):
            executor.say(Hello(robot=name, removes_duplicates=True))
            executor.hear_a(Welcome)
        client.say(Command(request_id="slow", text="go slowly to dock 3", pack="robot", ttl_ms=30_000))
        client.say(Command(request_id="quick", text="go to packing", pack="robot", robot="loader", ttl_ms=30_000))
        answers = [client.hear_a(Answer) for _ in range(2)]
        assert [answer.request_id for answer in answers] == ["quick", "slow"]
        assert performed(loader, 1) == [answers[0].command_id]
        assert performed(porter, 1) == [answers[1].command_id]


def test_a_command_behind_one_that_takes_too_long_expires_and_the_next_one_has_its_turn(node: Node) -> None:
    """Nothing of it happens before those who came first have been settled."""
    with Raw(node.command_address) as client, Raw(node.command_address) as executor:
        executor.say(Hello(robot="robot", removes_duplicates=True))
        executor.hear_a(Welcome)
        for name, text, ttl_ms in (
            ("first", "go slowly to dock 3", 30_000),
            ("hurried", "go to packing", 300),
            ("patient", "go to dock 3", 30_000),
        ):
            client.say(Command(request_id=name, text=text, pack="robot", ttl_ms=ttl_ms))
        answers = [client.hear_a(Answer) for _ in range(3)]
        assert [(answer.request_id, answer.outcome) for answer in answers] == [
            ("hurried", Outcome.EXPIRED),
            ("first", Outcome.ACTIONS),
            ("patient", Outcome.ACTIONS),
        ]
        assert performed(executor, 2) == [answers[1].command_id, answers[2].command_id]


def test_after_a_stop_nobody_waits_for_what_was_withdrawn(node: Node) -> None:
    """Every worker waits for the engine; the stop reaches it all the same, and the next command finds a worker."""
    with Raw(node.command_address) as client, node.client() as other:
        for number in range(SEQUENCES_MAX):
            client.say(Command(request_id=f"e-{number}", text="go endlessly to dock 3", pack="robot", ttl_ms=60_000))
            client.hear_a(Accepted)
        stop_id = other.halt().stop_id
        assert {client.hear_a(Answer).outcome for _ in range(SEQUENCES_MAX)} == {Outcome.STOPPED}
        other.resume(stop_id)
        assert other.command("go to packing", ttl_ms=10_000).outcome is Outcome.ACTIONS
