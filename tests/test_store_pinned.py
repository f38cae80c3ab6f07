"""The models folder of this machine: what counts as a model, what is pinned, what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.store.catalogue import OFFERS, is_whisper, offer_of
from edge_agent.store.pinned import files_of, model_folders, pinned, store_dir, verify_folder, whisper_model

WHISPER = ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt")


def copied(store: Path, name: str, files: tuple[str, ...] = WHISPER) -> Path:
    """A folder as a person would copy it there."""
    folder = store / name
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).write_bytes(f"{name} {file}".encode())
    return folder


def refusal(folder: Path) -> ConfigurationFault:
    """What verifying says of a folder that is not right."""
    with pytest.raises(ConfigurationFault) as refused:
        verify_folder(folder)
    return refused.value


def test_the_catalogue_holds_together() -> None:
    """Names are unique, every Whisper entry is a whole Whisper, and the sizes of the issue are there."""
    names = [name for offer in OFFERS for name in (offer.name, *offer.aliases)]
    assert len(set(names)) == len(names)
    assert all(is_whisper(offer.files) == (offer.sort == "whisper") for offer in OFFERS)
    for size in ("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en", "large-v3", "turbo"):
        assert offer_of(size) is offer_of(f"Whisper-{size}") is not None
    for version in ("3", "3.1"):
        assert offer_of(f"llama-{version}-8b-instruct").files == (f"Meta-Llama-{version}-8B-Instruct-Q4_K_M.gguf",)


def test_an_unknown_name_gets_the_list() -> None:
    """MODEL_UNKNOWN says which names there are."""
    with pytest.raises(ConfigurationFault) as refused:
        offer_of("enormous")
    assert refused.value.code is Code.MODEL_UNKNOWN
    assert all(offer.name in refused.value.message for offer in OFFERS)


def test_the_folder_is_the_persons_to_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$EDGE_AGENT_MODELS, or a folder in the node's state."""
    monkeypatch.setenv("EDGE_AGENT_MODELS", str(tmp_path))
    assert store_dir() == tmp_path
    monkeypatch.delenv("EDGE_AGENT_MODELS")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    assert store_dir() == tmp_path / "state" / "models"


def test_a_copied_model_is_pinned_when_it_is_verified_first(tmp_path: Path) -> None:
    """Until then it counts for nothing; afterwards a changed byte is found."""
    folder = copied(tmp_path, "whisper-base.en")
    assert (pinned(folder), files_of(folder), whisper_model(tmp_path)) == (None, {}, None)
    known = verify_folder(folder)
    assert (known.origin, known.repository, set(known.files)) == ("copied", "", set(WHISPER))
    assert verify_folder(folder) == pinned(folder) == known
    assert whisper_model(tmp_path) == folder
    assert files_of(folder)["model.bin"] == known.files["model.bin"].sha256
    (folder / "model.bin").write_bytes(b"whisper-base.en model.bim")
    refused = refusal(folder)
    assert (refused.code, refused.where) == (Code.MODEL_HASH_MISMATCH, str(folder / "model.bin"))
    assert "copy it again" in refused.message


def test_a_copied_model_must_be_whole(tmp_path: Path) -> None:
    """What is missing is named, with where to copy it from; nothing is pinned."""
    folder = copied(tmp_path, "whisper-large-v3", ("config.json", "model.bin", "tokenizer.json"))
    refused = refusal(folder)
    assert refused.code is Code.MODEL_MISSING
    assert "preprocessor_config.json, vocabulary.json missing" in refused.message
    assert "Systran/faster-whisper-large-v3" in refused.message
    assert pinned(folder) is None


def test_a_whisper_of_ones_own_may_bear_any_name(tmp_path: Path) -> None:
    """It comes after those of the catalogue; what is neither Whisper nor GGUF is refused."""
    own = copied(tmp_path, "workshop")
    assert verify_folder(own).files.keys() == set(WHISPER)
    assert whisper_model(tmp_path) == own
    verify_folder(copied(tmp_path, "whisper-tiny"))
    assert whisper_model(tmp_path) == tmp_path / "whisper-tiny"
    assert refusal(copied(tmp_path, "letters", ("dear.txt",))).code is Code.MODEL_MISSING


def test_the_better_whisper_is_taken(tmp_path: Path) -> None:
    """By the catalogue's order; a Llama beside them is none."""
    for name in ("whisper-tiny.en", "whisper-small", "whisper-small.en"):
        verify_folder(copied(tmp_path, name))
    verify_folder(copied(tmp_path, "llama-3-8b-instruct", offer_of("llama-3").files))
    assert whisper_model(tmp_path) == tmp_path / "whisper-small.en"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(Path.unlink, Code.MODEL_MISSING, id="gone"),
        pytest.param(lambda path: (path.unlink(), path.symlink_to("config.json")), Code.MODEL_NOT_A_FILE, id="link"),
        pytest.param(lambda path: (path.unlink(), os.mkfifo(path)), Code.MODEL_NOT_A_FILE, id="pipe"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), Code.MODEL_NOT_A_FILE, id="folder"),
        pytest.param(lambda path: path.write_bytes(b""), Code.MODEL_HASH_MISMATCH, id="cut"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, spoil: Callable[[Path], object], code: Code) -> None:
    """Gone, a link, a pipe that would block for ever, a folder, or cut short: each by its code and its path."""
    folder = copied(tmp_path, "whisper-tiny")
    verify_folder(folder)
    spoil(folder / "model.bin")
    refused = refusal(folder)
    assert (refused.code, refused.where) == (code, str(folder / "model.bin"))


def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """MODEL_DAMAGED, and what to do."""
    folder = copied(tmp_path, "whisper-tiny")
    (folder / "pinned.json").write_text('{"name": "whisper-tiny", "files": {}}', encoding="utf-8")
    refused = refusal(folder)
    assert (refused.code, refused.where) == (Code.MODEL_DAMAGED, str(folder / "pinned.json"))


def test_what_is_hidden_is_no_model(tmp_path: Path) -> None:
    """Downloads that are not whole, and files, are not listed; a store that is not there is empty."""
    copied(tmp_path, ".whisper-tiny.part")
    (tmp_path / "notes.txt").touch()
    assert model_folders(tmp_path) == ()
    assert model_folders(tmp_path / "nowhere") == ()
