"""Pulling a model from a hub: a server on this machine that speaks the hub's own requests."""

from __future__ import annotations

import fcntl
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Hub, serving

pytest.importorskip("huggingface_hub", reason="the speech extra is not installed")

from edge_agent.errors import Code, EdgeAgentError
from edge_agent.store.catalogue import Offer, offer_of
from edge_agent.store.pinned import files_of, pinned, verify_folder
from edge_agent.store.pull import pull

FILES = {
    "config.json": b'{"a": 1}\n',
    "model.bin": bytes(range(256)) * 43_000,
    "tokenizer.json": b"{}",
    "vocabulary.txt": b"word\n" * 50,
    "README.md": b"not wanted",
}
OFFER = Offer("whisper-mini", "whisper", "somebody/mini", tuple(FILES)[:4], 1, "MIT", "for tests")
CHUNK_BYTES = 10 * 1024 * 1024
"""The library writes in pieces of this size; a piece that did not come whole is asked for again."""
PARTS = (".whisper-mini.part", ".whisper-mini.lock")


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub with one small repository."""
    with serving(Hub("somebody/mini", dict(FILES), large=frozenset({"model.bin"}))) as hub:
        yield hub


def told(name: str, done: int, whole: int) -> None:
    """Nobody looks on."""


def refusal(hub: Hub, store: Path) -> EdgeAgentError:
    """What a pull that must not succeed says."""
    with pytest.raises(EdgeAgentError) as refused:
        pull(OFFER, store, told, endpoint=hub.url)
    assert not (store / OFFER.name).exists(), "nothing that looks whole is left"
    return refused.value


def test_a_pulled_model_is_whole_and_pinned(hub: Hub, tmp_path: Path) -> None:
    """Every file has the hub's bytes, the manifest the commit, and what is not part of the model stays away."""
    seen: list[tuple[str, int, int]] = []
    known = pull(OFFER, tmp_path, lambda *heard: seen.append(heard), endpoint=hub.url)
    folder = tmp_path / OFFER.name
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "pinned.json"} == {
        name: FILES[name] for name in OFFER.files
    }
    assert (known.origin, known.commit, known.repository) == ("hub", hub.commit, hub.repository)
    assert known == pinned(folder) == verify_folder(folder)
    assert seen[-1][1] == seen[-1][2] == sum(len(FILES[name]) for name in OFFER.files) == known.bytes
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_a_second_pull_fetches_nothing(hub: Hub, tmp_path: Path) -> None:
    """What lies there and is this commit's stays; a byte that changed since is fetched again, alone."""
    pull(OFFER, tmp_path, told, endpoint=hub.url)
    hub.asked.clear()
    pull(OFFER, tmp_path, told, endpoint=hub.url)
    assert hub.asked == []
    (tmp_path / OFFER.name / "tokenizer.json").write_bytes(b"[]")
    pull(OFFER, tmp_path, told, endpoint=hub.url)
    assert hub.asked == [("tokenizer.json", 0)]
    assert (tmp_path / OFFER.name / "tokenizer.json").read_bytes() == b"{}"


def test_a_newer_commit_replaces_what_changed(hub: Hub, tmp_path: Path) -> None:
    """The folder is exchanged at once; a file of the owner's own beside the model stays."""
    pull(OFFER, tmp_path, told, endpoint=hub.url)
    (tmp_path / OFFER.name / "notes.txt").write_text("mine", encoding="utf-8")
    hub.asked.clear()
    hub.commit, hub.files["config.json"] = "b" * 40, b'{"a": 2}\n'
    assert pull(OFFER, tmp_path, told, endpoint=hub.url).commit == "b" * 40
    assert hub.asked == [("config.json", 0)]
    assert (tmp_path / OFFER.name / "config.json").read_bytes() == b'{"a": 2}\n'
    assert (tmp_path / OFFER.name / "notes.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["model.bin", "config.json"])
def test_other_bytes_than_recorded_are_refused(hub: Hub, tmp_path: Path, name: str) -> None:
    """A large file against its sha256, a small one against git's own name of it; the next pull begins anew."""
    right = FILES[name]
    hub.handed_out[name] = bytes([right[0] ^ 1]) + right[1:]
    refused = refusal(hub, tmp_path)
    assert refused.code is Code.MODEL_HASH_MISMATCH
    assert name in refused.message
    hub.handed_out.clear()
    hub.asked.clear()
    pull(OFFER, tmp_path, told, endpoint=hub.url)
    assert (name, 0) in hub.asked


def test_a_download_that_breaks_off_goes_on_where_it_broke_off(hub: Hub, tmp_path: Path) -> None:
    """The next pull asks for the rest only; when the file changed in between, its beginning is of no use."""
    hub.cut_after["model.bin"] = 10_700_000
    assert refusal(hub, tmp_path / "one").code is Code.DOWNLOAD_FAILED
    assert not (tmp_path / "one" / PARTS[0] / "model.bin").exists(), "a beginning bears a name that nothing reads"
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    hub.cut_after.clear()
    hub.asked.clear()
    pull(OFFER, tmp_path / "one", told, endpoint=hub.url)
    assert ("model.bin", CHUNK_BYTES) in hub.asked
    assert (tmp_path / "one" / OFFER.name / "model.bin").read_bytes() == FILES["model.bin"]
    hub.commit, hub.files["model.bin"] = "c" * 40, FILES["model.bin"][::-1]
    pull(OFFER, tmp_path / "other", told, endpoint=hub.url)
    assert ("model.bin", 0) in hub.asked
    assert (tmp_path / "other" / OFFER.name / "model.bin").read_bytes() == hub.files["model.bin"]


def test_an_interrupted_pull_leaves_nothing_that_looks_whole(hub: Hub, tmp_path: Path) -> None:
    """Ctrl-C in the middle: no folder, and the next pull fetches the other files only."""

    def pressed(name: str, done: int, whole: int) -> None:
        if name == "tokenizer.json":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(OFFER, tmp_path, pressed, endpoint=hub.url)
    assert not (tmp_path / OFFER.name).exists()
    hub.asked.clear()
    pull(OFFER, tmp_path, told, endpoint=hub.url)
    assert "model.bin" not in [name for name, _ in hub.asked]


def test_a_copied_model_is_checked_against_the_hub(hub: Hub, tmp_path: Path) -> None:
    """Files that a person put there are used where they are what the hub records."""
    folder = tmp_path / OFFER.name
    folder.mkdir()
    for name in OFFER.files:
        (folder / name).write_bytes(FILES[name] if name != "config.json" else b"{}")
    assert verify_folder(folder).origin == "copied"
    known = pull(OFFER, tmp_path, told, endpoint=hub.url)
    assert known.origin == "hub"
    assert hub.asked == [("config.json", 0)]


def test_a_disk_too_small_is_said_before_the_download(hub: Hub, tmp_path: Path) -> None:
    """Nothing is fetched; the message has both sizes."""
    hub.sizes["model.bin"] = 10**15
    refused = refusal(hub, tmp_path)
    assert refused.code is Code.DOWNLOAD_FAILED
    assert "needs 1,000,000,000 MB" in refused.message
    assert hub.asked == []


def test_a_file_that_the_hub_lost_is_named(hub: Hub, tmp_path: Path) -> None:
    """A repository that changed its shape is refused."""
    del hub.files["vocabulary.txt"]
    refused = refusal(hub, tmp_path)
    assert refused.code is Code.DOWNLOAD_FAILED
    assert "no longer holds vocabulary.txt" in refused.message


@pytest.mark.parametrize("answer", [b"<html>please sign in</html>", b"[]", b'{"siblings": [{}]}', b"null", b'"yes"'])
def test_an_answer_that_makes_no_sense_is_no_record(hub: Hub, tmp_path: Path, answer: bytes) -> None:
    """Whatever a sign-in page or a broken mirror says ends as DOWNLOAD_FAILED, with what to copy by hand."""
    hub.portal = answer
    refused = refusal(hub, tmp_path)
    assert refused.code is Code.DOWNLOAD_FAILED
    assert "Without a network" in refused.message


def test_a_repository_that_is_gone_is_said(hub: Hub, tmp_path: Path) -> None:
    """The hub answers, and knows no such repository."""
    hub.repository = "somebody/else"
    assert refusal(hub, tmp_path).code is Code.DOWNLOAD_FAILED


def test_without_a_hub_it_says_what_to_copy_where(tmp_path: Path) -> None:
    """Nobody listens at the address: the files, the repository and the folder are in the message."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(EdgeAgentError) as refused:
            pull(offer_of("small.en"), tmp_path, told, endpoint=endpoint)
    assert refused.value.code is Code.DOWNLOAD_FAILED
    for part in ("config.json, model.bin, tokenizer.json, vocabulary.txt", "Systran/faster-whisper-small.en"):
        assert part in refused.value.message
    assert f"{tmp_path}/whisper-small.en" in refused.value.message
    assert "models verify" in refused.value.message


def test_a_hub_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """It takes the connection and says nothing: a few seconds, not for ever."""
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(EdgeAgentError) as refused:
        pull(OFFER, tmp_path, told, endpoint=f"http://127.0.0.1:{mute.getsockname()[1]}")
    assert refused.value.code is Code.DOWNLOAD_FAILED


def test_two_pulls_of_one_model_do_not_meet(hub: Hub, tmp_path: Path) -> None:
    """While one holds the lock the other says so."""
    with (tmp_path / PARTS[1]).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = refusal(hub, tmp_path)
    assert "another pull" in refused.message


def test_a_damaged_manifest_is_made_anew(hub: Hub, tmp_path: Path) -> None:
    """Pulling heals it without fetching the files again."""
    pull(OFFER, tmp_path, told, endpoint=hub.url)
    (tmp_path / OFFER.name / "pinned.json").write_text("{", encoding="utf-8")
    hub.asked.clear()
    pull(OFFER, tmp_path, told, endpoint=hub.url)
    assert hub.asked == []
    assert set(files_of(tmp_path / OFFER.name)) == set(OFFER.files)
