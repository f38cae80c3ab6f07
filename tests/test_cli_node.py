"""The verbs that talk to a node, against a real daemon with the bundled model and a robot."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.cli import main
from edge_agent.cli.background import daemon, robot, wait_ready
from edge_agent.cli.exit_codes import Exit
from edge_agent.settings import load_settings

SETTINGS = """\
runtime_dir = "{folder}"
state_dir = "{folder}"

[[packs]]
name = "robot"

[policy]
confirm = ["motion"]
"""


@pytest.fixture(scope="module")
def config() -> Iterator[Path]:
    """The settings of a running node whose robot asks before it moves."""
    with tempfile.TemporaryDirectory(prefix="verbs-") as name:  # a socket's path may have 107 bytes
        path, log = Path(name) / "node.toml", Path(name) / "log"
        path.write_text(SETTINGS.format(folder=name), encoding="utf-8")
        settings = load_settings(path)
        with daemon(path, log) as process:
            wait_ready(settings, process, log)
            with robot(settings):
                yield path


@pytest.fixture
def typed(config: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Type one line; its exit code, the records it wrote, and its stderr."""

    def run(*line: str) -> tuple[int, list[dict[str, Any]], str]:
        end = main([*line, "--config", str(config), "--json"])
        shown = capsys.readouterr()
        return end, [json.loads(record) for record in shown.out.splitlines()], shown.err

    return run


def test_an_action_waits_for_confirm(typed: Any) -> None:
    """`say` without a yes leaves the action waiting; `confirm` with the answer's digest and token lets it happen."""
    end, (answer, *states), _ = typed("say", "go to dock 2")
    assert end == Exit.OK
    assert states == []
    (planned,) = answer["actions"]
    assert planned["action"] == {"action": "go_to", "place": "dock 2"}
    line = ("confirm", planned["action_id"], planned["digest"], planned["confirmation"]["token"])
    end, (confirmed,), _ = typed(*line)
    assert (end, confirmed["action_id"]) == (Exit.OK, planned["action_id"])
    end, records, said = typed(*line)
    assert (end, records) == (Exit.REFUSED, [])
    assert said.startswith("CONFIRMATION_UNKNOWN: ")


def test_yes_confirms_and_follows(typed: Any) -> None:
    """`say --yes` confirms at once and then shows each state until the robot has finished."""
    end, (answer, *states), _ = typed("say", "--yes", "go to dock 3")
    assert end == Exit.OK
    assert answer["outcome"] == "actions"
    assert [state["state"] for state in states][-2:] == ["RUNNING", "FINISHED"]


def test_a_reject_is_one(typed: Any) -> None:
    """What cannot be done ends with 1, and the reason is in the answer."""
    end, (answer,), _ = typed("say", "go to the swimming pool")
    assert (end, answer["reject"]["reason"]) == (Exit.REFUSED, "unknown_entity")


def test_a_refused_message_is_an_error(typed: Any) -> None:
    """A command the node does not take is one line on stderr with the node's code."""
    end, records, said = typed("say", "go " * 200)
    assert (end, records) == (Exit.REFUSED, [])
    assert said.startswith("TOO_LONG: ")
    end, records, said = typed("say", "go to dock 2", "--pack", "ship")
    assert (end, records) == (Exit.REFUSED, [])
    assert said.startswith("UNKNOWN_PACK: ")


def test_too_late_is_six(typed: Any) -> None:
    """A command that was worth a millisecond ends with 6."""
    end, (answer,), _ = typed("say", "go to dock 2", "--ttl-ms", "1")
    assert (end, answer["outcome"]) == (Exit.EXPIRED, "expired")


def test_halt_holds_until_resumed_by_name(typed: Any) -> None:
    """`halt` gives the stop's id; commands are refused until `resume` names it, and a wrong name releases nothing."""
    end, (halted,), _ = typed("halt", "--reason", "test")
    assert end == Exit.OK
    end, records, said = typed("say", "go to dock 2")
    assert (end, records) == (Exit.STOPPED, [])
    assert said.startswith("STOPPED: ")
    assert typed("resume") == (Exit.STOPPED, [{"stop_id": halted["stop_id"]}], "")
    end, _, _ = typed("resume", "s-0-0")
    assert end != Exit.OK
    end, (resumed,), _ = typed("resume", halted["stop_id"])
    assert (end, resumed["stop_id"]) == (Exit.OK, halted["stop_id"])
    assert typed("resume") == (Exit.OK, [{"stop_id": None}], "")


def test_the_world_changes_at_once(typed: Any) -> None:
    """What was added can be named in the next command, what was removed cannot; an unknown name changes nothing."""
    line = ("say", "go to the glass cabinet", "--no-follow")
    assert typed(*line)[0] == Exit.REFUSED
    end, (updated,), _ = typed("world", "add", "glass cabinet", "--kind", "place", "--alias", "vitrine")
    assert end == Exit.OK
    end, (answer,), _ = typed(*line)
    assert answer["actions"][0]["action"] == {"action": "go_to", "place": "glass cabinet"}
    assert typed("world", "remove", "glass cabinet", "no such thing")[0] == Exit.CONFIGURATION
    end, (again,), _ = typed("world", "remove", "glass cabinet")
    assert again["revision"] > updated["revision"]
    assert typed(*line)[0] == Exit.REFUSED


def test_lines_of_stdin(typed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`say -` sends each line; the first that does not end well decides the exit code, the others are still sent."""
    monkeypatch.setattr("sys.stdin", io.StringIO("go to dock 1\n\ngo to the swimming pool\ngo to dock 4\n"))
    end, records, _ = typed("say", "-", "--yes", "--no-follow")
    assert [record["outcome"] for record in records] == ["actions", "reject", "actions"]
    assert end == Exit.REFUSED


def test_replay_tells_what_was_said(typed: Any) -> None:
    """`replay` lists the last commands, and tells one from its words to the robot's last state."""
    _, (answer, *_), _ = typed("say", "--yes", "go to dock 1")
    end, commands, _ = typed("replay", "--last", "1")
    assert end == Exit.OK
    assert [(one["command_id"], one["text"]) for one in commands] == [(answer["command_id"], "go to dock 1")]
    end, (story, *steps), _ = typed("replay", answer["command_id"])
    assert story["answer"]["actions"][0]["digest"] == answer["actions"][0]["digest"]
    assert [step["state"] for step in steps][-1] == "FINISHED"
    assert {step["who"] for step in steps if step["event"] == "finished"} == {"robot"}
    end, records, said = typed("replay", "c-99-99")
    assert (end, records) == (Exit.REFUSED, [])
    assert said.startswith("UNKNOWN_TARGET: c-99-99: ")


def test_doctor_finds_nothing_bad(typed: Any) -> None:
    """With a node running, `doctor` looks over everything and ends with 0."""
    end, findings, _ = typed("doctor")
    assert [finding for finding in findings if finding["state"] == "bad"] == []
    assert end == Exit.OK
    assert {"pack robot", "model", "node", "journal", "libraries"} <= {finding["what"] for finding in findings}


def test_people_see_the_same(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json the answer is a few short lines: what was read, the action, the milliseconds."""
    assert main(["say", "go to dock 2", "--config", str(config), "--yes"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "go to [1 dock 2]" in shown
    assert '{"action": "go_to", "place": "dock 2"}' in shown
    assert " ms " in shown
    assert "FINISHED" in shown
