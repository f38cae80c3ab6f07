"""How long a command takes, from the bytes that a pass reads and how fast they are read.

Decides by one formula. A pass reads every weight once, apart from the embedding, of which it looks up rows, and the
cells of the cache that are in use; of experts it reads those that its tokens choose, all of them soon. The card's part
and the processor's come one after the other, because a layer waits for the one before it. Not modelled: what a pass
costs a card beside its bytes, which the share reached by an 8B stands for; smaller models reach less, larger ones more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.planning.devices import Device, Memory
from edge_agent.planning.fitting import Fit
from edge_agent.planning.memory import Demand, Layer
from edge_agent.planning.shapes import Shape

TOKENS: Final = 40
"""Tokens of a command: the marked sentence and the answer."""
PASSES: Final = 4.0
PASSES_DRAFTED: Final = 1.3
"""Passes of a command when a right draft is at hand."""
HOST_MS: Final = 2.0
"""Work outside the model: linking, grammar, masks, checks."""
CELLS_IN_USE: Final = 512
"""Cells that a pass reads: the prompt and the command."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass reads and how long it takes."""

    card_bytes: int
    host_bytes: int
    card_ms: float
    host_ms: float

    @property
    def ms(self) -> float:
        return self.card_ms + self.host_ms


def one_pass(shape: Shape, demand: Demand, where: Fit, device: Device, tokens: float = 1.0) -> Pass:
    """One pass over so many tokens (a mean need not be whole)."""
    layers = demand.layers
    first = 0 if device.host is None else len(layers) + 1 - where.n_gpu_layers
    output = demand.output + demand.tied
    on_card = _read(layers[first:], demand, shape, tokens) + (output if first <= len(layers) else 0)
    on_host = _read(layers[:first], demand, shape, tokens) + (output if first > len(layers) else 0)
    return Pass(on_card, on_host, _ms(on_card, device.card, tokens), _ms(on_host, device.host, tokens))


def command_ms(
    shape: Shape, demand: Demand, where: Fit, device: Device, *, passes: float, tokens: float = TOKENS
) -> float:
    """A command of so many tokens in so many passes, in milliseconds."""
    return passes * one_pass(shape, demand, where, device, max(1.0, tokens / passes)).ms + HOST_MS


def _read(layers: Sequence[Layer], demand: Demand, shape: Shape, tokens: float) -> int:
    chosen = min(1.0, tokens * shape.experts_used / shape.experts) if shape.experts else 1.0
    in_use = min(1.0, CELLS_IN_USE / demand.cells)
    return sum(
        layer.weights - layer.experts + round(layer.experts * chosen) + round(layer.cache * in_use) for layer in layers
    )


def _ms(count: int, memory: Memory | None, tokens: float) -> float:
    if memory is None:
        return 0.0
    return count / (memory.gb_s * memory.share) / 1e6 * (1.0 + (tokens - 1.0) * memory.token_cost)
