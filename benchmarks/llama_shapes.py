"""Sizes of Llamas, and the tensors of their files with the type that each has in a mixture of quantizations.

Decides for Q4_K_M what `llama_tensor_get_type_impl` of llama.cpp's llama-quant.cpp decides (read at llama-cpp-python
0.3.36): more bits for the output, and for attn_v and ffn_down of every third layer and of those at both ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gguf

Kind = gguf.GGMLQuantizationType


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a Llama; with experts, each layer's feed-forward part is there once for each.

    `steady`: its parts are weighed as in a model before training, so that rounding does not grow from layer to layer.
    """

    width: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    tied: bool
    rope_base: float
    experts: int = 0
    experts_used: int = 0
    steady: bool = True


SHAPES = {
    "tiny": Shape(64, 2, 4, 2, 128, tied=True, rope_base=10_000.0, steady=False),
    "llama3-1b": Shape(2_048, 16, 32, 8, 8_192, tied=True, rope_base=500_000.0),
    "llama3-8b": Shape(4_096, 32, 32, 8, 14_336, tied=False, rope_base=500_000.0),
    "llama3-70b": Shape(8_192, 80, 64, 8, 28_672, tied=False, rope_base=500_000.0),
    "mixtral-8x7b": Shape(4_096, 32, 32, 8, 14_336, tied=False, rope_base=1e6, experts=8, experts_used=2),
}
FILE_TYPES = {
    "F32": gguf.LlamaFileType.ALL_F32,
    "F16": gguf.LlamaFileType.MOSTLY_F16,
    "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
    "Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0,
    "Q4_K_M": gguf.LlamaFileType.MOSTLY_Q4_K_M,
}
"""What a file may be quantized to, with what its header calls that. All but Q4_K_M give every matrix one type."""
SHARP_ATTENTION = 4.0
"""How much larger attn_q is, so that attention picks tokens out instead of averaging over them all: what
comes next then depends on the sentence, as it does in a trained model."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a file: `sizes` as numpy has them, the row's length last.

    `gain`: how much more its weights are spread than 1/√(the row's length).
    """

    name: str
    sizes: tuple[int, ...]
    kind: Kind
    gain: float = 1.0

    @property
    def byte_sizes(self) -> tuple[int, ...]:
        """The same with the row's length in bytes.

        Raises:
            ValueError: a row is no whole number of the type's blocks.
        """
        elements, block_bytes = gguf.GGML_QUANT_SIZES[self.kind]
        if self.sizes[-1] % elements:
            raise ValueError(f"{self.name}: rows of {self.sizes[-1]} are not whole blocks of {self.kind.name}")
        return (*self.sizes[:-1], self.sizes[-1] // elements * block_bytes)

    @property
    def size_bytes(self) -> int:
        return math.prod(self.byte_sizes)


def tensors(shape: Shape, vocab_size: int, quantization: str) -> Iterator[Tensor]:
    """Every tensor of a file, in the order in which they lie there: the matrices, then the norms."""
    kind_of = _q4_k_m(shape) if quantization == "Q4_K_M" else lambda _layer, _part: Kind[quantization]
    yield Tensor("token_embd.weight", (vocab_size, shape.width), kind_of(0, "output" if shape.tied else "token_embd"))
    if not shape.tied:
        yield Tensor("output.weight", (vocab_size, shape.width), kind_of(0, "output"))
    for layer in range(shape.layers):
        for part, sizes in _layer(shape):
            kind = Kind.F32 if part == "ffn_gate_inp" else kind_of(layer, part.removesuffix("_exps"))
            yield Tensor(f"blk.{layer}.{part}.weight", sizes, kind, _gain(shape, layer, part))
    yield Tensor("output_norm.weight", (shape.width,), Kind.F32)
    for layer in range(shape.layers):
        for part in ("attn_norm", "ffn_norm"):
            yield Tensor(f"blk.{layer}.{part}.weight", (shape.width,), Kind.F32)


def _gain(shape: Shape, layer: int, part: str) -> float:
    """Of a part of a steady model: layers above the first only add a little to what stands there already.

    1/√(2·layers) is how GPT-2 begins (Radford et al. 2019, section 2.3).
    """
    if not shape.steady:
        return 1.0
    if part == "attn_q":
        return SHARP_ATTENTION
    adds = layer > 0 and part.startswith(("attn_output", "ffn_down"))
    return 1.0 / math.sqrt(2 * shape.layers) if adds else 1.0


def _layer(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A layer's matrices; each row is one output."""
    kv_width = shape.width // shape.heads * shape.kv_heads
    yield "attn_q", (shape.width, shape.width)
    yield "attn_k", (kv_width, shape.width)
    yield "attn_v", (kv_width, shape.width)
    yield "attn_output", (shape.width, shape.width)
    each = (shape.experts,) if shape.experts else ()
    suffix = "_exps" if shape.experts else ""
    if shape.experts:
        yield "ffn_gate_inp", (shape.experts, shape.width)
    yield f"ffn_gate{suffix}", (*each, shape.feed_forward, shape.width)
    yield f"ffn_up{suffix}", (*each, shape.feed_forward, shape.width)
    yield f"ffn_down{suffix}", (*each, shape.width, shape.feed_forward)


def _q4_k_m(shape: Shape) -> Callable[[int, str], Kind]:
    """The type of a layer's part."""
    eighth = shape.layers // 8
    is_70b = shape.layers == 80 and shape.heads != shape.kv_heads

    def more_bits(layer: int) -> bool:
        return layer < eighth or layer >= 7 * shape.layers // 8 or (layer - eighth) % 3 == 2

    def kind_of(layer: int, part: str) -> Kind:
        if shape.experts == 8 and part in ("attn_k", "attn_v"):
            return Kind.Q8_0
        if shape.experts == 8 and part == "attn_output":
            return Kind.Q5_K
        if part == "output" or (part in ("attn_v", "ffn_down") and more_bits(layer)):
            return Kind.Q6_K
        return Kind.Q5_K if is_70b and part == "attn_v" else Kind.Q4_K

    return kind_of
