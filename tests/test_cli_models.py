"""`models list`, `pull` and `verify` as a person types them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub, serving

from edge_agent.cli import main
from edge_agent.cli.exit_codes import Exit
from edge_agent.language.models import bundled_model
from edge_agent.store.catalogue import offer_of

TINY = offer_of("tiny.en")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder of the test's own."""
    monkeypatch.setenv("EDGE_AGENT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def records(shown: str) -> list[dict[str, Any]]:
    """What --json wrote."""
    return [json.loads(line) for line in shown.splitlines()]


def test_list_shows_the_bundled_model_and_what_can_be_had(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list is of this machine first, and then of the names that `pull` takes."""
    assert main(["models", "list"]) == Exit.OK
    shown = capsys.readouterr().out
    assert bundled_model().stem.removesuffix("-f16") in shown
    assert "at hand" in shown
    assert TINY.name in shown
    assert str(store) in shown.replace("\n", "")


def test_verify_checks_what_ships_and_what_was_copied(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A copied Llama is pinned, and a GGUF that does not hold together is refused whoever copied it."""
    llama = offer_of("llama-3.1")
    folder = store / llama.name
    folder.mkdir(parents=True)
    shutil.copy(bundled_model(), folder / llama.files[0])
    assert main(["models", "verify", "--json"]) == Exit.OK
    bundled, copied = records(capsys.readouterr().out)
    assert (bundled["source"], bundled["state"]) == ("bundled", "bytes as published")
    assert (copied["source"], copied["name"]) == ("store", llama.name)
    assert copied["state"] == "bytes as first seen; copied, not checked against the hub"
    with (folder / llama.files[0]).open("r+b") as file:
        file.write(b"FUGG")
    assert main(["models", "verify", "--json"]) == Exit.CONFIGURATION
    captured = capsys.readouterr()
    assert [one["state"] for one in records(captured.out)] == ["bytes as published", "MODEL_HASH_MISMATCH"]
    assert "MODEL_HASH_MISMATCH" in captured.err


def test_verify_takes_files_and_folders_of_ones_own(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file gets its digest for the settings; a folder is checked against its manifest; the worst one ends it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in TINY.files:
        (folder / name).write_bytes(b"x")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    assert main(["models", "verify", str(folder), str(broken), str(bundled_model()), "--json"]) == Exit.CONFIGURATION
    states = [one["state"] for one in records(capsys.readouterr().out)]
    assert states[0].startswith("bytes as first seen")
    assert states[1:] == ["MODEL_DAMAGED", "whole"]


@pytest.mark.parametrize("line", [["models", "pull"], ["models", "pull", "huge"]])
def test_pull_of_an_unknown_name(store: Path, line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The names there are stand in the message; nothing is made."""
    assert main(line) == Exit.CONFIGURATION
    err = capsys.readouterr().err
    assert err.startswith("MODEL_UNKNOWN: ")
    assert TINY.name in err
    assert not store.exists()


def typed(line: list[str], store: Path, endpoint: str) -> subprocess.CompletedProcess[str]:
    """A command line in a process of its own, as $HF_ENDPOINT is read when the library is imported."""
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", *line],
        env=os.environ | {"EDGE_AGENT_MODELS": str(store), "HF_ENDPOINT": endpoint},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_pull_then_list_then_verify(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model comes from the hub that $HF_ENDPOINT names, and is what the hub recorded until a byte changes."""
    pytest.importorskip("huggingface_hub", reason="the speech extra is not installed")
    files = {name: f"{name} of a test".encode() for name in TINY.files}
    with serving(Hub(TINY.repository, files, large=frozenset({"model.bin"}))) as hub:
        done = typed(["models", "pull", "tiny.en", "--json"], store, hub.url)
    assert done.returncode == Exit.OK, done.stderr
    pulled = records(done.stdout)[0]
    assert pulled == {
        "name": TINY.name, "file": str(store / TINY.name), "commit": hub.commit, "state": "bytes as the hub recorded"
    }  # fmt: skip
    assert main(["models", "list", "--json"]) == Exit.OK
    assert records(capsys.readouterr().out)[-1]["state"] == f"pulled, commit {hub.commit[:12]}"
    assert main(["models", "verify", "--json"]) == Exit.OK
    assert records(capsys.readouterr().out)[-1]["state"] == "bytes as the hub recorded"
    (store / TINY.name / "config.json").write_bytes(b"{}")
    assert main(["models", "verify", "--json"]) == Exit.CONFIGURATION
    assert "pull the model again" in capsys.readouterr().err


def test_pull_without_a_network(store: Path) -> None:
    """One line, with the files, where they are to be had and where they belong; and the folder is not made to look."""
    pytest.importorskip("huggingface_hub", reason="the speech extra is not installed")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        done = typed(["models", "pull", "tiny.en"], store, f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert done.returncode == Exit.FAILED
    assert done.stderr.startswith("DOWNLOAD_FAILED: ")
    for part in (*TINY.files, TINY.repository, str(store / TINY.name), "models verify"):
        assert part in done.stderr
    assert not (store / TINY.name).exists()
