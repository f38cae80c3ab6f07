"""Prompts that survive a restart: loaded where they are whole and ours, computed anew and said so everywhere else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_models import BRING, FORWARD, SAY, tiny_llama3, write_tiny

from edge_agent.clock import SystemClock
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.grammar.selftest import trials
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.fingerprints import model_digest
from edge_agent.language.instruction import pack_prompt
from edge_agent.language.launch import trial_object
from edge_agent.language.local import LocalEngine
from edge_agent.language.options import EngineOptions
from edge_agent.language.prefixes import KEPT_MAX
from edge_agent.packs.registry import load_pack

ROBOT = load_pack("robot")
GRAMMARS = SentenceGrammars(ROBOT)
CLOCK = SystemClock()
Facts = dict[str, Any]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("models") / "tiny.gguf")


def start(model: Path, cache: Path | None, **options: Any) -> tuple[Facts, list[str]]:
    """An engine's facts and its answers to three sentences."""
    engine = LocalEngine(EngineOptions(model, cache_dir=cache, **options), CLOCK)
    try:
        facts = engine.prepare({"robot": pack_prompt(ROBOT, engine.style)})
        asked = [
            DecideRequest("robot", linked.marked, GRAMMARS.for_sentence(linked), CLOCK.now_ms() + 60_000)
            for linked in (BRING, FORWARD, SAY)
        ]
        return facts, [engine.decide(request).answer for request in asked]
    finally:
        engine.close()


def files(cache: Path) -> tuple[Path, Path]:
    """The one prompt that is kept, and its note."""
    [prompt] = cache.glob("*.prompt")
    return prompt, prompt.with_suffix(".json")


def test_a_restart_loads_what_was_computed_and_answers_the_same(model: Path, tmp_path: Path) -> None:
    first, before = start(model, tmp_path / "cache")
    second, after = start(model, tmp_path / "cache")
    assert (first["prompts_computed"], first["prompts_loaded"]) == (1, 0)
    assert (second["prompts_computed"], second["prompts_loaded"]) == (0, 1)
    assert second["tie"] == first["tie"] > 0.0
    assert before == after == start(model, None)[1]


def test_every_pack_of_a_llama_3_prompt_is_kept(tmp_path: Path) -> None:
    """Prompts of hundreds of tokens in one context; the second start computes none."""
    packs = [load_pack(name) for name in ("robot", "kiosk")]
    found = []
    for _ in range(2):
        engine = LocalEngine(EngineOptions(tiny_llama3(), cache_dir=tmp_path), CLOCK)
        found.append(engine.prepare({pack.name: pack_prompt(pack, engine.style) for pack in packs}))
        engine.close()
    assert [facts["prompts_loaded"] for facts in found] == [0, 2]
    assert found[0]["prompt_tokens"] == found[1]["prompt_tokens"]


def other_model(cache: Path) -> None:
    """What another model computed, under this one's name."""
    elsewhere = cache.parent / "elsewhere"
    start(write_tiny(cache.parent / "other.gguf", layers=3), elsewhere)
    for theirs, ours in zip(files(elsewhere), files(cache), strict=True):
        shutil.copy(theirs, ours)


def cut(cache: Path) -> None:
    prompt, _ = files(cache)
    prompt.write_bytes(prompt.read_bytes()[:-100])


def empty(cache: Path) -> None:
    files(cache)[0].write_bytes(b"")


def flipped(cache: Path) -> None:
    """One bit of the keys and values."""
    prompt, _ = files(cache)
    data = bytearray(prompt.read_bytes())
    data[len(data) // 2] ^= 4
    prompt.write_bytes(data)


def without_note(cache: Path) -> None:
    files(cache)[1].unlink()


def garbled_note(cache: Path) -> None:
    files(cache)[1].write_bytes(b'{"sha256": \xff')


def note_of_a_list(cache: Path) -> None:
    files(cache)[1].write_text("[]")


def note_without_a_canary(cache: Path) -> None:
    _, note = files(cache)
    note.write_text(json.dumps(json.loads(note.read_text()) | {"canary": []}))


def another_canary(cache: Path) -> None:
    """The file is whole, and what is read behind it is not what was."""
    _, note = files(cache)
    found = json.loads(note.read_text())
    note.write_text(json.dumps(found | {"canary": [[token, logit + 1.0] for token, logit in found["canary"]]}))


DAMAGES = [
    pytest.param(other_model, "", id="another model's file"),
    pytest.param(cut, "bytes", id="cut"),
    pytest.param(empty, "bytes", id="empty"),
    pytest.param(flipped, "bytes", id="a flipped bit"),
    pytest.param(without_note, "cannot be read", id="without its note"),
    pytest.param(garbled_note, "cannot be read", id="a note that is no JSON"),
    pytest.param(note_of_a_list, "cannot be read", id="a note that is a list"),
    pytest.param(note_without_a_canary, "canary", id="a note without a canary"),
    pytest.param(another_canary, "canary", id="another canary"),
]


@pytest.mark.parametrize(("damage", "why"), DAMAGES)
def test_what_is_not_whole_and_ours_is_set_aside(
    model: Path, tmp_path: Path, damage: Callable[[Path], None], why: str
) -> None:
    """It is computed anew and said; the answers are the same, and the next start finds it whole."""
    cache = tmp_path / "cache"
    _, before = start(model, cache)
    damage(cache)
    facts, after = start(model, cache)
    assert (facts["prompts_computed"], facts["prompts_loaded"]) == (1, 0)
    [said] = facts["prompts_set_aside"]
    assert why in said
    assert after == before
    assert start(model, cache)[0]["prompts_loaded"] == 1


def test_another_way_to_run_is_another_prompt(model: Path, tmp_path: Path) -> None:
    """What was computed without flash attention is never loaded for it."""
    start(model, tmp_path)
    facts, _ = start(model, tmp_path, flash_attention="off")
    assert (facts["prompts_computed"], facts["prompts_loaded"]) == (1, 0)
    assert len(list(tmp_path.glob("*.prompt"))) == 2


def test_a_folder_where_others_may_write_is_not_used(model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "open"
    cache.mkdir()
    cache.chmod(0o777)
    facts, answers = start(model, cache)
    assert facts["prompts_computed"] == 1
    assert answers == start(model, None)[1]
    assert list(cache.iterdir()) == []


def test_a_place_that_is_no_folder_keeps_nothing(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    facts, answers = start(model, tmp_path / "file" / "cache")
    assert facts["prompts_computed"] == 1
    assert answers == start(model, None)[1]


def test_a_changed_model_of_the_same_size_and_time_is_another_model(model: Path, tmp_path: Path) -> None:
    """The time of change cannot be set back as the time of modification can."""
    copy = tmp_path / "copy.gguf"
    shutil.copy(model, copy)
    before, times = model_digest(copy, tmp_path), copy.stat()
    assert model_digest(copy, tmp_path) == before
    data = bytearray(copy.read_bytes())
    data[-1] ^= 1
    copy.write_bytes(data)
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert copy.stat().st_size == times.st_size
    assert model_digest(copy, tmp_path) != before


def test_old_prompts_make_room(model: Path, tmp_path: Path) -> None:
    """The ones not used for longest go first, with their notes."""
    for number in range(KEPT_MAX + 3):
        old = tmp_path / f"{number:032x}.prompt"
        old.write_bytes(b"old")
        old.with_suffix(".json").write_text("{}")
        os.utime(old, (number, number))
    start(model, tmp_path)
    kept = sorted(path.name for path in tmp_path.glob("*.prompt"))
    assert len(kept) == KEPT_MAX
    assert f"{3:032x}.prompt" not in kept
    assert f"{KEPT_MAX + 2:032x}.prompt" in kept
    assert len(list(tmp_path.glob("*.json"))) == KEPT_MAX


def test_a_grammar_that_was_proven_is_proven_after_a_restart(model: Path, tmp_path: Path) -> None:
    """The same trials count as many; another trial is tried."""
    put = [trial_object(trial) for trial in trials(ROBOT)][:3]
    counts = []
    for tried in (put, put, put[:2]):
        engine = LocalEngine(EngineOptions(model, cache_dir=tmp_path), CLOCK)
        counts.append(engine.try_grammars(tried))
        engine.close()
    assert counts[0] == counts[1] > counts[2]
    assert len(list(tmp_path.glob("*.proof"))) == 2


@pytest.mark.parametrize("kv_type", ["q8_0", "q4_0"])
def test_smaller_keys_and_values_answer_too_and_need_flash_attention(tmp_path: Path, kv_type: str) -> None:
    """A shape whose heads are whole blocks of the type; without flash attention values cannot be read in it."""
    wide = write_tiny(tmp_path / "wide.gguf", heads=2, kv_heads=1)
    answers = [start(wide, tmp_path / "cache", kv_type=kv_type)[1] for _ in range(2)]
    assert answers[0] == answers[1]
    with pytest.raises(ConfigurationFault) as refused:
        EngineOptions(wide, kv_type=kv_type, flash_attention="off")  # type: ignore[arg-type]
    assert refused.value.code is Code.SETTINGS_INVALID
    assert refused.value.where == "model.flash_attention"
