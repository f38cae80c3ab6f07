"""What the stop spotter is given of a sound: what may be speech, and a little around it."""

from __future__ import annotations

import numpy as np
import pytest
import speech_sounds as sounds
from ear_rig import SENTENCE, in_quiet, kinds, story
from speech_sounds import Samples

from edge_agent.speech.audio import RATE_HZ, PcmFormat
from edge_agent.speech.ear import Ear
from edge_agent.speech.events import (
    SpeechEnded,
    StopHeard,
)
from edge_agent.speech.segmenter import SegmenterRules
from edge_agent.speech.silero import WINDOW_MS, SileroModel


@pytest.fixture(scope="module")
def model() -> SileroModel:
    return SileroModel()


class Recorder:
    """A spotter that hears a stop in every loud sound, and remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[int] = []
        self._told = False

    def hear(self, samples: Samples) -> list[StopHeard]:
        self.given[-1] += len(samples)
        if self._told or np.abs(samples).max() < 2_000:
            return []
        self._told = True
        return [StopHeard("stop", 1_000.0 * self.given[-1] / RATE_HZ, 1.0)]

    def reset(self) -> None:
        self.given.append(0)
        self._told = False


class TestAttention:
    """What the stop spotter is given."""

    def test_it_hears_what_may_be_speech_and_a_little_around_it(self, model: SileroModel) -> None:
        """Woken once for each stretch, with half a second before it; in silence it rests."""
        recorder = Recorder()
        ear = Ear(PcmFormat(), spotter=recorder, model=model)
        pair = sounds.joined(sounds.silence(4_000), sounds.spoken("stop"), sounds.silence(4_000), sounds.spoken("stop"))
        events = ear.hear(in_quiet(pair, 0.0, 4_000.0).tobytes())
        assert len(recorder.given) == 2
        for count in recorder.given:
            assert 1.6 * RATE_HZ < count < 2.6 * RATE_HZ
        stops = [event for event in events if isinstance(event, StopHeard)]
        word_ms = sounds.duration_ms(sounds.spoken("stop"))
        for stop, begin_ms in zip(stops, (4_000.0, 8_000.0 + word_ms), strict=True):
            assert begin_ms <= stop.at_ms <= begin_ms + word_ms

    def test_a_faint_stop_is_heard_where_no_utterance_begins(self, model: SileroModel) -> None:
        """And one in an utterance that was dropped: the gates of the segmenter are not its own."""
        recorder = Recorder()
        ear = Ear(PcmFormat(), spotter=recorder, model=model)
        assert story(ear.hear(in_quiet(sounds.spoken("stop", level_db=-62.0)).tobytes())) == []
        assert len(recorder.given) == 1
        shut = Ear(PcmFormat(), spotter=recorder, model=model)
        shut.gap(10.0)
        assert kinds(shut.hear(sounds.spoken(SENTENCE).tobytes())) == ["StopHeard"]

    def test_rules_reach_the_segmenter(self, model: SileroModel) -> None:
        ear = Ear(PcmFormat(), rules=SegmenterRules(end_ms=900.0), model=model)
        ended = ear.hear(in_quiet(sounds.spoken(SENTENCE)).tobytes())[-1]
        assert isinstance(ended, SpeechEnded)
        assert 900.0 <= ended.decided_ms - ended.end_ms < 900.0 + WINDOW_MS
