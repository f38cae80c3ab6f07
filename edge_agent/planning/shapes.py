"""The shape of a model: layers, widths, heads, experts; read from a file's header, or known by name.

Decides what a header's keys mean as llama.cpp does, and which tensors a file of a named shape has. Refuses a name that
it does not know, a header without sizes, and one part of a model that is split over several files (PLAN_INVALID).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.planning.gguf import Header
from edge_agent.planning.mixtures import MIXTURES, Mixture, Part, type_of
from edge_agent.planning.tensors import BY_NAME, Tensor

PLAIN_CACHE: Final = frozenset(
    ("llama", "mistral3", "qwen2", "qwen2moe", "qwen3", "qwen3moe", "phi2", "gemma", "granite", "granitemoe", "smollm3")
)
"""Architectures of which llama.cpp keeps keys and values of every cell in every layer; others may keep less."""

_LAYERS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a model. `kv_heads` has one entry a layer; `feed_forward` is one expert's where there are some."""

    name: str
    layers: int
    width: int
    heads: int
    kv_heads: tuple[int, ...]
    feed_forward: int
    vocab: int
    key_width: int
    value_width: int
    experts: int = 0
    experts_used: int = 0
    tied: bool = False
    """The output matrix is the embedding's."""
    rope_factors: bool = False
    architecture: str = "llama"


@dataclass(frozen=True, slots=True)
class Model:
    """A shape with its weights."""

    shape: Shape
    quantization: str
    tensors: tuple[Tensor, ...]

    @property
    def weights_bytes(self) -> int:
        return sum(tensor.size_bytes for tensor in self.tensors)

    @property
    def parameters(self) -> int:
        return sum(tensor.elements for tensor in self.tensors)


def _llama(name: str, layers: int, width: int, heads: int, feed_forward: int, **others: int) -> Shape:
    head = width // heads
    plain = Shape(name, layers, width, heads, (8,) * layers, feed_forward, 128_256, head, head)
    return replace(plain, **others)  # type: ignore[arg-type]


NAMED: Final = {
    shape.name: shape
    for shape in (
        _llama("llama-3-8b", 32, 4_096, 32, 14_336),
        _llama("llama-3-70b", 80, 8_192, 64, 28_672),
        _llama("llama-3.1-8b", 32, 4_096, 32, 14_336, rope_factors=True),
        _llama("llama-3.1-70b", 80, 8_192, 64, 28_672, rope_factors=True),
        _llama("llama-3.1-405b", 126, 16_384, 128, 53_248, rope_factors=True),
        _llama("llama-3.2-1b", 16, 2_048, 32, 8_192, rope_factors=True, tied=True),
        _llama("llama-3.2-3b", 28, 3_072, 24, 8_192, rope_factors=True, tied=True),
        _llama("mixtral-8x7b", 32, 4_096, 32, 14_336, vocab=32_000, experts=8, experts_used=2),
    )
}
"""Sizes from The Llama 3 Herd of Models (arXiv 2407.21783, table 3), Mixtral of Experts (arXiv 2401.04088, table 1)
and, for Llama 3.2, Meta's own config.json; Llama 3 models share eight heads of keys and values, and so does Mixtral."""


def named_model(name: str, mixture: Mixture) -> Model:
    """A model of a named shape, quantized.

    Raises:
        ConfigurationFault: PLAN_INVALID.
    """
    if name.lower() not in NAMED:
        why = f"no such shape is known here; there are {', '.join(NAMED)}"
        raise ConfigurationFault(Code.PLAN_INVALID, why, where=f"--shape {name}")
    shape = NAMED[name.lower()]
    return Model(shape, mixture.name, tuple(tensors_of(shape, mixture)))


def tensors_of(shape: Shape, mixture: Mixture) -> Iterator[Tensor]:
    """Every tensor that a file of this shape has."""

    def matrix(name: str, role: str, *dims: int, layer: int = 0) -> Tensor:
        part = Part(role, dims[0], layer, shape.layers, shape.experts, shape.heads, shape.kv_heads[layer])
        return Tensor(f"{name}.weight", dims, type_of(mixture, part))

    def vector(name: str, *dims: int) -> Tensor:
        return Tensor(f"{name}.weight", dims, BY_NAME["F32"])

    yield matrix("token_embd", "output" if shape.tied else "token_embd", shape.width, shape.vocab)
    yield vector("output_norm", shape.width)
    if not shape.tied:
        yield matrix("output", "output", shape.width, shape.vocab)
    if shape.rope_factors:
        yield vector("rope_freqs", shape.key_width // 2)
    suffix, each = ("_exps", (shape.experts,)) if shape.experts else ("", ())
    for layer in range(shape.layers):
        block = f"blk.{layer}."
        keys = shape.key_width * shape.kv_heads[layer]
        values = shape.value_width * shape.kv_heads[layer]
        yield vector(block + "attn_norm", shape.width)
        yield vector(block + "ffn_norm", shape.width)
        yield matrix(block + "attn_q", "attn_q", shape.width, shape.heads * shape.key_width, layer=layer)
        yield matrix(block + "attn_k", "attn_k", shape.width, keys, layer=layer)
        yield matrix(block + "attn_v", "attn_v", shape.width, values, layer=layer)
        yield matrix(block + "attn_output", "attn_output", shape.heads * shape.value_width, shape.width, layer=layer)
        if shape.experts:
            yield vector(block + "ffn_gate_inp", shape.width, shape.experts)
        for part in ("ffn_gate", "ffn_up"):
            yield matrix(block + part + suffix, part, shape.width, shape.feed_forward, *each, layer=layer)
        yield matrix(block + "ffn_down" + suffix, "ffn_down", shape.feed_forward, shape.width, *each, layer=layer)


def model_of(header: Header, name: str) -> Model:
    """The model that a header describes, exactly as its file has it.

    Raises:
        ConfigurationFault: PLAN_INVALID when the header does not say what a plan needs.
    """
    parts = header.metadata.get("split.count", 1)
    if isinstance(parts, int) and parts > 1:
        why = f"is one of {parts} parts of a model; join them (llama-gguf-split --merge), or name a --shape"
        raise ConfigurationFault(Code.PLAN_INVALID, why, where=name)
    if not header.tensors:
        raise ConfigurationFault(Code.PLAN_INVALID, "is a vocabulary without weights", where=name)
    file_type = header.metadata.get("general.file_type")
    known = next((mixture.name for mixture in MIXTURES.values() if mixture.file_type == file_type), None)
    return Model(_shape_of(header, name), known or _commonest_type(header), header.tensors)


def _shape_of(header: Header, name: str) -> Shape:
    architecture = str(header.metadata["general.architecture"])

    def sizes(key: str, default: int | None = None) -> tuple[int, ...]:
        value = header.metadata.get(f"{architecture}.{key}", default)
        found = value if isinstance(value, tuple) else (value,)
        if not found or not all(isinstance(one, int) and 0 <= one < 1 << 31 for one in found):
            raise ConfigurationFault(Code.PLAN_INVALID, f"does not say its {architecture}.{key}", where=name)
        return tuple(int(one) for one in found if one is not None)

    def size(key: str, default: int | None = None) -> int:
        return max(sizes(key, default))

    layers, width = size("block_count"), size("embedding_length")
    heads = sizes("attention.head_count", 0)[0]
    kv_heads = sizes("attention.head_count_kv", heads)
    if not 0 < layers <= _LAYERS_MAX or len(kv_heads) not in (1, layers):
        raise ConfigurationFault(Code.PLAN_INVALID, "does not say the heads of each layer", where=name)
    head = width // heads if heads else 0
    experts = size("expert_count", 0)
    feed_forward = size("feed_forward_length", 0)
    return Shape(
        name=name,
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=kv_heads * (layers // len(kv_heads)),
        feed_forward=size("expert_feed_forward_length", feed_forward) if experts else feed_forward,
        vocab=header.lengths.get("tokenizer.ggml.tokens", 0),
        key_width=size("attention.key_length", head),
        value_width=size("attention.value_length", head),
        experts=experts,
        experts_used=size("expert_used_count", 0),
        tied=not any(tensor.name == "output.weight" for tensor in header.tensors),
        rope_factors=any(tensor.name == "rope_freqs.weight" for tensor in header.tensors),
        architecture=architecture,
    )


def _commonest_type(header: Header) -> str:
    """The type that most weights of a file have, where its header names no quantization that is known here."""
    found: dict[str, int] = {}
    for tensor in header.tensors:
        found[tensor.type.name] = found.get(tensor.type.name, 0) + tensor.elements
    return max(found, key=lambda kind: found[kind])
