"""`python -m edge_agent.training.calibrate MODEL.gguf`: what its probabilities are worth, written into the file.

Fits two numbers (see `language.calibration`) on generated sentences from random streams of its own, and brings the
manifest beside the file up to date. Half of the sentences are of templates that training never saw: nobody knows
whether the next speaker's phrasing was taught. How well the numbers do is told on templates that the fit did not see:
it is made twice on one half of the templates and judged on the other.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.language.calibration import KEY, Calibration, calibration_error, logit
from edge_agent.training.batches import Example
from edge_agent.training.corpus import PACK_SHARES, Corpus
from edge_agent.training.judging import Judged, judge
from edge_agent.training.stamp import stamp

SENTENCES = 4_000
_ROUNDS = 100
_PRECISION = 1e-6
_SLOPE_MIN = 0.01
_RIDGE = 1e-3
"""Keeps the fit finite where every answer is right."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A calibration and how far confidence and truth lie apart without it and with it, on templates unknown to it."""

    calibration: Calibration
    sentences: int
    right: int
    error_before: float
    error_after: float


def sample(stream: str, count: int, *, held_back: bool, packs: Sequence[str] = tuple(PACK_SHARES)) -> list[Example]:
    """Examples of a random stream of this name."""
    return list(islice(Corpus(tuple(packs), held_back)(random.Random(stream)), count))


def fit(judged: Sequence[Judged]) -> Fit:
    """The calibration of these answers; its error is told of templates that the fit did not see."""
    halves = tuple([one for one in judged if _half(one.example.group) is half] for half in (False, True))
    told = []
    for fitted, other in (halves, halves[::-1]):
        calibration = _fitted(fitted)
        told += [(calibration.confidence(one.probability), one.right) for one in other]
    return Fit(
        _fitted(judged),
        len(judged),
        sum(one.right for one in judged),
        calibration_error([(one.probability, one.right) for one in judged]),
        calibration_error(told),
    )


def _half(group: str) -> bool:
    return hashlib.sha256(f"calibrate {group}".encode()).digest()[0] % 2 == 0


def _fitted(judged: Sequence[Judged]) -> Calibration:
    """Logistic regression of being right on the logit of the probability: Newton's method, steps halved as needed."""
    if not judged:
        return Calibration()
    features = np.array([[logit(one.probability), 1.0] for one in judged])
    signs = np.array([1.0 if one.right else -1.0 for one in judged])

    def loss(at: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0.0, -signs * (features @ at)).sum() + _RIDGE / 2 * at @ at)

    weights = np.zeros(2)
    for _ in range(_ROUNDS):
        wrong = 1.0 / (1.0 + np.exp(np.clip(signs * (features @ weights), -50.0, 50.0)))
        slope = -features.T @ (signs * wrong) + _RIDGE * weights
        curvature = (features.T * (wrong * (1.0 - wrong))) @ features + _RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > _PRECISION:
            step = step / 2.0
        weights = weights - step
        if np.abs(step).max() <= _PRECISION:
            break
    if weights[0] < _SLOPE_MIN:  # its probabilities say nothing about being right
        return Calibration()
    return Calibration(round(float(weights[0]), 4), round(float(weights[1]), 4))


def calibrate(model: Path, seed: int, sentences: int = SENTENCES, packs: Sequence[str] = tuple(PACK_SHARES)) -> Fit:
    """Fit, write the two numbers into the file and the fit's figures beside it."""
    taught = sample(f"calibrate/{seed}/taught", sentences // 2, held_back=False, packs=packs)
    held_back = sample(f"calibrate/{seed}/held back", sentences // 2, held_back=True, packs=packs)
    found = fit(judge(model, [*taught, *held_back]))
    stamp(model, KEY, found.calibration.text())
    _update(model.parent / "manifest.json", model)
    _note(model.parent / "training.json", found)
    return found


def _update(manifest: Path, model: Path) -> None:
    """The file's new digest and size, where a manifest names it."""
    if not manifest.exists():
        return
    content: dict[str, Any] = json.loads(manifest.read_bytes())
    for entry in content["models"]:
        if entry["file"] == model.name:
            entry["sha256"] = hashlib.sha256(model.read_bytes()).hexdigest()
            entry["bytes"] = model.stat().st_size
    manifest.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _note(facts: Path, found: Fit) -> None:
    if not facts.exists():
        return
    content: dict[str, Any] = json.loads(facts.read_bytes())
    content["calibration"] = {
        "slope": found.calibration.slope,
        "intercept": found.calibration.intercept,
        "sentences": found.sentences,
        "right": found.right,
        "error_before": round(found.error_before, 4),
        "error_after": round(found.error_after, 4),
    }
    facts.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Calibrate one file."""
    parser = argparse.ArgumentParser(prog="python -m edge_agent.training.calibrate", description=__doc__)
    parser.add_argument("model", type=Path, metavar="MODEL.gguf")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sentences", type=int, default=SENTENCES)
    options = parser.parse_args(arguments)
    found = calibrate(options.model, options.seed, options.sentences)
    print(
        f"slope {found.calibration.slope:.4f}, intercept {found.calibration.intercept:.4f}; "
        f"expected calibration error {100 * found.error_before:.1f} % before, {100 * found.error_after:.1f} % after "
        f"({found.right} of {found.sentences} right)"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
