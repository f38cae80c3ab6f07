"""Where layers go: as many as the plan says, fewer where a card refuses, and a word where something is slower."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.errors import Code
from edge_agent.language.engine import build_facts, cards
from edge_agent.language.models import bundled_model, header_of
from edge_agent.language.options import EngineOptions
from edge_agent.language.placement import Card, next_try, partial_offload, place
from edge_agent.planning.devices import GIB

OPTIONS = EngineOptions(Path("model.gguf"))
RTX = Card("RTX 4090", 24 * GIB, 24 * GIB, integrated=False)
HEADER = header_of(bundled_model())


def placed(card: Card | None, *, has_driver: bool = False, **changes: int) -> tuple[int, str, str]:
    found = place(HEADER, card, replace(OPTIONS, **changes), n_ctx=2_048, has_driver=has_driver)
    return found.n_gpu_layers, found.message, found.warning


def test_all_layers_go_to_a_card_that_has_room() -> None:
    layers, message, warning = placed(RTX)
    assert (layers, warning) == (6, "")
    assert "RTX 4090" in message


def test_a_card_without_room_for_all_takes_what_fits_and_it_is_said_loudly() -> None:
    """Between nothing and all there is a size at which some layers fit."""
    found = {placed(replace(RTX, free=free << 20)) for free in range(0, 200, 4)}
    split = [one for one in found if 0 < one[0] < 6]
    assert split
    assert all("processor" in warning for _, _, warning in split)
    assert {one[0] for one in found} >= {0, 6}


@pytest.mark.parametrize("free", [pytest.param(0, id="does not say"), pytest.param(GIB, id="shares the processor's")])
def test_a_card_that_cannot_be_planned_for_is_asked_for_all(free: int) -> None:
    assert placed(Card("Orin", free, 0, integrated=free > 0))[0] == -1


def test_what_the_owner_asks_for_is_asked_for() -> None:
    assert placed(RTX, n_gpu_layers=3)[0] == 3
    assert placed(RTX, n_gpu_layers=0) == (0, "runs on the processor, as asked", "")


def test_a_build_without_a_gpu_is_told_where_one_was_meant() -> None:
    """By a number in the settings, or by a driver that is loaded; a box without either hears nothing."""
    assert placed(None) == (0, "runs on the processor", "")
    assert "sees none" in placed(None, n_gpu_layers=20)[2]
    assert "GGML_CUDA" in placed(None, has_driver=True)[2]
    assert placed(None, has_driver=True, n_gpu_layers=0)[2] == ""


def test_layers_that_llama_cpp_left_behind_are_told() -> None:
    assert partial_offload("offloaded 33/33 layers to GPU") == ""
    assert partial_offload("") == ""
    assert partial_offload("offloaded 20/33 layers to GPU").startswith("only 20 of 33 layers")


def ladder(options: EngineOptions, code: Code, *, gpu_build: bool) -> list[tuple[int, bool]]:
    """What is tried one after the other when nothing helps."""
    tried = []
    following = next_try(options, code, gpu_build=gpu_build, total_layers=33)
    while following is not None:
        options, said = following
        assert said
        tried.append((options.n_gpu_layers, options.extra_buffers))
        following = next_try(options, code, gpu_build=gpu_build, total_layers=33)
    return tried


def test_a_card_that_refuses_is_offered_less_and_at_last_nothing() -> None:
    layers = [layers for layers, _ in ladder(OPTIONS, Code.ENGINE_UNAVAILABLE, gpu_build=True)]
    assert layers == sorted(layers, reverse=True)
    assert (layers[0] < 33, layers[-1]) == (True, 0)


def test_an_engine_that_dies_on_the_processor_is_tried_without_extra_kernels_once() -> None:
    assert ladder(OPTIONS, Code.ENGINE_CRASHED, gpu_build=False) == [(-1, False)]
    assert ladder(OPTIONS, Code.ENGINE_CRASHED, gpu_build=True)[-1] == (0, False)


@pytest.mark.parametrize("code", [Code.MODEL_DAMAGED, Code.GRAMMAR_INVALID])
def test_what_would_fail_the_same_way_is_not_tried_again(code: Code) -> None:
    assert next_try(OPTIONS, code, gpu_build=True, total_layers=33) is None


def test_the_build_says_whether_it_sees_a_gpu() -> None:
    """Two of llama.cpp's own answers agree."""
    assert bool(cards()) is build_facts()["gpu_build"]
