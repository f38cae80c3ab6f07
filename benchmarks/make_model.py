"""Writes a GGUF model of a named shape with random weights: the right size and speed, and no sense at all.

    python benchmarks/make_model.py tiny /tmp/tiny.gguf
    python benchmarks/make_model.py llama3-1b /tmp/1b.gguf --vocab .cache/vocab/ggml-vocab-llama-bpe.gguf

`tiny` takes the bundled model's tokenizer format (or a Llama 3 vocabulary with --vocab); the others need --vocab, which
`scripts/fetch-vocab.sh` puts into .cache/. Weights are seeded, so equal calls give equal files. Quantization makes a
matrix of random blocks directly, as 8 billion random numbers would take minutes and mean nothing either.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

_WHOLE_MATRIX_MAX = 1 << 24
"""Elements up to which every row of a matrix is its own."""
MARKS = [*(f"[{number}" for number in range(1, 21)), *(f"[{letter}" for letter in "abcdefghij")]
MARKS += ["[me", "[here", "[it", "[there", "]"]
CONTROLS = ("<s>", "</s>", "<pad>")
TEXT = (
    "bring me the red box from dock three and then go to the kitchen please turn on the light in the living room "
    '[{"action":"bring","object":1,"source":2,"destination":"me"},{"action":"reject","reason":"unknown_entity"}] '
    "move forward two metres could you take this over to packing and wait there for ten seconds robot home kiosk "
)


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a Llama."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    tied: bool
    rope_base: float


SHAPES = {
    "tiny": Shape(64, 2, 4, 2, 128, tied=True, rope_base=10_000.0),
    "llama3-1b": Shape(2_048, 16, 32, 8, 8_192, tied=True, rope_base=500_000.0),
    "llama3-8b": Shape(4_096, 32, 32, 8, 14_336, tied=False, rope_base=500_000.0),
}


@dataclass(frozen=True, slots=True)
class Vocab:
    """A byte-level BPE vocabulary as GGUF stores it."""

    pre: str
    tokens: list[str]
    types: list[int]
    merges: list[str]
    bos: int
    eos: int
    pad: int | None = None


def make_model(path: Path, shape: Shape, vocab: Vocab, *, quantization: str = "F32", seed: int = 1) -> None:
    """Write the file."""
    writer = gguf.GGUFWriter(str(path), "llama")
    _write_header(writer, shape, vocab, quantization)
    rng = np.random.default_rng(seed)
    kind = gguf.GGMLQuantizationType[quantization]
    for name, rows, columns in _matrices(shape, len(vocab.tokens)):
        writer.add_tensor(name, _matrix(rng, rows, columns, kind), raw_dtype=kind)
    for name in _norms(shape):
        writer.add_tensor(name, np.ones(shape.width, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_header(writer: gguf.GGUFWriter, shape: Shape, vocab: Vocab, quantization: str) -> None:
    head = shape.width // shape.heads
    writer.add_name("random weights")
    writer.add_context_length(8_192)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_vocab_size(len(vocab.tokens))
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{quantization}" if quantization != "F32" else "ALL_F32"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocab.pre)
    writer.add_token_list(vocab.tokens)
    writer.add_token_types(vocab.types)
    writer.add_token_merges(vocab.merges)
    writer.add_bos_token_id(vocab.bos)
    writer.add_eos_token_id(vocab.eos)
    if vocab.pad is not None:
        writer.add_pad_token_id(vocab.pad)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)


def _matrices(shape: Shape, vocab_size: int) -> Iterator[tuple[str, int, int]]:
    """Names and sizes of the matrices; each row is one output."""
    kv_width = shape.width // shape.heads * shape.kv_heads
    yield "token_embd.weight", vocab_size, shape.width
    if not shape.tied:
        yield "output.weight", vocab_size, shape.width
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        yield f"{block}.attn_q.weight", shape.width, shape.width
        yield f"{block}.attn_k.weight", kv_width, shape.width
        yield f"{block}.attn_v.weight", kv_width, shape.width
        yield f"{block}.attn_output.weight", shape.width, shape.width
        yield f"{block}.ffn_gate.weight", shape.feed_forward, shape.width
        yield f"{block}.ffn_up.weight", shape.feed_forward, shape.width
        yield f"{block}.ffn_down.weight", shape.width, shape.feed_forward


def _norms(shape: Shape) -> Iterator[str]:
    yield "output_norm.weight"
    for layer in range(shape.layers):
        yield f"blk.{layer}.attn_norm.weight"
        yield f"blk.{layer}.ffn_norm.weight"


def _matrix(
    rng: np.random.Generator, rows: int, columns: int, kind: gguf.GGMLQuantizationType
) -> NDArray[np.float32] | NDArray[np.uint8]:
    """Random weights of about 1/√columns; a large matrix repeats the random rows of one block of it."""
    block = rows if rows * columns <= _WHOLE_MATRIX_MAX else 1_024
    weights = (rng.standard_normal((block, columns)) / np.sqrt(columns)).astype(np.float32)
    if kind != gguf.GGMLQuantizationType.F32:
        weights = gguf.quants.quantize(weights, kind)
    if block == rows:
        return weights
    order = rng.integers(0, block, rows)
    order[:block] = np.arange(block)
    return weights[order]


def small_vocab(text: str = TEXT, merges: int = 400) -> Vocab:
    """The bundled model's tokenizer format over a small text: bytes, some merges, the marks, the control tokens."""
    alphabet = _byte_letters()
    words = Counter(tuple(alphabet[byte] for byte in word.encode()) for word in _words(text))
    found: list[tuple[str, str]] = []
    for _ in range(merges):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                pairs[pair] += count
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        found.append(best)
        words = Counter({_merged(word, best): count for word, count in words.items()})
    if not found:
        found = [(alphabet[0], alphabet[1])]  # llama.cpp wants one merge at least; no text has these two bytes
    plain = list(dict.fromkeys([*CONTROLS, *alphabet.values(), *("".join(pair) for pair in found)]))
    marks = [mark for mark in MARKS if mark not in plain]
    sorts = gguf.TokenType
    types = [int(sorts.CONTROL if token in CONTROLS else sorts.NORMAL) for token in plain]
    types = [int(sorts.USER_DEFINED) if token in MARKS else kind for token, kind in zip(plain, types, strict=True)]
    return Vocab(
        pre="smollm",
        tokens=plain + marks,
        types=types + [int(sorts.USER_DEFINED)] * len(marks),
        merges=[" ".join(pair) for pair in found],
        bos=0,
        eos=1,
        pad=2,
    )


def _words(text: str) -> Iterable[str]:
    for word in text.split(" "):
        part = ""
        for char in " " + word:
            if part and part[-1].isalpha() != char.isalpha() and part != " ":
                yield part
                part = ""
            part += char
        yield part


def _merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    merged: list[str] = []
    place = 0
    while place < len(word):
        if word[place : place + 2] == pair:
            merged.append("".join(pair))
            place += 2
        else:
            merged.append(word[place])
            place += 1
    return tuple(merged)


def _byte_letters() -> dict[int, str]:
    """The printable letter that byte-level BPE writes for each byte (GPT-2's table)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {byte: chr(byte) for byte in plain}
    shifted = (byte for byte in range(256) if byte not in table)
    return table | {byte: chr(256 + place) for place, byte in enumerate(shifted)}


def read_vocab(path: Path) -> Vocab:
    """The vocabulary of a GGUF file, for instance llama.cpp's ggml-vocab-llama-bpe.gguf."""
    fields = gguf.GGUFReader(str(path)).fields

    def value(name: str) -> object:
        return fields[f"tokenizer.ggml.{name}"].contents()

    return Vocab(
        pre=str(value("pre")),
        tokens=list(value("tokens")),  # type: ignore[call-overload]
        types=list(value("token_type")),  # type: ignore[call-overload]
        merges=list(value("merges")),  # type: ignore[call-overload]
        bos=int(value("bos_token_id")),  # type: ignore[call-overload]
        eos=int(value("eos_token_id")),  # type: ignore[call-overload]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a GGUF of random weights.")
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("path", type=Path)
    parser.add_argument("--vocab", type=Path, help="a GGUF whose vocabulary to take")
    parser.add_argument("--quantization", default="F32", choices=["F32", "F16", "Q8_0", "Q4_0"])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.vocab is None and args.shape != "tiny":
        parser.error(f"{args.shape} needs --vocab (see scripts/fetch-vocab.sh)")
    vocab = read_vocab(args.vocab) if args.vocab else small_vocab()
    make_model(args.path, SHAPES[args.shape], vocab, quantization=args.quantization, seed=args.seed)
    print(f"{args.path}: {args.path.stat().st_size / 1e6:.1f} MB, {len(vocab.tokens)} tokens")


if __name__ == "__main__":
    main()
