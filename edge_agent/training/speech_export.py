"""Writes a trained Whisper as a folder that faster-whisper reads: CTranslate2's model, tokenizer and settings.

Decides how each weight is stored: matrices as int8 with a scale a row, everything else as float32. The shared place
beyond the trained positions is written out for each of the 1,500. The format is CTranslate2's binary version 6
(https://github.com/OpenNMT/CTranslate2/blob/master/python/ctranslate2/specs/model_spec.py); a test loads what is
written with CTranslate2 itself and compares what both make of a sound.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from edge_agent.training.speech_features import HOP, MELS, WINDOW
from edge_agent.training.speech_model import POSITIONS, POSITIONS_TOTAL, Attention, Layer, Whisper
from edge_agent.training.speech_tokens import signs_of, vocabulary_of
from edge_agent.training.speech_voices import RATE_HZ

VERSION, KIND, REVISION = 6, "WhisperSpec", 3
TYPES = {"float32": 0, "int8": 1, "int16": 2}
INT8_MAX = 127.0
_GELU_ERF = 3
_NO_LAYER = -1

Array = NDArray[np.float32] | NDArray[np.int8] | NDArray[np.int16]
Named = Iterator[tuple[str, Array]]


def export_speech(model: Whisper, tokenizer: Tokenizer, folder: Path) -> None:
    """Write model.bin, config.json, vocabulary.json, tokenizer.json and preprocessor_config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = dict(_weights(model))
    (folder / "model.bin").write_bytes(_written(weights, {"decoder/projection/weight": "decoder/embeddings/weight"}))
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    extractor = {"feature_size": MELS, "sampling_rate": RATE_HZ, "hop_length": HOP, "chunk_length": 30, "n_fft": WINDOW}
    texts = {
        "config.json": _settings(tokenizer, model),
        "vocabulary.json": vocabulary_of(tokenizer),
        "preprocessor_config.json": extractor,
    }
    for name, text in texts.items():
        (folder / name).write_text(json.dumps(text, ensure_ascii=False) + "\n", encoding="utf-8")


def _settings(tokenizer: Tokenizer, model: Whisper) -> dict[str, list[int] | list[tuple[int, int]]]:
    """What CTranslate2 must never write, and where it may look for when a word was said."""
    signs = signs_of(tokenizer)
    space = tokenizer.encode(" ", add_special_tokens=False).ids[0]
    return {
        "suppress_ids": [signs.start, signs.before, signs.no_speech],
        "suppress_ids_begin": [space, signs.end],
        "lang_ids": [],
        "alignment_heads": [(model.shape.decoder_layers - 1, head) for head in range(model.shape.heads)],
    }


def _written(weights: dict[str, Array], aliases: dict[str, str]) -> bytes:
    """The bytes of model.bin."""
    parts = [struct.pack("<I", VERSION), _string(KIND), struct.pack("<II", REVISION, len(weights))]
    for name, value in sorted(weights.items()):
        head = struct.pack(f"<B{value.ndim}IBI", value.ndim, *value.shape, TYPES[value.dtype.name], value.nbytes)
        parts += [_string(name), head, np.ascontiguousarray(value).tobytes()]
    parts.append(struct.pack("<I", len(aliases)))
    parts += [_string(text) for pair in aliases.items() for text in pair]
    return b"".join(parts)


def _string(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode("ascii") + b"\0"


def _weights(model: Whisper) -> Named:
    """Every number of the model under CTranslate2's name for it."""
    beyond = model.place_beyond.expand(POSITIONS_TOTAL - POSITIONS, -1)
    yield "encoder/position_encodings/encodings", _floats(torch.cat((model.places, beyond)))
    yield "decoder/position_encodings/encodings", _floats(model.text_places)
    yield from _matrix("decoder/embeddings", model.tokens.weight)
    for name, conv in (("conv1", model.conv1), ("conv2", model.conv2)):
        yield from _matrix(f"encoder/{name}", conv.weight)
        yield f"encoder/{name}/bias", _floats(_bias(conv))
    for side, layers, norm in (
        ("encoder", model.encoder, model.encoder_norm),
        ("decoder", model.decoder, model.decoder_norm),
    ):
        yield f"{side}/num_heads", np.array(model.shape.heads, dtype=np.int16)
        yield from _norm(f"{side}/layer_norm", norm)
        for number, layer in enumerate(layers):
            yield from _layer(f"{side}/layer_{number}", layer)
    for flag in (
        "alibi",
        "alibi_use_positive_positions",
        "scale_alibi",
        "scale_embeddings",
        "start_from_zero_embedding",
    ):
        yield f"decoder/{flag}", np.array(0, dtype=np.int8)
    yield "decoder/pre_norm", np.array(1, dtype=np.int8)
    yield "decoder/activation", np.array(_GELU_ERF, dtype=np.int8)
    yield "decoder/alignment_heads", np.array(1, dtype=np.int16)
    yield "decoder/alignment_layer", np.array(_NO_LAYER, dtype=np.int16)


def _layer(name: str, layer: nn.Module) -> Named:
    if not isinstance(layer, Layer):
        raise TypeError(f"{type(layer).__name__} is no layer of ours")
    own, hearing = layer.attention, layer.hearing
    yield from _joined(f"{name}/self_attention/linear_0", own, ("query", "key", "value"))
    yield from _linear(f"{name}/self_attention/linear_1", own.out)
    yield from _norm(f"{name}/self_attention/layer_norm", layer.attention_norm)
    if hearing is not None and layer.hearing_norm is not None:
        yield from _joined(f"{name}/attention/linear_0", hearing, ("query",))
        yield from _joined(f"{name}/attention/linear_1", hearing, ("key", "value"))
        yield from _linear(f"{name}/attention/linear_2", hearing.out)
        yield from _norm(f"{name}/attention/layer_norm", layer.hearing_norm)
    yield from _linear(f"{name}/ffn/linear_0", layer.feed)
    yield from _linear(f"{name}/ffn/linear_1", layer.fed)
    yield from _norm(f"{name}/ffn/layer_norm", layer.feed_norm)


def _joined(name: str, attention: Attention, parts: tuple[str, ...]) -> Named:
    """Several projections as one matrix; the keys' missing bias is zero."""
    linears: list[nn.Linear] = [getattr(attention, part) for part in parts]
    yield from _matrix(name, torch.cat([linear.weight for linear in linears]))
    yield f"{name}/bias", _floats(torch.cat([_bias(linear) for linear in linears]))


def _linear(name: str, linear: nn.Linear) -> Named:
    yield from _matrix(name, linear.weight)
    yield f"{name}/bias", _floats(_bias(linear))


def _bias(module: nn.Linear | nn.Conv1d) -> Tensor:
    return torch.zeros(len(module.weight)) if module.bias is None else module.bias


def _norm(name: str, norm: nn.LayerNorm) -> Named:
    yield f"{name}/gamma", _floats(norm.weight)
    yield f"{name}/beta", _floats(norm.bias)


def _matrix(name: str, weight: Tensor) -> Named:
    """Whole numbers from -127 to 127, and by what each row was multiplied."""
    values = _floats(weight)
    highest = np.abs(values).reshape(len(values), -1).max(axis=1)
    scale = (INT8_MAX / np.where(highest > 0, highest, INT8_MAX)).astype(np.float32)
    yield f"{name}/weight", np.rint(values * scale.reshape(-1, *[1] * (values.ndim - 1))).astype(np.int8)
    yield f"{name}/weight_scale", scale


def _floats(value: Tensor) -> NDArray[np.float32]:
    floats: NDArray[np.float32] = value.detach().float().numpy()
    return floats
