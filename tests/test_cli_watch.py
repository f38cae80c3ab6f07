"""`edge-agent watch`: what happens on the bus, and the silence of a node that is gone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from node_harness import Node, fresh_node
from scripted_node import ScriptedNode

from edge_agent.cli import main
from edge_agent.cli.exit_codes import Exit
from edge_agent.client import Client
from edge_agent.messages import Beat, CommandEvent, Message, Outcome, Snapshot, SnapshotRequest, StateEvent, Stop

WATCH = ("watch", "--until-lost", "--lost-after", "1")


def answering(message: Message) -> Iterator[Message]:
    """A node that is only asked what it is."""
    assert isinstance(message, SnapshotRequest)
    yield Snapshot(
        request_id=message.request_id, epoch=7, event_seq=0, version="0", packs=("robot",), engine_ready=True
    )


def beat(seq: int, last_event_seq: int = 0, epoch: int = 7, **fields: Any) -> Beat:
    return Beat(
        epoch=epoch,
        seq=seq,
        uptime_ms=seq * 1_000.0,
        every_ms=1_000,
        last_event_seq=last_event_seq,
        engine_ready=True,
        open_actions=0,
        **fields,
    )


def state(event_seq: int) -> StateEvent:
    example = {**StateEvent.EXAMPLE, "event_seq": event_seq}
    return StateEvent.model_validate_json(json.dumps(example))


@contextmanager
def published(folder: Path, *events: Message) -> Iterator[None]:
    """A node that says these things once somebody watches, then nothing more."""
    with ScriptedNode(folder, answering) as node:
        ended = threading.Event()

        def publish() -> None:
            """Once the watcher has asked what there is; what a probe connected later hears, the watcher hears."""
            while not node.heard_of(SnapshotRequest):
                ended.wait(0.01)
            with Client(node.command_address, node.events_address) as probe:
                while not any(True for _ in probe.events(timeout_ms=20, beats=True)):
                    node.publish(events[0])
            node.publish(*events)

        thread = threading.Thread(target=publish)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def watched(folder: Path, *events: Message, arguments: tuple[str, ...] = ()) -> int:
    """Watch until the silence; returns the exit code."""
    with published(folder, *events):
        return main([*WATCH, *arguments, "--runtime-dir", str(folder)])


def test_people_see_news_and_only_news(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A state, an answer, one line for a stop however often it is sent, its release, a mode, and the end."""
    end = watched(
        tmp_path,
        beat(1),
        state(1),
        CommandEvent(epoch=7, event_seq=2, command_id="c-7-1", outcome=Outcome.ACTIONS),
        Stop(stop_id="s-7-1", epoch=7, reason="test"),
        Stop(stop_id="s-7-1", epoch=7, reason="test"),
        beat(2, 2, stop_id="s-7-1", degraded=("hot",)),
        beat(3, 2),
    )
    assert end == Exit.FAILED
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    wanted = [
        "node epoch 7 engine ready",
        'state robot a-7-1-1 RUNNING {"action": "go_to", "place": "dock 3"}',
        "answer c-7-1 actions",
        "stop s-7-1 test",
        "node epoch 7 engine ready stop s-7-1 holds hot",
        "released s-7-1",
        "node epoch 7 engine ready",
        "lost no sign of life for 1 s",
    ]
    assert lines == wanted


def test_programs_get_every_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One record each, beats among them, and one for the loss."""
    assert watched(tmp_path, beat(1), state(1), arguments=("--json",)) == Exit.FAILED
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["type"] for record in records if record["type"] != "beat"] == ["state", "lost"]
    assert {record["seq"] for record in records if record["type"] == "beat"} == {1}


def test_what_was_missed_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By a gap between two events, by a beat after a silence, and a restart is no gap."""
    watched(tmp_path, beat(1), state(1), state(4), beat(2, 9), beat(1, 0, epoch=8))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line.startswith("missed")] == ["missed 2 events", "missed 5 events"]
    assert "restarted epoch 8; nothing of before moves by itself" in lines


@pytest.fixture
def node() -> Iterator[Node]:
    yield from fresh_node()


def test_a_node_that_is_killed_is_noticed_by_its_silence(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    """A real node beats, counting up; after SIGKILL `watch` ends with 5, and so do the events of a client."""
    node.start()
    with node.client() as client:
        beats = [event for event, _ in zip(client.events(beats=True), range(2), strict=False)]
        killing = threading.Timer(0.2, node.kill)
        killing.start()
        assert main([*WATCH[:-1], "1.5", "--json", "--runtime-dir", str(node.folder / "run")]) == Exit.FAILED
        killing.join()
        assert [event for event in client.events(timeout_ms=200, beats=True) if not isinstance(event, Beat)] == []
    first, second = beats
    assert isinstance(first, Beat) and isinstance(second, Beat)
    assert (second.seq - first.seq, second.epoch, second.engine_ready) == (1, 1, True)
    assert second.uptime_ms > first.uptime_ms
    assert second.journal is not None and len(second.journal.link) == 64
    assert '"type":"lost","after_s":1.5' in capsys.readouterr().out
