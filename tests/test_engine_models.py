"""Model files: what may be handed to llama.cpp, and what never is."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path

import pytest
from engine_models import write_tiny

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.language.models import bundled_model, bundled_sha256, manifest, opened_model, verify


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
