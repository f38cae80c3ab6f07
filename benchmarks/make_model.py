"""Writes a GGUF model of a named shape: the right size and speed, with random weights, or with a small model's sense.

    python benchmarks/make_model.py tiny /tmp/tiny.gguf
    python benchmarks/make_model.py llama3-1b /tmp/1b.gguf --vocab .cache/vocab/ggml-vocab-llama-bpe.gguf \\
        --quantization Q4_K_M
    python benchmarks/make_model.py llama3-1b /tmp/1b.gguf --like models/edge-command-v1-f16.gguf --quantization Q4_K_M

`tiny` takes the bundled model's tokenizer format (or a Llama 3 vocabulary with --vocab); the others need --vocab, which
`scripts/fetch-vocab.sh` puts into .cache/. With --like a file answers as that small model does (`widened`) and has its
vocabulary, filled up with unused tokens to as many as Llama 3 has. Weights are seeded, so equal calls give equal files.
With --header-only the file has its full size and every name and type, but holes for weights: enough to plan for, and no
room on the disk. Mixtral's shape comes with the vocabulary named, which is larger than Mixtral's own.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np
from llama_shapes import FILE_TYPES, SHAPES, Shape, Tensor, tensors
from random_weights import random_weights
from widened import Widened, read_small

LLAMA3_TOKENS = 128_256
MARKS = [*(f"[{number}" for number in range(1, 21)), *(f"[{letter}" for letter in "abcdefghij")]
MARKS += ["[me", "[here", "[it", "[there", "]"]
CONTROLS = ("<s>", "</s>", "<pad>")
TEXT = (
    "bring me the red box from dock three and then go to the kitchen please turn on the light in the living room "
    '[{"action":"bring","object":1,"source":2,"destination":"me"},{"action":"reject","reason":"unknown_entity"}] '
    "move forward two metres could you take this over to packing and wait there for ten seconds robot home kiosk "
)


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


def make_model(
    path: Path,
    shape: Shape,
    vocab: Vocab,
    *,
    quantization: str = "F32",
    seed: int = 1,
    header_only: bool = False,
    like: Widened | None = None,
) -> None:
    """Write the file, tensor by tensor; `like`: it answers as a small model does, whose vocabulary `vocab` begins with.

    Raises:
        ValueError: the shape's rows are not whole blocks of a type in the quantization.
    """
    writer = gguf.GGUFWriter(str(path), "llama")
    _write_header(writer, like.shape if like else shape, vocab, quantization, like)
    wanted = list(tensors(shape, len(vocab.tokens), quantization))
    for tensor in wanted:
        plain = np.dtype(np.float16 if tensor.kind == gguf.GGMLQuantizationType.F16 else np.float32)
        writer.add_tensor_info(tensor.name, tensor.sizes, plain, tensor.size_bytes, raw_dtype=tensor.kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    if not header_only:
        rng = np.random.default_rng(seed)
        for tensor in wanted:
            writer.write_tensor_data(like.weights(rng, tensor) if like else random_weights(rng, tensor))
    writer.close()
    if header_only:
        _extend(path, wanted)


def _extend(path: Path, wanted: Sequence[Tensor]) -> None:
    """Make the file as long as it were with its weights."""
    pad, to = gguf.GGUFWriter.ggml_pad, gguf.GGUF_DEFAULT_ALIGNMENT
    data = sum(pad(tensor.size_bytes, to) for tensor in wanted)
    os.truncate(path, pad(path.stat().st_size, to) + data)


def _write_header(writer: gguf.GGUFWriter, shape: Shape, vocab: Vocab, quantization: str, like: Widened | None) -> None:
    head = shape.width // shape.heads
    writer.add_name("a small model in a large shape" if like else "random weights")
    if like and like.calibration:
        writer.add_string("edge_agent.calibration", like.calibration)
    writer.add_context_length(8_192)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(like.epsilon if like else 1e-5)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(shape.rope_base)
    if shape.experts:
        writer.add_expert_count(shape.experts)
        writer.add_expert_used_count(shape.experts_used)
    writer.add_vocab_size(len(vocab.tokens))
    writer.add_file_type(FILE_TYPES[quantization])
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
        pad=int(value("padding_token_id")) if "tokenizer.ggml.padding_token_id" in fields else None,  # type: ignore[call-overload]
    )


def filled(vocab: Vocab, count: int) -> Vocab:
    """The vocabulary with unused tokens behind its own, so many in all."""
    unused = [f"<unused-{number}>" for number in range(count - len(vocab.tokens))]
    types = vocab.types + [int(gguf.TokenType.UNUSED)] * len(unused)
    return replace(vocab, tokens=vocab.tokens + unused, types=types)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a GGUF of random weights.")
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("path", type=Path)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--vocab", type=Path, help="a GGUF whose vocabulary to take")
    source.add_argument("--like", type=Path, metavar="SMALL.gguf", help="a small model whose answers to give")
    parser.add_argument("--quantization", default="F32", choices=FILE_TYPES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--header-only", action="store_true", help="holes in place of the weights")
    args = parser.parse_args()
    if not args.vocab and not args.like and args.shape != "tiny":
        parser.error(f"{args.shape} needs --vocab (see scripts/fetch-vocab.sh) or --like")
    vocab = read_vocab(args.vocab or args.like) if args.vocab or args.like else small_vocab()
    wanted = LLAMA3_TOKENS if args.like else 0
    try:
        make_model(
            args.path,
            SHAPES[args.shape],
            filled(vocab, wanted),
            quantization=args.quantization,
            seed=args.seed,
            header_only=args.header_only,
            like=Widened(read_small(args.like), SHAPES[args.shape]) if args.like else None,
        )
    except ValueError as problem:
        parser.error(str(problem))
    print(f"{args.path}: {args.path.stat().st_size / 1e6:.1f} MB, {max(len(vocab.tokens), wanted)} tokens")


if __name__ == "__main__":
    main()
