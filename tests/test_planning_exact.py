"""Plans against the referees: gguf-py on the bytes of files, llama.cpp on types, caches and the room to compute in.

The large shapes are files of their full length that hold a header and a hole; llama.cpp counts them without loading.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import gguf
import llama_cpp
import pytest
from engine_models import llama3_vocab, make_model_module, script, write_tiny
from llama_cpp._ggml import libggml
from planning_referee import MIB, reserved_by_llama_cpp, types_by_llama_cpp

from edge_agent.language.models import bundled_model, header_of
from edge_agent.planning.cache import CACHE_TYPES, Cache
from edge_agent.planning.memory import OUTPUT_ROWS, demand_of
from edge_agent.planning.mixtures import MIXTURES
from edge_agent.planning.shapes import NAMED, Model, Shape, model_of, named_model, tensors_of
from edge_agent.planning.tensors import TYPES
from edge_agent.store.catalogue import offer_of

ENGINE = {"n_batch": 512, "n_ubatch": 512, "n_outputs_max": OUTPUT_ROWS, "n_seq_max": 4, "kv_unified": 1}
"""A context as the engine makes it."""
COUNTED = ENGINE | {"no_alloc": 1}
NUMBERS = {one.name.lower(): number for number, one in TYPES.items()}


def write_header(path: Path, shape: Shape, quantization: str) -> Path:
    """A file of a shape without its weights, with a vocabulary of the shape's size."""
    maker, sizes = make_model_module(), script("llama_shapes")
    vocab = maker.small_vocab()
    missing = shape.vocab - len(vocab.tokens)
    vocab.tokens.extend(f"<{number}>" for number in range(missing))
    vocab.types.extend([int(gguf.TokenType.UNUSED)] * missing)
    made = sizes.Shape(
        width=shape.width,
        layers=shape.layers,
        heads=shape.heads,
        kv_heads=shape.kv_heads[0],
        feed_forward=shape.feed_forward,
        tied=shape.tied,
        rope_base=500_000.0,
        experts=shape.experts,
        experts_used=shape.experts_used,
    )
    maker.make_model(path, made, vocab, quantization=quantization, header_only=True)
    return path


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A header of every named shape in F16."""
    folder = tmp_path_factory.mktemp("shapes")
    return {name: write_header(folder / f"{name}.gguf", shape, "F16") for name, shape in NAMED.items()}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Whole files: the bundled model, a tiny one, and one of Q4_K, Q6_K and F32."""
    folder = tmp_path_factory.mktemp("files")
    sizes = {"width": 256, "feed_forward": 512, "layers": 8}
    return {
        "bundled": bundled_model(),
        "tiny": write_tiny(folder / "tiny.gguf"),
        "mixed": write_tiny(folder / "mixed.gguf", quantization="Q4_K_M", **sizes),
    }


def planned(path: Path) -> Model:
    return model_of(header_of(path), path.name)


def test_types_take_what_ggml_says() -> None:
    """Every type of ggml has its block and bytes here; the numbers of types that are gone have none."""
    libggml.ggml_type_name.restype = ctypes.c_char_p
    libggml.ggml_blck_size.restype = ctypes.c_int64
    libggml.ggml_type_size.restype = ctypes.c_size_t
    for number in range(43):
        block = libggml.ggml_blck_size(number)
        assert (number in TYPES) == (block > 0)
        if number in TYPES:
            assert (TYPES[number].block, TYPES[number].block_bytes) == (block, libggml.ggml_type_size(number))
            assert TYPES[number].name == libggml.ggml_type_name(number).decode().upper()


@pytest.mark.parametrize("name", ["bundled", "tiny", "mixed"])
def test_weights_are_the_bytes_that_gguf_py_reads(files: dict[str, Path], name: str) -> None:
    """Tensor by tensor, in sum, and where the file ends."""
    tensors = gguf.GGUFReader(str(files[name])).tensors
    model = planned(files[name])
    assert {tensor.name: tensor.size_bytes for tensor in model.tensors} == {
        tensor.name: int(tensor.n_bytes) for tensor in tensors
    }
    demand = demand_of(model, Cache(512))
    assert demand.weights == model.weights_bytes == sum(int(tensor.n_bytes) for tensor in tensors)
    assert model.parameters == sum(int(tensor.n_elements) for tensor in tensors)
    ends = max(int(tensor.data_offset) + int(tensor.n_bytes) for tensor in tensors)
    assert header_of(files[name]).file_bytes == ends


@pytest.mark.parametrize("name", NAMED)
def test_a_named_shape_has_the_tensors_of_its_file(headers: dict[str, Path], name: str) -> None:
    """Names, sizes and types, apart from the 64 factors of rope that Llama 3.1 and later bring along."""
    shape = NAMED[name]
    of_file = {tensor.name: tensor for tensor in planned(headers[name]).tensors}
    of_name = {tensor.name: tensor for tensor in tensors_of(shape, MIXTURES["F16"])}
    assert ("rope_freqs.weight" in of_name) == shape.rope_factors
    of_name.pop("rope_freqs.weight", None)
    assert {key: (one.dims, one.type) for key, one in of_name.items()} == {
        key: (one.dims, one.type) for key, one in of_file.items()
    }
    read = planned(headers[name]).shape
    assert (read.kv_heads, read.key_width, read.vocab) == (shape.kv_heads, shape.key_width, shape.vocab)
    assert (read.experts, read.experts_used, read.tied) == (shape.experts, shape.experts_used, shape.tied)


@pytest.mark.parametrize("name", ["llama-3-8b", "llama-3-70b", "llama-3.1-405b", "llama-3.2-1b", "mixtral-8x7b"])
def test_every_tensor_gets_the_type_that_llama_cpp_gives_it(headers: dict[str, Path], name: str) -> None:
    """llama.cpp's quantizer, asked what it would do, answers as the plan does: each tensor, each quantization."""
    told = types_by_llama_cpp(headers[name], [mixture.file_type for mixture in MIXTURES.values()])
    for mixture, theirs in zip(MIXTURES.values(), told, strict=True):
        ours = {tensor.name: tensor.type.name for tensor in tensors_of(NAMED[name], mixture)}
        ours.pop("rope_freqs.weight", None)
        assert ours == theirs, mixture.name


def test_an_8b_is_as_large_as_the_published_file() -> None:
    """The file that `models pull llama-3` fetches: weights of the named shape, and the vocabulary's 7.8 MB."""
    weights = named_model("llama-3-8b", MIXTURES["Q4_K_M"]).weights_bytes
    whole = weights + llama3_vocab().stat().st_size
    assert whole / 1e6 == pytest.approx(offer_of("llama-3").megabytes, abs=1.0)


@pytest.mark.parametrize(
    ("name", "n_ctx", "kind"),
    [
        pytest.param("bundled", 2_048, "f16", id="the bundled model"),
        pytest.param("bundled", 2_000, "q8_0", id="the bundled model, a context that is rounded up, q8_0"),
        pytest.param("tiny", 512, "f16", id="a tiny one"),
        pytest.param("mixed", 700, "f16", id="one of several types"),
    ],
)
def test_a_cache_takes_what_llama_cpp_allocates(files: dict[str, Path], name: str, n_ctx: int, kind: str) -> None:
    """llama.cpp loads the file, makes the context, and says its cells and its cache's size."""
    cache = Cache(n_ctx, kind, kind)
    wanted = {"n_ctx": n_ctx, "type_k": NUMBERS[kind], "type_v": NUMBERS[kind]}
    [told] = reserved_by_llama_cpp(files[name], ENGINE | wanted)
    assert told["cells"] == cache.cells
    assert told["cache"] == pytest.approx(demand_of(planned(files[name]), cache).cache / MIB, abs=0.006)


@pytest.mark.parametrize("name", NAMED)
def test_a_large_shapes_cache_and_room_are_what_llama_cpp_counts(headers: dict[str, Path], name: str) -> None:
    """From 512 cells to 32,768 of f16: the cache exactly, the room to compute in within 1 %."""
    sizes = (512, 8_192, 32_768)
    told = reserved_by_llama_cpp(headers[name], *(COUNTED | {"n_ctx": n_ctx} for n_ctx in sizes))
    for n_ctx, theirs in zip(sizes, told, strict=True):
        demand = demand_of(planned(headers[name]), Cache(n_ctx))
        assert theirs["cache"] == pytest.approx(demand.cache / MIB, abs=0.006)
        assert theirs["compute"] == pytest.approx(demand.compute / MIB, rel=0.01)


def test_a_cache_of_any_types_takes_what_llama_cpp_counts(headers: dict[str, Path]) -> None:
    """Keys and values apart, in every type that llama.cpp takes; the room is never too small, and at most 10 % more."""
    path = headers["llama-3-8b"]
    pairs = [(keys, values) for keys in CACHE_TYPES for values in CACHE_TYPES]
    wanted = [{"n_ctx": 4_096, "type_k": NUMBERS[keys], "type_v": NUMBERS[values]} for keys, values in pairs]
    told = reserved_by_llama_cpp(path, *(COUNTED | one for one in wanted))
    model = planned(path)
    for (keys, values), theirs in zip(pairs, told, strict=True):
        demand = demand_of(model, Cache(4_096, keys, values))
        assert theirs["cache"] == pytest.approx(demand.cache / MIB, abs=0.006), (keys, values)
        assert 0.99 <= demand.compute / MIB / theirs["compute"] <= 1.1, (keys, values)


@pytest.mark.parametrize("name", ["llama-3-8b", "llama-3.2-1b"])
def test_without_flash_attention_the_room_grows_as_llama_cpp_says(headers: dict[str, Path], name: str) -> None:
    """Then every head's products with every cell are there at once."""
    demand = demand_of(planned(headers[name]), Cache(4_096, flash_attention=False))
    off = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    [told] = reserved_by_llama_cpp(headers[name], COUNTED | {"n_ctx": 4_096, "flash_attn_type": off})
    assert told["cache"] == pytest.approx(demand.cache / MIB, abs=0.006)
    assert told["compute"] == pytest.approx(demand.compute / MIB, rel=0.01)


def test_rows_of_logits_are_counted_as_llama_cpp_does(headers: dict[str, Path]) -> None:
    """512 rows of 128,256 logits are more than everything else that a 1B computes."""
    path = headers["llama-3.2-1b"]
    demand = demand_of(planned(path), Cache(4_096), output_rows=512)
    [told] = reserved_by_llama_cpp(path, COUNTED | {"n_ctx": 4_096, "n_outputs_max": 512})
    assert told["compute"] == pytest.approx(demand.compute / MIB, rel=0.01)
