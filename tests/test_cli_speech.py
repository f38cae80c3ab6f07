"""Speaking to a node from the command line: recordings in, what was heard and done out.

The recogniser is faster-whisper with a model made here that always reads the same sentence, so that what is tested is
the way and not the ear.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from node_harness import Node, fresh_node
from pulse_microphone import needs_pulse, pulse_microphones, write_wav
from speech_sounds import joined, silence, spoken
from whisper_models import chain, write_whisper

pytest.importorskip("faster_whisper")

Typed = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node whose Whisper reads "go to dock three" in whatever it hears."""
    folder = write_whisper(tmp_path_factory.mktemp("whisper"), chain("go to dock three"))
    for one in fresh_node(speech={"recogniser": "whisper", "whisper": str(folder)}):
        yield one.start()


@pytest.fixture
def typed(node: Node) -> Typed:
    """Type a line; returns exit code, the objects that it printed and its stderr."""

    def run(*words: str) -> tuple[int, list[dict[str, Any]], str]:
        command = [sys.executable, "-m", "edge_agent", *words, "--json", "--runtime-dir", str(node.folder / "run")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    return run


def test_a_recording_is_said(typed: Typed, tmp_path: Path) -> None:
    """What was heard, then the answer; a pause in it does not cut it in two."""
    path = tmp_path / "command.wav"
    write_wav(path, joined(spoken("go to"), silence(800), spoken("dock three")))
    end, said, errors = typed("say", "--audio", str(path), "--no-follow")
    assert (end, errors) == (0, "")
    assert [line["type"] for line in said] == ["heard", "answer"]
    assert said[0]["text"] == "go to dock three"
    assert [planned["action"] for planned in said[1]["actions"]] == [{"action": "go_to", "place": "dock 3"}]


def test_a_recording_may_hold_several_commands(typed: Typed, tmp_path: Path) -> None:
    """Cut at silences, each is answered."""
    path = tmp_path / "commands.wav"
    write_wav(path, joined(spoken("go to dock three"), silence(1_200), spoken("go to dock three"), silence(900)))
    end, said, _ = typed("say", "--audio", str(path), "--continuous", "--no-follow")
    assert end == 0
    assert [line["type"] for line in said].count("answer") == 2


def test_a_recording_of_nothing_is_no_speech(typed: Typed, tmp_path: Path) -> None:
    """Told so, and the exit code says refused."""
    path = tmp_path / "nothing.wav"
    write_wav(path, silence(1_000))
    end, said, _ = typed("say", "--audio", str(path))
    assert end == 1
    assert [line.get("error", {}).get("code") for line in said] == ["NO_SPEECH"]


@pytest.mark.parametrize(
    "data", [pytest.param(b"", id="an empty file"), pytest.param(b"RIFF????WAVEnonsense", id="no sound in it")]
)
def test_what_is_no_recording_is_named(typed: Typed, tmp_path: Path, data: bytes) -> None:
    """With the file's name, and nothing is sent."""
    path = tmp_path / "broken.wav"
    path.write_bytes(data)
    end, said, errors = typed("say", "--audio", str(path))
    assert (end, said) == (3, [])
    assert errors.startswith("AUDIO_INVALID: ")
    assert "broken.wav" in errors


def test_a_recording_longer_than_the_window_is_sent_as_it_is_listened_to(typed: Typed, tmp_path: Path) -> None:
    """Twelve seconds through a window of four: nothing is lost and nothing overruns."""
    path = tmp_path / "long.wav"
    hum = (np.sin(np.arange(16_000 * 6) / 30.0) * 200.0).astype(np.int16)
    write_wav(path, joined(hum, spoken("go to dock three"), hum[: 16_000 * 4]))
    end, said, errors = typed("say", "--audio", str(path), "--no-follow")
    assert (end, errors) == (0, "")
    assert said[0]["begin_ms"] < said[0]["end_ms"]


def test_push_to_talk_needs_somebody_at_a_terminal(typed: Typed) -> None:
    """A script has no Return key."""
    end, _, errors = typed("say", "--microphone")
    assert end != 0
    assert "terminal" in errors


@needs_pulse
def test_push_to_talk_is_from_one_return_to_the_next(node: Node) -> None:
    """At a terminal, with a microphone: Return, speak, Return."""
    with pulse_microphones("kitchen") as air:
        ours, theirs = os.openpty()
        command = [sys.executable, "-m", "edge_agent", "say", "--microphone", "kitchen", "--no-follow"]
        talking = subprocess.Popen(
            [*command, "--runtime-dir", str(node.folder / "run")],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **air.environment},
        )
        os.close(theirs)
        assert talking.stdout is not None
        assert "Return, speak, Return" in talking.stdout.readline()
        os.write(ours, b"\n")
        assert "listening" in talking.stdout.readline()
        air.play(joined(silence(200), spoken("go to dock three"), silence(300)))
        os.write(ours, b"\n")
        said, _ = talking.communicate(timeout=60)
        os.close(ours)
    assert talking.returncode == 0, said
    assert "go to dock three" in said
    assert '"place": "dock 3"' in said


def test_text_and_sound_exclude_one_another(typed: Typed) -> None:
    """One command, one form."""
    end, _, errors = typed("say", "go to dock 3", "--audio", "x.wav")
    assert end == 2
    assert "not allowed with" in errors
