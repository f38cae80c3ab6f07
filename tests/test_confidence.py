"""How sure an answer is: calibration, other readings of a doubtful sentence, and what is said instead of acting."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from engine_models import BRING, write_tiny
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock import SystemClock
from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.calibration import Calibration, calibration_error, reliability
from edge_agent.language.decision import DecideRequest, Decision, Reading
from edge_agent.language.decoder import Choice, Decoded
from edge_agent.language.instruction import pack_prompt
from edge_agent.language.local import LocalEngine
from edge_agent.language.options import EngineOptions
from edge_agent.language.readings import TRIED_MAX, other_ways
from edge_agent.language.scripted import ScriptedDecider
from edge_agent.language.wire import decision_object, read_decision
from edge_agent.limits import READINGS_MAX
from edge_agent.messages import Answer, JsonAction, RejectReason
from edge_agent.node.compose import load_packs
from edge_agent.node.interpret import Interpretation, Interpreter
from edge_agent.packs.registry import load_pack
from edge_agent.settings import PackSettings
from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.store import World

ROBOT = load_pack("robot")
WORLD = World.of([Entity("dock 3", "place"), Entity("dock 4", "place"), Entity("red box", "item")])
SHARES = st.floats(0.0, 1.0)


def test_a_model_that_says_nothing_keeps_its_probabilities() -> None:
    assert Calibration.of_text(None).confidence(0.37) == 0.37


@given(SHARES, SHARES)
def test_a_likelier_answer_is_never_less_sure(one: float, other: float) -> None:
    """Whatever the two numbers, what is likelier stays so, and confidence is a share."""
    calibration = Calibration(0.6, -0.4)
    low, high = sorted((one, other))
    assert 0.0 < calibration.confidence(low) <= calibration.confidence(high) < 1.0


def test_what_is_written_into_a_file_is_read_back() -> None:
    calibration = Calibration(0.5971, -0.4342)
    assert Calibration.of_text(calibration.text() + "   ") == calibration


@pytest.mark.parametrize("text", ["", "0.5", "a b", "0 0", "-1 0", "nan 0", "1 inf", "1 2 3"])
def test_a_calibration_that_is_none_damages_the_model(text: str) -> None:
    """A slope that is not positive would turn the least likely answer into the surest."""
    with pytest.raises(ConfigurationFault) as refused:
        Calibration.of_text(text)
    assert refused.value.code is Code.MODEL_DAMAGED


def test_bins_are_of_equal_size_and_the_error_is_their_mean_distance() -> None:
    """Four answers, two bins: half sure and never right, sure and always right."""
    judged = [(0.5, False), (1.0, True), (0.5, False), (1.0, True)]
    low, high = reliability(judged, bins=2)
    assert (low.count, low.confidence, low.right) == (2, 0.5, 0.0)
    assert (high.count, high.confidence, high.right) == (2, 1.0, 1.0)
    assert calibration_error(judged, bins=2) == pytest.approx(0.25)


def decoded(*choices: tuple[float, int, float]) -> Decoded:
    """Ten, eleven, twelve, …; each choice at its place with (probability, second, its probability)."""
    made = tuple(Choice(place, *choice) for place, choice in enumerate(choices))
    return Decoded(tuple(range(10, 10 + len(choices))), made, passes=1)


def test_the_least_sure_choices_are_decided_the_other_way_first() -> None:
    """An early choice that was sure gives way to a late one that was not; each way begins as the answer did."""
    answer = decoded((0.99, 1, 0.01), (0.6, 2, 0.4), (0.8, 3, 0.1), (0.9, 4, 0.001))
    found = other_ways(answer)
    assert [way.begun for way in found] == [(10, 2), (10, 11, 3)]
    assert len(found) == TRIED_MAX
    assert [way.probability for way in found] == pytest.approx([0.99 * 0.4, 0.99 * 0.6 * 0.1])


def test_what_follows_another_way_counts_too(engine: LocalEngine) -> None:
    """Readings stand in the order of their whole probability, which no beginning's alone is."""
    readings = engine.decide(asked(1.1)).readings
    assert [one.confidence for one in readings] == sorted((one.confidence for one in readings), reverse=True)
    assert all(one.confidence < 1.0 for one in readings)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    """Random weights: every answer is a doubtful one."""
    opened = LocalEngine(EngineOptions(model=write_tiny(tmp_path_factory.mktemp("m") / "tiny.gguf")), SystemClock())
    opened.prepare({"robot": pack_prompt(ROBOT, opened.style)})
    return opened


def asked(sure_enough: float) -> DecideRequest:
    grammar = SentenceGrammars(ROBOT).for_sentence(BRING)
    return DecideRequest("robot", BRING.marked, grammar, SystemClock().now_ms() + 60_000, sure_enough)


def test_an_engine_that_is_sure_enough_gives_no_other_readings(engine: LocalEngine) -> None:
    assert engine.decide(asked(0.0)).readings == ()


def test_an_engine_that_doubts_gives_other_readings_and_the_same_answer(engine: LocalEngine) -> None:
    """They are answers of the same grammar, each another one, less likely than the answer; asking changes nothing."""
    plain, doubting = engine.decide(asked(0.0)), engine.decide(asked(1.1))
    assert doubting.answer == plain.answer
    assert doubting.readings
    answers = [doubting.answer, *(reading.answer for reading in doubting.readings)]
    assert len(set(answers)) == len(answers)
    for reading in doubting.readings:
        assert engine.constraints.accepts(asked(0.0).grammar, reading.answer)
    assert read_decision(json.loads(json.dumps(decision_object(doubting)))) == doubting


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param(None, id="none"),
        pytest.param([{"answer": "[]"}], id="without a confidence"),
        pytest.param([{"answer": "[]", "confidence": 1.5}], id="too sure"),
        pytest.param([{"answer": "[]", "confidence": 0.5, "more": 1}], id="with more"),
        pytest.param([{"answer": 7, "confidence": 0.5}], id="no text"),
    ],
)
def test_a_garbled_reading_counts_as_a_crash(readings: object) -> None:
    message = decision_object(Decision("[]", 0.5, 1, 1, 1, 0.0, 0.0)) | {"readings": readings}
    with pytest.raises(NodeFault) as garbled:
        read_decision(message)
    assert garbled.value.code is Code.ENGINE_CRASHED


class Doubting(ScriptedDecider):
    """Answers with these confidences, the first one being the answer."""

    def __init__(self, *said: tuple[str, float]) -> None:
        super().__init__(lambda _request: said[0][0])
        self._said = said

    def decide(self, request: DecideRequest) -> Decision:
        readings = tuple(Reading(answer, confidence) for answer, confidence in self._said[1:])
        return replace(super().decide(request), confidence=self._said[0][1], readings=readings)


def go(*labels: int) -> str:
    return json.dumps([{"action": "go_to", "place": label} for label in labels])


def interpreted(*said: tuple[str, float], confidence_min: float = 0.5) -> Interpretation:
    reader = Interpreter(replace(ROBOT, confidence_min=confidence_min), Linker(WORLD), Doubting(*said), SystemClock())
    return reader.interpret("go from dock 3 to dock 4", deadline_ms=math.inf)


def test_a_doubtful_sentence_names_what_may_be_meant_in_words() -> None:
    """Resolved actions with how sure each is, the likeliest first; a reject among them is nothing to be asked for."""
    refusal = '[{"action":"reject","reason":"unsupported"}]'
    meaning = interpreted((go(2), 0.4), (refusal, 0.3), (go(1), 0.2))
    assert meaning.actions == ()
    assert meaning.reject is not None
    assert meaning.reject.reason is RejectReason.AMBIGUOUS
    named = [(list(reading.actions), reading.confidence) for reading in meaning.reject.readings]
    first: JsonAction = {"action": "go_to", "place": "dock 4"}
    assert named == [([first], 0.4), ([{"action": "go_to", "place": "dock 3"}], 0.2)]


def test_the_same_actions_are_named_once_and_never_more_than_the_limit() -> None:
    meaning = interpreted((go(2), 0.4), (go(2) + " ", 0.3), (go(1), 0.2), (go(1, 2), 0.1), (go(2, 1), 0.05))
    assert meaning.reject is not None
    assert [reading.confidence for reading in meaning.reject.readings] == [0.4, 0.2, 0.1]
    assert len(meaning.reject.readings) == READINGS_MAX


def test_readings_pass_over_the_wire() -> None:
    """A client reads what the node says, and a reading without an action is no reading."""
    meaning = interpreted((go(2), 0.4), (go(1), 0.2))
    assert meaning.reject is not None
    answer = Answer.model_validate(Answer.EXAMPLE | {"actions": (), "outcome": "reject"}, strict=False)
    told = answer.model_copy(update={"reject": meaning.reject})
    assert Answer.model_validate_json(told.model_dump_json()).reject == meaning.reject


def test_what_is_sure_enough_is_done_without_a_question() -> None:
    meaning = interpreted((go(2), 0.5), (go(1), 0.4))
    assert (meaning.actions, meaning.reject) == (({"action": "go_to", "place": "dock 4"},), None)


def test_a_file_that_was_never_calibrated_changes_nothing(engine: LocalEngine) -> None:
    decision = engine.decide(asked(0.0))
    assert engine.calibration == Calibration()
    assert decision.confidence == decision.probability


def test_nobody_is_asked_whether_what_was_forbidden_is_meant() -> None:
    """A negation refuses the answer whatever the model thinks, and its readings with it."""
    reader = Interpreter(replace(ROBOT, confidence_min=0.5), Linker(WORLD), Doubting((go(1), 0.4)), SystemClock())
    meaning = reader.interpret("do not go to dock 3", deadline_ms=math.inf)
    assert (meaning.actions, meaning.reject is not None and meaning.reject.readings) == ((), ())


def test_an_answer_said_again_is_as_sure_as_before(engine: LocalEngine) -> None:
    """Whatever is remembered to save passes, each choice is weighed as the first time."""
    first, again = engine.decide(asked(0.0)), engine.decide(asked(0.0))
    assert again.answer == first.answer
    assert again.probability == pytest.approx(first.probability, rel=0.02)
    assert again.choices == first.choices


def test_the_owner_sets_the_threshold_of_a_pack() -> None:
    """Left out, the pack keeps its own."""
    named = (PackSettings(name="robot", confidence_min=0.9), PackSettings(name="home"))
    packs = load_packs(named)
    assert packs["robot"].confidence_min == 0.9
    assert packs["home"].confidence_min == load_pack("home").confidence_min
