"""Recordings of a synthetic voice through the embedded recogniser: `eval` with sound, and `transcribe`."""

from __future__ import annotations

import argparse
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from speech_sounds import joined, silence, spoken, white_noise

from edge_agent.cli import main
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen
from edge_agent.cli.transcribe import add_arguments, run
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.speech.audio import RATE_HZ, Samples

for library in ("pocketsphinx", "espeakng_loader", "onnxruntime", "soundfile", "soxr"):
    pytest.importorskip(library, reason="the speech extra is not installed")

WORLD = [
    {"name": "cappuccino", "type": "drink"},
    {"name": "espresso", "type": "drink"},
    {"name": "large", "type": "size"},
]
WORLD_TOML = """\
[[entity]]
name = "cappuccino"
kind = "drink"

[[entity]]
name = "large"
kind = "size"
"""
SENTENCE = "i would like a large cappuccino"
ORDER = [{"action": "order_drink", "drink": "cappuccino", "size": "large"}]
NOT_A_COMMAND = [{"action": "reject", "reason": "not_a_command"}]
LINES: list[dict[str, Any]] = [
    {"id": "order", "audio": "order.wav", "expected": ORDER},
    {"id": "silence", "audio": "silence.wav", "expected": NOT_A_COMMAND},
    {"id": "long", "audio": "long.wav", "expected": NOT_A_COMMAND},
    {"id": "broken", "audio": "broken.wav", "expected": NOT_A_COMMAND},
]


def recorded(path: Path, samples: Samples) -> None:
    """A WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings and the examples beside them."""
    folder = tmp_path_factory.mktemp("recordings")
    sentence = joined(silence(500), spoken(SENTENCE, voice="en-us", words_per_minute=150), silence(500))
    recorded(folder / "order.wav", sentence)
    recorded(folder / "silence.wav", white_noise(2_000, level_db=-60.0))
    recorded(folder / "long.wav", np.tile(sentence, 16_000 * RATE_HZ // 1_000 // len(sentence) + 1))
    (folder / "broken.wav").write_bytes(b"RIFF and nothing else")
    (folder / "world.toml").write_text(WORLD_TOML, encoding="utf-8")
    lines = [{"pack": "kiosk", "world": WORLD} | line for line in LINES]
    (folder / "examples.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return folder


def test_eval_hears_reads_and_scores(recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words become actions; silence and 16 seconds are refused by their codes; a file that is none is an error."""
    out = tmp_path / "predictions.jsonl"
    assert main(["eval", str(recordings / "examples.jsonl"), "--predictions", str(out), "--json"]) == Exit.OK
    report = json.loads(capsys.readouterr().out)
    assert report["errors"] == {"AUDIO_INVALID": 1}
    assert report["exact_match"] == 3 / 4
    assert report["wrong_executed_rate"] == 0.0
    assert report["listening"]["files"] == 3
    assert report["listening"]["unheard"] == {"NO_SPEECH": 1, "UTTERANCE_TOO_LONG": 1}
    assert report["listening"]["real_time_factor"] > 0.0
    lines = {line["id"]: line for line in map(json.loads, out.read_text(encoding="utf-8").splitlines())}
    assert lines["order"]["heard"] == SENTENCE
    assert lines["order"]["latency_ms"] >= lines["order"]["transcription_ms"]
    assert (lines["silence"]["heard"], lines["silence"]["unheard"]) == ("", "NO_SPEECH")
    assert lines["silence"]["actions"] == NOT_A_COMMAND
    assert "heard" not in lines["broken"]


def test_eval_with_noise_gives_a_report_a_level(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order asked for, by two processes; so little noise changes nothing."""
    line = ["eval", str(recordings / "examples.jsonl"), "--limit", "2", "--noise", "clean", "--noise", "40"]
    assert main([*line, "--jobs", "2", "--json"]) == Exit.OK
    reports = list(map(json.loads, capsys.readouterr().out.splitlines()))
    assert [report.get("noise_db") for report in reports] == [None, 40.0]
    assert [report["exact_match"] for report in reports] == [1.0, 1.0]


@pytest.mark.parametrize("level", ["loud", "nan", "-50"])
def test_a_level_that_is_none_is_refused(recordings: Path, level: str, capsys: pytest.CaptureFixture[str]) -> None:
    """EVAL_INVALID, before anything runs."""
    assert main(["eval", str(recordings / "examples.jsonl"), f"--noise={level}"]) == Exit.CONFIGURATION
    assert "EVAL_INVALID" in capsys.readouterr().err


def transcribe(*line: str) -> Exit:
    """The verb on a line as it is typed."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(line), Screen(as_json=True))


def test_transcribe_tells_what_it_heard(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words, other readings, how sure, and the times."""
    world = str(recordings / "world.toml")
    assert transcribe(str(recordings / "order.wav"), "--pack", "kiosk", "--world", world) == Exit.OK
    heard = json.loads(capsys.readouterr().out)
    assert heard["text"] == SENTENCE
    assert 0.0 < heard["confidence"] <= 1.0
    assert heard["text"] not in heard["alternatives"]
    assert heard["listening_ms"] >= heard["transcription_ms"] > 0.0
    assert 1_000.0 < heard["audio_ms"] < 4_000.0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param(["silence.wav"], Code.NO_SPEECH, id="silence"),
        pytest.param(["long.wav"], Code.UTTERANCE_TOO_LONG, id="long"),
        pytest.param(["broken.wav"], Code.AUDIO_INVALID, id="broken"),
        pytest.param(["gone.wav"], Code.AUDIO_INVALID, id="gone"),
        pytest.param(["order.wav", "--recogniser", "parrot"], Code.SETTINGS_INVALID, id="recogniser"),
        pytest.param(["order.wav", "--recogniser", "whisper:gone"], Code.MODEL_MISSING, id="no-model"),
    ],
)
def test_transcribe_refuses(recordings: Path, line: list[str], code: Code) -> None:
    """What holds no words, is no sound, or names a recogniser that is none."""
    with pytest.raises(EdgeAgentError) as refused:
        transcribe(str(recordings / line[0]), "--pack", "kiosk", *line[1:])
    assert refused.value.code is code
