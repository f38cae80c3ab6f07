"""Real capture: PulseAudio's null sinks are the microphones, a sentence is spoken into them, the real child listens."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pulse_microphone import PulseMicrophones, needs_pulse, pulse_microphones
from speech_sounds import RATE_HZ, silence, spoken

from edge_agent.cli import microphones as verb
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen
from edge_agent.clock import SystemClock
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.node.microphones import BACKOFF_S
from edge_agent.processes.frames import JsonObject, read_frame, write_frame
from edge_agent.processes.spawn import Spawned, spawn
from edge_agent.processes.supervised import Supervised
from edge_agent.speech.microphone import INHERIT

pytestmark = needs_pulse
CHILD = "edge_agent.speech.microphone_child"
LOST_S_MAX = 2.0
REOPENED_S_MAX = 10.0
SENTENCE = "carry the grey bucket to the garden gate"


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseMicrophones]:
    """Two microphones that only this test's processes see."""
    with pulse_microphones("kitchen", "hall") as microphones:
        for name, value in microphones.environment.items():
            monkeypatch.setenv(name, value)
        yield microphones


class Ear:
    """One child and what it says."""

    def __init__(self, child: Spawned, asked: JsonObject) -> None:
        self.child = child
        child.socket.settimeout(20.0)
        self._heard = child.socket.makefile("rb")
        with child.socket.makefile("wb") as asking:
            write_frame(asking, asked)

    def next(self) -> tuple[JsonObject, bytes]:
        return read_frame(self._heard)

    def until(self, key: str) -> tuple[JsonObject, bytes]:
        """Everything up to the first frame with this key: that frame, and the sound before it."""
        sound, give_up = bytearray(), time.monotonic() + 20.0
        while key not in (frame := self.next())[0]:
            assert time.monotonic() < give_up, f"no {key}"
            sound += frame[1]
        return frame[0], bytes(sound)

    def until_silence(self) -> NDArray[np.int16]:
        """Everything up to the end of the half second of nothing that follows a sound."""
        sound, quiet, give_up = bytearray(), 0, time.monotonic() + 20.0
        while quiet < 16 or not any(sound):
            assert time.monotonic() < give_up, "no sound, or no end of it"
            pcm = self.next()[1]
            quiet = 0 if any(pcm) else quiet + 1
            sound += pcm
        return np.frombuffer(sound, "<i2")

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        self._heard.close()
        self.child.socket.close()


@contextmanager
def listening(device: str | None) -> Iterator[tuple[Ear, JsonObject]]:
    """A child with this device open, and what it was ready with."""
    with ExitStack() as stack:
        ear = Ear(spawn(CHILD, inherit=INHERIT), {"open": {"device": device}})
        stack.callback(ear.close)
        yield ear, ear.next()[0]


def likeness(heard: NDArray[np.int16], said: NDArray[np.int16]) -> float:
    """The correlation of what was said with where it fits best in what was heard, 0 to 1."""
    one, other = heard.astype(np.float64), said.astype(np.float64)
    size = len(one) + len(other)
    fit = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    begin = int(fit[: len(one)].argmax())
    part = one[begin : begin + len(other)]
    if len(part) < len(other) or not part.any():
        return 0.0
    return float(part @ other / np.sqrt((part @ part) * (other @ other)))


def test_a_spoken_sentence_arrives_as_it_was_said(room: PulseMicrophones) -> None:
    """Sample for sample, by its name, at 16 kHz and without a gap; the other microphone hears nothing of it."""
    said = spoken(SENTENCE)
    with listening("Hall") as (ear, first), listening(None) as (other, _):
        assert (
            first["ready"].items() >= {"device": "hall", "rate_hz": 16_000, "channels": 1, "encoding": "s16le"}.items()
        )
        room.play(said, into="hall")
        heard = ear.until_silence()
        assert likeness(heard, said) > 0.99
        assert not any(any(other.next()[1]) for _ in range(len(said) // 512))


def test_blocks_are_numbered_and_come_at_the_pace_of_sound(room: PulseMicrophones) -> None:
    with listening("kitchen") as (ear, _):
        began = time.monotonic()
        frames = [ear.next() for _ in range(63)]
        took_s = time.monotonic() - began
    assert [header["pcm"] for header, _ in frames] == list(range(1, 64))
    assert {header["xruns"] for header, _ in frames} == {0}
    assert {len(pcm) for _, pcm in frames} == {2 * 512}
    assert 1.0 < took_s < 6.0  # two seconds of sound, on a machine that may be busy


def test_an_unknown_name_is_refused_with_what_there_is(room: PulseMicrophones) -> None:
    with listening("bathroom") as (ear, first):
        assert first["failed"]["code"] == "MIC_UNKNOWN"
        assert "there is 'kitchen', 'hall', 'default'" in first["failed"]["message"]
        assert ear.child.wait() == 0


def test_a_microphone_that_is_pulled_out_of_a_running_sound_server_is_lost() -> None:
    with pulse_microphones("hall") as room, pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in room.environment.items():
            monkeypatch.setenv(name, value)
        with listening("hall") as (ear, _):
            began = time.monotonic()
            room.unplug_one("hall")
            assert ear.until("fault")[0]["fault"]["code"] == "MIC_LOST"
            assert time.monotonic() - began < LOST_S_MAX
        with listening("hall") as (_, first):
            assert first["failed"]["code"] == "MIC_LOST"
            assert "'hall' cannot be opened" in first["failed"]["message"]


def test_a_sound_system_that_stands_still_is_noticed_while_listening_and_while_opening(room: PulseMicrophones) -> None:
    """Nothing fails and nothing comes: the callback's age tells, and a child that hangs in a library ends itself."""
    with listening("hall") as (ear, _):
        ear.until("pcm")
        began = time.monotonic()
        room.freeze()
        assert ear.until("fault")[0]["fault"]["code"] == "MIC_LOST"
        assert time.monotonic() - began < LOST_S_MAX
    with listening("hall") as (ear, first):
        assert first["failed"]["code"] == "MIC_LOST"
        assert first["failed"]["message"] == "the sound system did not answer within 5 s"
        assert ear.child.wait() == 1


class Diary:
    """Writes down when a supervised child came and went, and how much sound there was."""

    def __init__(self) -> None:
        self.came, self.went, self.faults, self.sound_bytes = list[float](), list[float](), list[str](), 0

    def came_up(self, facts: Mapping[str, Any]) -> None:
        self.came.append(time.monotonic())

    def said(self, header: JsonObject, payload: bytes) -> None:
        self.sound_bytes += len(payload)
        if "fault" in header:
            self.faults.append(header["fault"]["code"])

    def owes(self) -> bool:
        return False

    def went_down(self, why: str) -> None:
        self.went.append(time.monotonic())


def supervised_child(device: str | None, diary: Diary) -> Supervised:
    """A microphone under the node's own supervisor, opened again at the node's own pace."""
    asked = {"open": {"device": device}}
    return Supervised(CHILD, lambda: asked, diary, SystemClock(), inherit=INHERIT, backoff_s=BACKOFF_S)


async def until(seconds: float, condition: Any) -> None:
    """Wait for a condition on the loop."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def test_an_unplugged_microphone_is_noticed_and_opened_again_when_it_is_back(room: PulseMicrophones) -> None:
    """Three seconds without a device, under the supervisor that a node uses."""

    async def story() -> None:
        diary = Diary()
        supervised = supervised_child("hall", diary)
        running = asyncio.create_task(supervised.run())
        try:
            await until(20.0, lambda: diary.sound_bytes > RATE_HZ)
            gone = time.monotonic()
            await asyncio.to_thread(room.unplug)
            await until(20.0, lambda: diary.faults)
            assert diary.faults == ["MIC_LOST"]
            assert time.monotonic() - gone < LOST_S_MAX
            await asyncio.sleep(3.0)
            assert len(diary.came) == 1
            await asyncio.to_thread(room.start)
            back, before = time.monotonic(), diary.sound_bytes
            await until(30.0, lambda: diary.sound_bytes > before)
            assert time.monotonic() - back < REOPENED_S_MAX
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())


def test_a_microphone_whose_child_is_killed_is_open_again(room: PulseMicrophones) -> None:
    async def story() -> None:
        diary = Diary()
        supervised = supervised_child(None, diary)
        running = asyncio.create_task(supervised.run())
        try:
            await until(20.0, lambda: diary.came)
            supervised.kill("for a test")
            await until(20.0, lambda: len(diary.came) == 2)
            assert supervised.ready
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())


def told(screen_of: pytest.CaptureFixture[str], *words: str) -> tuple[Exit, list[JsonObject]]:
    """What the verb answers to these words, for programs."""
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    code = verb.run(parser.parse_args(words), Screen(as_json=True))
    return code, [json.loads(line) for line in screen_of.readouterr().out.splitlines()]


def test_the_verb_lists_the_inputs_and_marks_the_default(
    room: PulseMicrophones, capsys: pytest.CaptureFixture[str]
) -> None:
    code, devices = told(capsys)
    assert code == Exit.OK
    assert {one["name"]: one["default"] for one in devices} == {"default": True, "kitchen": False, "hall": False}


def test_the_verb_shows_a_person_how_to_name_one(room: PulseMicrophones, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    assert verb.run(parser.parse_args(["--device", "hall"]), Screen()) == Exit.OK
    shown = capsys.readouterr().out
    assert '[[speech.microphones]]\n  name = "counter"\n  device = "hall"' in shown
    assert "kitchen" not in shown


def test_the_verb_tells_a_microphone_that_hears_from_one_that_does_not(
    room: PulseMicrophones, capsys: pytest.CaptureFixture[str]
) -> None:
    code, [deaf] = told(capsys, "--level", "0.3", "--device", "kitchen")
    assert code == Exit.REFUSED
    assert (deaf["hears"], deaf["peak_dbfs"]) == (False, verb.FLOOR_DBFS)

    async def story() -> tuple[Exit, list[JsonObject]]:
        sound = np.concatenate([spoken(SENTENCE), silence(200), spoken(SENTENCE)])
        playing = asyncio.create_task(asyncio.to_thread(room.play, sound, into="hall"))
        answer = await asyncio.to_thread(told, capsys, "--level", "2", "--device", "hall")
        await playing
        return answer

    code, [level] = asyncio.run(story())
    assert code == Exit.OK
    assert level["hears"] and level["device"] == "hall"
    assert -50.0 < level["rms_dbfs"] < level["peak_dbfs"] < 0.0


def test_the_verb_names_what_is_wrong(room: PulseMicrophones) -> None:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    with pytest.raises(EdgeAgentError) as unknown:
        verb.run(parser.parse_args(["--level", "1", "--device", "bathroom"]), Screen())
    assert unknown.value.code is Code.MIC_UNKNOWN
    room.unplug()
    with pytest.raises(EdgeAgentError, match="shows no microphone") as gone:
        verb.run(parser.parse_args(["--level", "1"]), Screen())
    assert gone.value.code is Code.MIC_UNKNOWN
