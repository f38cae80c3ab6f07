"""However a sentence is decided, and beside whom, its answer is the one of one token at a time, byte for byte.

benchmarks/same_answers.py asks a few hundred sentences here; it has asked thousands, and larger models (see
docs/performance.md).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("wordfreq")

from engine_models import script, tiny_llama3, write_tiny

from edge_agent.language.models import bundled_model
from edge_agent.packs.registry import SHIPPED

DRAFTS = {"right draft", "cut draft", "wrong draft", "absurd draft"}
WAYS = {"one token a pass", "forced skipped", "remembered", "together"} | DRAFTS


@pytest.fixture(scope="module")
def asking() -> ModuleType:
    """benchmarks/same_answers.py."""
    return script("same_answers")


def reported(
    asking: ModuleType, model: Path, sentences: int, packs: tuple[str, ...] = SHIPPED, **options: Any
) -> dict[str, Any]:
    """Ask so many sentences of the packs' phrases, each with one kind of draft, and measure with some."""
    with closing(asking.prepared(model, packs, **options)) as engine:
        same = asking.SameAnswers(engine, seed=11, drafts=1)
        for number, group in enumerate(groups(asking, sentences, packs)):
            same.ask(group, measured=number % 5 == 0)
        report: dict[str, Any] = same.report()
    return report


def groups(asking: ModuleType, sentences: int, packs: tuple[str, ...]) -> Iterator[list[Any]]:
    """The sentences in groups of any size that an engine decides at the same time."""
    rng, source = random.Random(7), islice(asking.requests(11, packs), sentences)
    while group := list(islice(source, rng.randint(2, asking.COMPANY_MAX))):
        yield group


def is_the_same_everywhere(report: dict[str, Any], sentences: int) -> None:
    """No answer differs, no choice fell otherwise than read alone, and the rule about near ties rests on figures."""
    assert report["different"] == []
    assert report["ways"].keys() == WAYS
    assert report["answers"] == sentences * 5
    measured = {way: figures for way, figures in report["ways"].items() if figures.get("choices")}
    assert {"one token a pass", "forced skipped", "together"} <= measured.keys()
    for way, figures in measured.items():
        assert figures["crossed"] == 0, way
        assert figures["margin_moved_max"] < report["tie"], way


def test_the_bundled_model_answers_alike_in_every_way_and_company(asking: ModuleType) -> None:
    report = reported(asking, bundled_model(), 200)
    is_the_same_everywhere(report, 200)
    passes = {way: figures["passes"] for way, figures in report["ways"].items()}
    assert passes["right draft"] < 1.2 < passes["forced skipped"] < passes["one token a pass"] / 2


def test_a_model_with_llama_3s_vocabulary_answers_alike_in_every_way_and_company(asking: ModuleType) -> None:
    """Its weights are random, so that near ties are frequent."""
    report = reported(asking, tiny_llama3(), 30, ("kiosk",), flash_attention="off")
    is_the_same_everywhere(report, 30)


def test_where_much_is_rounded_answers_are_alike_all_the_same(asking: ModuleType) -> None:
    """A long prompt and half-precision sums: near ties are frequent, and each is settled."""
    report = reported(asking, tiny_llama3(), 5, ("kiosk",), flash_attention="on")
    assert report["different"] == []
    assert report["tie"] > 0.1
    assert sum(figures["settled"] for figures in report["ways"].values()) > 10


def test_with_rough_keys_and_values_answers_are_alike_all_the_same(asking: ModuleType, tmp_path: Path) -> None:
    report = reported(asking, write_tiny(tmp_path / "tiny.gguf", width=128), 12, ("robot",), kv_type="q8_0")
    assert report["different"] == []


def test_the_sentences_are_those_of_every_pack(asking: ModuleType) -> None:
    asked = list(islice(asking.requests(seed=1), 30))
    assert {request.pack for request in asked} == set(SHIPPED)
    assert len({request.marked for request in asked}) == 30
