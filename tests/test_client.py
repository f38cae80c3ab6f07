"""The blocking and the asyncio client against a scripted node on real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from scripted_node import ScriptedNode

from edge_agent.client import AsyncClient, Client
from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.messages import (
    Accepted,
    Answer,
    Command,
    CommandEvent,
    Confirm,
    Confirmation,
    Confirmed,
    EntityRecord,
    ErrorReply,
    Halt,
    Halted,
    Message,
    OpenAction,
    Outcome,
    PlannedAction,
    Resume,
    Resumed,
    Snapshot,
    SnapshotRequest,
    StateEvent,
    Stop,
    WorldUpdate,
    WorldUpdated,
)

PLANNED = PlannedAction(
    action_id="a-1", robot="robot", action={"action": "dock"}, digest="0" * 64, tier=2, confirmation=None
)
OPEN = OpenAction.model_validate_json(
    '{"command_id":"c-1","action_id":"a-1","robot":"robot","action":{"action":"dock"},"state":"RUNNING"}'
)


def accepted(command: Command) -> Accepted:
    return Accepted(request_id=command.request_id, command_id="c-1", epoch=1)


def answered(command: Command, **fields: Any) -> Answer:
    """An answer that carries the command's own words, so that a mix-up shows."""
    outcome = fields.pop("outcome", Outcome.ACTIONS)
    return Answer(
        request_id=command.request_id, command_id="c-1", epoch=1, outcome=outcome, marked=command.text, **fields
    )


def well_behaved(message: Message) -> Iterable[Message]:
    """A node that says yes to everything."""
    match message:
        case Command():
            return [accepted(message), answered(message)]
        case Confirm(request_id=request_id, action_id=action_id):
            return [Confirmed(request_id=request_id, action_id=action_id)]
        case Halt(request_id=request_id):
            return [Halted(request_id=request_id, stop_id="s-1", epoch=1)]
        case Resume(request_id=request_id, stop_id=stop_id):
            return [Resumed(request_id=request_id, stop_id=stop_id)]
        case WorldUpdate(request_id=request_id):
            return [WorldUpdated(request_id=request_id, pack="robot", revision=1, entities=3)]
        case SnapshotRequest(request_id=request_id):
            return [snapshot(request_id)]
    return []


def snapshot(request_id: str, *still_open: OpenAction) -> Snapshot:
    return Snapshot(
        request_id=request_id, epoch=1, event_seq=1, version="0", packs=("robot",), engine_ready=True, open=still_open
    )


def state(action_id: str, name: str, seq: int = 1) -> StateEvent:
    fields = {**StateEvent.EXAMPLE, "action_id": action_id, "state": name, "event_seq": seq}
    return StateEvent.model_validate_json(json.dumps(fields))


def test_a_command_comes_back_as_its_answer(tmp_path: Path) -> None:
    """Every field reaches the node, `accepted` is passed over, the answer is typed."""
    with (
        ScriptedNode(tmp_path, well_behaved) as node,
        Client(node.command_address, node.events_address) as client,
    ):
        answer = client.command(
            "go to dock 3", pack="robot", robot="r2", session="s", ttl_ms=900, area="hall a", speaker="mara"
        )
    assert answer.outcome is Outcome.ACTIONS
    (heard,) = node.heard
    assert isinstance(heard, Command)
    assert (heard.text, heard.pack, heard.robot, heard.session, heard.ttl_ms) == (
        "go to dock 3",
        "robot",
        "r2",
        "s",
        900,
    )
    assert (heard.context.area, heard.context.speaker) == ("hall a", "mara")
    assert answer.request_id == heard.request_id


def test_two_commands_never_share_an_id(tmp_path: Path) -> None:
    """The client makes its request ids itself, and takes the caller's where one is given."""
    with ScriptedNode(tmp_path, well_behaved) as node, Client(node.command_address, node.events_address) as client:
        first, second = client.command("dock"), client.command("dock")
        assert first.request_id != second.request_id
        assert client.command("dock", request_id="mine").request_id == "mine"


def test_every_other_request_has_its_reply(tmp_path: Path) -> None:
    """Confirm, halt, resume, world update and snapshot say what they were told."""
    planned = PLANNED.model_copy(update={"confirmation": Confirmation(token="t-1", expires_in_ms=5000.0)})
    with ScriptedNode(tmp_path, well_behaved) as node, Client(node.command_address, node.events_address) as client:
        assert client.confirm(planned).action_id == "a-1"
        assert client.halt("button").stop_id == "s-1"
        assert client.resume("s-1").stop_id == "s-1"
        assert client.update_world(remove=["red box"], add=[EntityRecord(name="blue box")], pack="robot").entities == 3
        assert client.snapshot().packs == ("robot",)
    confirm, halt, _resume, update, _snapshot = node.heard
    assert isinstance(confirm, Confirm)
    assert (confirm.digest, confirm.token) == ("0" * 64, "t-1")
    assert isinstance(halt, Halt)
    assert halt.reason == "button"
    assert isinstance(update, WorldUpdate)
    assert (update.remove, update.add[0].name, update.pack) == (("red box",), "blue box", "robot")


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        pytest.param(Code.TOO_LONG, ClientFault, id="too-long"),
        pytest.param(Code.SAME_ID_DIFFERENT_CONTENT, ClientFault, id="same-id"),
        pytest.param(Code.QUEUE_FULL, NodeFault, id="queue-full"),
        pytest.param(Code.JOURNAL_UNAVAILABLE, NodeFault, id="no-journal"),
        pytest.param(Code.STOPPED, NodeFault, id="stopped"),
    ],
)
def test_a_refusal_is_raised_with_the_nodes_code(tmp_path: Path, code: Code, fault: type[EdgeAgentError]) -> None:
    """The class says whose fault it was; code, words and place are the node's own."""

    def refuse(message: Message) -> Iterable[Message]:
        assert isinstance(message, Command)
        return [ErrorReply(code=code, message="because", request_id=message.request_id, where="text")]

    with (
        ScriptedNode(tmp_path, refuse) as node,
        Client(node.command_address, node.events_address) as client,
        pytest.raises(fault) as caught,
    ):
        client.command("go")
    assert (caught.value.code, caught.value.message, caught.value.where) == (code, "because", "text")


def test_a_refusal_that_names_no_request_is_not_lost(tmp_path: Path) -> None:
    """A node that could not read the id still answers the one request there is."""
    refuse = [ErrorReply(code=Code.NOT_JSON, message="not JSON")]
    with (
        ScriptedNode(tmp_path, lambda _: refuse) as node,
        Client(node.command_address, node.events_address) as client,
        pytest.raises(ClientFault, match="NOT_JSON"),
    ):
        client.command("go")


def test_no_node_is_unreachable(tmp_path: Path) -> None:
    """Nothing is queued for a node that may start later and surprise everybody."""
    with (
        Client(f"ipc://{tmp_path}/nobody.sock", f"ipc://{tmp_path}/e.sock", connect_ms=100) as client,
        pytest.raises(NodeFault) as caught,
    ):
        client.command("go")
    assert caught.value.code is Code.NODE_UNREACHABLE
    assert "nobody.sock" in caught.value.where


def test_an_address_that_is_none_is_refused() -> None:
    """A typing mistake is not waited for."""
    with pytest.raises(ClientFault) as caught:
        Client("ipx://nowhere", "ipc:///nowhere")
    assert caught.value.code is Code.NODE_UNREACHABLE


def test_a_bad_command_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    """The field at fault is named; the node hears nothing."""
    with ScriptedNode(tmp_path) as node, Client(node.command_address, node.events_address) as client:
        with pytest.raises(ClientFault) as caught:
            client.command("go", ttl_ms=0)
        assert (caught.value.code, caught.value.where) == (Code.INVALID_MESSAGE, "ttl_ms")
        with pytest.raises(ClientFault, match="CONFIRMATION_UNKNOWN"):
            client.confirm(PLANNED)
    assert node.heard == []


def test_silence_is_no_answer_and_asking_again_is_safe(tmp_path: Path) -> None:
    """The error names the id to ask again with; a late answer to it is not taken for another request's."""
    commands: list[Command] = []

    def slow(message: Message) -> Iterable[Message]:
        assert isinstance(message, Command)
        commands.append(message)
        return [] if len(commands) == 1 else [answered(commands[0]), answered(message)]

    with ScriptedNode(tmp_path, slow) as node:
        with Client(node.command_address, node.events_address, answer_ms=100) as client:
            with pytest.raises(NodeFault, match="first-1") as caught:
                client.command("first", request_id="first-1")
            assert caught.value.code is Code.NO_ANSWER
        with Client(node.command_address, node.events_address) as client:
            assert client.command("second").marked == "second"
            assert client.command("first", request_id="first-1").marked == "first"


def test_a_node_that_starts_anew_is_found_again(tmp_path: Path) -> None:
    """The same client goes on after a restart."""
    with ScriptedNode(tmp_path, well_behaved) as node:
        client = Client(node.command_address, node.events_address)
        assert client.command("one").marked == "one"
    with client, ScriptedNode(tmp_path, well_behaved):
        assert ask_until_reached(client, "two").marked == "two"


def ask_until_reached(client: Client, text: str) -> Answer:
    """The old connection may take the first one with it; then the id makes the second try safe."""
    for _ in range(20):
        try:
            return client.ask(Command(request_id="again", text=text), Answer)
        except NodeFault as problem:
            assert problem.code in (Code.NODE_UNREACHABLE, Code.NO_ANSWER)
    raise AssertionError("never reached")


def until_watched(node: ScriptedNode, client: Client) -> None:
    """Publish until the subscription has arrived, then let the rest through."""
    probe = CommandEvent.model_validate_json(
        '{"type":"command_event","epoch":1,"event_seq":0,"command_id":"p","outcome":"actions"}'
    )
    for _ in range(500):
        node.publish(probe)
        if any(True for _ in client.events(timeout_ms=20)):
            break
    node.publish(probe.model_copy(update={"command_id": "last"}))
    for event in client.events(timeout_ms=5_000):
        if isinstance(event, CommandEvent) and event.command_id == "last":
            return
    raise AssertionError("no event arrived")


def test_events_come_in_order_and_end_with_silence(tmp_path: Path) -> None:
    """States, answered commands and stops, each as its class."""
    with ScriptedNode(tmp_path) as node, Client(node.command_address, node.events_address) as client:
        until_watched(node, client)
        sent = [state("a-1", "RUNNING", 1), Stop(stop_id="s-1", epoch=1), state("a-1", "FAILED", 2)]
        node.publish(*sent)
        assert list(client.events(timeout_ms=1_500)) == sent


def test_following_ends_when_every_action_has(tmp_path: Path) -> None:
    """Only this answer's actions are shown, and the last end ends it."""
    both = (PLANNED, PLANNED.model_copy(update={"action_id": "a-2"}))
    with ScriptedNode(tmp_path, well_behaved) as node, Client(node.command_address, node.events_address) as client:
        until_watched(node, client)
        answer = client.command("dock").model_copy(update={"actions": both})
        node.publish(
            state("a-1", "RUNNING"),
            state("other", "FINISHED"),
            state("a-1", "FINISHED"),
            state("a-2", "RUNNING"),
            state("a-2", "FAILED"),
        )
        seen = [(event.action_id, event.state.value) for event in client.follow(answer)]
    assert seen == [("a-1", "RUNNING"), ("a-1", "FINISHED"), ("a-2", "RUNNING"), ("a-2", "FAILED")]


def test_following_several_answers_is_one_reading(tmp_path: Path) -> None:
    """Events of one are not thrown away while the other is waited for."""
    with ScriptedNode(tmp_path, well_behaved) as node, Client(node.command_address, node.events_address) as client:
        until_watched(node, client)
        answers = [
            client.command("dock").model_copy(update={"actions": (PLANNED.model_copy(update={"action_id": name}),)})
            for name in ("a-1", "a-2")
        ]
        node.publish(state("a-2", "RUNNING"), state("a-2", "FINISHED"), state("a-1", "FINISHED"))
        seen = [(event.action_id, event.state.value) for event in client.follow(*answers)]
    assert seen == [("a-2", "RUNNING"), ("a-2", "FINISHED"), ("a-1", "FINISHED")]


def test_following_what_ended_unseen_says_so(tmp_path: Path) -> None:
    """A snapshot tells that the action is over; how it ended is not guessed."""
    with ScriptedNode(tmp_path, well_behaved) as node, Client(node.command_address, node.events_address) as client:
        answer = client.command("dock").model_copy(update={"actions": (PLANNED,)})
        with pytest.raises(NodeFault, match="a-1") as caught:
            list(client.follow(answer))
    assert caught.value.code is Code.NO_ANSWER


def test_following_waits_while_the_snapshot_shows_the_action(tmp_path: Path) -> None:
    """Silence alone ends nothing."""

    def working(message: Message) -> Iterable[Message]:
        if isinstance(message, SnapshotRequest):
            node.publish(state("a-1", "FINISHED"))
            return [snapshot(message.request_id, OPEN)]
        return well_behaved(message)

    with ScriptedNode(tmp_path, working) as node, Client(node.command_address, node.events_address) as client:
        until_watched(node, client)
        answer = client.command("dock").model_copy(update={"actions": (PLANNED,)})
        assert [event.state.value for event in client.follow(answer)] == ["FINISHED"]
    assert node.heard_of(SnapshotRequest)


def test_many_commands_in_flight_each_get_their_own_answer(tmp_path: Path) -> None:
    """Answers in the wrong order, one of them a refusal, still find whoever asked."""
    waiting: list[Command] = []

    def backwards(message: Message) -> Iterable[Message]:
        assert isinstance(message, Command)
        waiting.append(message)
        if len(waiting) < 200:
            return [accepted(message)]
        return [reply_to(command) for command in reversed(waiting)]

    def reply_to(command: Command) -> Message:
        if command.text == "text 77":
            return ErrorReply(code=Code.BAD_TEXT, message="no", request_id=command.request_id)
        return answered(command)

    async def ask() -> list[Answer | BaseException]:
        async with AsyncClient(node.command_address, node.events_address) as client:
            asked = (client.command(f"text {n}") for n in range(200))
            return await asyncio.gather(*asked, return_exceptions=True)

    with ScriptedNode(tmp_path, backwards) as node:
        results = asyncio.run(ask())
    refused = results.pop(77)
    assert isinstance(refused, ClientFault)
    assert refused.code is Code.BAD_TEXT
    marked = [result.marked for result in results if isinstance(result, Answer)]
    assert marked == [f"text {n}" for n in range(200) if n != 77]


def test_the_asyncio_client_makes_every_request_and_follows(tmp_path: Path) -> None:
    """The same methods with the same ends as the blocking one."""
    planned = PLANNED.model_copy(update={"confirmation": Confirmation(token="t-1", expires_in_ms=5000.0)})

    async def ask() -> list[str]:
        async with AsyncClient(node.command_address, node.events_address) as client:
            assert (await client.confirm(planned)).action_id == "a-1"
            assert (await client.halt()).stop_id == "s-1"
            assert (await client.resume("s-1")).stop_id == "s-1"
            assert (await client.update_world(remove=("x",))).revision == 1
            answer = (await client.command("dock")).model_copy(update={"actions": (PLANNED,)})
            with pytest.raises(NodeFault, match="a-1"):
                _ = [event async for event in client.follow(answer)]
            with pytest.raises(ClientFault, match="CONFIRMATION_UNKNOWN"):
                await client.confirm(PLANNED)
            return [type(message).__name__ for message in node.heard]

    with ScriptedNode(tmp_path, well_behaved) as node:
        heard = asyncio.run(ask())
    assert heard == ["Confirm", "Halt", "Resume", "WorldUpdate", "Command", "SnapshotRequest"]


def test_the_asyncio_client_gives_up_like_the_blocking_one(tmp_path: Path) -> None:
    """No node, a silent node, and one id waited for twice."""

    async def ask() -> None:
        async with AsyncClient(f"ipc://{tmp_path}/nobody.sock", node.events_address, connect_ms=100) as client:
            with pytest.raises(NodeFault, match="NODE_UNREACHABLE"):
                await client.snapshot()
        async with AsyncClient(node.command_address, node.events_address, answer_ms=100) as client:
            first = asyncio.create_task(client.command("go", request_id="r-1"))
            await asyncio.sleep(0)
            with pytest.raises(ClientFault, match="r-1"):
                await client.command("go", request_id="r-1")
            with pytest.raises(NodeFault, match="NO_ANSWER"):
                await first

    with ScriptedNode(tmp_path) as node:
        asyncio.run(ask())
