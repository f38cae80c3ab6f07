"""A node's beats and its clients: seen by who asks for them, and no break of anybody else's silence."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scripted_node import ScriptedNode

from edge_agent.client import AsyncClient, Client
from edge_agent.errors import Code, NodeFault
from edge_agent.messages import Answer, Beat, Message, Outcome, Snapshot, SnapshotRequest

BEAT = Beat(epoch=7, seq=1, uptime_ms=1.0, every_ms=1_000, last_event_seq=0, engine_ready=True, open_actions=0)
ANSWER = Answer.model_validate_json(
    '{"type":"answer","request_id":"r-1","command_id":"c-7-1","epoch":7,"outcome":"actions","actions":[{"action_id":'
    f'"a-7-1-1","robot":"robot","action":{{"action":"dock"}},"digest":"{"0" * 64}","tier":2}}]}}'
)


def idle(message: Message) -> Iterator[Message]:
    """A node in which nothing is open."""
    assert isinstance(message, SnapshotRequest)
    yield Snapshot(
        request_id=message.request_id, epoch=7, event_seq=9, version="0", packs=("robot",), engine_ready=True
    )


@contextmanager
def beating(folder: Path) -> Iterator[ScriptedNode]:
    """A node that beats twenty times a second and does nothing else."""
    with ScriptedNode(folder, idle) as node:
        ending = threading.Event()

        def beat() -> None:
            while not ending.wait(0.05):
                node.publish(BEAT)

        thread = threading.Thread(target=beat)
        thread.start()
        try:
            yield node
        finally:
            ending.set()
            thread.join()


def test_beats_are_seen_by_who_asks_and_break_no_silence(tmp_path: Path) -> None:
    """Without `beats` the events end after their silence although the node beats."""
    with beating(tmp_path) as node, Client(node.command_address, node.events_address) as client:
        assert next(client.events(timeout_ms=10_000, beats=True)) == BEAT
        assert list(client.events(timeout_ms=300)) == []


def test_following_what_ended_unseen_says_so_beside_beats(tmp_path: Path) -> None:
    """The snapshot is asked for after a second in which nothing but beats came."""
    assert ANSWER.outcome is Outcome.ACTIONS
    with (
        beating(tmp_path) as node,
        Client(node.command_address, node.events_address) as client,
        pytest.raises(NodeFault, match="a-7-1-1") as caught,
    ):
        list(client.follow(ANSWER))
    assert caught.value.code is Code.NO_ANSWER


def test_the_asyncio_client_does_the_same(tmp_path: Path) -> None:
    """Seen on request, no break of a silence, and no obstacle to following."""

    async def play(node: ScriptedNode) -> None:
        async with AsyncClient(node.command_address, node.events_address) as client:
            assert await anext(client.events(timeout_ms=10_000, beats=True)) == BEAT
            assert [event async for event in client.events(timeout_ms=300)] == []
            with pytest.raises(NodeFault, match="a-7-1-1"):
                _ = [event async for event in client.follow(ANSWER)]

    with beating(tmp_path) as node:
        asyncio.run(play(node))
