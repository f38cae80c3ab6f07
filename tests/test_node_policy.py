"""The site's rules in a running node: the same on every path, before an answer, at a yes, right before a sending."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from keyed_node import OPERATOR, keyed_node
from node_harness import Node, Raw, fresh_node
from whole_node import WholeNode

from edge_agent.client import Client
from edge_agent.errors import ClientFault, Code, ConfigurationFault, NodeFault
from edge_agent.messages import (
    ActionState,
    Answer,
    Command,
    Hello,
    Noted,
    OpenAction,
    Outcome,
    Perform,
    Rejection,
    RejectReason,
    Report,
    Spoken,
    Welcome,
)
from edge_agent.messages.answer import Reading
from edge_agent.node.compose import read_policy
from edge_agent.node.interpret import Interpretation
from edge_agent.node.requests import Asker
from edge_agent.node.understanding import Verdict
from edge_agent.observe.events import Stream
from edge_agent.settings import Settings

POLICY = {
    "confirm_ttl_ms": 60_000,
    "limit": [
        {"action": "wait", "slot": "seconds", "max": 60, "unit": "s"},
        {"action": "wait", "slot": "seconds", "max": 10, "robot": "hasty"},
    ],
    "no_go": [{"place": "packing"}, {"place": "vault", "later": True}],
}


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    for one in fresh_node(policy=POLICY):
        yield one.start()
        assert one.stop() == 0, one.log()


def refused(answer: Answer) -> tuple[str, str, str]:
    """Code, slot and words of an answer that the policy refused; nothing of it is done."""
    assert (answer.outcome, answer.actions) == (Outcome.FAILED, ())
    assert answer.error is not None
    return answer.error.code, answer.error.where, answer.error.message


def test_what_breaks_a_rule_is_answered_with_it(node: Node) -> None:
    """Code, slot, and words that say which rule; just within it nothing is refused."""
    with node.client() as client:
        assert client.command("wait 60 seconds").outcome is Outcome.ACTIONS
        code, where, words = refused(client.command("wait 61 seconds"))
        assert (code, where) == (Code.POLICY_REFUSED, "seconds")
        assert words == "wait.seconds is 61 s; at most 60 is allowed here (policy.limit.0)"
        code, where, words = refused(client.command("go to packing"))
        assert (code, where) == (Code.POLICY_REFUSED, "place")
        assert words == "'packing' is a no-go place here (policy.no_go.0)"


@pytest.mark.parametrize("place", [2, 6])
def test_a_later_action_of_a_sentence_is_held_to_the_rules_and_takes_the_others_along(node: Node, place: int) -> None:
    with node.client() as client:
        parts = ["go to dock 3"] * (place - 1)
        assert client.command(" then ".join([*parts, "wait 9 seconds"])).outcome is Outcome.ACTIONS
        assert refused(client.command(" then ".join([*parts, "wait 99 seconds"])))[1] == "seconds"
        assert refused(client.command(" then ".join([*parts, "go to packing"])))[1] == "place"


def test_another_reading_of_what_was_heard_is_held_to_them(node: Node) -> None:
    """Neither the first nor an alternative leads past them."""
    with node.client() as client:
        for heard, other in (("go to packing", "go to parking"), ("go to parking", "go to packing")):
            command = Command(request_id=f"heard-{heard[-7:]}", text=heard, spoken=Spoken(alternatives=(other,)))
            answer = client.ask(command, Answer)
            assert answer.outcome in (Outcome.FAILED, Outcome.REJECT)
            assert answer.actions == ()


def test_one_robots_limit_is_not_the_others(node: Node) -> None:
    with Raw(node.command_address) as robot, node.client() as client:
        robot.say(Hello(robot="hasty", removes_duplicates=True))
        robot.hear_a(Welcome)
        assert "policy.limit.1" in refused(client.command("wait 11 seconds", robot="hasty"))[2]
        assert client.command("wait 11 seconds").outcome is Outcome.ACTIONS


def test_an_update_brings_new_things_under_the_rules(node: Node) -> None:
    """What lies in a no-go place, and a place that is named in the settings and was not there before."""
    assert "policy.no_go.1 waits for the place 'vault'" in node.log()
    with node.client() as client:
        client.update_world(
            add=[
                {"name": "shelf", "kind": "place", "area": "packing"},
                {"name": "vault", "kind": "place"},
                {"name": "safe", "kind": "item", "area": "vault"},
            ]
        )
        for name in ("shelf", "vault", "safe"):
            assert refused(client.command(f"go to {name}"))[0] is Code.POLICY_REFUSED
        client.update_world(add=[{"name": "safe", "kind": "item", "area": "hall"}])
        assert "no-go place" in refused(client.command("go to safe"))[2]


def test_what_is_gone_when_its_turn_comes_is_not_sent(node: Node) -> None:
    """Two actions wait for a robot; the place of the first is taken away before the robot is there for it."""
    with Raw(node.command_address) as robot, node.client() as client:
        robot.say(Hello(robot="late", removes_duplicates=True))
        epoch = robot.hear_a(Welcome).epoch
        client.update_world(add=[{"name": "bay 9", "kind": "place"}])
        ttl_ms = 60_000
        first = client.command("wait 2 seconds", robot="late", ttl_ms=ttl_ms).actions[0].action_id
        assert robot.hear_a(Perform).action_id == first
        report = Report(action_id=first, robot="late", epoch=epoch, state=ActionState.RUNNING)
        robot.say(report)
        robot.hear_a(Noted)  # from now on it is not sent again
        second = client.command("go to bay 9", robot="late", ttl_ms=ttl_ms).actions[0].action_id
        third = client.command("wait 3 seconds", robot="late", ttl_ms=ttl_ms).actions[0].action_id
        client.update_world(remove=["bay 9"])
        robot.say(report.model_copy(update={"state": ActionState.FINISHED}))
        assert robot.hear_a(Perform).action_id == third
        assert second not in {action.action_id for action in client.snapshot().open}


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        pytest.param({"action": "HassTurnOn", "name": "lamp"}, Outcome.ACTIONS, id="allowed"),
        pytest.param({"action": "HassTurnOn", "name": "vault"}, Outcome.FAILED, id="not-here"),
        pytest.param({"action": "HassTurnOn", "volume": 3}, Outcome.FAILED, id="no-such-slot"),
        pytest.param({"action": "fly"}, Outcome.FAILED, id="no-such-action"),
    ],
)
def test_an_answer_is_judged_wherever_it_comes_from(action: dict[str, str], outcome: Outcome) -> None:
    """Read ahead while somebody still spoke, remembered, or from a server: all of it is only said to be understood."""
    whole = WholeNode(lambda _peer, _message: True, lambda _message: None)
    try:
        reception, now_ms = whole.daemon.reception, whole.clock.now_ms()
        command = Command(request_id="r", text="turn on the lamp")
        order = reception.admission.admit(command, Asker(b"p", "local"), command_id="c-1-1", received_ms=now_ms)
        meaning = Interpretation((action,), None, "", "", 1.0, 1, {}, command.text)
        judged = reception.pipeline.understanding.judge(order, Verdict(Outcome.ACTIONS, meaning), 0)
        doubt = Rejection(reason=RejectReason.AMBIGUOUS, readings=(Reading(actions=(action,), confidence=0.4),))
        doubted = reception.pipeline.understanding.judge(order, Verdict(Outcome.REJECT, meaning, reject=doubt), 0)
    finally:
        whole.close()
    assert judged.outcome is outcome
    assert bool(judged.actions) == (outcome is Outcome.ACTIONS)
    assert doubted.reject is not None
    assert bool(doubted.reject.readings) == (outcome is Outcome.ACTIONS), "nobody is asked whether they meant that"


def waiting(client: Client, command_id: str) -> OpenAction:
    """The open action of a command, as somebody else sees it."""
    return next(action for action in client.snapshot().open if action.command_id == command_id)


def test_somebody_else_sees_what_waits_and_says_yes_without_a_token(node: Node) -> None:
    """As a button beside the machine does; it counts once, whoever says it."""
    with node.client() as asker, node.client() as operator:
        answer = asker.command("unlock the front door", pack="home")
        seen = waiting(operator, answer.command_id)
        assert seen.unconfirmed is not None
        assert seen.unconfirmed.digest == answer.actions[0].digest
        assert 0 < seen.unconfirmed.expires_in_ms <= POLICY["confirm_ttl_ms"]  # type: ignore[operator]
        assert operator.confirm(seen).action_id == seen.action_id
        with pytest.raises(ClientFault) as again:
            asker.confirm(answer.actions[0])
        assert again.value.code is Code.CONFIRMATION_UNKNOWN
        after = [action for action in operator.snapshot().open if action.action_id == seen.action_id]
        assert all(action.unconfirmed is None for action in after)


def test_a_yes_to_a_door_that_an_update_took_away_is_refused(node: Node) -> None:
    with node.client() as client:
        planned = client.command("unlock the front door", pack="home").actions[0]
        client.update_world(pack="home", remove=["front door"])
        with pytest.raises(NodeFault) as gone:
            client.confirm(planned)
        assert gone.value.code is Code.POLICY_REFUSED
        client.update_world(pack="home", add=[{"name": "front door", "kind": "lock", "area": "hall"}])


def test_a_yes_after_a_restart_is_unknown() -> None:
    """The action of before has ended with the restart, and its token with the process."""
    for node in fresh_node():
        node.start()
        with node.client() as client:
            planned = client.command("unlock the front door", pack="home").actions[0]
        node.kill()
        node.start()
        with node.client() as client, pytest.raises(ClientFault) as late:
            client.confirm(planned)
        assert late.value.code is Code.CONFIRMATION_UNKNOWN
        assert node.stop() == 0


def test_a_second_person_is_another_key() -> None:
    """The asker's own yes is refused, by token and without; the action waits, and somebody else's yes counts."""
    for keyed in keyed_node(policy={"second_person": True}):
        asker, operator = keyed.keys.add("desk", **OPERATOR), keyed.keys.add("shift", **OPERATOR)
        keyed.node.start()
        with keyed.client(asker) as one, keyed.client(operator) as other:
            answer = one.command("unlock the front door", pack="home")
            for own in (answer.actions[0], waiting(one, answer.command_id)):
                with pytest.raises(ClientFault) as refusal:
                    one.confirm(own)
                assert refusal.value.code is Code.FORBIDDEN
            assert other.confirm(waiting(other, answer.command_id)).action_id == answer.actions[0].action_id
        assert keyed.node.stop() == 0


def test_a_second_person_needs_people_that_can_be_told_apart() -> None:
    """Without keys everybody is one and the same, and nothing could ever be agreed to."""
    with pytest.raises(ConfigurationFault) as wrong:
        read_policy(Settings.model_validate({"policy": {"second_person": True}}), {}, {}, Stream())
    assert (wrong.value.code, wrong.value.where) == (Code.SETTINGS_INVALID, "policy.second_person")


def test_a_rule_with_a_misspelt_place_does_not_start() -> None:
    """Nothing runs under rules that nobody keeps."""
    for node in fresh_node(policy={"no_go": [{"place": "paking"}]}):
        process = node.begin()
        assert process.wait(30) == 3
        assert "SETTINGS_INVALID: policy.no_go.0.place: nothing in the world is called 'paking'" in node.log()
