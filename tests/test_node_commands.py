"""Commands to a running daemon, over real sockets: each gets exactly one typed answer, and actions happen once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from node_harness import Node, Raw, Watcher, fresh_node

from edge_agent.client import Executor
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import (
    Accepted,
    Answer,
    Command,
    Confirm,
    ErrorReply,
    Hello,
    Noted,
    Outcome,
    Perform,
    Report,
    StateEvent,
    Timings,
    Welcome,
)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    for one in fresh_node(executor={"timeout_ms": 600, "resend_ms": 50}, policy={"confirm_ttl_ms": 1000}):
        yield one.start()
        assert one.stop() == 0, one.log()


class Hands:
    """An executor that finishes what it is told, in a thread."""

    def __init__(self, node: Node, robot: str, actions: tuple[str, ...] = ()) -> None:
        self.done: list[str] = []

        def perform(task: Perform) -> Iterator[float]:
            self.done.append(task.action_id)
            yield 0.0

        self._executor = Executor(node.command_address, robot=robot, perform=perform, actions=actions)
        self._thread = threading.Thread(target=self._executor.run)

    def __enter__(self) -> Hands:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.close()
        self._thread.join()


def wait_for_robot(node: Node, robot: str) -> None:
    with node.client() as client:
        node.wait_for(lambda: robot in {one.robot for one in client.snapshot().robots if one.present})


def test_every_one_of_a_thousand_commands_gets_exactly_one_answer(node: Node) -> None:
    """A second process's worth of clients: 1,000 commands in flight 100 at a time, each accepted and answered once."""
    accepted: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    with Raw(node.command_address) as raw:
        texts = ("go to dock 3", "go to the moon", "wait two seconds")
        for start in range(0, 1000, 100):
            for number in range(start, start + 100):
                text = texts[number % 3]
                raw.say(Command(request_id=f"thousand-{number}", text=text, ttl_ms=30_000, robot="robot"))
            while sum(answered.values()) < start + 100:
                message = raw.hear(30.0)
                assert message is not None, "an answer is missing"
                if isinstance(message, Accepted):
                    accepted[message.request_id] += 1
                else:
                    assert isinstance(message, Answer), message
                    answered[message.request_id] += 1
                    outcomes[message.outcome] += 1
        assert raw.hear(0.3) is None, "an answer too many"
    assert set(accepted.values()) == set(answered.values()) == {1}
    assert len(answered) == len(accepted) == 1000
    assert outcomes == {"actions": 667, "reject": 333}
    with node.client() as client:  # leave nothing behind for the other tests
        client.resume(client.halt().stop_id)


def test_the_stages_of_an_answer_add_up_to_its_total(node: Node) -> None:
    """No millisecond is counted twice and none is lost."""
    with node.client() as client:
        timings = client.command("wait two seconds", robot="robot").timings
    parts = [getattr(timings, name) for name in Timings.model_fields if name != "total_ms"]
    assert sum(parts) == pytest.approx(timings.total_ms, abs=0.01)
    assert timings.decide_ms > 0 and timings.link_ms > 0 and timings.dispatch_ms > 0


def test_an_executor_gets_each_action_once_and_finishes_it(node: Node) -> None:
    """Both actions of a sentence, in order, each WAITING → INITIALIZING → RUNNING → FINISHED on the events' socket."""
    with Hands(node, "arm") as hands, node.client() as client, Watcher(node.events_address) as watcher:
        wait_for_robot(node, "arm")
        answer = client.command("go to dock 3 then go to packing", robot="arm")
        ids = [planned.action_id for planned in answer.actions]
        assert [planned.action for planned in answer.actions] == [
            {"action": "go_to", "place": "dock 3"},
            {"action": "go_to", "place": "packing"},
        ]
        node.wait_for(lambda: _states(watcher, ids[1])[-1:] == ["FINISHED"])
    assert hands.done == ids
    for action_id in ids:
        assert _states(watcher, action_id) == ["WAITING", "INITIALIZING", "RUNNING", "FINISHED"]
    numbers = [event.event_seq for event in watcher.messages if hasattr(event, "event_seq")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _states(watcher: Watcher, action_id: str) -> list[str]:
    return [
        str(event.state)
        for event in tuple(watcher.messages)
        if isinstance(event, StateEvent) and event.action_id == action_id
    ]


def test_the_same_request_again_gets_the_same_answer_and_nothing_happens_twice(node: Node) -> None:
    """Also while it is in progress, also over another connection; other content under the same id is refused."""
    command = Command(request_id="again-1", text="go slowly to dock 3", robot="robot", ttl_ms=9_000)
    with Raw(node.command_address) as one, Raw(node.command_address) as other:
        one.say(command)
        one.hear_a(Accepted)
        other.say(command)
        first, second = one.hear_a(Answer), other.hear_a(Answer)
        one.say(command)
        third = one.hear_a(Answer)
        assert first == second == third
        other.say(command.model_copy(update={"text": "go to packing"}))
        refused = other.hear_a(ErrorReply)
        assert (refused.code, refused.request_id) == (Code.SAME_ID_DIFFERENT_CONTENT, "again-1")
    with node.client() as client:
        assert len([job for job in client.snapshot().open if job.command_id == first.command_id]) == 1


@pytest.mark.parametrize("text", ["go to dock 3", "go slowly to dock 3"])
def test_a_command_of_one_millisecond_is_answered_expired_and_nothing_is_sent(node: Node, text: str) -> None:
    with Raw(node.command_address) as raw:
        raw.say(Hello(robot="idle", removes_duplicates=True))
        raw.hear_a(Welcome)
        raw.say(Command(request_id=f"short-{len(text)}", text=text, robot="idle", ttl_ms=1))
        answer = raw.hear_a(Answer)
        assert (answer.outcome, answer.actions) == (Outcome.EXPIRED, ())
        assert not isinstance(raw.hear(0.3), Perform)


def test_a_deadline_ends_a_generation_that_takes_too_long(node: Node) -> None:
    """The answer comes when the time is over, and the next command is served as ever."""
    with node.client() as client:
        late = client.command("go slowly to dock 3", ttl_ms=300)
        assert late.outcome is Outcome.EXPIRED
        assert client.command("wait two seconds", ttl_ms=9_000).outcome is Outcome.ACTIONS


def test_an_action_that_nobody_takes_ends_expired(node: Node) -> None:
    """Its robot never said hello; WAITING lasts as long as the time to live."""
    with node.client() as client, Watcher(node.events_address) as watcher:
        node.wait_for(lambda: client.command("go to nowhere") and watcher.messages)
        answer = client.command("go to dock 3", ttl_ms=200)
        action_id = answer.actions[0].action_id
        node.wait_for(lambda: "FAILED" in _states(watcher, action_id))
        assert _states(watcher, action_id) == ["WAITING", "FAILED"]
    last = [event for event in watcher.messages if getattr(event, "action_id", "") == action_id][-1]
    assert isinstance(last, StateEvent) and last.reason == "expired"


def test_what_no_grammar_would_allow_is_a_failure_not_an_action(node: Node) -> None:
    """The engine's word is never trusted."""
    with node.client() as client:
        answer = client.command("nonsense about dock 3")
    assert answer.outcome is Outcome.FAILED
    assert answer.error is not None and answer.error.code is Code.OUTPUT_INVALID


def test_an_entity_can_be_removed_and_added_while_the_node_runs(node: Node) -> None:
    """From the next command on; a bad update is refused whole."""
    with node.client() as client:
        assert client.command("go to packing").outcome is Outcome.ACTIONS
        assert client.update_world(remove=["packing"]).entities == 2
        assert client.command("go to packing").outcome is Outcome.REJECT
        with pytest.raises(ClientFault) as refused:
            client.update_world(remove=["dock 3", "no such thing"])
        assert (refused.value.code, refused.value.where) == (Code.WORLD_INVALID, "remove.1")
        assert client.command("go to dock 3").outcome is Outcome.ACTIONS
        client.update_world(add=[{"name": "packing", "kind": "place"}])
        assert client.command("go to packing").outcome is Outcome.ACTIONS


def test_a_lock_waits_for_a_yes_to_exactly_this_action(node: Node) -> None:
    """Wrong token or digest: never; the right one: once; then it goes to the robot."""
    with Hands(node, "house") as hands, node.client() as client:
        wait_for_robot(node, "house")
        asked = client.command("unlock the front door", pack="home", robot="house")
        planned = asked.actions[0]
        assert planned.tier == 2 and planned.confirmation is not None
        assert hands.done == []
        client.confirm(planned)
        node.wait_for(lambda: hands.done == [planned.action_id])
        with pytest.raises(ClientFault) as used:
            client.confirm(planned)
        assert used.value.code is Code.CONFIRMATION_UNKNOWN


@pytest.mark.parametrize(
    ("change", "where"),
    [
        pytest.param({"token": "0" * 32}, "token", id="another token"),
        pytest.param({"digest": "0" * 64}, "digest", id="another action"),
    ],
)
def test_a_wrong_yes_ends_the_action_and_burns_the_token(node: Node, change: dict[str, str], where: str) -> None:
    with node.client() as client, Raw(node.command_address) as raw:
        planned = client.command("unlock the front door", pack="home").actions[0]
        assert planned.confirmation is not None
        right = Confirm(
            request_id="yes", action_id=planned.action_id, digest=planned.digest, token=planned.confirmation.token
        )
        raw.say(right.model_copy(update=change))
        refused = raw.hear_a(ErrorReply)
        assert (refused.code, refused.where) == (Code.CONFIRMATION_MISMATCH, where)
        raw.say(right)
        assert raw.hear_a(ErrorReply).code is Code.CONFIRMATION_UNKNOWN
        assert planned.action_id not in {job.action_id for job in client.snapshot().open}


def test_a_late_yes_is_refused(node: Node) -> None:
    with node.client() as client:
        planned = client.command("unlock the front door", pack="home").actions[0]
        node.wait_for(lambda: planned.action_id not in {job.action_id for job in client.snapshot().open})
        with pytest.raises(ClientFault) as late:
            client.confirm(planned)
    assert late.value.code is Code.CONFIRMATION_EXPIRED


def test_an_action_that_the_robot_does_not_do_fails_at_once(node: Node) -> None:
    with Hands(node, "camera", actions=("find",)) as hands, node.client() as client:
        wait_for_robot(node, "camera")
        with Watcher(node.events_address) as watcher:
            node.wait_for(lambda: client.command("go to nowhere") and watcher.messages)
            action_id = client.command("go to dock 3", robot="camera").actions[0].action_id
            node.wait_for(lambda: "FAILED" in _states(watcher, action_id))
            assert _states(watcher, action_id) == ["WAITING", "FAILED"]
    assert hands.done == []


def test_one_action_is_in_flight_and_is_sent_again_until_it_is_acknowledged(node: Node) -> None:
    """The second waits for the first's end; the same action id comes again, and nothing else."""
    with Raw(node.command_address) as robot, node.client() as client:
        robot.say(Hello(robot="deaf", removes_duplicates=True))
        epoch = robot.hear_a(Welcome).epoch
        first = client.command("go to dock 3", robot="deaf", ttl_ms=5_000).actions[0].action_id
        second = client.command("go to packing", robot="deaf", ttl_ms=9_000).actions[0].action_id
        got = [robot.hear_a(Perform) for _ in range(3)]
        assert [(message.action_id, message.seq) for message in got] == [(first, 1)] * 3
        robot.say(Report(action_id=first, robot="deaf", epoch=epoch, state="RUNNING"))
        robot.hear_a(Noted)
        robot.say(Report(action_id=first, robot="deaf", epoch=epoch, state="FINISHED"))
        assert robot.hear_a(Noted).state == "FINISHED"
        assert robot.hear_a(Perform).action_id == second
        robot.say(Report(action_id=second, robot="deaf", epoch=epoch, state="FAILED", reason="too heavy"))
        robot.hear_a(Noted)


def test_nothing_is_sent_again_to_a_robot_that_does_not_remove_duplicates(node: Node) -> None:
    with Raw(node.command_address) as robot, node.client() as client:
        robot.say(Hello(robot="simple", removes_duplicates=False))
        robot.hear_a(Welcome)
        client.command("go to dock 3", robot="simple", ttl_ms=3_000)
        robot.hear_a(Perform)
        assert robot.hear(0.5) is None


def test_the_rest_of_a_command_is_abandoned_when_an_action_fails(node: Node) -> None:
    with Raw(node.command_address) as robot, node.client() as client, Watcher(node.events_address) as watcher:
        robot.say(Hello(robot="clumsy", removes_duplicates=True))
        epoch = robot.hear_a(Welcome).epoch
        answer = client.command("go to dock 3 then go to packing", robot="clumsy")
        first, second = (planned.action_id for planned in answer.actions)
        robot.hear_a(Perform)
        robot.say(Report(action_id=first, robot="clumsy", epoch=epoch, state="FAILED", reason="blocked"))
        node.wait_for(lambda: "FAILED" in _states(watcher, second))
        assert _states(watcher, second)[-1] == "FAILED"
    last = [event for event in watcher.messages if getattr(event, "action_id", "") == second][-1]
    assert isinstance(last, StateEvent) and last.reason == "predecessor failed"


def test_an_executor_that_comes_back_takes_over_and_one_that_lives_is_not_replaced(node: Node) -> None:
    with Raw(node.command_address) as thief:
        with Raw(node.command_address) as owner:
            owner.say(Hello(robot="van", removes_duplicates=True))
            owner.hear_a(Welcome)
            thief.say(Hello(robot="van", removes_duplicates=True))
            assert thief.hear_a(ErrorReply).code is Code.ROBOT_TAKEN

        # the owner's connection is gone: its robot is free, without waiting for the timeout
        def taken() -> bool:
            thief.say(Hello(robot="van", removes_duplicates=True))
            return isinstance(thief.hear(), Welcome)

        node.wait_for(taken)


def test_the_node_is_asked_what_it_is(node: Node) -> None:
    with node.client() as client:
        snapshot = client.snapshot()
    assert snapshot.packs == ("robot", "home")
    assert snapshot.engine_ready and snapshot.degraded == () and snapshot.stop_id is None
