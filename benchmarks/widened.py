"""A small model inside a large shape: what the small one answers, at what a pass of the large one costs.

Its rows and heads stand at the beginning of the large one's, and everything that would add to them is zero; the rest is
random and changes nothing, but is read and multiplied like any other weights. So decoders can be compared on answers
that make sense, where random weights answer by chance and by spellings that no trained model would choose.

A head may be wider than the small one's: its rotations then go by the base to the power of the ratio, and its queries
are larger by the root of it, which gives the same scores. Norms are scaled by the share of the width that is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import gguf
import numpy as np
from k_blocks import Bytes, Floats, to_blocks
from llama_shapes import Shape, Tensor
from random_weights import Weights, random_weights

_BLANK = ("token_embd.weight", "attn_k.weight", "attn_output.weight", "ffn_down.weight")
"""Where nothing but the small model may stand: what is added to the stream, and keys in a head wider than its own."""


@dataclass(frozen=True, slots=True)
class Small:
    """A model with tied embeddings and as many heads for keys as for queries."""

    width: int
    layers: int
    heads: int
    feed_forward: int
    epsilon: float
    rope_base: float
    calibration: str | None
    tensors: dict[str, Floats]


def read_small(path: Path) -> Small:
    """A small Llama's sizes and weights."""
    reader = gguf.GGUFReader(str(path))

    def value(key: str) -> float:
        return float(reader.fields[f"llama.{key}"].contents())

    calibration = reader.fields.get("edge_agent.calibration")
    return Small(
        width=int(value("embedding_length")),
        layers=int(value("block_count")),
        heads=int(value("attention.head_count")),
        feed_forward=int(value("feed_forward_length")),
        epsilon=value("attention.layer_norm_rms_epsilon"),
        rope_base=value("rope.freq_base"),
        calibration=str(calibration.contents()) if calibration else None,
        tensors={one.name: gguf.quants.dequantize(one.data, one.tensor_type) for one in reader.tensors},
    )


class Widened:
    """The weights of a shape that answers as a small model does.

    Raises:
        ValueError: the small one does not fit into the shape.
    """

    def __init__(self, small: Small, shape: Shape) -> None:
        self._small = small
        self._head, self._small_head = shape.width // shape.heads, small.width // small.heads
        self._group = shape.heads // shape.kv_heads
        fits = small.width <= shape.width and small.layers <= shape.layers and small.heads <= shape.kv_heads
        whole = self._head % self._small_head == 0 and small.feed_forward <= shape.feed_forward
        if shape.experts or not fits or not whole:
            raise ValueError("the small model does not fit into this shape")
        ratio = self._head // self._small_head
        self._query_scale = np.sqrt(ratio)
        self._norm_scale = np.sqrt(small.width / shape.width)
        self.shape = replace(shape, rope_base=small.rope_base**ratio)
        self.epsilon = small.epsilon * small.width / shape.width

    @property
    def calibration(self) -> str | None:
        """What the small model's probabilities are worth; the large one's are the same."""
        return self._small.calibration

    def weights(self, rng: np.random.Generator, tensor: Tensor) -> Weights:
        """A tensor's data."""
        name = "token_embd.weight" if tensor.name == "output.weight" else tensor.name
        known = self._small.tensors.get(name)
        if len(tensor.sizes) == 1:
            norm = np.ones(tensor.sizes, dtype=np.float32)
            if known is not None:
                norm[: len(known)] = known * self._norm_scale
            return norm
        data = _zeros(tensor) if name.endswith(_BLANK) else random_weights(rng, tensor)
        if known is None:
            return data
        rows, dense = self._placed(name, known, tensor.sizes[-1])
        data[rows] = to_blocks(dense, tensor.kind)
        return data

    def _placed(self, name: str, known: Floats, columns: int) -> tuple[list[int], Floats]:
        """Which rows of the large matrix hold the small one's, and what stands in them."""
        rows = list(range(len(known)))
        places = list(range(known.shape[1]))
        if name.endswith(("attn_q.weight", "attn_k.weight", "attn_v.weight")):
            rows = self._head_places(self._group if name.endswith("attn_q.weight") else 1)
        if name.endswith("attn_output.weight"):
            places = self._head_places(self._group)
        dense = np.zeros((len(rows), columns), dtype=np.float32)
        dense[:, places] = known * (self._query_scale if name.endswith("attn_q.weight") else 1.0)
        return rows, dense

    def _head_places(self, group: int) -> list[int]:
        """Where the small heads' numbers stand: query head `j` is the first of those that read keys of head `j`."""
        return [
            head * group * self._head + place for head in range(self._small.heads) for place in range(self._small_head)
        ]


def _zeros(tensor: Tensor) -> Weights:
    if tensor.kind in (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16):
        plain = np.float16 if tensor.kind == gguf.GGMLQuantizationType.F16 else np.float32
        return np.zeros(tensor.sizes, dtype=plain)
    zeros: Bytes = np.zeros(tensor.byte_sizes, dtype=np.uint8)
    return zeros
