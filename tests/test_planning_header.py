"""What a plan reads: a header's bytes, the shape that it describes, the cache that may be asked for."""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from engine_models import write_tiny
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.language.models import header_of, verify
from edge_agent.planning.cache import Cache, card_remarks, layer_bytes
from edge_agent.planning.devices import device_of
from edge_agent.planning.gguf import Header, read_header
from edge_agent.planning.memory import demand_of
from edge_agent.planning.mixtures import MIXTURES, mixture_of
from edge_agent.planning.shapes import NAMED, model_of, named_model
from edge_agent.planning.tensors import BY_NAME, Tensor

Q4 = MIXTURES["Q4_K_M"]


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def header_bytes(*entries: bytes, tensors: tuple[bytes, ...] = ()) -> bytes:
    """A header with the three entries that every model has, and these."""
    needed = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("tokenizer.ggml.model") + struct.pack("<I", 8) + text("gpt2"),
        text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 1) + text("a"),
    ]
    every = [*needed, *entries]
    return b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(every)) + b"".join(every) + b"".join(tensors)


def tensor_bytes(*dims: int, kind: int = 0) -> bytes:
    return text("output.weight") + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, 0)


def read(content: bytes) -> Header:
    return read_header(BytesIO(content), len(content), "here")


def refused(content: bytes) -> str:
    with pytest.raises(ConfigurationFault) as fault:
        read(content)
    assert fault.value.code is Code.MODEL_DAMAGED
    return fault.value.message


class TestHeader:
    def test_it_says_numbers_words_and_the_lengths_of_arrays(self) -> None:
        """Short arrays of numbers are kept, as sizes of each layer are; of texts only the count is."""
        header = read(
            header_bytes(
                text("llama.block_count") + struct.pack("<II", 4, 7),
                text("llama.attention.head_count_kv") + struct.pack("<IIQ3i", 9, 5, 3, 4, 0, 8),
                text("scores") + struct.pack("<IIQ", 9, 6, 5_000) + bytes(20_000),
            )
        )
        assert header.metadata["llama.block_count"] == 7
        assert header.metadata["llama.attention.head_count_kv"] == (4, 0, 8)
        assert header.metadata["general.architecture"] == "llama"
        assert header.lengths == {
            "tokenizer.ggml.tokens": 1,
            "llama.attention.head_count_kv": 3,
            "scores": 5_000,
        }
        assert "scores" not in header.metadata
        assert (header.tensors, header.file_bytes) == ((), 0)

    @pytest.mark.parametrize(
        ("tensor", "why"),
        [
            pytest.param(tensor_bytes(32, kind=77), "the type 77", id="an unknown type"),
            pytest.param(tensor_bytes(32, kind=31), "the type 31", id="a type that is gone"),
            pytest.param(tensor_bytes(33, kind=8), "not whole blocks", id="rows of odd length"),
            pytest.param(tensor_bytes(0), "beyond any model", id="no elements"),
            pytest.param(tensor_bytes(1 << 30, 1 << 30), "beyond any model", id="too many elements"),
            pytest.param(text("a") + struct.pack("<I", 9), "9 dimensions", id="too many dimensions"),
        ],
    )
    def test_a_tensor_that_cannot_be_is_refused(self, tensor: bytes, why: str) -> None:
        assert why in refused(header_bytes(tensors=(tensor,)))

    @pytest.mark.parametrize("alignment", [0, 3, 48])
    def test_an_alignment_that_is_no_power_of_two_is_refused(self, alignment: int) -> None:
        assert "alignment" in refused(header_bytes(text("general.alignment") + struct.pack("<II", 4, alignment)))

    def test_a_file_that_lacks_one_byte_of_its_weights_can_be_read_and_not_loaded(self, tmp_path: Path) -> None:
        """The plan takes it, the engine's check refuses it."""
        whole = write_tiny(tmp_path / "whole.gguf")
        header = header_of(whole)
        short = tmp_path / "short.gguf"
        short.write_bytes(whole.read_bytes()[: header.file_bytes - 1])
        assert header_of(short) == header
        verify(whole, None)
        with pytest.raises(ConfigurationFault) as fault:
            verify(short, None)
        assert fault.value.code is Code.MODEL_DAMAGED

    def test_a_header_alone_is_enough_and_a_piece_of_it_is_not(self, tmp_path: Path) -> None:
        """Somebody has fetched the beginning of a file."""
        whole = write_tiny(tmp_path / "whole.gguf")
        start = header_of(whole).data_start
        part = tmp_path / "part.gguf"
        part.write_bytes(whole.read_bytes()[:start])
        assert header_of(part) == header_of(whole)
        part.write_bytes(whole.read_bytes()[: start - 100])
        with pytest.raises(ConfigurationFault, match="cut off inside its header"):
            header_of(part)

    @given(st.data())
    def test_no_bytes_make_it_fail_otherwise(self, data: st.DataObject) -> None:
        """Whatever is changed in a header, it is read or refused as damaged."""
        content = bytearray(header_bytes(tensors=(tensor_bytes(64, 2),)))
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
        try:
            model_of(read(bytes(content)), "changed")
        except ConfigurationFault as fault:
            assert fault.code in (Code.MODEL_DAMAGED, Code.PLAN_INVALID)


def spoken(architecture: str, *tensors: Tensor, **sizes: int | tuple[int, ...]) -> Header:
    """A header of these sizes, as it comes out of a file."""
    metadata = {f"{architecture}.{key.replace('__', '.')}": value for key, value in sizes.items()}
    found = tensors or (Tensor("token_embd.weight", (64, 100), BY_NAME["F16"]),)
    return Header(
        3, {"general.architecture": architecture, **metadata}, {"tokenizer.ggml.tokens": 100}, found, data_start=0
    )


class TestShape:
    def test_heads_may_differ_from_layer_to_layer(self) -> None:
        """A layer without heads of its own has no cache."""
        header = spoken(
            "openelm", block_count=3, embedding_length=64, attention__head_count=4, attention__head_count_kv=(2, 0, 4)
        )
        shape = model_of(header, "x").shape
        assert shape.kv_heads == (2, 0, 4)
        assert layer_bytes(shape, Cache(256)) == (2 * 256 * 2 * 16 * 2, 0, 2 * 256 * 4 * 16 * 2)
        assert layer_bytes(shape, Cache(256, flash_attention=False))[1] == 256 * 4 * 16 * 2

    def test_a_head_may_be_wider_than_the_model_divided_by_its_heads(self) -> None:
        sizes = {"attention__key_length": 128, "attention__value_length": 96, "attention__head_count": 4}
        shape = model_of(spoken("qwen3", block_count=1, embedding_length=64, **sizes), "x").shape
        assert (shape.kv_heads, shape.key_width, shape.value_width) == ((4,), 128, 96)

    def test_an_experts_width_is_its_own(self) -> None:
        sizes = {
            "feed_forward_length": 900,
            "expert_feed_forward_length": 70,
            "expert_count": 8,
            "expert_used_count": 2,
        }
        shape = model_of(
            spoken("qwen3moe", block_count=1, embedding_length=64, attention__head_count=4, **sizes), "x"
        ).shape
        assert (shape.feed_forward, shape.experts, shape.experts_used) == (70, 8, 2)

    def test_a_quantization_that_has_no_name_is_called_after_its_commonest_type(self) -> None:
        header = spoken("llama", block_count=1, embedding_length=64, attention__head_count=4)
        assert model_of(header, "x").quantization == "F16"
        named = replace(header, metadata={**header.metadata, "general.file_type": 15})
        assert model_of(named, "x").quantization == "Q4_K_M"

    @pytest.mark.parametrize(
        ("header", "why"),
        [
            pytest.param(spoken("llama", embedding_length=64), "llama.block_count", id="no layers"),
            pytest.param(spoken("llama", block_count=1), "llama.embedding_length", id="no width"),
            pytest.param(spoken("llama", block_count=0, embedding_length=64), "heads of each layer", id="zero layers"),
            pytest.param(
                spoken("llama", block_count=2, embedding_length=64, attention__head_count_kv=(1, 2, 3)),
                "heads of each layer",
                id="heads of more layers",
            ),
            pytest.param(
                spoken("llama", block_count=-2, embedding_length=64), "llama.block_count", id="fewer than no layers"
            ),
            pytest.param(
                replace(spoken("llama"), metadata={"general.architecture": "llama", "split.count": 3}),
                "one of 3 parts",
                id="a part of a split model",
            ),
            pytest.param(replace(spoken("llama"), tensors=()), "without weights", id="a vocabulary"),
        ],
    )
    def test_a_header_that_does_not_say_its_sizes_is_refused(self, header: Header, why: str) -> None:
        with pytest.raises(ConfigurationFault, match=why) as fault:
            model_of(header, "odd.gguf")
        assert (fault.value.code, fault.value.where) == (Code.PLAN_INVALID, "odd.gguf")

    def test_names_are_taken_in_any_case_and_unknown_ones_are_refused_with_those_known(self) -> None:
        assert named_model("Llama-3-8B", mixture_of("q4_k_m")) == named_model("llama-3-8b", Q4)
        with pytest.raises(ConfigurationFault, match="mixtral-8x7b") as fault:
            named_model("gpt-5", Q4)
        assert fault.value.code is Code.PLAN_INVALID
        with pytest.raises(ConfigurationFault, match="Q4_K_M"):
            mixture_of("Q9")
        with pytest.raises(ConfigurationFault, match="rtx-4090"):
            device_of("abacus")

    @pytest.mark.parametrize("name", NAMED)
    def test_a_shape_has_about_the_parameters_that_it_is_named_for(self, name: str) -> None:
        billions = {"8b": 8.03, "70b": 70.6, "405b": 405.9, "1b": 1.24, "3b": 3.21, "8x7b": 46.7}[
            name.rpartition("-")[2]
        ]
        assert named_model(name, Q4).parameters / 1e9 == pytest.approx(billions, rel=0.005)


class TestCache:
    @pytest.mark.parametrize(
        ("cache", "where", "why"),
        [
            pytest.param(Cache(512, "q9"), "keys", "iq4_nl", id="an unknown type names those known"),
            pytest.param(Cache(512, "f16", "int8"), "values", "q8_0", id="of values, too"),
            pytest.param(Cache(512, "f16", "q8_0", flash_attention=False), "values", "flash", id="no flash attention"),
        ],
    )
    def test_what_llama_cpp_does_not_make_is_refused(self, cache: Cache, where: str, why: str) -> None:
        with pytest.raises(ConfigurationFault, match=why) as fault:
            demand_of(named_model("llama-3-8b", Q4), cache)
        assert (fault.value.code, fault.value.where) == (Code.PLAN_INVALID, where)

    def test_heads_too_narrow_for_a_block_are_refused(self, tmp_path: Path) -> None:
        """The tiny model's heads are 16 wide, a block of q8_0 is 32."""
        model = model_of(header_of(write_tiny(tmp_path / "tiny.gguf")), "tiny")
        with pytest.raises(ConfigurationFault, match="heads of 16"):
            demand_of(model, Cache(512, "q8_0"))

    def test_quantized_keys_alone_need_no_flash_attention(self) -> None:
        assert demand_of(named_model("llama-3-8b", Q4), Cache(512, "q8_0", flash_attention=False)).cache > 0

    def test_a_card_is_slow_with_unequal_types_and_has_no_attention_for_some(self) -> None:
        shape = NAMED["llama-3-8b"]
        for kind in ("f16", "bf16", "q8_0", "q4_0"):
            assert card_remarks(shape, Cache(512, kind, kind)) == ()
        [unequal] = card_remarks(shape, Cache(512, "q8_0", "q4_0"))
        assert "turned into f16" in unequal
        [elsewhere] = card_remarks(shape, Cache(512, "iq4_nl", "iq4_nl"))
        assert "on the processor" in elsewhere
        [odd] = card_remarks(replace(shape, key_width=48, value_width=48), Cache(512))
        assert "heads of 48" in odd
