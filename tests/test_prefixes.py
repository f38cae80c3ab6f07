"""Prompts kept on the disk, on a real model: a restart loads them, and whatever is wrong with them costs only time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_models import BRING, make_model_module, tiny_llama3, write_tiny
from prompts_rig import CLOCK, GRAMMARS, PACKS, Started, cut, folder_of, only_prompt, start

from edge_agent.language.decision import DecideRequest
from edge_agent.language.fingerprints import model_digest
from edge_agent.language.kept import Kept, kept_for
from edge_agent.language.options import EngineOptions
from edge_agent.language.prefixes import KEPT_MAX
from edge_agent.language.process import EngineProcess


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same vocabulary under other weights."""
    maker = make_model_module()
    path: Path = tmp_path_factory.mktemp("models") / "other.gguf"
    maker.make_model(path, maker.SHAPES["tiny"], maker.small_vocab(merges=400), quantization="F32", seed=2)
    return path


@pytest.fixture
def options(model: Path, tmp_path: Path) -> EngineOptions:
    return EngineOptions(model, cache_dir=tmp_path / "prompts")


def test_a_restart_loads_what_was_computed_and_answers_the_same_to_the_last_digit(options: EngineOptions) -> None:
    first, second = start(options, "robot", "kiosk"), start(options, "robot", "kiosk")
    assert (first.counts, second.counts) == ((0, 2), (2, 0))
    assert second.answers == first.answers == start(replace(options, cache_dir=None), "robot", "kiosk").answers
    assert second.facts["tie"] == first.facts["tie"] > 0
    assert not first.set_aside + second.set_aside


def test_packs_in_another_order_find_their_prompts(options: EngineOptions) -> None:
    first, second = start(options, "robot", "kiosk"), start(options, "kiosk", "robot")
    assert second.counts == (2, 0)
    assert [answer for answer, _ in second.answers] == [answer for answer, _ in first.answers]


def test_prompts_of_llama_3s_style_survive_a_restart(tmp_path: Path) -> None:
    """They are hundreds of tokens long, and the packs share one context."""
    options = EngineOptions(tiny_llama3(), cache_dir=tmp_path / "prompts")
    first, second = start(options, "robot", "kiosk"), start(options, "robot", "kiosk")
    assert (first.counts, second.counts) == ((0, 2), (2, 0))
    assert second.answers == first.answers
    assert min(first.facts["prompt_tokens"].values()) > 300


def flipped(place: float) -> Callable[[Path], None]:
    """One bit of a file is another one, so far from its beginning (0 to 1)."""

    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[min(int(len(data) * place), len(data) - 1)] ^= 0x10
        path.write_bytes(data)

    return damage


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def written(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text)


def sealed(change: dict[str, Any]) -> Callable[[Path], None]:
    """A note that is as whole as a note can be, and says something else."""

    def damage(path: Path) -> None:
        note = json.loads(path.read_text())["note"] | change
        digest = hashlib.sha256(json.dumps(note, sort_keys=True).encode()).hexdigest()
        path.write_text(json.dumps({"note": note, "sha256": digest}))

    return damage


def is_healed(options: EngineOptions, healthy: Started, *, why: str) -> None:
    """The next start computes the prompt anew, says why and answers as ever; the one after it loads it again."""
    damaged = start(options)
    assert damaged.counts == (0, 1)
    assert len(damaged.set_aside) == 1
    assert why in damaged.set_aside[0]
    assert damaged.answers == healthy.answers
    healed = start(options)
    assert (healed.counts, healed.set_aside, healed.answers) == ((1, 0), [], healthy.answers)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(emptied, id="empty"),
        pytest.param(cut, id="cut off"),
        *(pytest.param(flipped(place), id=f"a bit flipped at {place}") for place in (0.0, 0.01, 0.3, 0.7, 1.0)),
    ],
)
def test_a_damaged_prompt_is_computed_anew(options: EngineOptions, damage: Callable[[Path], None]) -> None:
    healthy = start(options)
    damage(only_prompt(options))
    is_healed(options, healthy, why="its bytes are not the ones that were written")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(Path.unlink, id="missing"),
        pytest.param(emptied, id="empty"),
        pytest.param(cut, id="cut off"),
        pytest.param(written("[" * 100_000), id="brackets without end"),
        pytest.param(written('{"note":{"sha256":1e999,"canary":[[1e999,NaN]],"tie":NaN},"sha256":"0"}'), id="infinite"),
        pytest.param(written("[]"), id="a list"),
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe\x00"), id="no text"),
        *(pytest.param(flipped(place), id=f"a bit flipped at {place}") for place in (0.1, 0.3, 0.5, 0.7, 0.9)),
    ],
)
def test_a_prompt_whose_note_is_damaged_is_computed_anew(
    options: EngineOptions, damage: Callable[[Path], None]
) -> None:
    healthy = start(options)
    damage(only_prompt(options).with_suffix(".json"))
    is_healed(options, healthy, why="note")


def test_a_prompt_that_says_otherwise_than_its_note_is_computed_anew(options: EngineOptions) -> None:
    """The canary notices keys and values that are whole and wrong."""
    healthy = start(options)
    noted = [[7, 1.0], [8, -3.0]]
    sealed({"canary": noted})(only_prompt(options).with_suffix(".json"))
    is_healed(options, healthy, why="the canary's logits are")


def test_a_folder_in_a_prompts_place_is_left_there_and_the_prompt_is_not_kept(options: EngineOptions) -> None:
    healthy = start(options)
    replaced_by_a_folder(only_prompt(options))
    for _ in range(2):
        found = start(options)
        assert (found.counts, found.answers) == ((0, 1), healthy.answers)
        assert "cannot be read" in found.set_aside[0]
        assert "not kept" in found.set_aside[1]


def exchange(options: EngineOptions, others: EngineOptions) -> None:
    """Put the others' prompt and its note where these options' own are."""
    for suffix in (".prompt", ".json"):
        only_prompt(options).with_suffix(suffix).write_bytes(only_prompt(others).with_suffix(suffix).read_bytes())


def test_another_models_prompt_under_this_ones_name_is_noticed(
    options: EngineOptions, other_model: Path, tmp_path: Path
) -> None:
    """The tokens are the same, the bytes are whole, and the note is its own."""
    healthy = start(options)
    others = replace(options, model=other_model, cache_dir=tmp_path / "others")
    assert start(others).answers != healthy.answers
    exchange(options, others)
    is_healed(options, healthy, why="the canary's logits are")


def test_another_packs_prompt_under_this_ones_name_is_noticed(options: EngineOptions, tmp_path: Path) -> None:
    others = replace(options, cache_dir=tmp_path / "others")
    healthy, _ = start(options), start(others, "kiosk")
    exchange(options, others)
    is_healed(options, healthy, why="holds another prompt")


def test_one_damaged_prompt_leaves_the_others_as_they_are(options: EngineOptions) -> None:
    healthy = start(options, "robot", "kiosk")
    damaged, _ = folder_of(options).glob("*.prompt")
    cut(damaged)
    found = start(options, "robot", "kiosk")
    assert (found.counts, found.answers) == ((1, 1), healthy.answers)


def test_a_model_file_changed_in_place_is_another_model(options: EngineOptions, other_model: Path) -> None:
    """As long as before, and its time set back."""
    path = options.model.with_name("changed.gguf")
    path.write_bytes(options.model.read_bytes())
    times = path.stat()
    options = replace(options, model=path)
    start(options)
    with path.open("r+b") as file:
        file.write(other_model.read_bytes())
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (times.st_size, times.st_mtime_ns)
    assert start(options).counts == (0, 1)
    assert len(list(folder_of(options).glob("*.prompt"))) == 2


@pytest.mark.parametrize("content", ["", "another", "f" * 63, "\udcff"], ids=["empty", "a word", "short", "no text"])
def test_a_digest_that_cannot_be_one_is_computed_again(model: Path, tmp_path: Path, content: str) -> None:
    digest = model_digest(model, tmp_path)
    assert digest == hashlib.sha256(model.read_bytes()).hexdigest()
    [note] = tmp_path.iterdir()
    note.write_text(content, errors="surrogateescape")
    assert model_digest(model, tmp_path) == digest
    assert note.read_text() == digest


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"kv_type": "q8_0"}, id="another type of keys and values"),
        pytest.param({"flash_attention": "off"}, id="another attention"),
        pytest.param({"n_threads": 2}, id="another number of threads"),
        pytest.param({"extra_buffers": False}, id="other matrix kernels"),
    ],
)
def test_a_model_that_is_run_otherwise_has_prompts_of_its_own(options: EngineOptions, change: dict[str, Any]) -> None:
    own, other = kept_for(options), kept_for(replace(options, **change))
    assert isinstance(own, Kept)
    assert isinstance(other, Kept)
    assert own.folder == other.folder
    assert own.origin != other.origin
    assert own == kept_for(options)


def test_the_prompts_not_used_for_longest_are_forgotten(options: EngineOptions) -> None:
    """With their notes; one that was loaded a moment ago is none of them."""
    start(options)
    used = only_prompt(options)
    os.utime(used, (1, 1))
    for number in range(KEPT_MAX):
        for suffix in ("prompt", "json"):
            old = folder_of(options) / f"old-{number}.{suffix}"
            old.touch()
            os.utime(old, (10 + number, 10 + number))
    assert start(options).counts == (1, 0)
    start(replace(options, flash_attention="off"))
    left = {path.name for path in folder_of(options).glob("*.prompt")}
    assert len(left) == KEPT_MAX
    assert used.name in left
    gone = {f"old-{number}" for number in range(KEPT_MAX)} - {name.removesuffix(".prompt") for name in left}
    assert gone == {"old-0", "old-1"}
    assert not any((folder_of(options) / f"{name}.json").exists() for name in gone)


def test_what_a_killed_process_was_writing_is_removed(options: EngineOptions) -> None:
    """What a living one is writing is left to it."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    folder_of(options).mkdir()
    for writer in (dead.pid, os.getpid()):
        (folder_of(options) / f"half.{writer}").touch()
    start(options)
    assert [path.suffix for path in folder_of(options).glob("half.*")] == [f".{os.getpid()}"]


def test_two_engines_that_start_at_once_keep_one_prompt(model: Path, tmp_path: Path) -> None:
    options = EngineOptions(model, cache_dir=tmp_path / "prompts")
    engines = [EngineProcess(options, (PACKS["kiosk"],)) for _ in range(2)]
    threads = [threading.Thread(target=engine.start) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = DecideRequest("kiosk", BRING.marked, GRAMMARS["kiosk"], CLOCK.now_ms() + 60_000)
    answers = {engine.decide(asked).answer for engine in engines}
    for engine in engines:
        engine.close()
    assert len(answers) == 1
    assert start(options, "kiosk").counts == (1, 0)
