"""What a model takes: weights and cache layer by layer, and room to compute in.

Weights are the bytes of the tensors, exact. Where they go is llama.cpp's rule: the embedding stays with the processor,
and a card takes the output matrix first and then layers from the last to the first, each with its cache. An output
matrix that is the embedding's own is there twice when the card has it. The room to compute in is a formula that gives
what llama.cpp reserves on a processor for Llamas of 1B to 405B and Mixtral: within 1 % with an f16 cache, up to 10 %
too much with a quantized one. docs/planning.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge_agent.planning.cache import Cache, check_cache, converted_bytes, layer_bytes
from edge_agent.planning.shapes import Model, Shape
from edge_agent.planning.tensors import Tensor

BATCH_TOKENS: Final = 512
"""Tokens of one pass that the engine makes room for."""
OUTPUT_ROWS: Final = 64
"""Rows of logits of one pass, likewise."""
_INPUTS: Final = ("token_embd", "position_embd", "token_types", "per_layer_token_embd")
_FLOAT_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: all of its weights, those of its experts among them, and its part of the cache. Bytes."""

    weights: int
    experts: int
    cache: int


@dataclass(frozen=True, slots=True)
class Demand:
    """Everything that a model takes with a cache, by where it may lie. Bytes."""

    layers: tuple[Layer, ...]
    input: int
    output: int
    """The output matrix and its norm; with tied embeddings the norm alone."""
    tied: int
    """The embedding, where it is the output matrix as well; else 0."""
    compute: int
    largest: int
    """The largest matrix of a layer: a card makes room to borrow it when the layer stays with the processor."""
    converted: int
    cells: int

    @property
    def weights(self) -> int:
        return self.input + self.output + sum(layer.weights for layer in self.layers)

    @property
    def cache(self) -> int:
        return sum(layer.cache for layer in self.layers)

    @property
    def in_one_place(self) -> int:
        """All of it, where nothing is there twice."""
        return self.weights + self.cache + self.compute


def demand_of(
    model: Model, cache: Cache, *, batch_tokens: int = BATCH_TOKENS, output_rows: int = OUTPUT_ROWS
) -> Demand:
    """What a model takes with this cache.

    Raises:
        ConfigurationFault: PLAN_INVALID for a cache that llama.cpp does not make.
    """
    check_cache(cache, model.shape)
    weights = [0] * model.shape.layers
    experts = [0] * model.shape.layers
    inputs = outputs = largest = 0
    for tensor in model.tensors:
        layer = tensor.layer
        if layer is not None and layer < len(weights):
            weights[layer] += tensor.size_bytes
            experts[layer] += tensor.size_bytes if _is_of_experts(tensor, model.shape) else 0
            largest = max(largest, tensor.size_bytes)
        elif tensor.name.split(".")[0] in _INPUTS:
            inputs += tensor.size_bytes
        else:
            outputs += tensor.size_bytes
    caches = layer_bytes(model.shape, cache)
    return Demand(
        layers=tuple(map(Layer, weights, experts, caches)),
        input=inputs,
        output=outputs,
        tied=inputs if model.shape.tied else 0,
        compute=compute_bytes(model.shape, cache, batch_tokens=batch_tokens, output_rows=output_rows),
        largest=largest,
        converted=converted_bytes(model.shape, cache),
        cells=cache.cells,
    )


def compute_bytes(shape: Shape, cache: Cache, *, batch_tokens: int, output_rows: int) -> int:
    """What llama.cpp reserves for the numbers inside one pass: the most of three moments of it."""
    tokens = min(batch_tokens, cache.cells)
    token_bytes = _FLOAT_BYTES * tokens
    used = max(1, shape.experts_used)
    feeding = token_bytes * (3 * shape.feed_forward * used + 4 * shape.width)
    ending = _FLOAT_BYTES * min(tokens, output_rows) * shape.vocab + 2 * token_bytes * shape.width
    if cache.flash_attention:
        return max(feeding + 2 * tokens * cache.cells, ending)
    keys = max(shape.kv_heads) * shape.key_width
    attending = token_bytes * ((shape.heads + 1) * cache.cells + 5 * shape.width + 2 * keys)
    return max(feeding + token_bytes * cache.cells, attending, ending)


def _is_of_experts(tensor: Tensor, shape: Shape) -> bool:
    """Whether a pass of one token reads only its experts' share of it."""
    return len(tensor.dims) == 3 and 1 < shape.experts == tensor.dims[2]
