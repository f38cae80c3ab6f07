"""Where an utterance begins, pauses and ends, told from windows alone: no sound, no clock."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.speech.events import SpeechBegan, SpeechDropped, SpeechEnded, SpeechPaused, SpeechResumed
from edge_agent.speech.segmenter import (
    FLOOR_DB_MAX,
    TRANSITIONS,
    Mark,
    Mode,
    Segmenter,
    SegmenterRules,
    State,
    Turn,
    Window,
)

WINDOW_MS = 32.0
LOUD_DB = -25.0
RULES = SegmenterRules()


class Stream:
    """A segmenter and how far its sound has come."""

    def __init__(self, mode: Mode = "continuous", rules: SegmenterRules = RULES) -> None:
        self.segmenter = Segmenter(rules, mode)
        self.now_ms = 0.0
        self.marks: list[Mark] = []

    def hear(
        self, duration_ms: float, probability: float, level_db: float = LOUD_DB, clipped_share: float = 0.0
    ) -> list[Mark]:
        """So much of the same sound, in whole windows."""
        told: list[Mark] = []
        for _ in range(round(duration_ms / WINDOW_MS)):
            begin_ms, self.now_ms = self.now_ms, self.now_ms + WINDOW_MS
            told += self.segmenter.window(Window(begin_ms, self.now_ms, probability, level_db, clipped_share))
        self.marks += told
        return told

    def speech(self, duration_ms: float = 640.0) -> list[Mark]:
        return self.hear(duration_ms, 0.95)

    def silence(self, duration_ms: float) -> list[Mark]:
        return self.hear(duration_ms, 0.02, -70.0)


def test_an_utterance_begins_pauses_and_ends() -> None:
    """The story of a sentence: both silences are told when they have lasted, and where the speech was."""
    stream = Stream()
    assert stream.silence(960) == []
    assert stream.speech(640) == [SpeechBegan(1, 960.0)]
    assert stream.silence(192) == []
    assert stream.silence(32) == [SpeechPaused(1, 1600.0)]
    assert stream.silence(256) == []
    assert stream.silence(32) == [SpeechEnded(1, 960.0, 1600.0, 2112.0)]
    assert stream.segmenter.state is State.QUIET


def test_a_pause_is_not_the_end() -> None:
    """Whoever goes on within half a second is heard as one; and the next sentence is another."""
    stream = Stream()
    stream.speech()
    stream.silence(320)
    assert stream.speech(320) == [SpeechResumed(1)]
    assert [type(mark) for mark in stream.silence(640)] == [SpeechPaused, SpeechEnded]
    assert stream.speech(320) == [SpeechBegan(2, stream.now_ms - 320)]


def test_a_weak_syllable_ends_nothing() -> None:
    """Between the two thresholds speech goes on, but neither begins nor resumes."""
    stream = Stream()
    assert stream.hear(3_200, 0.4) == []
    stream.speech()
    assert stream.hear(3_200, 0.4) == []
    stream.silence(320)
    assert stream.hear(320, 0.4)[-1] == SpeechEnded(1, 3_200.0, 7_040.0, 7_552.0)


def test_a_click_is_dropped_when_the_silence_lasted() -> None:
    """It pauses nothing, so that no work is begun for it; two of them within a sentence's pause are still clicks."""
    stream = Stream()
    assert [type(mark) for mark in stream.speech(64)] == [SpeechBegan]
    assert stream.silence(448) == []
    dropped = stream.silence(64)
    assert [(type(mark), mark.code) for mark in dropped if isinstance(mark, SpeechDropped)] == [
        (SpeechDropped, Code.NO_SPEECH)
    ]


def test_a_stammered_beginning_is_kept() -> None:
    """A syllable shorter than a click, then the sentence: one utterance, from the syllable on."""
    stream = Stream()
    stream.speech(64)
    stream.silence(352)
    assert stream.speech(640) == []
    assert stream.silence(512)[-1] == SpeechEnded(1, 0.0, 1_056.0, 1_568.0)


def test_the_loudest_whisper_of_a_radio_is_no_speech() -> None:
    """However much it sounds like speech, it stays below the absolute floor."""
    stream = Stream()
    assert stream.hear(30_000, 0.99, RULES.level_db_min - 1.0) == []


def test_speech_in_a_loud_hall_rises_above_its_noise() -> None:
    """The floor follows the noise, up to a bound; what is no louder than the noise does not begin."""
    stream = Stream()
    stream.hear(20_000, 0.1, -40.0)
    assert stream.hear(320, 0.9, -40.0) == []
    assert stream.hear(320, 0.9, -35.0)[0] == SpeechBegan(1, stream.now_ms - 320)
    deafening = Stream()
    deafening.hear(60_000, 0.1, -10.0)
    assert deafening.hear(320, 0.9, FLOOR_DB_MAX + RULES.above_floor_db + 0.1) != []


def test_a_radio_behind_the_speaker_does_not_prolong_what_he_said() -> None:
    """Far below his own loudness, somebody else is speaking."""
    stream = Stream()
    stream.hear(640, 0.95, -20.0)
    marks = stream.hear(512, 0.95, -20.0 - RULES.below_peak_db - 1.0)
    assert marks[-1] == SpeechEnded(1, 0.0, 640.0, 1_152.0)


def test_sixteen_seconds_are_dropped_and_so_is_their_rest() -> None:
    """Half of a sentence is never taken for a whole; after a silence the stream listens again."""
    stream = Stream()
    marks = stream.speech(16_000)
    assert [type(mark) for mark in marks] == [SpeechBegan, SpeechDropped]
    assert isinstance(marks[-1], SpeechDropped)
    assert marks[-1].code is Code.UTTERANCE_TOO_LONG
    assert stream.segmenter.state is State.SHUT
    assert stream.speech() == []
    stream.silence(320)
    assert stream.speech() == []
    stream.silence(512)
    assert stream.speech() == [SpeechBegan(2, stream.now_ms - 640)]


def test_a_gap_drops_what_is_being_said_and_its_rest() -> None:
    """The word that is missing may have been "not"."""
    stream = Stream()
    stream.speech()
    assert stream.segmenter.gap(stream.now_ms, "40 ms are missing") == [
        SpeechDropped(1, Code.AUDIO_GAP, "40 ms are missing")
    ]
    assert stream.speech() == []
    stream.silence(640)
    assert stream.speech()[0] == SpeechBegan(2, stream.now_ms - 640)


def test_a_gap_in_silence_drops_nothing_but_beheads_nothing_either() -> None:
    """A sentence that is already going on after the gap has lost its beginning."""
    stream = Stream()
    stream.silence(320)
    assert stream.segmenter.gap(stream.now_ms, "40 ms are missing") == []
    assert stream.speech() == []


@pytest.mark.parametrize("ending", ["pause", "finish"])
def test_clipped_speech_is_dropped(ending: str) -> None:
    """By the share of its speech, not of its pauses; before any work is begun on it."""
    stream = Stream()
    stream.hear(640, 0.9, -3.0, RULES.clipped_share_max + 0.01)
    marks = stream.silence(256) if ending == "pause" else stream.segmenter.finish(stream.now_ms)
    assert [mark.code for mark in marks if isinstance(mark, SpeechDropped)] == [Code.AUDIO_CLIPPED]
    assert len(marks) == 1


def test_a_few_clipped_samples_are_borne() -> None:
    stream = Stream()
    stream.hear(640, 0.9, -3.0, 0.9 * RULES.clipped_share_max)
    assert isinstance(stream.silence(640)[-1], SpeechEnded)


def test_what_is_sure_ends_sooner() -> None:
    """At once when the shorter silence has already lasted, and never sooner than the pause."""
    stream = Stream()
    stream.speech()
    stream.silence(256)
    assert stream.segmenter.settle(stream.now_ms, 0.0) == [SpeechEnded(1, 0.0, 640.0, 896.0)]
    later = Stream()
    later.speech()
    later.silence(224)
    assert later.segmenter.settle(later.now_ms, 300.0) == []
    assert later.silence(96) == [SpeechEnded(1, 0.0, 640.0, 960.0)]


def test_it_never_ends_later_than_the_rules_say() -> None:
    stream = Stream()
    stream.speech()
    stream.silence(224)
    assert stream.segmenter.settle(stream.now_ms, 5_000.0) == []
    assert stream.silence(288)[-1] == SpeechEnded(1, 0.0, 640.0, 1_152.0)


def test_being_sure_holds_for_one_pause() -> None:
    """Speech that goes on makes it doubtful again; a word about a pause that is past changes nothing."""
    stream = Stream()
    stream.speech()
    stream.silence(224)
    stream.segmenter.settle(stream.now_ms, 300.0)
    stream.speech(320)
    assert stream.segmenter.settle(stream.now_ms, 300.0) == []
    assert [type(mark) for mark in stream.silence(352)] == [SpeechPaused]
    assert stream.segmenter.settle(stream.now_ms, 200.0, paused_ms=640.0) == []
    assert isinstance(stream.segmenter.settle(stream.now_ms, 200.0, paused_ms=1_184.0)[-1], SpeechEnded)


def test_the_end_of_the_stream_ends_the_sentence() -> None:
    """Without waiting for a silence; and nothing is taken after it."""
    stream = Stream()
    stream.speech()
    assert stream.segmenter.finish(stream.now_ms) == [SpeechEnded(1, 0.0, 640.0, 640.0)]
    assert stream.segmenter.finish(stream.now_ms) == []
    assert stream.speech() == []


class TestPushToTalk:
    """One utterance, from the first sample to the last."""

    def test_silences_cut_nothing(self) -> None:
        stream = Stream("push_to_talk")
        assert stream.silence(1_600) == [SpeechBegan(1, 0.0)]
        stream.speech()
        assert stream.silence(3_200) == [SpeechPaused(1, 2_240.0)]
        assert stream.segmenter.settle(stream.now_ms, 0.0) == []
        stream.speech()
        assert stream.segmenter.finish(stream.now_ms) == [SpeechEnded(1, 0.0, 6_080.0, stream.now_ms)]

    @pytest.mark.parametrize("duration_ms", [0, 3_200])
    def test_where_nobody_spoke_there_is_an_answer_too(self, duration_ms: float) -> None:
        stream = Stream("push_to_talk")
        stream.silence(duration_ms)
        stream.marks += stream.segmenter.finish(stream.now_ms)
        assert [type(mark) for mark in stream.marks] == [SpeechBegan, SpeechDropped]
        assert isinstance(stream.marks[-1], SpeechDropped)
        assert stream.marks[-1].code is Code.NO_SPEECH

    @pytest.mark.parametrize("sentence_ms", [0, 640])
    def test_after_a_gap_nothing_more_is_taken(self, sentence_ms: float) -> None:
        """What the key was held for is broken; the next press is another stream."""
        stream = Stream("push_to_talk")
        stream.speech(sentence_ms)
        marks = stream.segmenter.gap(stream.now_ms, "a hole")
        assert marks[-1] == SpeechDropped(1, Code.AUDIO_GAP, "a hole")
        stream.silence(3_200)
        assert stream.speech() == []
        assert stream.segmenter.finish(stream.now_ms) == []

    def test_it_is_not_longer_than_an_utterance(self) -> None:
        """Silence counts as well: the recogniser is given all of it."""
        stream = Stream("push_to_talk")
        marks = stream.silence(RULES.length_ms_max + WINDOW_MS)
        assert isinstance(marks[-1], SpeechDropped)
        assert marks[-1].code is Code.UTTERANCE_TOO_LONG


WINDOWS = st.tuples(
    st.just("window"), st.floats(0.0, 1.0), st.floats(-100.0, 0.0), st.floats(0.0, 1.0), st.integers(1, 40)
)
DOINGS = st.lists(
    st.one_of(WINDOWS, st.tuples(st.just("settle"), st.floats(0.0, 2_000.0)), st.tuples(st.just("gap"))), max_size=60
)


@given(DOINGS, st.sampled_from(["continuous", "push_to_talk"]))
@settings(max_examples=300, deadline=None)
def test_any_windows_make_a_legal_story(doings: list[tuple[object, ...]], mode: Mode) -> None:
    """Utterances are numbered, follow one another and end exactly once; times go forward; held down there is one."""
    rules = SegmenterRules(length_ms_max=2_000.0)
    stream = Stream(mode, rules)
    for doing in doings:
        match doing:
            case ("window", float(probability), float(level_db), float(clipped), int(count)):
                stream.hear(count * WINDOW_MS, probability, level_db, clipped)
            case ("settle", float(end_ms)):
                stream.marks += stream.segmenter.settle(stream.now_ms, end_ms)
            case _:
                stream.marks += stream.segmenter.gap(stream.now_ms, "a hole")
    stream.marks += stream.segmenter.finish(stream.now_ms)
    assert_legal(stream.marks, rules, mode)


def assert_legal(marks: list[Mark], rules: SegmenterRules, mode: Mode) -> None:
    """Against the contract of the events, told apart from how the segmenter keeps it."""
    allowed = {
        "nothing": (SpeechBegan,),
        "speaking": (SpeechPaused, SpeechEnded, SpeechDropped),
        "paused": (SpeechResumed, SpeechEnded, SpeechDropped),
    }
    standing, number, latest_ms = "nothing", 0, 0.0
    for mark in marks:
        assert isinstance(mark, allowed[standing]), f"{mark} while {standing}"
        match mark:
            case SpeechBegan(utterance, at_ms):
                number += 1
                standing = "speaking"
                assert at_ms >= latest_ms
                latest_ms = at_ms
            case SpeechPaused(utterance, at_ms):
                standing = "paused"
                assert at_ms >= latest_ms
                latest_ms = at_ms
            case SpeechResumed(utterance):
                standing = "speaking"
            case SpeechEnded(utterance, begin_ms, end_ms, decided_ms):
                standing = "nothing"
                assert begin_ms < end_ms <= decided_ms
                assert end_ms >= latest_ms
                assert end_ms - begin_ms <= rules.length_ms_max
                latest_ms = end_ms
            case SpeechDropped(utterance):
                standing = "nothing"
        assert utterance == number
    assert standing == "nothing"
    assert mode == "continuous" or number == 1


def test_every_state_can_be_left_until_it_is_over() -> None:
    """The table is whole: a stream can always end, a gap always shuts it, and nothing comes after the end."""
    assert TRANSITIONS.keys() == set(State)
    assert not TRANSITIONS[State.OVER]
    for state in set(State) - {State.OVER}:
        assert TRANSITIONS[state][Turn.FINISH] is State.OVER
        assert TRANSITIONS[state][Turn.BREAK] is State.SHUT


@pytest.mark.parametrize(
    "wrong",
    [
        {"keep_probability": 0.6},
        {"begin_probability": 1.0},
        {"pause_ms": 600.0},
        {"end_ms": 20_000.0},
        {"length_ms_max": 15_001.0},
        {"pre_roll_ms": -1.0},
        {"clipped_share_max": 2.0},
        {"end_ms": float("nan")},
        {"end_ms": "500"},
        {"pause_ms": True},
        {"patience_ms": 3.0},
    ],
    ids=lambda wrong: "-".join(f"{name}={value}" for name, value in wrong.items()),
)
def test_rules_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    """The message names the rule."""
    with pytest.raises(ConfigurationFault, match="speech rule") as refused:
        SegmenterRules.of_object(wrong)
    assert refused.value.code is Code.SETTINGS_INVALID


def test_rules_that_are_not_named_stand_as_they_are() -> None:
    assert SegmenterRules.of_object({"end_ms": 700.0}) == SegmenterRules(end_ms=700.0)
