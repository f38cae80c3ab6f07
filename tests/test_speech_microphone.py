"""The microphone's parts that need no sound: the ring, the beat, names, formats, levels, a missing library."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.cli.microphones import DEAF_DBFS, FLOOR_DBFS, Level, dbfs
from edge_agent.errors import Code, NodeFault
from edge_agent.processes.frames import read_frame, write_frame
from edge_agent.processes.spawn import spawn
from edge_agent.speech.audio import PcmFormat
from edge_agent.speech.microphone import InputDevice, find_device, forms_of
from edge_agent.speech.ring import Beat, Block, Ring

DEVICES = (
    InputDevice(0, "HDA Intel PCH: ALC256 Analog (hw:0,0)", "ALSA", 2, 44_100, default=False),
    InputDevice(1, "USB PnP Sound Device: Audio (hw:1,0)", "ALSA", 1, 48_000, default=False),
    InputDevice(2, "USB Conference Puck: Audio (hw:2,0)", "ALSA", 6, 16_000, default=False),
    InputDevice(3, "pulse", "ALSA", 32, 44_100, default=False),
    InputDevice(4, "default", "ALSA", 32, 44_100, default=True),
    InputDevice(5, "built-in", "ALSA", 2, 48_000, default=False),
    InputDevice(6, "built-in", "JACK Audio Connection Kit", 2, 48_000, default=False),
)


@given(st.lists(st.booleans(), max_size=80), st.integers(1, 8))
def test_a_ring_gives_what_was_put_in_and_counts_what_was_not(steps: list[bool], room: int) -> None:
    """True puts a block in, False takes one out: beside a plain queue that does the same."""
    ring, queue, put, lost = Ring(room), list[Block](), 0, 0
    for step in steps:
        if step:
            put += 1
            pcm = put.to_bytes(2, "little")
            if len(queue) < room:
                queue.append(Block(pcm, lost))
            else:
                lost += 1
            ring.put(pcm)
        else:
            assert ring.take() == (queue.pop(0) if queue else None)
        assert (ring.beats, ring.xruns) == (put, lost)
    assert [ring.take() for _ in queue] == queue
    assert ring.take() is None


def test_sound_missing_before_a_block_is_told_with_that_block() -> None:
    """What the card lost itself is counted like what found no room."""
    ring = Ring(2)
    ring.put(b"a")
    ring.put(b"b", broken=True)
    ring.put(b"c")
    assert [ring.take(), ring.take(), ring.take()] == [Block(b"a", 0), Block(b"b", 1), None]
    ring.put(b"d")
    assert ring.take() == Block(b"d", 2)


def test_a_ring_bears_two_threads_at_once() -> None:
    """Nothing comes twice, nothing in another order, and what is missing was counted."""
    ring, count = Ring(16), 50_000
    writer = threading.Thread(target=lambda: [ring.put(n.to_bytes(4, "little")) for n in range(count)])
    writer.start()
    taken: list[Block] = []
    while writer.is_alive() or ring.beats < count:
        while block := ring.take():
            taken.append(block)
    writer.join()
    taken += iter(ring.take, None)
    numbers = [int.from_bytes(block.pcm, "little") for block in taken]
    assert len(numbers) + ring.xruns == count
    assert all(number == place + block.xruns for place, (number, block) in enumerate(zip(numbers, taken, strict=True)))


def test_a_still_count_is_timed_and_a_moving_one_is_not() -> None:
    beat = Beat(look_ms_max=100.0)
    assert [beat.still_ms(count, now) for count, now in ((1, 0.0), (1, 20.0), (1, 50.0), (2, 60.0), (2, 80.0))] == [
        0.0,
        20.0,
        50.0,
        0.0,
        20.0,
    ]


def test_a_process_that_was_held_up_does_not_call_the_device_silent() -> None:
    """A suspend of an hour between two looks is no hour of silence."""
    beat = Beat(look_ms_max=100.0)
    beat.still_ms(1, 0.0)
    assert beat.still_ms(1, 3_600_000.0) == 100.0


@pytest.mark.parametrize(
    ("name", "index"),
    [
        pytest.param(None, 4, id="none named: the default"),
        pytest.param("pulse", 3, id="whole name"),
        pytest.param("PULSE", 3, id="in any case"),
        pytest.param("usb pnp", 1, id="a part that no other has"),
        pytest.param("hw:2,0", 2, id="its place"),
        pytest.param("built-in, jack audio connection kit", 6, id="with its sound system"),
        pytest.param("JACK", 6, id="its sound system alone"),
    ],
)
def test_a_device_is_found_by_its_name(name: str | None, index: int) -> None:
    assert find_device(name, DEVICES).index == index


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("bluetooth", "there is no microphone 'bluetooth'; there is 'HDA Intel", id="none"),
        pytest.param("usb", "'usb' fits several microphones: 'USB PnP", id="several"),
        pytest.param("built-in", "'built-in, ALSA', 'built-in, JACK", id="two of one name"),
    ],
)
def test_a_name_that_means_none_or_several_is_refused_with_a_list(name: str, said: str) -> None:
    with pytest.raises(NodeFault) as fault:
        find_device(name, DEVICES)
    assert fault.value.code is Code.MIC_UNKNOWN
    assert said in fault.value.message


@pytest.mark.parametrize("name", [None, "usb"])
def test_a_machine_without_microphones_says_so(name: str | None) -> None:
    with pytest.raises(NodeFault, match="shows no microphone"):
        find_device(name, ())


def test_without_a_default_the_first_one_is_used() -> None:
    assert find_device(None, DEVICES[:2]).index == 0


def test_formats_are_tried_at_16_khz_first_then_at_the_devices_own_rate() -> None:
    assert list(forms_of(DEVICES[1]))[:2] == [PcmFormat(16_000, 1), PcmFormat(48_000, 1)]
    assert list(forms_of(DEVICES[0]))[:3] == [PcmFormat(16_000, 1), PcmFormat(16_000, 2), PcmFormat(44_100, 1)]
    many = InputDevice(7, "studio", "ALSA", 18, 192_000, default=False)
    assert {(form.rate_hz <= 48_000, form.channels <= 2) for form in forms_of(many)} == {(True, True)}


@pytest.mark.parametrize(
    ("library", "said"),
    [
        pytest.param('raise OSError("PortAudio library not found")', "apt-get install libportaudio2", id="PortAudio"),
        pytest.param("raise ImportError", "pip install 'edge-agent[speech]'", id="sounddevice"),
        pytest.param('raise RuntimeError("no memory")', "does not start: no memory", id="it does not start"),
    ],
)
def test_a_missing_library_is_named_with_what_to_do(library: str, said: str, tmp_path: Path) -> None:
    """A sounddevice that fails as the real one does stands before it on the child's path."""
    (tmp_path / "sounddevice.py").write_text(library)
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    child = spawn("edge_agent.speech.microphone_child", environment={"PYTHONPATH": path})
    with child.socket, child.socket.makefile("wb") as asking, child.socket.makefile("rb") as heard:
        write_frame(asking, {"open": {"device": None}})
        answer, _ = read_frame(heard)
    assert answer["failed"]["code"] == "SPEECH_UNAVAILABLE"
    assert said in answer["failed"]["message"]
    assert child.wait() == 0


def test_the_process_ends_when_its_parent_hangs_up() -> None:
    child = spawn("edge_agent.speech.microphone_child")
    child.socket.close()
    assert child.wait() == 0


def test_a_level_is_measured_in_db_below_full_scale() -> None:
    """A square wave of half the range: as loud as its peak, 6 dB below all there is."""
    form, level = PcmFormat(), Level()
    wave = b"\x00\x40\x00\xc0" * 800
    assert level.add(wave, form) == pytest.approx((-6.02, -6.02), abs=0.01)
    assert (level.rms_dbfs, level.peak_dbfs) == pytest.approx((-6.02, -6.02), abs=0.01)
    assert level.add(bytes(3_200), form) == (FLOOR_DBFS, FLOOR_DBFS)
    assert level.rms_dbfs == pytest.approx(-9.03, abs=0.01)
    assert dbfs(0.0) == FLOOR_DBFS < DEAF_DBFS
