"""Measuring with sound: examples in sound, the noises, several processes, and what a report says of listening."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.evaluation.babble import voices
from edge_agent.evaluation.examples import read_examples
from edge_agent.evaluation.failures import Kind
from edge_agent.evaluation.heard import Heard
from edge_agent.evaluation.noises import MAKERS, TALKERS, Noises, loudest_power, mixed, murmur
from edge_agent.evaluation.prediction import Prediction, Refusal
from edge_agent.evaluation.running import Plan, Task, predictions
from edge_agent.evaluation.scoring import score
from edge_agent.language.options import EngineOptions
from edge_agent.node.engines import bundled_options
from edge_agent.speech.audio import RATE_HZ, Samples, to_samples, to_wave
from edge_agent.speech.recognition import Transcript

WORLD = [{"name": "dock 2", "type": "place"}, {"name": "red box", "type": "item"}]
EACH_NOISE = pytest.mark.parametrize("kind", list(MAKERS))


def line(**fields: Any) -> dict[str, Any]:
    """One good line in sound, some fields changed."""
    return {"id": "1", "pack": "robot", "audio": "a.wav", "world": WORLD, "expected": [{"action": "dock"}]} | fields


def written(folder: Path, *lines: dict[str, Any]) -> Path:
    """A file of these lines."""
    path = folder / "examples.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def voice(level_db: float = -30.0, seconds: float = 3.0) -> Samples:
    """Something like speech, with a second of silence before and after it."""
    wave = murmur(int(seconds * RATE_HZ), np.random.default_rng(5))
    wave *= np.float32(10.0 ** (level_db / 20.0) / np.sqrt(loudest_power(wave)))
    return to_samples(np.pad(wave, RATE_HZ))


def test_a_sound_lies_beside_its_examples(tmp_path: Path) -> None:
    """Its path is the file's own folder's; there is no text."""
    (example,) = read_examples(written(tmp_path, line(audio="sub/a.flac")))
    assert (example.text, example.audio) == (None, tmp_path.resolve() / "sub" / "a.flac")


@pytest.mark.parametrize("audio", ["../a.wav", "/etc/a.wav", "sub/../../a.wav"])
def test_a_sound_may_not_lie_elsewhere(tmp_path: Path, audio: str) -> None:
    """A file of examples points at nothing outside its own folder."""
    with pytest.raises(EdgeAgentError, match="leads out of the folder") as refused:
        read_examples(written(tmp_path, line(audio=audio)))
    assert (refused.value.code, refused.value.where) == (
        Code.EVAL_INVALID,
        f"{tmp_path}/examples.jsonl:1: audio",
    )


@EACH_NOISE
@pytest.mark.parametrize("snr_db", [24.0, 6.0])
def test_noise_has_the_ratio_that_was_asked_for(kind: str, snr_db: float) -> None:
    """Of the loudest speech to the loudest noise; the silence around the words changes nothing."""
    speech = voice()
    noisy = Noises((kind,)).under(speech, "id", snr_db)
    noise = to_wave(noisy) - to_wave(speech)
    found_db = 10.0 * np.log10(loudest_power(to_wave(speech)) / loudest_power(noise))
    assert found_db == pytest.approx(snr_db, abs=0.2)


@EACH_NOISE
def test_noise_is_the_same_in_every_run(kind: str) -> None:
    """It depends on the example's id and on nothing else."""
    noises, speech = Noises((kind,)), voice(seconds=1.0)
    once = noises.under(speech, "one", 12.0)
    assert np.array_equal(once, noises.under(speech, "one", 12.0))
    assert not np.array_equal(once, noises.under(speech, "other", 12.0))


def test_every_kind_gets_its_share() -> None:
    """Over many examples all kinds come up about as often."""
    kinds = [Noises().kind_of(f"example {number}") for number in range(500)]
    assert {kind: kinds.count(kind) > 70 for kind in kinds} == dict.fromkeys(MAKERS, True)


def test_loud_speech_is_made_softer_and_not_clipped() -> None:
    """Where both together are beyond full scale the ratio is kept and the peak is not cut."""
    speech = voice(level_db=-8.0)
    noisy = to_wave(mixed(speech, MAKERS["white"](len(speech), np.random.default_rng(1)), 3.0))
    assert 0.9 < np.max(np.abs(noisy)) < 0.99


@pytest.mark.parametrize("length", [0, 100, RATE_HZ])
@EACH_NOISE
def test_silence_and_crumbs_stay_as_they_are(kind: str, length: int) -> None:
    """Nothing can be mixed under no speech."""
    silence = np.zeros(length, np.int16)
    assert np.array_equal(Noises((kind,)).under(silence, "id", 6.0), silence)


def test_a_babble_is_made_of_the_voices_it_is_given() -> None:
    """Of a single tone comes a babble with nothing else in it."""
    tone = np.sin(2.0 * np.pi * 1_000.0 * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)
    noise = to_wave(Noises(("babble",), (tone,)).under(voice(), "id", 0.0)) - to_wave(voice())
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(len(noise), 1.0 / RATE_HZ)
    assert spectrum[np.abs(hz - 1_000.0) < 5.0].sum() > 0.9 * spectrum.sum()


def test_a_cafe_has_voices_where_there_is_espeak() -> None:
    """Eight people, each with a sentence of some seconds."""
    pytest.importorskip("espeakng_loader", reason="the speech extra is not installed")
    talkers = voices()
    assert len(talkers) == TALKERS
    assert all(3.0 < len(talker) / RATE_HZ < 10.0 for talker in talkers)


def test_the_kinds_sound_different() -> None:
    """Where their power lies tells them apart: below 300 Hz, and above 2 kHz."""

    def shares(kind: str) -> tuple[float, float]:
        wave = MAKERS[kind](4 * RATE_HZ, np.random.default_rng(3))
        spectrum = np.abs(np.fft.rfft(wave)) ** 2
        hz = np.fft.rfftfreq(len(wave), 1.0 / RATE_HZ)
        return float(spectrum[hz < 300].sum() / spectrum.sum()), float(spectrum[hz > 2_000].sum() / spectrum.sum())

    low, high = zip(*(shares(kind) for kind in ("hum", "fan", "babble", "clatter", "white")), strict=True)
    assert low[0] > 0.9 > low[1] > 0.5
    assert high[2] < 0.2
    assert high[3] > 0.6
    assert high[4] == pytest.approx(0.75, abs=0.02)


def test_a_report_tells_what_listening_took(tmp_path: Path) -> None:
    """Time after the last sample, work a second of sound, and the refusals by their codes; they count as rejects."""
    lines = [line(id="a"), line(id="b", expected=[{"action": "reject", "reason": "not_a_command"}]), line(id="c")]
    examples = read_examples(written(tmp_path, *lines))
    reject = ({"action": "reject", "reason": "not_a_command"},)
    words = Heard(2_000.0, 400.0, 90.0, Transcript("go to your dock", 0.9))
    silence = Heard(1_000.0, 100.0, 10.0, refusal=Code.NO_SPEECH, why="nobody spoke")
    report = score(
        examples,
        {
            "a": Prediction("a", ({"action": "dock"},), 100.0, heard=words),
            "b": Prediction("b", reject, 10.0, refusal=Refusal.UNHEARD, heard=silence),
            "c": Prediction("c", reject, 10.0, refusal=Refusal.UNHEARD, heard=silence),
        },
    )
    listening = report.listening
    assert listening is not None
    assert (listening.files, listening.audio_s, listening.real_time_factor) == (3, 4.0, 0.15)
    assert (listening.final_p50_ms, listening.final_p95_ms, listening.unheard) == (10.0, 90.0, {"NO_SPEECH": 2})
    assert report.exact_match == pytest.approx(2 / 3)
    assert report.failures == {Kind.UNHEARD: 1}
    assert report.as_json()["listening"]["unheard"] == {"NO_SPEECH": 2}
    assert ("refused with NO_SPEECH", "2") in report.lines()


def plan(**changes: Any) -> Plan:
    """The bundled model and the robot pack; nothing is in sound."""
    fields: dict[str, Any] = {"packs": ("robot",), "engine": bundled_options(), "ttl_ms": 60_000}
    return Plan(**(fields | changes))


def tasks(folder: Path, texts: list[str]) -> list[Task]:
    """Sentences to be read."""
    lines = [line(id=str(place), text=text) for place, text in enumerate(texts)]
    for one in lines:
        del one["audio"]
    return [Task(example) for example in read_examples(written(folder, *lines))]


def test_two_processes_answer_as_one_does(tmp_path: Path) -> None:
    """The work is shared out; every answer comes back, and it is the same."""
    todo = tasks(tmp_path, ["go to dock two", "stop", "bring me the red box", "sing a song", "wait for a minute"])
    alone = {place: prediction.actions for place, prediction in predictions(plan(), todo)}
    shared = {place: prediction.actions for place, prediction in predictions(plan(), todo, jobs=2)}
    assert shared == alone
    assert alone[1] == ({"action": "stop"},)
    assert not multiprocessing.active_children()


def test_what_a_process_refuses_is_said_here(tmp_path: Path) -> None:
    """A model that is not there is MODEL_MISSING, not a process that died."""
    with pytest.raises(EdgeAgentError) as refused:
        list(predictions(plan(engine=EngineOptions(tmp_path / "gone.gguf")), tasks(tmp_path, ["stop", "go"]), jobs=2))
    assert refused.value.code is Code.MODEL_MISSING
    assert not multiprocessing.active_children()


def test_a_process_that_dies_is_noticed(tmp_path: Path) -> None:
    """The run ends with an error that says how many examples are missing, and does not wait for ever."""
    running = predictions(plan(), tasks(tmp_path, ["go to dock two"] * 400), jobs=2)
    next(running)
    multiprocessing.active_children()[0].kill()
    with pytest.raises(NodeFault, match="a measuring process died"):
        list(running)
    assert not multiprocessing.active_children()
