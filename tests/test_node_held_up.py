"""A disk that neither takes nor refuses: whoever asked is told in time, nothing moves late, and stops get through."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from node_harness import Node, Raw, fresh_node

from edge_agent.errors import Code
from edge_agent.messages import (
    Accepted,
    Answer,
    Command,
    ErrorReply,
    Halt,
    Hello,
    Outcome,
    Perform,
    Stop,
    Welcome,
)


@pytest.fixture
def node() -> Iterator[Node]:
    for one in fresh_node():
        yield one.start()
        assert one.stop() == 0, one.log()


@contextmanager
def held_up(node: Node) -> Iterator[None]:
    """The journal's next write does not come to its end: somebody else is in the middle of one."""
    other = sqlite3.connect(node.state_dir / "journal.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
    finally:
        other.close()


def test_who_asks_while_the_disk_takes_nothing_hears_that_the_time_is_over(node: Node) -> None:
    """The command itself could not be written: it was never accepted, and the same request may be made again."""
    asked = Command(request_id="c", text="go to dock 3", ttl_ms=50)
    with Raw(node.command_address) as raw:
        with held_up(node):
            raw.say(asked)
            refused = raw.hear()
            assert isinstance(refused, ErrorReply)
            assert (refused.code, refused.request_id) == (Code.EXPIRED, "c")
        raw.say(asked)
        assert raw.hear_a(Answer).outcome is Outcome.EXPIRED


def test_an_action_that_the_disk_took_too_late_is_never_sent(node: Node) -> None:
    """It was accepted and understood in time; its robot is there and waits, and a later command's action gets to it."""
    with Raw(node.command_address) as robot, Raw(node.command_address) as raw:
        robot.say(Hello(robot="robot", removes_duplicates=True))
        robot.hear_a(Welcome)
        raw.say(Command(request_id="slow", text="go slowly to dock 3 then go to packing", ttl_ms=2_000))
        raw.hear_a(Accepted)
        with held_up(node):
            refused = raw.hear()
            assert isinstance(refused, ErrorReply)
            assert (refused.code, refused.request_id) == (Code.EXPIRED, "slow")
        with node.client() as client:
            assert client.command("go to packing").outcome is Outcome.ACTIONS
            late = client.command("go slowly to dock 3 then go to packing", request_id="slow", ttl_ms=2_000)
            assert (late.outcome, late.actions) == (Outcome.EXPIRED, ())
        assert robot.hear_a(Perform).command_id != "c-1-1"


def test_a_stop_does_not_wait_for_the_disk(node: Node) -> None:
    with Raw(node.command_address) as robot, Raw(node.command_address) as raw:
        robot.say(Hello(robot="robot", removes_duplicates=True))
        robot.hear_a(Welcome)
        with held_up(node):
            raw.say(Command(request_id="c", text="go to dock 3", ttl_ms=60_000))
            raw.say(Halt(request_id="h"))
            assert robot.hear_a(Stop)
