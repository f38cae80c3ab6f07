"""A node on TCP as its clients meet it: what a key opens, what it does not, and what happens when it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import zmq
from keyed_node import OPERATOR, ROBOT, KeyedNode, free_ports, keyed_node

from edge_agent.client import Client, Executor
from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.keys.client_key import ClientKey
from edge_agent.keys.curve import new_pair
from edge_agent.keys.grants import Verb
from edge_agent.messages import FROM_NODE, Command, ErrorReply, Halt, Hello, Message, Outcome, Perform, Stop, Welcome
from edge_agent.messages.codec import Codec, encode
from edge_agent.observe.database import open_database, select
from edge_agent.observe.records import CommandRow

_CODEC = Codec(FROM_NODE)


@pytest.fixture
def keyed() -> Iterator[KeyedNode]:
    yield from keyed_node()


@pytest.fixture(scope="module")
def running() -> Iterator[KeyedNode]:
    """A node that several tests share, each with keys of its own; no test leaves a stop behind."""
    for keyed in keyed_node():
        keyed.keys.add("first", **OPERATOR)
        keyed.node.start()
        yield keyed


class Peer:
    """A DEALER with a key that sends what it likes."""

    def __init__(self, key: ClientKey, **options: bytes) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.curve_serverkey = key.node_public.encode()
        self.socket.curve_publickey = key.pair.public.encode()
        self.socket.curve_secretkey = key.pair.secret.encode()
        for name, value in options.items():
            setattr(self.socket, name, value)
        self.socket.connect(key.command)

    def say(self, message: Message) -> None:
        self.socket.send(encode(message))

    def hear(self, timeout_s: float = 10.0) -> Message | None:
        return _CODEC.decode(self.socket.recv()) if self.socket.poll(int(timeout_s * 1000)) else None

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.destroy(linger=0)


def refused(client: Client, text: str = "go to dock 3") -> Code:
    """The code that a command is refused with."""
    with pytest.raises(EdgeAgentError) as fault:
        client.command(text)
    return fault.value.code


def test_an_enrolled_operator_commands_an_enrolled_robot(keyed: KeyedNode) -> None:
    """By key files and nothing else: command, action, report, state; and the journal says who it was."""
    operator, robot = keyed.keys.add("desk", **OPERATOR), keyed.keys.add("porter", **ROBOT)
    performed: list[Perform] = []

    def perform(task: Perform) -> Iterator[float]:
        performed.append(task)
        yield 0.0

    keyed.node.start()
    with (
        Executor(robot="robot", perform=perform, key=keyed.keys.file(robot)) as executor,
        Client(key=keyed.keys.file(operator)) as client,
    ):
        running = threading.Thread(target=executor.run)
        running.start()
        keyed.node.wait_for(lambda: any(one.present for one in client.snapshot().robots))
        answer = client.command("go to dock 3", request_id="mine")
        assert [event.state for event in client.follow(answer)][-1] == "FINISHED"
        executor.close()
        running.join()
    assert [task.action for task in performed] == [{"action": "go_to", "place": "dock 3"}]
    assert keyed.node.stop() == 0
    connection = open_database(keyed.node.state_dir).connection
    assert [(row.client, row.request_id) for row in select(connection, CommandRow)] == [("desk", "mine")]
    connection.close()


def test_a_wrong_a_revoked_and_no_key_get_nothing(keyed: KeyedNode) -> None:
    gone = keyed.keys.add("gone", **OPERATOR)
    keyed.keys.add("desk", **OPERATOR)
    keyed.keys.revoke("gone")
    keyed.node.start()
    for key in (gone, keyed.keys.stranger()):
        with keyed.client(key, connect_ms=700) as client:
            assert refused(client) is Code.NODE_UNREACHABLE
            assert list(client.events(timeout_ms=200)) == []
    with Client(keyed.keys.command, keyed.keys.events, connect_ms=700) as client:
        with pytest.raises(EdgeAgentError) as fault:
            client.halt()
        assert fault.value.code in (Code.NODE_UNREACHABLE, Code.NO_ANSWER)
    assert "HandshakeRefused" in keyed.node.log()
    with keyed.node.client() as local:
        assert local.snapshot().stop_id is None


def test_a_key_revoked_while_it_is_used_ends_at_once(keyed: KeyedNode) -> None:
    """Its next message is KEY_REVOKED and does nothing, it watches nothing more, and others go on."""
    gone, desk = keyed.keys.add("gone", **OPERATOR), keyed.keys.add("desk", **OPERATOR)
    keyed.node.start()
    with keyed.client(gone) as ending, keyed.client(desk) as staying:
        assert ending.command("go to dock 3").outcome is Outcome.ACTIONS
        staying.command("go to dock 3")
        keyed.keys.revoke("gone")
        keyed.node.wait_for_log("have ended")
        assert refused(ending) is Code.KEY_REVOKED
        with pytest.raises(EdgeAgentError):
            ending.halt()
        assert staying.snapshot().stop_id is None
        list(ending.events(timeout_ms=100))
        keyed.node.wait_for(lambda: staying.snapshot())
        staying.halt("after the end")
        assert not any(isinstance(event, Stop) for event in ending.events(timeout_ms=300))
        until = time.monotonic() + 10
        while not any(isinstance(event, Stop) for event in staying.events(timeout_ms=100)):
            assert time.monotonic() < until, "who is still known watches on"
            staying.halt("again")


def test_a_robot_whose_key_ends_is_stopped_and_shut_out(keyed: KeyedNode) -> None:
    """What it had is an unknown outcome, it gets one last stop, and its place is free."""
    robot, desk = keyed.keys.add("porter", **ROBOT), keyed.keys.add("desk", **OPERATOR)
    keyed.node.start()
    with Peer(robot) as executor, keyed.client(desk) as client:
        executor.say(Hello(robot="robot", removes_duplicates=True))
        assert isinstance(executor.hear(), Welcome)
        answer = client.command("go to dock 3", ttl_ms=60_000)
        assert isinstance(executor.hear(), Perform)
        keyed.keys.revoke("porter")
        last = executor.hear()
        assert isinstance(last, Stop) and "key" in last.reason
        keyed.node.wait_for(lambda: client.snapshot().open == ())
        assert client.snapshot().stop_id is None, "the others go on"
        ended = [
            event
            for event in client.events(timeout_ms=500)
            if getattr(event, "action_id", "") == answer.actions[0].action_id
        ]
        assert ended[-1].reason == "unknown_outcome"  # type: ignore[union-attr]
        client.command("go to packing", ttl_ms=60_000)
        assert executor.hear(0.5) is None
        executor.say(Hello(robot="robot", removes_duplicates=True))
        turned_away = executor.hear()
        assert isinstance(turned_away, ErrorReply) and turned_away.code is Code.KEY_REVOKED


def test_what_waits_for_somebody_whose_key_ends_is_not_begun(keyed: KeyedNode) -> None:
    """Nobody is there to carry it out yet; another's command goes on waiting."""
    gone, desk = keyed.keys.add("gone", **OPERATOR), keyed.keys.add("desk", **OPERATOR)
    keyed.node.start()
    with keyed.client(gone) as ending, keyed.client(desk) as staying:
        theirs = ending.command("go to dock 3", ttl_ms=60_000)
        mine = staying.command("go to packing", ttl_ms=60_000)
        keyed.keys.revoke("gone")
        keyed.node.wait_for(lambda: len(staying.snapshot().open) == 1)
        assert [one.action_id for one in staying.snapshot().open] == [mine.actions[0].action_id]
        ended = [one for one in staying.events(timeout_ms=500) if getattr(one, "state", "") == "FAILED"]
        assert [(one.action_id, one.reason[:11]) for one in ended] == [(theirs.actions[0].action_id, Code.KEY_REVOKED)]  # type: ignore[union-attr]


def test_a_key_added_while_the_node_runs_gets_in(running: KeyedNode) -> None:
    late = running.keys.add("late", verbs={Verb.WATCH})
    with running.client(late) as client:
        assert client.snapshot().packs
        assert refused(client) is Code.FORBIDDEN


def test_rights_are_asked_for_before_anything_is_done(running: KeyedNode) -> None:
    """A watcher may not stop, a robot may not command, a halt key may stop in words; none of it is in the journal."""
    watcher = running.keys.add("screen")
    robot = running.keys.add("porter", **ROBOT)
    button = running.keys.add("button", verbs={Verb.HALT})
    with running.client(watcher) as client:
        assert refused(client) is Code.FORBIDDEN and refused(client, "stop") is Code.FORBIDDEN
        with pytest.raises(EdgeAgentError):
            client.halt()
        assert client.snapshot().stop_id is None
    with running.client(robot) as client:
        assert refused(client) is Code.FORBIDDEN
    with Peer(robot) as other:
        other.say(Hello(robot="crane", removes_duplicates=True))
        answer = other.hear()
        assert isinstance(answer, ErrorReply) and answer.code is Code.FORBIDDEN
    with running.client(button) as client:
        assert client.command("stop").outcome is Outcome.STOPPED
        with pytest.raises(EdgeAgentError) as fault:
            client.resume("s-1-1")
        assert fault.value.code is Code.FORBIDDEN
    with running.node.client() as local:
        stop_id = local.snapshot().stop_id
        assert stop_id is not None
        local.resume(stop_id)


def test_request_ids_and_dialogues_of_two_keys_are_two(running: KeyedNode) -> None:
    """The same id is two requests, and another's answer is not told."""
    one, two = running.keys.add("one", **OPERATOR), running.keys.add("two", **OPERATOR)
    with running.client(one) as first, running.client(two) as second:
        mine = first.command("go to dock 3", request_id="same", session="s")
        theirs = second.command("go to packing", request_id="same", session="s")
        assert mine.command_id != theirs.command_id
        assert theirs.actions[0].action["place"] == "packing"
        assert first.command("go to dock 3", request_id="same", session="s") == mine


def test_a_burst_is_limited_and_a_stop_passes(running: KeyedNode) -> None:
    desk = running.keys.add("desk", verbs={Verb.COMMAND}, robots=("*",), rate_per_s=5)
    with Peer(desk) as peer:
        for number in range(60):
            peer.say(Command(request_id=f"b-{number}", text="go to dock 3"))
        peer.say(Halt(request_id="halt"))
        codes: list[str] = []
        while "Halted" not in codes:
            message = peer.hear(20.0)
            assert message is not None
            codes.append(message.code if isinstance(message, ErrorReply) else type(message).__name__)
    assert codes.count(Code.RATE_LIMITED) >= 45
    assert "Halted" in codes
    with running.node.client() as local:
        local.resume(local.snapshot().stop_id or "")


def test_nobody_can_take_anothers_place_by_a_routing_id(running: KeyedNode) -> None:
    """An id that a peer chose is refused whatever it says; an executor's connection has one that nobody can choose."""
    desk = running.keys.add("desk", **OPERATOR)
    with Peer(desk, routing_id=b"executor-1") as peer:
        peer.say(Command(request_id="r", text="go to dock 3"))
        answer = peer.hear()
        assert isinstance(answer, ErrorReply) and answer.code is Code.OWN_ROUTING_ID


def test_tcp_without_a_key_is_not_opened(keyed: KeyedNode) -> None:
    """No client's key, no key of the node's, a secret that others can read: each says so, and nothing listens."""
    assert keyed.node.begin().wait(40) == 3
    assert "INSECURE_BIND" in keyed.node.log() and "keys add" in keyed.node.log()
    keyed.keys.add("desk", **OPERATOR)
    (keyed.keys.folder / "node.key").chmod(0o644)
    assert keyed.node.begin().wait(40) == 3
    assert "KEY_INVALID" in keyed.node.log()
    (keyed.keys.folder / "node.key").unlink()
    assert keyed.node.begin().wait(40) == 3
    assert "INSECURE_BIND" in keyed.node.log() and "keys init" in keyed.node.log()


def test_the_local_sockets_go_on_beside_tcp(running: KeyedNode) -> None:
    with running.node.client() as local:
        assert local.command("go to dock 3").outcome is Outcome.ACTIONS


def test_a_list_of_keys_that_breaks_changes_nothing_and_is_named(keyed: KeyedNode) -> None:
    desk = keyed.keys.add("desk", **OPERATOR)
    keyed.node.start()
    with keyed.client(desk) as client:
        (keyed.keys.folder / "clients.toml").write_text("[[client]]\nname = ")
        keyed.node.wait_for_log("is not TOML")
        assert client.command("go to dock 3").outcome is Outcome.ACTIONS
        keyed.node.wait_for(lambda: any("keys" in str(what) for what in client.snapshot().degraded))


def test_the_client_says_what_may_be_wrong(keyed: KeyedNode) -> None:
    (port,) = free_ports(1)
    key = keyed.keys.stranger()
    with (
        Client(f"tcp://127.0.0.1:{port}", keyed.keys.events, key=key, connect_ms=200) as client,
        pytest.raises(NodeFault, match="know this key"),
    ):
        client.snapshot()


def test_a_robot_that_was_on_before_it_was_enrolled_gets_in_by_itself(keyed: KeyedNode) -> None:
    keyed.keys.add("desk", **OPERATOR)
    pair = new_pair()
    with Peer(keyed.keys.key("porter", pair)) as early:
        keyed.node.start()
        keyed.node.wait_for_log("HandshakeRefused")
        keyed.keys.add("porter", pair=pair, **ROBOT)
        early.say(Hello(robot="robot", removes_duplicates=True))
        assert isinstance(early.hear(), Welcome)
