"""The clients and an executor against a real daemon: what a user's programs see."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from node_harness import Node, fresh_node

from edge_agent.client import AsyncClient, Executor
from edge_agent.errors import ClientFault, Code, EdgeAgentError
from edge_agent.messages import ActionState, Answer, EntityRecord, Outcome, Perform, RejectReason, Stop


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """One daemon for the module."""
    for node in fresh_node():
        yield node.start()


class Robot:
    """A robot whose every action takes `steps` of 10 ms."""

    def __init__(self, steps: int = 2) -> None:
        self.steps = steps
        self.begun = threading.Event()
        self.braked = threading.Event()

    def perform(self, task: Perform) -> Iterator[float]:
        self.begun.set()
        try:
            for _ in range(self.steps):
                yield 0.01
        finally:
            self.braked.set()


@contextmanager
def attached(node: Node, robot: Robot, name: str = "robot") -> Iterator[Executor]:
    """The robot's executor in a thread, known to the node."""
    executor = Executor(node.command_address, robot=name, perform=robot.perform)
    thread = threading.Thread(target=executor.run)
    thread.start()
    try:
        with node.client() as client:
            node.wait_for(lambda: any(r.robot == name and r.present for r in client.snapshot().robots))
        yield executor
    finally:
        executor.close()
        thread.join(10)


def test_a_command_is_carried_out_and_followed_to_its_end(node: Node) -> None:
    """Words in, an action out, its states seen until FINISHED."""
    with attached(node, Robot()), node.client() as client:
        answer = client.command("go to dock 3")
        states = [event.state for event in client.follow(answer)]
    assert answer.outcome is Outcome.ACTIONS
    assert [planned.action for planned in answer.actions] == [{"action": "go_to", "place": "dock 3"}]
    assert states[-1] is ActionState.FINISHED


def test_a_halt_brakes_the_robot_and_holds_until_resumed(node: Node) -> None:
    """The action in progress fails, a new command is refused, the right stop's id releases it."""
    robot = Robot(steps=10_000)
    with attached(node, robot), node.client() as client:
        answer = client.command("go to dock 3")
        assert robot.begun.wait(10)
        stop_id = client.halt("test").stop_id
        assert robot.braked.wait(10)
        assert [event.state for event in client.follow(answer)][-1] is ActionState.FAILED
        with pytest.raises(EdgeAgentError) as caught:
            client.command("go to packing")
        assert caught.value.code is Code.STOPPED
        with pytest.raises(ClientFault, match="NOT_STOPPED"):
            client.resume("s-0-0")
        assert client.resume(stop_id).stop_id == stop_id
        assert client.command("go to packing").outcome is Outcome.ACTIONS


def test_a_stop_in_words_does_the_same(node: Node) -> None:
    """Disguised by a look-alike letter and a zero-width space, it still stops."""
    robot = Robot(steps=10_000)
    with attached(node, robot), node.client() as client:
        client.command("go to dock 3")
        assert robot.begun.wait(10)
        assert client.command("please st\u043e\u200bp right there!").outcome is Outcome.STOPPED
        assert robot.braked.wait(10)
        stop = next(event for event in client.events(timeout_ms=5_000) if isinstance(event, Stop))
        client.resume(stop.stop_id)


def test_an_action_that_needs_a_yes_waits_for_it(node: Node) -> None:
    """Unlocking goes out after the confirmation, once; the same yes again is unknown."""
    with attached(node, Robot()), node.client() as client:
        answer = client.command("unlock the front door", pack="home")
        (planned,) = answer.actions
        assert planned.confirmation is not None
        client.confirm(planned)
        assert [event.state for event in client.follow(answer)][-1] is ActionState.FINISHED
        with pytest.raises(ClientFault, match="CONFIRMATION_UNKNOWN"):
            client.confirm(planned)


def test_a_world_update_holds_from_the_next_command_on(node: Node) -> None:
    """A place that is taken out becomes a reject, and works again when it is back."""
    with node.client() as client:
        client.update_world(remove=["packing"], pack="robot")
        answer = client.command("go to packing")
        assert answer.outcome is Outcome.REJECT
        assert answer.reject is not None
        assert answer.reject.reason is RejectReason.UNKNOWN_ENTITY
        client.update_world(add=[EntityRecord(name="packing", kind="place")], pack="robot")
        assert client.command("go to packing").outcome is Outcome.ACTIONS


def test_many_at_once_and_asked_twice(node: Node) -> None:
    """A hundred in flight get a hundred answers; asked again by their ids, the same hundred."""

    async def ask() -> tuple[list[Answer], list[Answer]]:
        async with AsyncClient(node.command_address, node.events_address) as client:
            texts = {f"many-{n}": "go to dock 3" if n % 2 else "go to nowhere" for n in range(100)}
            rounds = [
                await asyncio.gather(*(client.command(text, request_id=key) for key, text in texts.items()))
                for _ in range(2)
            ]
        return rounds[0], rounds[1]

    first, second = asyncio.run(ask())
    assert first == second
    assert [answer.request_id for answer in first] == [f"many-{n}" for n in range(100)]
    assert {answer.outcome for answer in first} == {Outcome.ACTIONS, Outcome.REJECT}
