"""A Whisper for tests that is deaf: a real model folder, whose next word depends on nothing but the last one.

Its attention and its encoder are all zeros; the embedding of each word is one axis, and the projection holds how likely
each word follows. So faster-whisper and CTranslate2 do everything that they do with any Whisper, and what they write is
known beforehand. `Follows` maps a word to the words after it with their logits; <begin> and <end> stand around the
sentence, <none> after <sot> is that nobody speaks. With `ears` the sound sways what is written, by chance but always
in the same way.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("faster_whisper", reason="the speech extra is not installed: pip install 'edge-agent[speech]'")

from ctranslate2.specs import WhisperSpec
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

Follows = Mapping[str, Mapping[str, float]]

SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
_NAMES = {"<sot>": "<|startoftranscript|>", "<end>": "<|endoftext|>", "<none>": "<|nospeech|>"}
_BEGIN = "<|notimestamps|>"
"""What stands before the first word; <sot> is where the model says whether anybody speaks."""
WIDTH = 64
SURE = 20.0
"""A logit that leaves nothing else a chance."""


def chain(sentence: str, *, none: float = 0.0) -> dict[str, dict[str, float]]:
    """A model that writes this sentence, no word of which comes twice. `none` is the logit of nobody speaking."""
    words = ["<begin>", *sentence.split(), "<end>"]
    return {
        "<sot>": {"<none>": none},
        **{word: {after: SURE} for word, after in itertools.pairwise(words)},
    }


def write_whisper(
    folder: Path, follows: Follows, *, bands: int = 80, ears: float = 0.0, multilingual: bool = False
) -> Path:
    """Write the folder of such a model and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    words = sorted({word for row in (follows, *follows.values()) for word in row if not word.startswith("<")})
    tokenizer = _tokenizer(words, multilingual)
    tokenizer.save(str(folder / "tokenizer.json"))
    ids = {word: tokenizer.encode(f" {word}", add_special_tokens=False).ids for word in words}
    assert all(len(found) == 1 for found in ids.values()), "every word is one token"
    token = {word: found[0] for word, found in ids.items()}
    token |= {name: tokenizer.token_to_id(of) for name, of in (*_NAMES.items(), ("<begin>", _BEGIN))}
    n_tokens = tokenizer.get_vocab_size()
    embedding = np.zeros((n_tokens, WIDTH), np.float32)
    projection = np.zeros((n_tokens, WIDTH), np.float32)
    scale = (WIDTH - 1) ** 0.5  # what the last norm makes of an axis
    for axis, (word, after) in enumerate(follows.items()):
        embedding[token[word], axis] = 1.0
        for following, logit in after.items():
            projection[token[following], axis] = logit / scale
    spec = _deaf(embedding, projection, bands)
    if ears:
        _open_ears(spec, bands, ears)
    tokens = [tokenizer.id_to_token(at) for at in range(n_tokens)]
    if multilingual:
        tokens[-1] = ""  # by this token CTranslate2 4 knows a model of many languages
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.save(str(folder))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(config | {"suppress_ids": [], "suppress_ids_begin": [], "lang_ids": [], "alignment_heads": [[0, 0]]})
    )
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": bands}))
    return folder


def _tokenizer(words: list[str], multilingual: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    apart = pre_tokenizers.Split(Regex(r" ?[^ ]+"), "isolated")  # a word with all its signs, unlike Whisper's own
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [apart, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=20_000, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([f" {word}" for word in words], trainer)
    special = [*SPECIAL[:2], *(("<|en|>", "<|de|>") if multilingual else ()), *SPECIAL[2:]]
    tokenizer.add_special_tokens([*special, *(f"<|{at * 0.02:.2f}|>" for at in range(16))])
    return tokenizer


def _deaf(embedding: NDArray[np.float32], projection: NDArray[np.float32], bands: int) -> WhisperSpec:
    spec = WhisperSpec(1, 1, 1, 1)
    spec.encoder.conv1.weight = np.zeros((WIDTH, bands, 3), np.float32)
    spec.encoder.conv2.weight = np.zeros((WIDTH, WIDTH, 3), np.float32)
    for conv in (spec.encoder.conv1, spec.encoder.conv2):
        conv.bias = np.zeros(WIDTH, np.float32)
    spec.encoder.position_encodings.encodings = np.zeros((1_500, WIDTH), np.float32)
    spec.decoder.position_encodings.encodings = np.zeros((448, WIDTH), np.float32)
    spec.decoder.embeddings.weight = embedding
    spec.decoder.projection.weight = projection
    attentions = [spec.encoder.layer[0].self_attention, spec.decoder.layer[0].self_attention]
    for attention in attentions:
        _zero(attention.linear, (3 * WIDTH, WIDTH), (WIDTH, WIDTH))
    _zero(spec.decoder.layer[0].attention.linear, (WIDTH, WIDTH), (2 * WIDTH, WIDTH), (WIDTH, WIDTH))
    norms = [spec.encoder.layer_norm, spec.decoder.layer_norm, spec.decoder.layer[0].attention.layer_norm]
    norms += [attention.layer_norm for attention in attentions]
    for layer in (spec.encoder.layer[0], spec.decoder.layer[0]):
        _zero([layer.ffn.linear_0, layer.ffn.linear_1], (WIDTH, WIDTH), (WIDTH, WIDTH))
        norms.append(layer.ffn.layer_norm)
    for norm in norms:
        norm.gamma, norm.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    return spec


def _open_ears(spec: WhisperSpec, bands: int, loudness: float) -> None:
    chance = np.random.default_rng(1)
    hearing = spec.decoder.layer[0].attention.linear
    for part, shape in (
        (spec.encoder.conv1, (WIDTH, bands, 3)),
        (spec.encoder.conv2, (WIDTH, WIDTH, 3)),
        (hearing[1], (2 * WIDTH, WIDTH)),
        (hearing[2], (WIDTH, WIDTH)),
    ):
        part.weight = loudness * chance.standard_normal(shape, dtype=np.float32)


def _zero(linears: list[object], *shapes: tuple[int, int]) -> None:
    for linear, shape in zip(linears, shapes, strict=True):
        linear.weight, linear.bias = np.zeros(shape, np.float32), np.zeros(shape[0], np.float32)  # type: ignore[attr-defined]
