"""Kinds of failure, risk and coverage, and how they are shown."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from edge_agent.evaluation.chart import risk_chart
from edge_agent.evaluation.examples import Example
from edge_agent.evaluation.failures import Kind
from edge_agent.evaluation.markdown import page
from edge_agent.evaluation.prediction import Prediction, Refusal
from edge_agent.evaluation.risk import Wager, at_threshold, curve, least_threshold
from edge_agent.evaluation.scoring import score
from edge_agent.world.entities import Entity

WORLD = (Entity("mug", "item", ("beaker",)), Entity("folder", "item"), Entity("attic", "place"))
BRING = {"action": "bring", "object": "mug", "destination": "attic"}
GO = {"action": "go_to", "place": "attic"}
UNKNOWN = {"action": "reject", "reason": "unknown_entity"}
UNSUPPORTED = {"action": "reject", "reason": "unsupported"}
ALL_NAMES = frozenset({"mug", "folder", "attic"})


def kind(want: list[dict[str, Any]], got: list[dict[str, Any]], **fields: Any) -> Kind:
    """The kind that a report counts this one answer as."""
    example = Example("1", "robot", "words", WORLD, "w", None, (tuple(want),), frozenset())
    prediction = Prediction("1", tuple(got), 1.0, **({"named": ALL_NAMES} | fields))
    report = score([example], {"1": prediction})
    assert report.mistakes[0].kind in report.failures
    return report.mistakes[0].kind


@pytest.mark.parametrize(
    ("want", "got", "expected"),
    [
        pytest.param([UNKNOWN], [GO], Kind.CARRIED_OUT, id="unsafe"),
        pytest.param([UNKNOWN], [UNSUPPORTED], Kind.OTHER_REASON, id="reason"),
        pytest.param([BRING], [GO], Kind.OTHER_ACTION, id="name"),
        pytest.param([BRING, GO], [BRING], Kind.ACTION_MISSING, id="one-of-two"),
        pytest.param([BRING], [BRING, GO], Kind.ACTION_TOO_MANY, id="two-for-one"),
        pytest.param([BRING, GO], [GO, BRING], Kind.OTHER_ORDER, id="order"),
        pytest.param([BRING], [BRING | {"object": "folder"}], Kind.VALUE, id="value"),
        pytest.param([BRING], [{"action": "bring", "object": "mug"}], Kind.SLOT_MISSING, id="missing"),
        pytest.param([BRING], [BRING | {"source": "attic"}], Kind.SLOT_TOO_MANY, id="too-many"),
        pytest.param([BRING], [{"action": "bring", "object": "folder"}], Kind.SLOTS, id="two-sorts"),
        pytest.param([BRING], [], Kind.NO_ANSWER, id="nothing"),
    ],
)
def test_what_was_answered_wrongly(want: list[dict[str, Any]], got: list[dict[str, Any]], expected: Kind) -> None:
    assert kind(want, got) is expected


def test_a_thing_that_was_not_marked_is_the_linkers_to_find() -> None:
    """The same wrong answers, told apart by whether the right name was there to choose."""
    other = [BRING | {"object": "folder"}]
    assert kind([BRING | {"object": "beaker"}], other, named=frozenset({"folder", "attic"})) is Kind.VALUE_UNMARKED
    assert kind([BRING], [UNKNOWN], named=frozenset({"attic"}), refusal=Refusal.MODEL) is Kind.UNMARKED


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"refusal": Refusal.MODEL}, Kind.BY_MODEL, id="model"),
        pytest.param({"refusal": Refusal.CODE}, Kind.BY_CODE, id="code"),
        pytest.param({"refusal": Refusal.DOUBT, "proposed": (BRING,)}, Kind.DOUBT_RIGHT, id="doubt-right"),
        pytest.param({"refusal": Refusal.DOUBT, "proposed": (GO,)}, Kind.DOUBT_WRONG, id="doubt-wrong"),
    ],
)
def test_who_refused_a_command(fields: dict[str, Any], expected: Kind) -> None:
    assert kind([BRING], [UNKNOWN], **fields) is expected


WAGERS = [Wager(0.9, True), Wager(0.4, False), Wager(0.8, True), Wager(0.6, False), Wager(0.5, True)]


def test_the_doubtful_are_refused_first() -> None:
    """Of five answers the surest two are right; at full coverage two of five are wrong."""
    everything, some = curve(WAGERS, (1.0, 0.4))
    assert (everything.carried_out, everything.wrong, everything.confidence_min) == (5, 2, 0.4)
    assert (some.carried_out, some.wrong, some.confidence_min) == (2, 0, 0.8)
    assert curve([]) == ()


def test_a_threshold_carries_out_what_is_as_sure_as_it() -> None:
    risk = at_threshold(WAGERS, 0.6)
    assert risk is not None
    assert (risk.carried_out, risk.wrong, risk.coverage) == (3, 1, pytest.approx(0.6))
    assert at_threshold(WAGERS, 0.95) is None


def test_the_lowest_threshold_within_a_share_is_found() -> None:
    """Refusing the one at 0.4 leaves one wrong of four; none may be wrong only from 0.8 on."""
    quarter, none = least_threshold(WAGERS, 0.25), least_threshold(WAGERS, 0.0)
    assert quarter is not None and none is not None
    assert (quarter.confidence_min, none.confidence_min) == (0.5, 0.8)
    assert least_threshold([Wager(0.9, False)], 0.5) is None


def test_an_answer_refused_as_doubtful_still_counts_for_the_curve() -> None:
    """The curve is about what would have been done at every threshold, the wrong executed about what was done."""
    examples = [Example(id_, "robot", "w", WORLD, "w", None, ((GO,),), frozenset()) for id_ in ("a", "b", "c")]
    predictions = {
        "a": Prediction("a", (UNKNOWN,), confidence=0.2, proposed=(GO,), refusal=Refusal.DOUBT),
        "b": Prediction("b", (BRING,), confidence=0.7, proposed=(BRING,)),
        "c": Prediction("c", (UNKNOWN,), confidence=0.9, refusal=Refusal.MODEL),
    }
    report = score(examples, predictions)
    assert sorted((wager.confidence, wager.right) for wager in report.wagers) == [(0.2, True), (0.7, False)]
    assert report.wrong_executed_rate == pytest.approx(1 / 3)
    assert report.risk[0].wrong_share == 0.5


def test_a_page_has_every_set_and_every_kind_that_occurred() -> None:
    examples = [Example("a", "robot", "w", WORLD, "w", None, ((GO,),), frozenset())]
    wrong = score(examples, {"a": Prediction("a", (BRING,), 2.0, confidence=0.7, proposed=(BRING,))})
    right = score(examples, {"a": Prediction("a", (GO,), 4.0, confidence=0.9, proposed=(GO,))})
    text = page({"first": wrong, "second": right})
    assert "| first | 1 | 0.0 | 0.0 | 0.0 | - | 0.0 | 100.0 | 2.0 | 2.0 |" in text
    assert "| second | 1 | 100.0 | 100.0 | 100.0 | - | 0.0 | 0.0 | 4.0 | 4.0 |" in text
    assert f"| {Kind.OTHER_ACTION} | 1 | 0 |" in text
    assert str(Kind.SLOTS) not in text
    assert "100.0 (≥ 0.70)" in text


def test_the_chart_is_svg_with_a_line_for_every_set_that_is_large_enough() -> None:
    """Names are escaped; a line ends at full coverage and at the share of all that is wrong: 25 of 30 %."""
    many = [Wager(number / 40, number % 4 != 0) for number in range(40)]
    root = ElementTree.fromstring(risk_chart({"a & b": many, "few": many[:3]}))
    space = "{http://www.w3.org/2000/svg}"
    (line,) = root.iter(f"{space}polyline")
    x, y = map(float, (line.get("points") or "").split()[-1].split(","))
    assert (x, y) == (530.0, pytest.approx(352.0 - 0.25 / 0.3 * 328.0, abs=0.1))
    assert [text.text for text in root.iter(f"{space}text")][-1] == "a & b"
