"""Where a model's layers go, and what is tried next when that is refused. Pure.

Decides: with `n_gpu_layers` below 0, as many layers as the plan says fit the card; an engine that a card refuses is
started again with fewer, one that dies in the processor's extra matrix kernels without them. Says in plain words what
is slower than it looks: a build without a GPU on a machine that was meant to have one, and layers left to the
processor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.language.options import EngineOptions
from edge_agent.limits import PASS_ROWS_MAX, PASS_TOKENS_MAX
from edge_agent.planning.cache import Cache
from edge_agent.planning.fitting import layers_that_fit, step_down
from edge_agent.planning.gguf import Header

PROMPT_TOKENS: Final = 1_536
"""What a pack's prompt is reckoned at before it is known, in the Llama 3 style; a refusal makes it step down anyway."""

_OFFLOADED: Final = re.compile(r"offloaded (\d+)/(\d+) layers")


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU as llama.cpp sees it. `free` and `total` in bytes, 0 where it does not say."""

    name: str
    free: int
    total: int
    integrated: bool
    """Its memory is the processor's."""


@dataclass(frozen=True, slots=True)
class Placement:
    """How many layers are asked for, why, and what is to be warned of."""

    n_gpu_layers: int
    message: str = ""
    warning: str = ""


def place(
    header: Header | None, card: Card | None, options: EngineOptions, *, n_ctx: int, has_driver: bool
) -> Placement:
    """The layers to ask for. `card`: the first GPU that the build sees, None where it sees none; `has_driver`: a driver
    of one is loaded here."""
    asked = options.n_gpu_layers
    if card is None or header is None:
        return Placement(0, "runs on the processor", _unseen(asked, has_driver=has_driver))
    if asked == 0:
        return Placement(0, "runs on the processor, as asked")
    if asked > 0 or card.free == 0 or card.integrated:
        return Placement(asked, f"on {card.name}, as asked" if asked > 0 else f"all layers on {card.name}")
    flash = options.flash_attention != "off"
    try:
        fit = layers_that_fit(
            header,
            card.free,
            Cache(n_ctx, options.kv_type, options.kv_type, flash_attention=flash),
            name=options.model.name,
            batch_tokens=PASS_TOKENS_MAX,
            output_rows=PASS_ROWS_MAX,
        )
    except ConfigurationFault as problem:
        return Placement(asked, f"all layers on {card.name}; no plan: {problem.message}")
    warning = f"{fit.message}: every pass waits for the processor's share" if fit.is_split else ""
    return Placement(fit.n_gpu_layers, f"{card.name}: {fit.message}", warning)


def _unseen(asked: int, *, has_driver: bool) -> str:
    """A warning where a GPU was meant to be used, and the build sees none."""
    if asked > 0:
        return f"{asked} layers were meant for a GPU, and this build of llama.cpp sees none: all run on the processor"
    if asked < 0 and has_driver:
        return (
            "this machine has a driver of a GPU, and this build of llama.cpp sees no GPU: all layers run on the "
            'processor; CMAKE_ARGS="-DGGML_CUDA=on" sh scripts/build-engine.sh builds one that does'
        )
    return ""


def partial_offload(said: str) -> str:
    """A warning where llama.cpp's own line ("offloaded 20/33 layers to GPU") leaves some layers to the processor."""
    counts = _OFFLOADED.search(said)
    if counts is None or counts[1] == counts[2]:
        return ""
    return f"only {counts[1]} of {counts[2]} layers are on the card: every pass waits for the processor's share"


def next_try(
    options: EngineOptions, code: Code, *, gpu_build: bool, total_layers: int
) -> tuple[EngineOptions, str] | None:
    """What to start in place of an engine that could not be, and what that means; None when nothing is left."""
    if code not in (Code.ENGINE_CRASHED, Code.ENGINE_UNAVAILABLE):
        return None
    fewer = step_down(options.n_gpu_layers, total_layers) if gpu_build else None
    if fewer is not None:
        return replace(options, n_gpu_layers=fewer), f"runs with {fewer} of {total_layers} layers on the card"
    if code is Code.ENGINE_CRASHED and options.extra_buffers:
        return replace(options, extra_buffers=False), "runs without extra matrix kernels"
    return None
