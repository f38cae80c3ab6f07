"""STOP at a running daemon: first out, latched, whatever else goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from node_harness import Node, Raw, Watcher, fresh_node

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import (
    Accepted,
    Answer,
    Command,
    ErrorReply,
    Halt,
    Halted,
    Hello,
    Message,
    Outcome,
    Perform,
    Report,
    StateEvent,
    Stop,
    Stopped,
    Welcome,
)


@pytest.fixture
def node() -> Iterator[Node]:
    for one in fresh_node(executor={"stop_resend_ms": 50}):
        yield one.start()


def hello(raw: Raw, robot: str) -> int:
    """Say hello; returns the epoch."""
    raw.say(Hello(robot=robot, removes_duplicates=True))
    return int(raw.hear_a(Welcome).epoch)


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(Halt(request_id="h", reason="button"), id="halt"),
        pytest.param(Command(request_id="h", text="stop"), id="the word stop"),
        pytest.param(Command(request_id="h", text="St\u200bop!"), id="a zero-width space inside"),
        pytest.param(Command(request_id="h", text="s\u0442\u043ep"), id="Cyrillic letters inside"),
        pytest.param(Command(request_id="h", text="stop " * 200), id="longer than any text may be"),
        pytest.param(Command(request_id="h", text="stop", pack="no-such-pack"), id="in an unknown pack"),
    ],
)
def test_a_stop_during_a_generation_reaches_the_executor_and_ends_everything(node: Node, ask: Halt | Command) -> None:
    """The engine is busy, an action runs, another waits: the stop is out at once and all of them end FAILED/stopped."""
    with Raw(node.command_address) as robot, Raw(node.command_address) as raw, Watcher(node.events_address) as watcher:
        epoch = hello(robot, "robot")
        for number, text in enumerate(("go to dock 3", "go to packing"), start=1):
            raw.say(Command(request_id=f"c{number}", text=text, ttl_ms=60_000))
            raw.hear_a(Answer)
        running = robot.hear_a(Perform)
        robot.say(Report(action_id=running.action_id, robot="robot", epoch=epoch, state="RUNNING"))
        raw.say(Command(request_id="busy", text="go slowly to dock 3", ttl_ms=60_000))
        raw.hear_a(Accepted)
        raw.say(ask)
        stop = robot.hear_a(Stop)
        answers = {}
        while "busy" not in answers or "h" not in answers:
            message = raw.hear()
            if isinstance(message, Answer | Halted):
                answers[message.request_id] = message
        assert isinstance(answers["busy"], Answer) and answers["busy"].outcome is Outcome.STOPPED
        first_word = answers["h"]
        assert isinstance(first_word, Halted) or first_word.outcome is Outcome.STOPPED
        robot.say(Stopped(stop_id=stop.stop_id, robot="robot", epoch=stop.epoch))
        with node.client() as client:
            snapshot = client.snapshot()
        assert (snapshot.stop_id, snapshot.open) == (stop.stop_id, ())
    ends = [(event.state, event.reason) for event in watcher.messages if isinstance(event, StateEvent)]
    assert ends.count(("FAILED", "stopped")) == 2
    assert any(isinstance(event, Stop) for event in watcher.messages)


def test_a_stop_is_said_again_until_it_is_acknowledged(node: Node) -> None:
    with Raw(node.command_address) as robot, node.client() as client:
        epoch = hello(robot, "robot")
        stop_id = client.halt().stop_id
        assert [robot.hear_a(Stop).stop_id for _ in range(4)] == [stop_id] * 4
        robot.say(Stopped(stop_id=stop_id, robot="robot", epoch=epoch))
        client.snapshot()  # the acknowledgement has been read by now
        while robot.hear(0.0) is not None:
            pass
        assert robot.hear(0.3) is None


def test_a_latched_stop_refuses_commands_until_exactly_it_is_released(node: Node) -> None:
    """No sentence releases it, no other id does; a second halt is the same stop; an earlier answer is still told."""
    with node.client() as client:
        before = client.command("go to dock 3", request_id="before")
        stop_id = client.halt("hand in the way").stop_id
        assert client.halt().stop_id == stop_id
        for text in ("go to dock 3", "resume", "never mind, go on"):
            with pytest.raises(Exception, match=stop_id) as refused:
                client.command(text)
            assert refused.value.code is Code.STOPPED  # type: ignore[attr-defined]
        assert client.command("go to dock 3", request_id="before") == before
        with pytest.raises(ClientFault) as wrong:
            client.resume("s-9-9")
        assert wrong.value.code is Code.NOT_STOPPED
        client.resume(stop_id)
        with pytest.raises(ClientFault) as twice:
            client.resume(stop_id)
        assert twice.value.code is Code.NOT_STOPPED
        assert client.command("go to dock 3").outcome is Outcome.ACTIONS
        assert client.halt().stop_id != stop_id


def test_a_stop_holds_across_a_crash(node: Node) -> None:
    with node.client() as client:
        stop_id = client.halt("before the crash").stop_id
        client.command("stop")
    # a fact is written soon, not before the reply: wait until the disk has it
    node.wait_for(lambda: "StopLatched" in node.log())
    assert node.stop() == 0
    node.start()
    with Raw(node.command_address) as robot, node.client() as client:
        assert client.snapshot().stop_id == stop_id
        robot.say(Hello(robot="robot", removes_duplicates=True))
        assert robot.hear_a(Welcome).stopped is True
        assert robot.hear_a(Stop).stop_id == stop_id
        client.resume(stop_id)
        assert client.command("go to dock 3").outcome is Outcome.ACTIONS


def test_a_stop_passes_a_full_queue(node: Node) -> None:
    """More commands than are worked on at once: some are QUEUE_FULL, the stop is not."""
    with Raw(node.command_address) as raw, Raw(node.command_address) as robot:
        hello(robot, "robot")
        for number in range(400):
            raw.say(Command(request_id=f"q{number}", text="go slowly to dock 3", ttl_ms=60_000))
        ends: dict[str, str] = {}

        def take(message: Message | None) -> None:
            assert message is not None
            if isinstance(message, Answer):
                ends[message.request_id] = message.outcome
            elif isinstance(message, ErrorReply | Halted):
                ends[str(message.request_id)] = str(getattr(message, "code", "halted"))

        while "QUEUE_FULL" not in ends.values():
            take(raw.hear())
        raw.say(Halt(request_id="h"))
        robot.hear_a(Stop)
        while len(ends) < 401:
            take(raw.hear())
        assert ends.pop("h") == "halted"
        assert sum(end == "stopped" for end in ends.values()) == limits.COMMANDS_IN_FLIGHT_MAX
        assert set(ends.values()) == {"stopped", "QUEUE_FULL"}


def test_a_stop_that_the_model_understands_is_one(node: Node) -> None:
    """Not in the lexicon, but the engine's answer is the pack's stop: the same path, latched."""
    with node.client() as client:
        answer = client.command("kindly halt yourself over there")
        assert answer.outcome is Outcome.STOPPED
        assert client.snapshot().stop_id is not None
