"""A real node whose journal lost its end while it was dead: it comes up and only stops until resumed by name."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from node_harness import Node, Raw, fresh_node

from edge_agent.cli import main
from edge_agent.cli.exit_codes import Exit
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.messages import Hello, Outcome, Stop, Welcome


@pytest.fixture
def node() -> Iterator[Node]:
    yield from fresh_node()


def test_a_node_that_lost_the_end_of_its_log_only_stops(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    """Killed, then a bit flips in its write-ahead log: SQLite says nothing, the node notices, and nothing works but
    stops, snapshots, replay and the named resume.
    """
    node.start()
    with node.client() as client:
        client.command("go to packing")
    assert node.stop() == 0
    node.start()
    with node.client() as client:
        for number in range(20):
            client.command("go to dock 3", request_id=f"w-{number}")
    node.kill()
    log = node.state_dir / "journal.db-wal"
    content = bytearray(log.read_bytes())
    content[200] ^= 1  # in its first frame: all that was not written back yet is dropped
    log.write_bytes(content)
    node.start()
    with node.client() as client, Raw(node.command_address) as robot:
        robot.say(Hello(robot="robot", removes_duplicates=True))
        assert robot.hear_a(Welcome).stopped
        snapshot = client.snapshot()
        assert snapshot.stop_id == "s-3-0"
        assert "the tail is missing" in str(snapshot.degraded)
        for work in (
            lambda: client.command("go to dock 3", request_id="w-19"),
            lambda: client.update_world(remove=["packing"]),
        ):
            with pytest.raises(EdgeAgentError) as refused:
                work()
            assert refused.value.code is Code.STOPPED
        assert client.halt("again").stop_id == "s-3-0"
        assert robot.hear_a(Stop).stop_id == "s-3-0"
    assert (node.state_dir / "journal.damaged-1-wal").read_bytes() == bytes(content), "evidence is kept"
    capsys.readouterr()
    aside = str(node.state_dir / "journal.damaged-1")
    assert main(["replay", "--last", "1", "--journal", aside, "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["text"] == "go to packing"
    with node.client() as client:
        client.resume("s-3-0")
        assert client.command("go to dock 3").outcome is Outcome.ACTIONS
        assert "stop_only" not in str(client.snapshot().degraded)
    assert node.stop() == 0


def test_a_clean_end_and_a_crash_are_told_apart_in_the_chain(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    """Every start writes down what it ran with, and how the one before it ended."""
    node.start()
    node.kill()
    node.start()
    assert node.stop() == 0
    line = ["replay", "--export", str(node.folder / "out"), "--state-dir", str(node.state_dir), "--json"]
    assert main(line) == Exit.OK
    entries = [json.loads(text) for text in (node.folder / "out" / "entries.jsonl").read_text().splitlines()]
    bodies = [(entry["table"], json.loads(entry["body"])) for entry in entries]
    starts = [(body["epoch"], body["ended"]) for table, body in bodies if table == "node"]
    assert starts == [(1, ""), (2, ""), (1, "nobody wrote down"), (2, "closed")]
    runs = [body for table, body in bodies if table == "configuration"]
    assert [run["epoch"] for run in runs] == [1, 2]
    assert len({(run["settings_sha256"], run["packs"], run["worlds"], run["model"]) for run in runs}) == 1
    assert set(json.loads(runs[0]["packs"])) == {"robot", "home"}
    capsys.readouterr()
