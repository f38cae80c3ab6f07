"""Fitting what a model's probabilities are worth, and writing it into the model's file."""

from __future__ import annotations

import hashlib
import json
import math
import random
from pathlib import Path

import pytest
from engine_models import BRING, write_tiny

from edge_agent.clock import SystemClock
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.calibration import KEY, Calibration, logit
from edge_agent.language.decision import DecideRequest
from edge_agent.language.instruction import pack_prompt
from edge_agent.language.local import LocalEngine
from edge_agent.language.models import verify
from edge_agent.language.options import EngineOptions
from edge_agent.packs.registry import load_pack
from edge_agent.training.batches import Example
from edge_agent.training.calibrate import calibrate, fit
from edge_agent.training.judging import Judged
from edge_agent.training.stamp import ENTRY_BYTES, stamp

ROBOT = load_pack("robot")


def judged(count: int, slope: float, intercept: float) -> list[Judged]:
    """Answers that are right as often as this calibration says, from some forty templates."""
    rng = random.Random(7)
    made = []
    for number in range(count):
        probability = rng.random()
        right = rng.random() < 1.0 / (1.0 + math.exp(-slope * logit(probability) - intercept))
        example = Example("robot", "", "right", group=f"template {number % 40}")
        made.append(Judged(example, "right" if right else "wrong", probability, probability))
    return made


def test_the_two_numbers_are_found_again() -> None:
    """From answers made to be right by a known calibration, and the error that it takes away is told."""
    found = fit(judged(20_000, 0.5, -0.4))
    assert found.calibration.slope == pytest.approx(0.5, abs=0.05)
    assert found.calibration.intercept == pytest.approx(-0.4, abs=0.05)
    assert found.error_after < 0.02 < found.error_before
    assert found.sentences == 20_000


@pytest.mark.parametrize("right", [True, False])
def test_a_model_that_is_always_right_or_never_can_be_fitted(right: bool) -> None:
    """The numbers stay finite, and confidence stays a share on the right side of one half."""
    example = Example("robot", "", "right", group="one")
    always = [Judged(example, "right" if right else "wrong", share / 100, share / 100) for share in range(100)]
    found = fit(always)
    assert 0.01 <= found.calibration.slope < 100.0
    assert (found.calibration.confidence(0.9) > 0.5) is right


def test_probabilities_that_say_nothing_are_left_alone() -> None:
    """The likelier, the more often wrong: no calibration turns the order round."""
    assert fit(judged(2_000, -1.0, 0.0)).calibration == Calibration()


def answer_of(path: Path) -> tuple[Calibration, str, float, float]:
    engine = LocalEngine(EngineOptions(model=path), SystemClock())
    engine.prepare({"robot": pack_prompt(ROBOT, engine.style)})
    grammar = SentenceGrammars(ROBOT).for_sentence(BRING)
    decision = engine.decide(DecideRequest("robot", BRING.marked, grammar, SystemClock().now_ms() + 60_000))
    engine.close()
    return engine.calibration, decision.answer, decision.probability, decision.confidence


def test_a_stamped_file_answers_as_before_and_knows_what_that_is_worth(tmp_path: Path) -> None:
    """The weights are untouched: the same answer, equally likely; only the confidence is another. Twice is as once."""
    path = write_tiny(tmp_path / "tiny.gguf")
    size = path.stat().st_size
    _, answer, probability, confidence = answer_of(path)
    assert confidence == probability
    stamp(path, KEY, Calibration(2.0, 1.0).text())
    stamp(path, KEY, Calibration(0.5, -0.25).text())
    assert path.stat().st_size == size + ENTRY_BYTES
    verify(path, None)
    calibration = Calibration(0.5, -0.25)
    assert answer_of(path) == (calibration, answer, probability, calibration.confidence(probability))


def test_what_is_no_model_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "notes.gguf"
    path.write_bytes(b"no model at all, whatever it is called")
    with pytest.raises(ValueError, match="no GGUF"):
        stamp(path, KEY, "1 0")
    assert path.read_bytes().startswith(b"no model")


def test_calibrating_keeps_the_manifest_true(tmp_path: Path) -> None:
    """The file's digest and size change with the stamp, and the run's facts tell the figures."""
    path = write_tiny(tmp_path / "tiny.gguf")
    manifest, facts = tmp_path / "manifest.json", tmp_path / "training.json"
    manifest.write_text(json.dumps({"models": [{"file": path.name, "sha256": "", "bytes": 0}, {"file": "other"}]}))
    facts.write_text(json.dumps({"seed": 1}))
    found = calibrate(path, seed=1, sentences=20)
    first, other = json.loads(manifest.read_text())["models"]
    assert first["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert first["bytes"] == path.stat().st_size
    assert other == {"file": "other"}
    told = json.loads(facts.read_text())
    assert told["seed"] == 1
    assert (told["calibration"]["sentences"], told["calibration"]["slope"]) == (20, found.calibration.slope)
