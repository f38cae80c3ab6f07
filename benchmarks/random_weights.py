"""Random weights in a GGUF's own layouts: mean 0, standard deviation gain/√columns, so that no pass dies or blows up.

Q4_K, Q5_K and Q6_K cannot be quantized to by gguf-py, so their blocks are made directly: every level random, and the
scales such that the weights come out right; every row is its own. In the other types a large matrix repeats some random
rows, the vocabulary's apart: tokens with equal rows would tie.
"""

from __future__ import annotations

import math

import gguf
import numpy as np
from llama_shapes import Kind, Tensor
from numpy.typing import NDArray

_WHOLE_MATRIX_MAX = 1 << 24
"""Elements up to which every row of a matrix is its own."""
_DRAWN_ROWS = 1_024
"""Rows of a larger one that are drawn at once."""
_VOCABULARY = ("token_embd.weight", "output.weight")
_D, _DMIN, _SCALES = slice(0, 2), slice(2, 4), slice(4, 16)
"""Bytes of a Q4_K or Q5_K block: two f16, then 6-bit scales and minimums of eight sub-blocks, then the levels."""
_Q6_SCALES, _Q6_D = slice(192, 208), slice(208, 210)
"""Bytes of a Q6_K block: the levels, then a signed scale for each 16 of them, then an f16."""

Weights = NDArray[np.float32] | NDArray[np.uint8]


def random_weights(rng: np.random.Generator, tensor: Tensor) -> Weights:
    """A tensor's data; bytes where its type has blocks, and ones for a norm."""
    if len(tensor.sizes) == 1:
        return np.ones(tensor.sizes, dtype=np.float32)
    deviation = tensor.gain / math.sqrt(tensor.sizes[-1])
    match tensor.kind:
        case Kind.Q4_K:
            weights: Weights = _with_minimum(rng, _levels(rng, tensor), 16, deviation)
        case Kind.Q5_K:
            weights = _with_minimum(rng, _levels(rng, tensor), 32, deviation)
        case Kind.Q6_K:
            weights = _signed(rng, _levels(rng, tensor), deviation)
        case kind:
            weights = _quantized(rng, tensor, kind)
    return weights.reshape(*tensor.sizes[:-1], -1)


def _levels(rng: np.random.Generator, tensor: Tensor) -> NDArray[np.uint8]:
    """(blocks, bytes of a block), all random."""
    block_bytes = gguf.GGML_QUANT_SIZES[tensor.kind][1]
    return rng.integers(0, 256, (tensor.size_bytes // block_bytes, block_bytes), dtype=np.uint8)


def _with_minimum(
    rng: np.random.Generator, blocks: NDArray[np.uint8], levels: int, deviation: float
) -> NDArray[np.uint8]:
    """Weights d·scale·level - dmin·minimum, minimum and scale equal and dmin half the highest level times d."""
    scales = rng.integers(32, 64, (len(blocks), 8), dtype=np.uint8)
    d = np.float16(deviation / _spread(levels, np.arange(32, 64)))
    blocks[:, _D] = np.frombuffer(d.tobytes(), np.uint8)
    blocks[:, _DMIN] = np.frombuffer(np.float16(float(d) * (levels - 1) / 2).tobytes(), np.uint8)
    low, high = scales[:, :4], scales[:, 4:]
    first = low | (high >> 4) << 6
    blocks[:, _SCALES] = np.concatenate([first, first, (high & 15) * 17], axis=1)
    return blocks


def _signed(rng: np.random.Generator, blocks: NDArray[np.uint8], deviation: float) -> NDArray[np.uint8]:
    """Weights d·scale·(level - 32); scales of either sign, as the levels' middle is half a level off."""
    sizes = rng.integers(16, 32, (len(blocks), 16), dtype=np.int8)
    scales = np.where(rng.integers(0, 2, sizes.shape, dtype=np.int8) == 1, sizes, -sizes)
    blocks[:, _Q6_SCALES] = scales.view(np.uint8)
    d = np.float16(deviation / _spread(64, np.arange(16, 32)))
    blocks[:, _Q6_D] = np.frombuffer(d.tobytes(), np.uint8)
    return blocks


def _spread(levels: int, scales: NDArray[np.int_]) -> float:
    """The deviation that blocks of d = 1 have, all levels and all scales being equally likely."""
    return math.sqrt((levels**2 - 1) / 12 * float(np.mean(scales**2)))


def _quantized(rng: np.random.Generator, tensor: Tensor, kind: Kind) -> Weights:
    """Normal weights as gguf-py quantizes them."""
    rows, columns = math.prod(tensor.sizes[:-1]), tensor.sizes[-1]

    def drawn(count: int) -> Weights:
        weights = (rng.standard_normal((count, columns)) * (tensor.gain / np.sqrt(columns))).astype(np.float32)
        return weights if kind == Kind.F32 else gguf.quants.quantize(weights, kind)

    if rows * columns <= _WHOLE_MATRIX_MAX:
        return drawn(rows)
    if tensor.name in _VOCABULARY:
        return np.concatenate([drawn(min(_DRAWN_ROWS, rows - start)) for start in range(0, rows, _DRAWN_ROWS)])
    order = rng.integers(0, _DRAWN_ROWS, rows)
    order[:_DRAWN_ROWS] = np.arange(_DRAWN_ROWS)
    return drawn(_DRAWN_ROWS)[order]
