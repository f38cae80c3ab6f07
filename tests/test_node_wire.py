"""Bad input at a running daemon's door: each kind gets its code, and the node goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from node_harness import Node, Raw, fresh_node

from edge_agent import limits
from edge_agent.errors import Code
from edge_agent.messages import Command, ErrorReply, Heartbeat, Hello, Perform, Report, Stopped, Welcome


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    for one in fresh_node():
        yield one.start()
        assert one.stop() == 0, one.log()


def command(**fields: object) -> bytes:
    return json.dumps({"type": "command", "request_id": "r-1", "text": "go to dock 3", **fields}).encode()


BAD_REMOVAL = b'{"type":"world_update","request_id":"r-1","remove":["moon"]}'
STRANGE_REPORT = b'{"type":"report","action_id":"a-1-1-1","robot":"nobody","epoch":1,"state":"RUNNING"}'
BAD_FRAMES = [
    pytest.param((b"",), Code.EMPTY_FRAME, "", id="an empty frame"),
    pytest.param((b"", command()), Code.BAD_FRAMES, "", id="a REQ socket's two frames"),
    pytest.param((command(),) * 5, Code.BAD_FRAMES, "", id="five frames"),
    pytest.param((b" " * 65_537,), Code.TOO_LARGE, "", id="one byte over 64 KiB"),
    pytest.param((bytes(range(128, 256)),), Code.NOT_UTF8, "", id="bytes that are no UTF-8"),
    pytest.param((b"\x00\x01random",), Code.NOT_JSON, "", id="bytes that are no JSON"),
    pytest.param((b"[]",), Code.NOT_JSON, "", id="a list"),
    pytest.param((b'{"type":"command","type":"halt"}',), Code.DUPLICATE_KEY, "type", id="a key twice"),
    pytest.param((b'{"type":"command","ttl_ms":NaN}',), Code.NOT_FINITE, "", id="NaN"),
    pytest.param((b'{"type":"command","ttl_ms":1e999}',), Code.NOT_FINITE, "", id="beyond a double"),
    pytest.param((b"[" * 10_000,), Code.TOO_DEEP, "", id="10,000 brackets"),
    pytest.param((b'{"a":' + b"1" * 5_000 + b"}",), Code.NUMBER_TOO_LONG, "", id="a number of 5,000 digits"),
    pytest.param((b'{"type":"fly"}',), Code.UNKNOWN_TYPE, "type", id="an unknown type"),
    pytest.param((b'{"type":"stop","stop_id":"s","epoch":1}',), Code.UNKNOWN_TYPE, "type", id="a type of ours"),
    pytest.param((command(colour="red"),), Code.UNKNOWN_FIELD, "colour", id="an unknown field"),
    pytest.param((command(ttl_ms=0),), Code.INVALID_MESSAGE, "ttl_ms", id="no time to live"),
    pytest.param((command(ttl_ms=True),), Code.INVALID_MESSAGE, "ttl_ms", id="a truth for a number"),
    pytest.param((command(request_id="a b"),), Code.INVALID_MESSAGE, "request_id", id="a space in an id"),
    pytest.param((command(text="x" * 501),), Code.TOO_LONG, "text", id="501 characters"),
    pytest.param((command(text="  "),), Code.EMPTY_TEXT, "text", id="no words"),
    pytest.param((command(text="go to\u0000dock 3"),), Code.BAD_TEXT, "text", id="a NUL"),
    pytest.param((command(text="go to \u202edock 3"),), Code.BAD_TEXT, "text", id="a bidi override"),
    pytest.param((command(pack="submarine"),), Code.UNKNOWN_PACK, "pack", id="an unknown pack"),
    pytest.param((command(robot="nobody"),), Code.UNKNOWN_TARGET, "robot", id="an unknown robot"),
    pytest.param((BAD_REMOVAL,), Code.WORLD_INVALID, "remove.0", id="removing what is not there"),
    pytest.param(
        (b'{"type":"world_update","request_id":"r-1","pack":"x"}',),
        Code.UNKNOWN_PACK,
        "pack",
        id="an unknown pack's world",
    ),
    pytest.param(
        (b'{"type":"resume","request_id":"r-1","stop_id":"s-1-1"}',),
        Code.NOT_STOPPED,
        "stop_id",
        id="a resume of no stop",
    ),
    pytest.param((STRANGE_REPORT,), Code.UNKNOWN_TARGET, "robot", id="a report of no executor"),
    pytest.param((b'{"type":"heartbeat","robot":"robot","epoch":0}',), Code.STALE_EPOCH, "epoch", id="an older epoch"),
]


@pytest.mark.parametrize(("frames", "code", "where"), BAD_FRAMES)
def test_each_bad_input_gets_its_code_and_the_node_goes_on(
    node: Node, frames: tuple[bytes, ...], code: Code, where: str
) -> None:
    with Raw(node.command_address) as raw:
        raw.send(*frames)
        error = raw.hear()
        assert isinstance(error, ErrorReply)
        assert (error.code, error.where) == (code, where)
        assert error.message
        if len(frames) == 1 and b'"request_id": "r-1"' in frames[0]:
            assert error.request_id == "r-1"
    with node.client() as client:
        assert client.command("go to dock 3").actions


def test_a_frame_far_too_large_ends_its_sender_and_nobody_else(node: Node) -> None:
    with Raw(node.command_address) as raw, node.client() as client:
        raw.send(b" " * (4 * limits.FRAME_BYTES_MAX))
        assert client.command("go to dock 3").actions
        assert raw.hear(0.2) is None


def test_a_cyrillic_letter_in_a_robots_name_is_not_that_robot(node: Node) -> None:
    with Raw(node.command_address) as raw:
        raw.say(Hello(robot="carrier", removes_duplicates=True))
        raw.hear_a(Welcome)
        raw.send(command(robot="c\u0430rrier"))
        assert raw.hear_a(ErrorReply).code is Code.UNKNOWN_TARGET


def test_a_report_counts_only_from_the_robot_that_has_the_action(node: Node) -> None:
    """Not another robot's or connection's, an unknown or waiting action's, nor one from before a restart."""
    with Raw(node.command_address) as one, Raw(node.command_address) as two, node.client() as client:
        for raw, robot in ((one, "one"), (two, "two")):
            raw.say(Hello(robot=robot, removes_duplicates=True))
            epoch = raw.hear_a(Welcome).epoch
        client.command("go to dock 3", robot="one", ttl_ms=60_000)
        action_id = one.hear_a(Perform).action_id
        waiting = client.command("go to packing", robot="one", ttl_ms=60_000).actions[0].action_id
        cases = [
            (two, {"robot": "two"}, Code.WRONG_ROBOT),
            (two, {"robot": "one"}, Code.WRONG_ROBOT),
            (one, {"action_id": "a-0-0-0"}, Code.UNKNOWN_ACTION),
            (one, {"epoch": epoch - 1}, Code.STALE_EPOCH),
            (one, {"action_id": waiting, "state": "FINISHED"}, Code.ILLEGAL_STATE),
        ]
        for sender, change, code in cases:
            fields = {"action_id": action_id, "robot": "one", "epoch": epoch, "state": "RUNNING", **change}
            sender.say(Report(**fields))  # type: ignore[arg-type]
            assert sender.hear_a(ErrorReply).code is code, change
        two.say(Heartbeat(robot="one", epoch=epoch))
        assert two.hear_a(ErrorReply).code is Code.WRONG_ROBOT
        two.say(Stopped(stop_id="s-1-1", robot="one", epoch=epoch))
        assert two.hear_a(ErrorReply).code is Code.WRONG_ROBOT
        assert [job.state for job in client.snapshot().open if job.action_id == action_id] == ["INITIALIZING"]


def test_a_peer_that_never_reads_harms_nobody(node: Node) -> None:
    """Its answers are dropped when its pipe is full; others are served."""
    with Raw(node.command_address) as deaf, node.client() as client:
        deaf.socket.rcvhwm = 1
        for number in range(3_000):
            deaf.say(Command(request_id=f"d{number}", text="go to the moon", pack="submarine"))
        assert client.command("go to dock 3", ttl_ms=20_000).actions
