"""The types that a tensor can have, and the bytes that it takes.

The table is ggml's own (`type_traits` in ggml.c at llama-cpp-python 0.3.36); a test compares it with the library.
Refuses nothing: whoever reads a file decides what an unknown type or an odd row means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class TensorType:
    """How numbers are kept: `block` of them share `block_bytes`."""

    name: str
    block: int
    block_bytes: int

    @property
    def is_quantized(self) -> bool:
        return self.block > 1

    def row_bytes(self, count: int) -> int | None:
        """Bytes of a row of `count` numbers; None where it is no whole number of blocks."""
        blocks, rest = divmod(count, self.block)
        return None if rest else blocks * self.block_bytes


_TYPES: Final = (
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 36),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
    (42, "Q2_0", 64, 18),
)
TYPES: Final = {number: TensorType(name, block, size) for number, name, block, size in _TYPES}
"""By the number that a GGUF file has for it; the numbers between are of types that are gone."""
BY_NAME: Final = {kind.name: kind for kind in TYPES.values()}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor, its row's length first in `dims`; `offset` is where a file has it, behind the header."""

    name: str
    dims: tuple[int, ...]
    type: TensorType
    offset: int = 0

    @property
    def elements(self) -> int:
        return math.prod(self.dims)

    @property
    def size_bytes(self) -> int:
        """Bytes of all rows. A row that is no whole number of blocks is our own mistake: readers refuse it."""
        row = self.type.row_bytes(self.dims[0])
        assert row is not None, self
        return row * math.prod(self.dims[1:])

    @property
    def layer(self) -> int | None:
        """The layer that it belongs to; None for what stands before and behind all layers."""
        parts = self.name.split(".")
        return int(parts[1]) if parts[0] == "blk" and len(parts) > 1 and parts[1].isdecimal() else None
