"""The cache of keys and values: its types, its cells, its bytes.

Decides as llama.cpp does (llama-kv-cache.cpp, llama-context.cpp at llama-cpp-python 0.3.36), so its bytes are exact
for architectures in `PLAIN_CACHE` and an upper bound for others. Refuses (PLAN_INVALID) a type that llama.cpp has no
cache of, values in a quantized type without flash attention, and heads that are no whole number of a type's blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.planning.shapes import Shape
from edge_agent.planning.tensors import BY_NAME, TensorType

CACHE_TYPES: Final = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
"""What llama.cpp takes for --cache-type-k and --cache-type-v."""
CARD_PAIRS: Final = frozenset(("f16", "bf16", "q8_0", "q4_0"))
"""CUDA has fast kernels for these where keys and values have the same (GGML_CUDA_FA_QUANTS as it is built)."""
CARD_HEADS: Final = frozenset((40, 64, 72, 80, 96, 112, 128, 256))
"""Widths of a head for which CUDA has flash attention (fattn.cu), the rarer 192, 320, 512 and 576 aside."""
CELLS_STEP: Final = 256
"""llama.cpp rounds a context up to a multiple of this."""


@dataclass(frozen=True, slots=True)
class Cache:
    """`n_ctx` cells, shared by all sequences, with keys and values of these types."""

    n_ctx: int
    keys: str = "f16"
    values: str = "f16"
    flash_attention: bool = True

    @property
    def cells(self) -> int:
        """How many llama.cpp makes of them."""
        return -(-self.n_ctx // CELLS_STEP) * CELLS_STEP


def check_cache(cache: Cache, shape: Shape) -> None:
    """Return when llama.cpp makes this cache for this shape.

    Raises:
        ConfigurationFault: PLAN_INVALID.
    """
    for side, name, head in (("keys", cache.keys, shape.key_width), ("values", cache.values, shape.value_width)):
        if name not in CACHE_TYPES:
            why = f"no cache of {name} is known here; there are {', '.join(CACHE_TYPES)}"
            raise ConfigurationFault(Code.PLAN_INVALID, why, where=side)
        if _type(name).row_bytes(head) is None:
            why = f"heads of {head} are no whole blocks of {name}; take f16"
            raise ConfigurationFault(Code.PLAN_INVALID, why, where=side)
    if _type(cache.values).is_quantized and not cache.flash_attention:
        why = f"values in {cache.values} need flash attention; leave it on, or take f16"
        raise ConfigurationFault(Code.PLAN_INVALID, why, where="values")


def layer_bytes(shape: Shape, cache: Cache) -> tuple[int, ...]:
    """Bytes of each layer's keys and values, of all cells."""
    # without flash attention values lie transposed, and every layer gets as many as the widest
    widest = None if cache.flash_attention else max(shape.kv_heads)
    return tuple(
        cache.cells
        * (
            _row(cache.keys, heads * shape.key_width)
            + _row(cache.values, (heads if widest is None else widest) * shape.value_width)
        )
        for heads in shape.kv_heads
    )


def converted_bytes(shape: Shape, cache: Cache) -> int:
    """What a card needs beside it, because its matrix kernels read one layer's quantized cache as f16."""
    heads = max(shape.kv_heads)
    widths = ((cache.keys, shape.key_width), (cache.values, shape.value_width))
    return sum(2 * cache.cells * heads * width for name, width in widths if _type(name).is_quantized)


def card_remarks(shape: Shape, cache: Cache) -> tuple[str, ...]:
    """What is slow about this cache on a CUDA card."""
    remarks = []
    if "iq4_nl" in (cache.keys, cache.values):
        remarks.append("CUDA has no attention for iq4_nl: it would run on the processor; take q4_0")
    elif cache.keys != cache.values or cache.keys not in CARD_PAIRS:
        remarks.append(
            f"CUDA has no fast attention for keys in {cache.keys} and values in {cache.values}: they are turned into"
            " f16 at every pass; equal types of f16, bf16, q8_0 or q4_0 are fast"
        )
    if shape.key_width not in CARD_HEADS or shape.key_width != shape.value_width:
        remarks.append(
            f"CUDA may have no flash attention for heads of {shape.key_width} and {shape.value_width}: it would run on"
            " the processor, or without, which takes more memory"
        )
    return tuple(remarks)


def _type(name: str) -> TensorType:
    return BY_NAME[name.upper()]


def _row(name: str, count: int) -> int:
    size = _type(name).row_bytes(count)
    assert size is not None, "check_cache lets only whole heads through"
    return size
