"""Reading examples and scoring predictions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.evaluation.examples import Example, read_examples
from edge_agent.evaluation.prediction import Prediction
from edge_agent.evaluation.report import Report
from edge_agent.evaluation.scoring import percentile, score
from edge_agent.world.entities import Entity

WORLD = [
    {"name": "mug", "type": "item", "aliases": ["beaker"]},
    {"name": "folder", "type": "item"},
    {"name": "folder two", "type": "item", "aliases": ["folder", "binder"]},
]
PICK = {"action": "pick", "object": "mug"}
UNKNOWN = {"action": "reject", "reason": "unknown_entity"}


def line(**fields: Any) -> dict[str, Any]:
    """One good line, some fields changed."""
    return {"id": "1", "pack": "robot", "text": "take the mug", "world": WORLD, "expected": [PICK]} | fields


def written(folder: Path, *lines: Any) -> Path:
    """A file of these lines; a string stands as it is."""
    path = folder / "examples.jsonl"
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines), encoding="utf-8")
    return path


def example(id_: str, *accept: list[dict[str, Any]], free: tuple[str, ...] = ()) -> Example:
    """An example in the test's world."""
    entities = tuple(Entity(one["name"], one["type"], tuple(one.get("aliases", ()))) for one in WORLD)
    return Example(id_, "robot", "words", entities, "w", None, tuple(map(tuple, accept)), frozenset(free))


EXAMPLES = [
    example("pick", [PICK]),
    example("turn", [{"action": "turn", "direction": "left", "angle_deg": 90}]),
    example("absent", [UNKNOWN]),
    example("second", [{"action": "pick", "object": "folder two"}]),
    example("either", [PICK], [{"action": "bring", "object": "mug"}]),
    example("both", [{"action": "go_to", "place": "a"}, {"action": "wait", "seconds": 3}]),
    example("free", [{"action": "say", "text": "hello", "note": "x"}], free=("note",)),
]


def report(answers: dict[str, list[dict[str, Any]]], **options: Any) -> Report:
    """The score of these answers on EXAMPLES."""
    predictions = {id_: Prediction(id_, tuple(actions), 10.0) for id_, actions in answers.items()}
    return score(EXAMPLES, predictions, **options)


def right(id_: str, actions: list[dict[str, Any]], **options: Any) -> bool:
    """Whether one answer counts as right."""
    result = report({id_: actions}, **options)
    assert result.exact_match in (0.0, 1 / len(EXAMPLES))
    return bool(result.exact_match)


def test_expected_answers_score_full() -> None:
    """Each set scored against its own expected answers gives 100 % everywhere and no unsafe answer."""
    result = report({one.id: list(one.expected) for one in EXAMPLES})
    assert result.exact_match == result.action_name_match == result.slot_f1 == 1.0
    assert result.slot_precision == result.slot_recall == result.reject_recall_any_reason == 1.0
    assert result.unsafe_accept_rate == result.false_reject_rate == 0.0
    assert not result.mistakes


def test_no_predictions_score_nothing() -> None:
    """A missing prediction is wrong, and not the same as an empty one."""
    result = report({"pick": [], "stray": [PICK]})
    assert result.exact_match == 0.0
    assert result.missing_predictions == len(EXAMPLES) - 1
    assert result.empty_predictions == 1
    assert result.unknown_prediction_ids == 1
    assert len(result.mistakes) == len(EXAMPLES)


@pytest.mark.parametrize(
    ("id_", "actions"),
    [
        pytest.param("pick", [{"action": "Pick", "object": "  MUG "}], id="case-and-space"),
        pytest.param("pick", [{"action": "pick", "object": "beaker"}], id="alias"),
        pytest.param("pick", [{"action": "pick", "object": "mug", "source": None}], id="null-is-absent"),
        pytest.param("pick", [{"action": "pick", "object": "mug", "source": ""}], id="empty-is-absent"),
        pytest.param("turn", [{"action": "turn", "direction": "left", "angle_deg": "90.0"}], id="number-as-text"),
        pytest.param("second", [{"action": "pick", "object": "binder"}], id="alias-of-second"),
        pytest.param("either", [{"action": "bring", "object": "mug"}], id="another-accepted-reading"),
        pytest.param("free", [{"action": "say", "text": "hello"}], id="free-slot-left-out"),
    ],
)
def test_what_counts_as_right(id_: str, actions: list[dict[str, Any]]) -> None:
    """Spelling, aliases, absent slots and accepted readings do not make an answer wrong."""
    assert right(id_, actions)


@pytest.mark.parametrize(
    ("id_", "actions"),
    [
        pytest.param("second", [{"action": "pick", "object": "folder"}], id="another-entity's-own-name"),
        pytest.param("pick", [{"action": "pick", "object": "mug", "source": "folder"}], id="one-slot-too-many"),
        pytest.param("turn", [{"action": "turn", "direction": "left"}], id="one-slot-too-few"),
        pytest.param("turn", [{"action": "turn", "direction": "left", "angle_deg": True}], id="true-is-no-number"),
        pytest.param("both", [{"action": "go_to", "place": "a"}], id="too-few-actions"),
        pytest.param("both", [{"action": "wait", "seconds": 3}, {"action": "go_to", "place": "a"}], id="another-order"),
        pytest.param("pick", [PICK, PICK], id="twice"),
        pytest.param("absent", [{"action": "reject", "reason": "ambiguous"}], id="another-reason"),
    ],
)
def test_what_counts_as_wrong(id_: str, actions: list[dict[str, Any]]) -> None:
    """Another entity, another order, more or less than was asked is wrong."""
    assert not right(id_, actions)


def test_what_can_be_left_out_of_the_comparison() -> None:
    """Slots and the reject's reason can be ignored on request."""
    assert right("pick", [{"action": "pick", "object": "mug", "source": "folder"}], ignored_slots=frozenset({"source"}))
    assert right("absent", [{"action": "reject", "reason": "ambiguous"}], ignore_reason=True)


def test_refusing_and_executing_are_told_apart() -> None:
    """Executing what must be refused is unsafe; refusing what must be done is a false reject."""
    result = report({"absent": [PICK], "pick": [UNKNOWN]})
    assert result.unsafe_accept_rate == 1.0
    assert result.reject_recall_any_reason == 0.0
    assert result.false_reject_rate == pytest.approx(1 / (len(EXAMPLES) - 1))


def test_slots_of_a_wrongly_named_action_do_not_hit() -> None:
    """Slots count only under the right action's name."""
    result = score(EXAMPLES[:1], {"pick": Prediction("pick", ({"action": "find", "object": "mug"},))})
    assert (result.slot_precision, result.slot_recall, result.action_name_match) == (0.0, 0.0, 0.0)


def test_actions_have_rows_of_their_own() -> None:
    """Per action: how often it was expected, named, and wholly right."""
    result = report({"pick": [PICK], "second": [{"action": "pick", "object": "mug"}], "turn": [PICK]})
    row = next(row for row in result.per_action if row.name == "pick")
    assert (row.expected, row.predicted) == (3, 3)
    assert row.name_recall == pytest.approx(2 / 3)
    assert (row.precision, row.recall) == (pytest.approx(1 / 3), pytest.approx(1 / 3))


@pytest.mark.parametrize(
    ("values", "share", "result"),
    [
        pytest.param([], 50, None, id="nothing"),
        pytest.param([5.0], 95, 5.0, id="one"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 50, 2.0, id="median-is-nearest-rank"),
        pytest.param([float(n) for n in range(1, 101)], 95, 95.0, id="hundred"),
    ],
)
def test_percentile(values: list[float], share: int, result: float | None) -> None:
    """Nearest rank: always a value that was measured."""
    assert percentile(values, share) == result


def test_report_as_json_is_json() -> None:
    """The report for programs has every figure and survives JSON."""
    value = report({"pick": [PICK]}, skipped={"audio": 2}).as_json()
    assert json.loads(json.dumps(value)) == value
    assert value["skipped"] == {"audio": 2}
    assert value["latency_ms"] == {"n": 1, "p50": 10.0, "p95": 10.0}


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """Inline and shared worlds, context, accepted readings; fields of the file's own are left alone."""
    (tmp_path / "kitchen.json").write_text(json.dumps(WORLD), encoding="utf-8")
    shared = {"id": "2", "pack": "home", "text": "x", "world_ref": "kitchen.json", "expected": [UNKNOWN]}
    path = written(
        tmp_path,
        line(accept=[[{"action": "bring", "object": "mug"}]], context={"area": "hall"}, licence="own"),
        "",
        shared,
        line(id="3", text=None, audio="a.flac"),
    )
    first, second, third = read_examples(path)
    assert (first.area, first.expected, len(first.accept)) == ("hall", (PICK,), 2)
    assert first.world[0] == Entity("mug", "item", ("beaker",))
    assert second.world == first.world
    assert third.text is None


@pytest.mark.parametrize(
    ("content", "where"),
    [
        pytest.param("", "examples.jsonl", id="empty-file"),
        pytest.param("{", ":1", id="not-json"),
        pytest.param("[]", ":1", id="not-an-object"),
        pytest.param("[" * 100_000, ":1", id="very-deep"),
        pytest.param(line(id=""), ":1: id", id="no-id"),
        pytest.param(line(pack=None), ":1: pack", id="no-pack"),
        pytest.param(line(text=None), ":1: text", id="neither-text-nor-audio"),
        pytest.param(line(audio="a.flac"), ":1: text", id="text-and-audio"),
        pytest.param(line(expected=[]), ":1: expected", id="nothing-expected"),
        pytest.param(line(expected=[{"object": "mug"}]), ":1: expected", id="action-without-name"),
        pytest.param(line(accept=[[{}]]), ":1: accept", id="accepted-action-without-name"),
        pytest.param(line(world=[{"type": "item"}]), ":1: world.0.name", id="entity-without-name"),
        pytest.param(line(world_ref="kitchen.json"), ":1: world", id="two-worlds"),
        pytest.param(line(world=None, world_ref="gone.json"), ":1: world_ref", id="world-file-missing"),
        pytest.param(line(world=None, world_ref="../w.json"), ":1: world_ref", id="world-file-elsewhere"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: Any, where: str) -> None:
    """What is wrong is refused with the file, the line and the field."""
    with pytest.raises(ConfigurationFault) as caught:
        read_examples(written(tmp_path, content))
    assert caught.value.code is Code.EVAL_INVALID
    assert caught.value.where.endswith(where)


def test_an_id_twice_is_refused(tmp_path: Path) -> None:
    """Two examples of one id could not be told apart in the predictions; the second line is named."""
    with pytest.raises(ConfigurationFault) as caught:
        read_examples(written(tmp_path, line(), line()))
    assert caught.value.where.endswith(":2: id")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and no file at all, are named."""
    path = tmp_path / "x.jsonl"
    with pytest.raises(ConfigurationFault, match="cannot be read"):
        read_examples(path)
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ConfigurationFault, match="cannot be read"):
        read_examples(path)
