"""The ear's process: many streams over one socket, with the real process; and what the node believes of it."""

from __future__ import annotations

import math
import os
import queue
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, BinaryIO, get_args

import numpy as np
import pytest
import speech_sounds as sounds
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import Code
from edge_agent.processes.frames import BadFrame, JsonObject, read_frame, write_frame
from edge_agent.processes.spawn import Spawned, spawn
from edge_agent.speech.audio import PcmFormat
from edge_agent.speech.ear_wire import Ended, Position, Told, event_frame, open_object, read_ear
from edge_agent.speech.events import (
    EarEvent,
    SpeechBegan,
    SpeechDropped,
    SpeechEnded,
    SpeechHeard,
    SpeechPaused,
    SpeechResumed,
    StopHeard,
    StreamFault,
)
from edge_agent.speech.segmenter import Mode

SENTENCE = "bring the red box to dock three"
CHUNK_BYTES = 3_200

EVENTS: tuple[EarEvent, ...] = (
    SpeechBegan(1, 20.5),
    SpeechHeard(1, b"\x01\x02" * 512),
    SpeechPaused(1, 900.0),
    SpeechResumed(1),
    SpeechEnded(1, 20.5, 900.0, 1_400.0),
    SpeechDropped(2, Code.AUDIO_GAP, "a hole"),
    StopHeard("stop", 800.0, 0.75),
    StreamFault(Code.AUDIO_ODD_BYTES, "odd", over=True),
)


NAN = math.nan


class Child:
    """The process and this side of the socket. What it tells is read as it comes: neither side waits for the other."""

    def __init__(self, *stop_phrases: str) -> None:
        self.process: Spawned = spawn("edge_agent.speech.ear_child")
        self._asked: BinaryIO = self.process.socket.makefile("wb")
        self._told: BinaryIO = self.process.socket.makefile("rb")
        self._frames: queue.Queue[tuple[JsonObject, bytes] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.send({"load": {"stop_phrases": list(stop_phrases)}})
        self.facts = self._frame()[0]["ready"]

    def send(self, header: JsonObject, payload: bytes = b"") -> None:
        write_frame(self._asked, header, payload)

    def open(self, stream: int, form: PcmFormat | None = None, mode: Mode = "continuous", **rules: float) -> None:
        self.send(open_object(stream, form or PcmFormat(), mode, rules))

    def next(self) -> Told | Position | Ended:
        return read_ear(*self._frame())

    def end(self, *streams: int) -> list[Told | Position | Ended]:
        """End them; everything that is told until all have ended."""
        for stream in streams:
            self.send({"end": stream})
        told: list[Told | Position | Ended] = []
        while sum(isinstance(one, Ended) for one in told) < len(streams):
            told.append(self.next())
        return told

    def close(self) -> int:
        """Close the socket; how the process ended."""
        self.process.socket.shutdown(socket.SHUT_WR)
        self._reader.join(60.0)
        for one in (self._asked, self._told, self.process.socket):
            one.close()
        return self.process.wait()

    def _frame(self) -> tuple[JsonObject, bytes]:
        frame = self._frames.get(timeout=60.0)
        if frame is None:
            raise EOFError
        return frame

    def _read(self) -> None:
        try:
            while True:
                self._frames.put(read_frame(self._told))
        except (EOFError, OSError):
            self._frames.put(None)


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child()
    yield child
    child.close()


def chunks_of(sound: sounds.Samples) -> list[bytes]:
    data = sound.tobytes()
    return [data[begin : begin + CHUNK_BYTES] for begin in range(0, len(data), CHUNK_BYTES)]


def story(told: list[Told | Position | Ended], stream: int) -> list[str]:
    """What happened in a stream, without its sound."""
    events = [one.event for one in told if isinstance(one, Told) and one.stream == stream]
    return [
        f"{type(event).__name__} {event.code}"
        if isinstance(event, SpeechDropped | StreamFault)
        else type(event).__name__
        for event in events
        if not isinstance(event, SpeechHeard)
    ]


class TestProcess:
    """Sound goes in, events come out, for as many streams as there are."""

    def test_several_streams_at_once_are_kept_apart(self, child: Child) -> None:
        """Their chunks interleaved: a sentence, a silence, one held down to talk at another rate."""
        sentence = sounds.joined(sounds.silence(500), sounds.spoken(SENTENCE), sounds.silence(800))
        quiet = sounds.pink_noise(sounds.duration_ms(sentence))
        child.open(1)
        child.open(2)
        child.open(3, mode="push_to_talk")
        for one, two in zip(chunks_of(sentence), chunks_of(quiet), strict=True):
            for stream, chunk in ((1, one), (2, two), (3, one)):
                child.send({"pcm": stream}, chunk)
        told = child.end(1, 2, 3)
        assert story(told, 1) == ["SpeechBegan", "SpeechPaused", "SpeechEnded"]
        assert story(told, 2) == []
        assert story(told, 3) == ["SpeechBegan", "SpeechPaused", "SpeechEnded"]
        held = [one.event.pcm for one in told if isinstance(one, Told) and isinstance(one.event, SpeechHeard)]
        assert sum(map(len, held)) > sentence.nbytes

    def test_every_chunk_is_answered_with_how_far_the_stream_has_come(self, child: Child) -> None:
        """So that a client may send more; the answer to a chunk comes after its events."""
        child.open(7, PcmFormat(rate_hz=48_000, channels=2))
        for turn in range(1, 6):
            child.send({"pcm": 7}, bytes(48_000 * 4 // 10))
            assert child.next() == Position(7, pytest.approx(100.0 * turn))
        assert child.end(7) == [Ended(7)]

    def test_being_sure_ends_a_sentence_sooner(self, child: Child) -> None:
        child.open(1)
        sound = sounds.joined(sounds.silence(500), sounds.spoken(SENTENCE), sounds.silence(320))
        child.send({"pcm": 1}, sound.tobytes())
        told = [child.next()]
        while not isinstance(told[-1], Position):
            told.append(child.next())
        paused = next(one.event for one in told if isinstance(one, Told) and isinstance(one.event, SpeechPaused))
        child.send({"settle": 1, "end_ms": 250, "paused_ms": paused.at_ms})
        ended = child.next()
        assert isinstance(ended, Told)
        assert isinstance(ended.event, SpeechEnded)
        assert ended.event.end_ms == paused.at_ms

    def test_a_gap_is_named(self, child: Child) -> None:
        child.open(1)
        child.send({"pcm": 1}, sounds.joined(sounds.silence(300), sounds.spoken(SENTENCE)).tobytes())
        child.send({"gap": 1, "missing_ms": 40.0})
        assert story(child.end(1), 1) == ["SpeechBegan", "SpeechDropped AUDIO_GAP", "StreamFault AUDIO_GAP"]

    @pytest.mark.parametrize(
        ("form", "sound", "code"),
        [
            (PcmFormat(), b"\0" * 999, "AUDIO_ODD_BYTES"),
            (PcmFormat(encoding="f32le"), np.full(100, np.nan, "<f4").tobytes(), "AUDIO_NOT_FINITE"),
            (PcmFormat(rate_hz=4_000), b"\0" * 100, "AUDIO_FORMAT"),
            (PcmFormat(channels=9), b"\0" * 180, "AUDIO_FORMAT"),
        ],
        ids=["odd-bytes", "nan", "rate", "channels"],
    )
    def test_one_bad_stream_leaves_the_others_alone(
        self, child: Child, form: PcmFormat, sound: bytes, code: str
    ) -> None:
        child.open(1)
        child.open(2, form)
        child.send({"pcm": 2}, sound)
        for chunk in chunks_of(sounds.joined(sounds.silence(300), sounds.spoken(SENTENCE), sounds.silence(700))):
            child.send({"pcm": 2}, sound)
            child.send({"pcm": 1}, chunk)
        told = child.end(1, 2)
        assert set(story(told, 2)) == {f"StreamFault {code}"}
        assert story(told, 1) == ["SpeechBegan", "SpeechPaused", "SpeechEnded"]

    def test_rules_that_cannot_work_end_the_stream_by_name(self, child: Child) -> None:
        child.open(1, end_ms=100.0)
        assert story(child.end(1), 1) == ["StreamFault SETTINGS_INVALID"]

    def test_what_comes_for_a_closed_stream_is_nobodys(self, child: Child) -> None:
        """It was under way; the number may be used again."""
        child.open(1)
        child.send({"close": 1})
        child.send({"pcm": 1}, bytes(64))
        child.send({"gap": 1, "missing_ms": 1.0})
        child.send({"settle": 1, "end_ms": 200.0})
        assert child.end(1) == [Ended(1)]
        child.open(1)
        child.send({"pcm": 1}, bytes(3_200))
        assert child.end(1) == [Position(1, 100.0), Ended(1)]

    def test_it_says_what_it_judges_by(self, child: Child) -> None:
        assert len(child.facts["vad_sha256"]) == 64

    def test_it_ends_when_the_socket_closes(self) -> None:
        child = Child()
        child.open(1)
        assert child.close() == 0

    def test_it_does_not_outlive_nonsense(self) -> None:
        """A message that it does not know is a mistake of ours: better a new process than a wrong ear."""
        child = Child()
        child.send({"listen": "harder"})
        with pytest.raises(EOFError):
            child.next()
        assert child.close() == 0

    def test_a_stop_is_told_before_its_sentence_is_over(self) -> None:
        """Beside the cutting, while the pause after it has not even been noticed."""
        pytest.importorskip("livekit")
        child = Child("stop")
        child.open(1)
        word = sounds.spoken("stop", voice="en-us")
        for chunk in chunks_of(sounds.joined(sounds.silence(1_000), word, sounds.silence(800))):
            child.send({"pcm": 1}, chunk)
        told = story(child.end(1), 1)
        child.close()
        assert told.index("StopHeard") < told.index("SpeechPaused")

    def test_a_killed_ear_is_noticed_at_once(self) -> None:
        child = Child()
        os.kill(child.process.pid, signal.SIGKILL)
        with pytest.raises(EOFError):
            child.next()
        assert child.close() == -signal.SIGKILL


class TestWire:
    """The node believes nothing that is not exactly as expected."""

    def test_every_kind_of_event_is_here(self) -> None:
        assert {type(event) for event in EVENTS} == set(get_args(EarEvent))

    @pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
    def test_events_come_back_as_they_went(self, event: EarEvent) -> None:
        assert read_ear(*event_frame(4, event)) == Told(4, event)

    @pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
    def test_a_field_too_many_or_too_few_is_refused(self, event: EarEvent) -> None:
        header, payload = event_frame(4, event)
        with pytest.raises(BadFrame):
            read_ear({**header, "more": 1}, payload)
        for field in header.keys() - {"stream", "event"}:
            with pytest.raises(BadFrame):
                read_ear({name: value for name, value in header.items() if name != field}, payload)

    @pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
    @pytest.mark.parametrize("wrong", [None, "", [], {}, True, 1.5, NAN, -3, "NO_SUCH_CODE"], ids=repr)
    def test_a_field_of_another_kind_is_refused(self, event: EarEvent, wrong: Any) -> None:
        """Each field in turn, unless the value is one that it may have."""
        header, payload = event_frame(4, event)
        fitting = {float: "score at_ms begin_ms end_ms decided_ms", bool: "over", str: "message phrase"}
        for field in header.keys() - {"event"}:
            if field in fitting.get(type(wrong), "").split() and wrong is not NAN:
                continue
            with pytest.raises(BadFrame):
                read_ear({**header, field: wrong}, payload)

    def test_sound_that_is_none_or_beside_another_event_is_refused(self) -> None:
        for event, payload in (
            (EVENTS[1], b""),
            (EVENTS[1], b"\0" * 3),
            (EVENTS[0], b"\0\0"),
        ):
            with pytest.raises(BadFrame):
                read_ear(event_frame(4, event)[0], payload)

    def test_long_words_are_refused(self) -> None:
        with pytest.raises(BadFrame):
            read_ear(*event_frame(4, replace(StreamFault(Code.AUDIO_GAP, ""), message="x" * 2_001)))

    @pytest.mark.parametrize(
        "header",
        [
            {},
            {"ready": {}},
            {"stream": 1, "event": "SpeechStolen", "utterance": 1},
            {"stream": 1, "event": ["SpeechBegan"]},
            {"position": 1},
            {"position": 1, "ms": 5},
            {"position": 1, "ms": 5.0, "more": 1},
            {"position": -1, "ms": 5.0},
            {"ended": "1"},
            {"ended": 1, "ms": 2.0},
        ],
        ids=str,
    )
    def test_other_messages_are_refused(self, header: JsonObject) -> None:
        with pytest.raises(BadFrame):
            read_ear(header, b"")

    @given(st.dictionaries(st.sampled_from(["stream", "event", "utterance", "at_ms", "position", "ms"]), st.none()))
    def test_nothing_escapes_but_bad_frames(self, header: JsonObject) -> None:
        with pytest.raises(BadFrame):
            read_ear(header, b"")

    def test_every_field_of_the_events_is_read(self) -> None:
        """A new field without a reader is noticed here, not at run time."""
        from edge_agent.speech.ear_wire import _READERS

        assert {field.name for kind in get_args(EarEvent) for field in fields(kind)} == set(_READERS)
