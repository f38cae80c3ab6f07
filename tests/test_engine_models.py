"""Model files: what may be handed to llama.cpp, and what never is."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from engine_models import BRING, FORWARD, SAY, llama3_vocab, make_model_module, script, write_tiny

from edge_agent.clock import SystemClock
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.instruction import pack_prompt
from edge_agent.language.local import LocalEngine
from edge_agent.language.models import bundled_model, bundled_sha256, manifest, opened_model, verify
from edge_agent.language.options import EngineOptions
from edge_agent.packs.registry import load_pack


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("models") / "tiny.gguf")


def refusal(path: Path, sha256: str | None = None) -> ConfigurationFault:
    with pytest.raises(ConfigurationFault) as refused:
        verify(path, sha256)
    assert str(path) in refused.value.where
    return refused.value


def test_a_whole_model_with_its_hash_passes(model: Path) -> None:
    verify(model, hashlib.sha256(model.read_bytes()).hexdigest())


def test_another_hash_is_a_mismatch(model: Path) -> None:
    assert refusal(model, "0" * 64).code is Code.MODEL_HASH_MISMATCH


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.gguf").code is Code.MODEL_MISSING


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.gguf"
    os.mkfifo(pipe)
    assert refusal(pipe).code is Code.MODEL_NOT_A_FILE


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    assert refusal(tmp_path).code is Code.MODEL_NOT_A_FILE


def test_a_link_that_leads_elsewhere_is_refused_and_one_in_its_folder_is_not(model: Path, tmp_path: Path) -> None:
    away = tmp_path / "away.gguf"
    away.symlink_to(model)
    assert refusal(away).code is Code.MODEL_NOT_A_FILE
    beside = model.parent / "beside.gguf"
    beside.symlink_to(model.name)
    verify(beside, None)


@pytest.mark.parametrize("kept", [0, 3, 10, 30, 200, 2_000, 20_000])
def test_a_truncated_model_is_damaged_wherever_it_was_cut(model: Path, tmp_path: Path, kept: int) -> None:
    """From an empty file to one that lacks only its last tensors."""
    short = tmp_path / "short.gguf"
    short.write_bytes(model.read_bytes()[: kept if kept < 20_000 else -100_000])
    assert refusal(short).code is Code.MODEL_DAMAGED


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def header(tensors: int, entries: int, body: bytes = b"", *, magic: bytes = b"GGUF", version: int = 3) -> bytes:
    return magic + struct.pack("<IQQ", version, tensors, entries) + body


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"\x7fELF" + bytes(100), "no GGUF", id="another format"),
        pytest.param(header(0, 0, version=9), "version", id="another version"),
        pytest.param(header(2**60, 0), "counts", id="a count of tensors beyond memory"),
        pytest.param(header(0, 2**60), "counts", id="a count of entries beyond memory"),
        pytest.param(header(0, 1, struct.pack("<Q", 2**63)), "string", id="a string beyond memory"),
        pytest.param(header(0, 1, string("a") + struct.pack("<I", 77)), "type 77", id="an unknown type"),
        pytest.param(
            header(0, 1, string("a") + struct.pack("<IIQ", 9, 4, 2**62)), "array", id="an array beyond memory"
        ),
        pytest.param(header(0, 1, string("a") + struct.pack("<IIQ", 9, 9, 1)), "type 9", id="an array of arrays"),
        pytest.param(header(0, 0), "general.architecture", id="nothing inside"),
        pytest.param(
            header(0, 1, string("general.architecture") + struct.pack("<I", 8) + string("llama")),
            "no tokenizer",
            id="no tokenizer",
        ),
    ],
)
def test_a_crafted_header_is_refused_before_the_native_parser_sees_it(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "crafted.gguf"
    path.write_bytes(content)
    fault = refusal(path)
    assert fault.code is Code.MODEL_DAMAGED
    assert why in fault.message


def test_what_was_checked_is_what_is_opened(model: Path, tmp_path: Path) -> None:
    """Swapping the file between the check and the load changes nothing: the checked one is held open."""
    path = tmp_path / "swapped.gguf"
    path.write_bytes(model.read_bytes())
    with opened_model(path, None) as held:
        path.unlink()
        path.write_bytes(b"something else")
        assert Path(held).read_bytes() == model.read_bytes()


def test_the_manifest_names_files_that_are_there_and_right() -> None:
    """Every model that ships is the one that the manifest says."""
    for entry in manifest().models:
        path = bundled_model().parent / entry.file
        verify(path, entry.sha256)
        assert path.stat().st_size == entry.bytes
        assert bundled_sha256(path) == entry.sha256


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(None, Code.MODEL_MISSING, id="none"),
        pytest.param("{", Code.MODEL_DAMAGED, id="no JSON"),
        pytest.param(json.dumps({"models": [{"file": "../elsewhere.gguf"}]}), Code.MODEL_DAMAGED, id="a path outside"),
    ],
)
def test_a_bad_manifest_is_a_clear_error(content: str | None, code: Code, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ConfigurationFault) as refused:
        manifest(tmp_path)
    assert refused.value.code is code
    assert refused.value.where.endswith("manifest.json")


def test_a_file_outside_the_bundled_folder_has_no_bundled_hash(model: Path) -> None:
    assert bundled_sha256(model) is None


@pytest.mark.parametrize(
    ("columns", "gain"), [(256, 1.0), (2_048, 4.0), (14_336, 1.0), (28_672, 1 / np.sqrt(160))], ids=str
)
@pytest.mark.parametrize("kind", ["Q4_K", "Q5_K", "Q6_K"])
def test_random_blocks_are_weights_that_a_pass_bears(kind: str, columns: int, gain: float) -> None:
    """Read back by gguf-py they are finite, about 0 on average, spread by gain/√columns, and no two rows are equal."""
    quantization = gguf.GGMLQuantizationType[kind]
    tensor = script("llama_shapes").Tensor("any", (64, columns), quantization, gain)
    blocks = script("random_weights").random_weights(np.random.default_rng(1), tensor)
    weights = gguf.quants.dequantize(blocks, quantization) * np.sqrt(columns) / gain
    assert weights.shape == (64, columns)
    assert np.isfinite(weights).all()
    assert abs(weights.mean()) < 0.03
    assert weights.std() == pytest.approx(1.0, abs=0.03)
    assert len(np.unique(weights, axis=0)) == 64


@pytest.mark.parametrize(
    ("shape", "kinds"),
    [
        pytest.param("llama3-1b", {"Q4_K": 96, "Q6_K": 17, "F32": 33}, id="tied embeddings"),
        pytest.param("llama3-8b", {"Q4_K": 193, "Q6_K": 33, "F32": 65}, id="8B"),
        pytest.param("llama3-70b", {"Q4_K": 441, "Q5_K": 40, "Q6_K": 81, "F32": 161}, id="70B: attn_v has more"),
        pytest.param("mixtral-8x7b", {"Q4_K": 113, "Q5_K": 32, "Q6_K": 17, "Q8_0": 64, "F32": 97}, id="experts"),
    ],
)
def test_a_mixture_has_the_types_that_llama_cpp_gives_it(shape: str, kinds: dict[str, int]) -> None:
    """As many tensors of each type as llama.cpp prints of published Q4_K_M files (Mixtral's: by its rules)."""
    shapes = script("llama_shapes")
    found = [tensor.kind.name for tensor in shapes.tensors(shapes.SHAPES[shape], 1_000, "Q4_K_M")]
    assert {kind: found.count(kind) for kind in found} == kinds


def test_a_header_alone_has_the_size_of_the_whole_and_takes_no_room(tmp_path: Path) -> None:
    """An 8B with the real vocabulary is as long as the published Q4_K_M of Llama 3 8B, 4.92 GB."""
    path = tmp_path / "8b.gguf"
    maker = make_model_module()
    vocab = maker.read_vocab(llama3_vocab())
    maker.make_model(path, maker.SHAPES["llama3-8b"], vocab, quantization="Q4_K_M", header_only=True)
    verify(path, None)
    assert path.stat().st_size / 1e9 == pytest.approx(4.92, abs=0.005)
    assert path.stat().st_blocks * 512 < 20e6


def test_a_quantized_model_of_random_weights_runs_and_does_not_say_one_thing_always(tmp_path: Path) -> None:
    """Its logits are numbers, and what it answers depends on what it read."""
    path = write_tiny(tmp_path / "k.gguf", quantization="Q4_K_M", width=256, feed_forward=512, layers=8)
    pack = load_pack("robot")
    engine = LocalEngine(EngineOptions(model=path), SystemClock())
    engine.prepare({pack.name: pack_prompt(pack, engine.style)})
    decisions = [
        engine.decide(
            DecideRequest(
                pack.name, linked.marked, SentenceGrammars(pack).for_sentence(linked), SystemClock().now_ms() + 1e6
            )
        )
        for linked in (BRING, FORWARD, SAY)
    ]
    engine.close()
    assert all(0.0 < decision.probability < 1.0 for decision in decisions)
    assert len({decision.probability for decision in decisions}) == 3


@pytest.mark.parametrize(
    ("quantization", "heads", "off_max"),
    [
        pytest.param("F16", 8, 0.001, id="as precise as it was"),
        pytest.param("F16", 4, 0.001, id="wider heads"),
        pytest.param("Q4_K_M", 8, 0.2, id="in four bits"),
    ],
)
def test_a_small_model_in_a_large_shape_answers_as_it_did(
    quantization: str, heads: int, off_max: float, tmp_path: Path
) -> None:
    """The rest of the shape is random, is read, and changes nothing."""
    path, maker, widened = tmp_path / "like.gguf", make_model_module(), script("widened")
    shape = script("llama_shapes").Shape(512, 7, heads, 4, 1_024, tied=heads == 8, rope_base=1.0)
    like = widened.Widened(widened.read_small(bundled_model()), shape)
    vocab = maker.filled(maker.read_vocab(bundled_model()), 12_000)
    maker.make_model(path, shape, vocab, quantization=quantization, like=like)
    pack, small, large = load_pack("robot"), [], []
    for file, decisions in ((bundled_model(), small), (path, large)):
        engine = LocalEngine(EngineOptions(model=file), SystemClock())
        engine.prepare({pack.name: pack_prompt(pack, engine.style)})
        for linked in (BRING, FORWARD, SAY):
            grammar = SentenceGrammars(pack).for_sentence(linked)
            request = DecideRequest(pack.name, linked.marked, grammar, SystemClock().now_ms() + 1e6)
            decisions.append(engine.decide(request))
        engine.close()
    assert [one.answer for one in large] == [one.answer for one in small]
    for one, other in zip(small, large, strict=True):
        assert other.probability == pytest.approx(one.probability, abs=off_max)
        assert other.confidence == pytest.approx(one.confidence, abs=off_max)


def test_a_small_model_that_does_not_fit_is_refused() -> None:
    widened, shapes = script("widened"), script("llama_shapes").SHAPES
    with pytest.raises(ValueError, match="does not fit"):
        widened.Widened(widened.read_small(bundled_model()), shapes["tiny"])


@pytest.mark.parametrize(("kind", "off_max"), [("Q4_K", 0.09), ("Q5_K", 0.05), ("Q6_K", 0.03)])
def test_weights_in_blocks_are_near_what_they_were(kind: str, off_max: float) -> None:
    """Read back by gguf-py they are off by so much of their spread, and what was 0 is 0."""
    quantization = gguf.GGMLQuantizationType[kind]
    weights = np.random.default_rng(1).standard_normal((16, 512)).astype(np.float32)
    weights[3] = 0.0
    weights[5, 64:96] = 0.0
    again = gguf.quants.dequantize(script("k_blocks").to_blocks(weights, quantization), quantization)
    assert np.sqrt(np.mean((again - weights) ** 2)) < off_max
    assert not again[3].any()
    assert not again[5, 64:96].any()


def test_a_shape_whose_rows_are_not_whole_blocks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rows of 64 are not whole blocks of Q6_K"):
        write_tiny(tmp_path / "odd.gguf", quantization="Q4_K_M")
