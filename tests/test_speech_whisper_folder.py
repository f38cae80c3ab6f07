"""Whisper folders: what may be loaded, and what never is."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from whisper_models import chain, write_whisper

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.speech.whisper_folder import FILES, check_folder, opened_folder

NEEDED = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_whisper(tmp_path_factory.mktemp("models") / "whole", chain("go home"))


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Iterator[Path]:
    return shutil.copytree(whole, tmp_path / "whisper")


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def refusal(folder: Path, sha256: Mapping[str, str] | None = None) -> ConfigurationFault:
    with pytest.raises(ConfigurationFault) as refused:
        check_folder(folder, sha256)
    assert str(folder) in refused.value.where
    return refused.value


def test_a_whole_folder_passes_with_and_without_its_hashes(folder: Path) -> None:
    check_folder(folder)
    check_folder(folder, digests(folder))


def test_what_was_checked_is_what_is_read(whole: Path, folder: Path) -> None:
    """A file put in a checked one's place is not the one that is loaded."""
    with opened_folder(folder, digests(folder)) as opened:
        before = (folder / "config.json").read_bytes()
        (folder / "other.json").write_text('{"other": true}')
        (folder / "other.json").replace(folder / "config.json")
        (folder / "model.bin").unlink()
        assert (opened / "config.json").read_bytes() == before
        assert hashlib.sha256((opened / "model.bin").read_bytes()).hexdigest() == digests(whole)["model.bin"]
        assert {path.name for path in opened.iterdir()} <= set(FILES)
    assert not opened.exists()


def test_a_folder_that_is_not_there_is_missing(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none").code is Code.MODEL_MISSING


def test_a_file_is_no_folder(folder: Path) -> None:
    assert refusal(folder / "model.bin").code is Code.MODEL_NOT_A_FILE


@pytest.mark.parametrize("name", NEEDED)
def test_a_lacking_file_is_named_and_nothing_is_fetched(folder: Path, name: str) -> None:
    (folder / name).unlink()
    fault = refusal(folder)
    assert fault.code is Code.MODEL_MISSING
    assert name in fault.message
    assert "copy the whole model folder" in fault.message


def test_the_features_description_may_lack_unless_it_is_pinned(folder: Path) -> None:
    pinned = digests(folder)
    (folder / "preprocessor_config.json").unlink()
    check_folder(folder)
    assert refusal(folder, pinned).code is Code.MODEL_MISSING


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_is_refused_without_waiting_for_it(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    assert refusal(folder).code is Code.MODEL_NOT_A_FILE


@pytest.mark.parametrize("name", NEEDED)
def test_a_link_that_leads_elsewhere_is_refused_and_one_in_its_folder_is_not(folder: Path, name: str) -> None:
    away = folder.parent / "away"
    (folder / name).rename(away)
    (folder / name).symlink_to(away)
    fault = refusal(folder)
    assert fault.code is Code.MODEL_NOT_A_FILE
    assert "copy the file itself" in fault.message
    (folder / name).unlink()
    away.rename(folder / "beside")
    (folder / name).symlink_to("beside")
    check_folder(folder)


def test_a_link_to_nothing_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("nothing")
    assert refusal(folder).code is Code.MODEL_NOT_A_FILE


@pytest.mark.parametrize("name", [*NEEDED, "preprocessor_config.json"])
def test_another_hash_is_a_mismatch(folder: Path, name: str) -> None:
    pinned = digests(folder)
    with (folder / name).open("ab") as file:
        file.write(b" ")
    check_folder(folder)
    fault = refusal(folder, pinned)
    assert fault.code is Code.MODEL_HASH_MISMATCH
    assert name in fault.where


def test_a_file_that_is_not_pinned_is_a_mismatch(folder: Path) -> None:
    pinned = digests(folder)
    del pinned["tokenizer.json"]
    assert refusal(folder, pinned).code is Code.MODEL_HASH_MISMATCH


def test_files_that_are_not_read_need_no_hash(folder: Path) -> None:
    pinned = digests(folder)
    (folder / "README.md").write_text("about it")
    check_folder(folder, pinned)
    check_folder(folder, pinned | {"LICENSE": "0" * 64})


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "vocabulary.json", "preprocessor_config.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_json_is_damaged(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    fault = refusal(folder)
    assert fault.code is Code.MODEL_DAMAGED
    assert name in fault.where


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x06\x00", id="two bytes"),
        pytest.param(b"GGUF" + bytes(100), id="a GGUF"),
        pytest.param(struct.pack("<IH", 6, 16) + b"TransformerSpec\0" + bytes(100), id="another architecture"),
        pytest.param(struct.pack("<IH", 7, 12) + b"WhisperSpec\0" + bytes(100), id="a form of later years"),
        pytest.param(struct.pack("<IH", 0, 12) + b"WhisperSpec\0" + bytes(100), id="no form"),
    ],
)
def test_a_file_that_is_no_whisper_is_damaged(folder: Path, head: bytes) -> None:
    (folder / "model.bin").write_bytes(head)
    fault = refusal(folder)
    assert fault.code is Code.MODEL_DAMAGED
    assert "no Whisper model" in fault.message


def test_a_vocabulary_may_be_plain_text(folder: Path) -> None:
    """As older conversions have it."""
    tokens = json.loads((folder / "vocabulary.json").read_text())
    (folder / "vocabulary.json").unlink()
    (folder / "vocabulary.txt").write_text("\n".join(tokens))
    check_folder(folder)
