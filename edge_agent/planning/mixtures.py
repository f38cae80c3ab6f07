"""Which type each tensor gets when llama.cpp quantizes a model to Q4_K_M and its like.

Decides what `llama_tensor_get_type_impl` of llama.cpp's llama-quant.cpp decides (at llama-cpp-python 0.3.36) for Llamas
and Mixtrals without an importance matrix; a test asks llama.cpp's own quantizer about every tensor of every shape.
Refuses a quantization that it has no rules for (PLAN_INVALID), naming those it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.planning.tensors import BY_NAME, TensorType


@dataclass(frozen=True, slots=True)
class Mixture:
    """A quantization by name: the type of most matrices, and the number that a header has for it."""

    name: str
    base: str
    file_type: int


MIXTURES: Final = {
    mixture.name: mixture
    for mixture in (
        Mixture("F32", "F32", 0),
        Mixture("F16", "F16", 1),
        Mixture("BF16", "BF16", 32),
        Mixture("Q8_0", "Q8_0", 7),
        Mixture("Q6_K", "Q6_K", 18),
        Mixture("Q5_K_M", "Q5_K", 17),
        Mixture("Q4_K_M", "Q4_K", 15),
        Mixture("Q4_K_S", "Q4_K", 14),
        Mixture("Q4_0", "Q4_0", 2),
        Mixture("Q3_K_M", "Q3_K", 12),
        Mixture("Q2_K", "Q2_K", 10),
    )
}
_SMALLER_BLOCKS: Final = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""What a row is kept in that is no multiple of 256."""


@dataclass(frozen=True, slots=True)
class Part:
    """One matrix that is to be quantized: its role ("attn_v", "output", …), its layer of so many, its row's length."""

    role: str
    row: int
    layer: int
    layers: int
    experts: int
    heads: int
    kv_heads: int


def mixture_of(name: str) -> Mixture:
    """The quantization of this name, whatever its case.

    Raises:
        ConfigurationFault: PLAN_INVALID.
    """
    try:
        return MIXTURES[name.upper()]
    except KeyError as problem:
        known = ", ".join(MIXTURES)
        why = f"no such quantization is known here; there are {known}"
        raise ConfigurationFault(Code.PLAN_INVALID, why, where=f"--quantization {name}") from problem


def type_of(mixture: Mixture, part: Part) -> TensorType:
    """What a matrix is kept in."""
    base = BY_NAME[mixture.base]
    if not base.is_quantized:
        return base
    chosen = _chosen(mixture, part)
    if BY_NAME[chosen].row_bytes(part.row) is None:
        chosen = _SMALLER_BLOCKS.get(chosen, chosen)
    return BY_NAME[chosen if BY_NAME[chosen].row_bytes(part.row) is not None else "F16"]


def _chosen(mixture: Mixture, part: Part) -> str:
    """The type by role alone, whether the row fits its blocks or not."""
    match part.role:
        case "output":
            if BY_NAME[mixture.base].row_bytes(part.row) is None:
                return "Q8_0"
            return "Q8_0" if mixture.base == "Q8_0" else "Q6_K"
        case "attn_k" if part.experts == 8:
            return "Q8_0"
        case "attn_v":
            return _of_values(mixture, part)
        case "attn_output":
            return _of_attention_output(mixture, part)
        case "ffn_down":
            return _of_down(mixture, part)
    return mixture.base


def _of_values(mixture: Mixture, part: Part) -> str:
    if part.experts == 8:
        return "Q8_0"
    chosen = mixture.base
    match mixture.name:
        case "Q2_K":
            chosen = "Q4_K" if part.heads // part.kv_heads >= 4 else "Q3_K"
        case "Q3_K_M":
            chosen = "Q5_K" if part.layer < 2 else "Q4_K"
        case "Q4_K_M" | "Q5_K_M" if _has_more_bits(part):
            chosen = "Q6_K"
        case "Q4_K_S" if part.layer < 4:
            chosen = "Q5_K"
    # llama.cpp knows a 70B by its 80 layers and its shared keys and values
    is_70b = part.layers == 80 and part.heads != part.kv_heads
    return "Q5_K" if is_70b and chosen in ("Q3_K", "Q4_K") else chosen


def _of_attention_output(mixture: Mixture, part: Part) -> str:
    if part.experts == 8:
        return "Q5_K" if mixture.name in ("Q2_K", "Q3_K_M", "Q4_K_S", "Q4_K_M") else mixture.base
    return {"Q2_K": "Q3_K", "Q3_K_M": "Q4_K"}.get(mixture.name, mixture.base)


def _of_down(mixture: Mixture, part: Part) -> str:
    match mixture.name:
        case "Q2_K":
            return "Q3_K"
        case "Q3_K_M":
            return "Q5_K" if part.layer < part.layers // 16 else "Q4_K"
        case "Q4_K_M" | "Q5_K_M" if _has_more_bits(part):
            return "Q6_K"
        case "Q4_K_S" if part.layer < part.layers // 8:
            return "Q5_K"
    return mixture.base


def _has_more_bits(part: Part) -> bool:
    """The first and the last eighth of the layers, and every third one between."""
    eighth = part.layers // 8
    return part.layer < eighth or part.layer >= 7 * part.layers // 8 or (part.layer - eighth) % 3 == 2
