"""`eval` from a file of examples to figures, through the bundled model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_agent.cli import main
from edge_agent.cli.exit_codes import Exit

WORLD = [
    {"name": "dock 2", "type": "place", "aliases": []},
    {"name": "red box", "type": "item", "aliases": ["red crate"]},
]
LINES: list[dict[str, Any]] = [
    {"id": "right", "text": "take the red crate to dock two", "expected": [
        {"action": "bring", "object": "red crate", "destination": "dock 2"}]},
    {"id": "absent", "text": "go to the swimming pool", "expected": [
        {"action": "reject", "reason": "unknown_entity"}]},
    {"id": "stop", "text": "stop", "expected": [{"action": "stop"}]},
    {"id": "wrong", "text": "stop", "expected": [{"action": "go_to", "place": "dock 2"}]},
    {"id": "long", "text": "go " * 200, "expected": [{"action": "go_to", "place": "dock 2"}]},
    {"id": "foreign", "pack": "ship", "text": "hoist the sail", "expected": [{"action": "hoist"}]},
]  # fmt: skip


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """The lines as a file."""
    path = tmp_path / "examples.jsonl"
    lines = [{"pack": "robot", "world": WORLD} | line for line in LINES]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def test_eval_scores_and_writes_predictions(examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Right, wrong, failed and skipped examples are told apart; every answer is written down."""
    out = tmp_path / "predictions.jsonl"
    assert main(["eval", str(examples), "--predictions", str(out), "--errors", "9", "--json"]) == Exit.OK
    report = json.loads(capsys.readouterr().out)
    assert report["examples"] == 5
    assert report["skipped"] == {"pack ship": 1}
    assert report["errors"] == {"TOO_LONG": 1}
    assert report["exact_match"] == pytest.approx(3 / 5)
    assert report["unsafe_accept_rate"] == 0.0
    assert [mistake["id"] for mistake in report["mistakes"]] == ["wrong", "long"]
    predictions = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [prediction["id"] for prediction in predictions] == ["right", "absent", "stop", "wrong", "long"]
    assert predictions[0]["actions"] == [{"action": "bring", "object": "red box", "destination": "dock 2"}]
    assert predictions[1]["actions"] == [{"action": "reject", "reason": "unknown_entity"}]
    assert predictions[4]["actions"] == []
    assert report["latency_ms"]["n"] == sum("latency_ms" in prediction for prediction in predictions) == 4


def test_eval_for_people(examples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json the figures are lines and a table, what was skipped is said, and the limit is kept."""
    assert main(["eval", str(examples), "--limit", "3"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "3 examples" in shown
    assert "skipped: 1 pack ship" in shown
    assert "100.0 %" in shown
    assert "bring" in shown


def test_eval_of_nothing_runnable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of which nothing can be run here says so and gives no figure."""
    path = tmp_path / "ships.jsonl"
    path.write_text(json.dumps({"pack": "robot"} | LINES[-1]), encoding="utf-8")
    assert main(["eval", str(path), "--json"]) == Exit.OK
    report = json.loads(capsys.readouterr().out)
    assert (report["examples"], report["skipped"], report["exact_match"]) == (0, {"pack ship": 1}, None)


def test_eval_of_several_files_gives_one_page(
    examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each file is a line of the table; what went wrong is counted by kind."""
    second = tmp_path / "second.jsonl"
    second.write_text(examples.read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["eval", str(examples), str(second), "--limit", "4", "--markdown"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "| examples | 4 | 75.0 |" in shown
    assert "| second | 4 | 75.0 |" in shown
    assert "| another action | 1 | 1 |" in shown


def test_predictions_are_those_of_one_file(examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "predictions.jsonl"
    assert main(["eval", str(examples), str(examples), "--predictions", str(out)]) != Exit.OK
    assert "EVAL_INVALID" in capsys.readouterr().err
    assert not out.exists()
