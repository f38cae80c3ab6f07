"""Reads a model file back: the weights and the tokenizer that `export` wrote, ready to be trained on.

Refuses (MODEL_NOT_TRAINABLE) every other GGUF file, a general Llama above all: it has another tokenizer and no marks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf.quants import dequantize
from tokenizers import Tokenizer

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.language.models import verify
from edge_agent.training.export import ARCHITECTURE, FILE_TYPES
from edge_agent.training.model import Llama, Shape
from edge_agent.training.tokenizer import Vocabulary, rebuilt_tokenizer

_PRE = "smollm"


@dataclass(frozen=True, slots=True)
class Restored:
    """A model as it was when it was exported, but for the rounding of the file's format."""

    model: Llama
    tokenizer: Tokenizer
    kind: gguf.GGMLQuantizationType
    """The format of its matrices."""


def restore(path: Path, sha256: str | None = None) -> Restored:
    """Weights and tokenizer of a file that `export` wrote.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_NOT_A_FILE, MODEL_DAMAGED, MODEL_HASH_MISMATCH as `verify`;
            MODEL_NOT_TRAINABLE when it is some other model.
    """
    verify(path, sha256)
    try:
        return _restored(gguf.GGUFReader(path))
    except (KeyError, ValueError, IndexError, RuntimeError) as problem:
        why = f"is no model that can be trained on here, as the bundled one is: {problem}"
        raise ConfigurationFault(Code.MODEL_NOT_TRAINABLE, why, where=str(path)) from problem


def _restored(reader: gguf.GGUFReader) -> Restored:
    says: dict[str, Any] = {name: field.contents() for name, field in reader.fields.items()}
    for key, wanted in (("general.architecture", ARCHITECTURE), ("tokenizer.ggml.pre", _PRE)):
        if says[key] != wanted:
            raise ValueError(f"{key} is {says[key]!r}, not {wanted!r}")
    tokenizer = rebuilt_tokenizer(
        Vocabulary(tuple(says["tokenizer.ggml.tokens"]), tuple(says["tokenizer.ggml.merges"]))
    )
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    kind = tensors["token_embd.weight"].tensor_type
    if kind not in FILE_TYPES:
        raise ValueError(f"its matrices are in {kind.name}; F16 and Q8_0 are read")
    model = Llama(_shape(says))
    model.load_state_dict(
        {name: torch.from_numpy(np.array(dequantize(t.data, t.tensor_type))) for name, t in tensors.items()}
    )
    return Restored(model, tokenizer, kind)


def _shape(says: Mapping[str, Any]) -> Shape:
    def size(key: str) -> int:
        return int(says[f"{ARCHITECTURE}.{key}"])

    return Shape(
        vocabulary=size("vocab_size"),
        width=size("embedding_length"),
        layers=size("block_count"),
        heads=size("attention.head_count"),
        hidden=size("feed_forward_length"),
        context=size("context_length"),
    )
