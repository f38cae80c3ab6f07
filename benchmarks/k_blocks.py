"""Weights to blocks of Q4_K, Q5_K and Q6_K, which gguf-py reads and does not write.

Simpler than llama.cpp's own: each sub-block's scale and minimum come from its ends, where llama.cpp searches for better
ones. Zeros stay zeros.
"""

from __future__ import annotations

import gguf
import numpy as np
from llama_shapes import Kind
from numpy.typing import NDArray

_BLOCK = 256
Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def to_blocks(weights: Floats, kind: Kind) -> Floats | Bytes:
    """(rows, columns) as (rows, bytes of a row); numbers of a type without blocks stay numbers."""
    if kind == Kind.F32:
        return weights
    if kind == Kind.Q6_K:
        return _with_signed_scales(weights)
    if kind in (Kind.Q4_K, Kind.Q5_K):
        return _with_minimums(weights, 16 if kind == Kind.Q4_K else 32)
    quantized: Bytes = gguf.quants.quantize(weights, kind)
    return quantized


def _with_minimums(weights: Floats, levels: int) -> Bytes:
    """d·scale·level - dmin·minimum, a scale and a minimum of 6 bits for each 32 weights."""
    rows, columns = weights.shape
    parts = weights.reshape(-1, 8, 32)
    lowest = np.minimum(parts.min(axis=2), 0.0)
    scales, d = _in_bits((parts.max(axis=2).clip(min=0.0) - lowest) / (levels - 1), 63)
    minimums, dmin = _in_bits(-lowest, 63)
    unit, offset = d * scales, dmin * minimums
    step = np.where(unit > 0.0, unit, 1.0)[..., None]
    level = np.rint((parts + offset[..., None]) / step).clip(0, levels - 1).astype(np.uint8)
    level[unit == 0.0] = 0
    first, last = scales.astype(np.uint8), minimums.astype(np.uint8)
    packed = [
        first[:, :4] | (first[:, 4:] >> 4) << 6,
        last[:, :4] | (last[:, 4:] >> 4) << 6,
        (first[:, 4:] & 15) | (last[:, 4:] & 15) << 4,
    ]
    pairs = level.reshape(-1, 4, 2, 32)
    low = (pairs[:, :, 0] & 15 | (pairs[:, :, 1] & 15) << 4).reshape(-1, 128)
    high = [] if levels == 16 else [_fifth_bits(level)]
    blocks = np.concatenate([_half(d), _half(dmin), *packed, *high, low], axis=1)
    return blocks.reshape(rows, columns // _BLOCK * blocks.shape[1])


def _fifth_bits(level: Bytes) -> Bytes:
    """The highest bit of every level; byte `i` holds that of the i-th weight of each of the eight sub-blocks."""
    bits = (level >> 4).astype(np.uint8) << np.arange(8, dtype=np.uint8)[None, :, None]
    return bits.sum(axis=1, dtype=np.uint8)


def _with_signed_scales(weights: Floats) -> Bytes:
    """d·scale·(level - 32), a scale of 8 bits for each 16 weights."""
    rows, columns = weights.shape
    parts = weights.reshape(-1, 16, 16)
    scales, d = _in_bits(np.abs(parts).max(axis=2) / 31, 127)
    unit = d * scales
    step = np.where(unit > 0.0, unit, 1.0)[..., None]
    level = (np.rint(parts / step).clip(-32, 31) + 32).astype(np.uint8)
    quarters = level.reshape(-1, 2, 4, 32)
    low = quarters & 15
    ql = np.concatenate([low[:, :, 0] | low[:, :, 2] << 4, low[:, :, 1] | low[:, :, 3] << 4], axis=2).reshape(-1, 128)
    qh = np.zeros((len(level), 2, 32), dtype=np.uint8)
    for place in range(4):
        qh |= (quarters[:, :, place] >> 4) << 2 * place
    signed = scales.astype(np.int8).view(np.uint8)
    blocks = np.concatenate([ql, qh.reshape(-1, 64), signed, _half(d)], axis=1)
    return blocks.reshape(rows, columns // _BLOCK * blocks.shape[1])


def _in_bits(values: Floats, most: int) -> tuple[Floats, Floats]:
    """(blocks, parts) whole numbers up to `most`, and (blocks, 1) what one of them is worth, as a f16 holds it."""
    d = (values.max(axis=1, keepdims=True) / most).astype(np.float16).astype(np.float32)
    whole = np.rint(values / np.where(d > 0.0, d, 1.0)).clip(0, most).astype(np.float32)
    return np.where(d > 0.0, whole, 0.0).astype(np.float32), d


def _half(values: Floats) -> Bytes:
    return values.astype(np.float16).view(np.uint8).reshape(len(values), 2)
