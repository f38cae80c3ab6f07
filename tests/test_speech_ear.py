"""Sound in, events out: sentences are cut where they pause, and every kind of bad sound is named by its code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import speech_sounds as sounds
from ear_rig import FLOATS, SENTENCE, chunks, heard, in_quiet, kinds, sound_of, story
from speech_sounds import Samples

from edge_agent.errors import ClientFault, Code
from edge_agent.speech.audio import BYTES_PER_SAMPLE, RATE_HZ, Encoding, PcmFormat, to_wave
from edge_agent.speech.ear import Ear
from edge_agent.speech.energy import level_db
from edge_agent.speech.events import (
    EarEvent,
    SpeechBegan,
    SpeechEnded,
    SpeechHeard,
    SpeechPaused,
    StreamFault,
)
from edge_agent.speech.segmenter import Mode
from edge_agent.speech.silero import WINDOW_MS, SileroModel, SileroStream


@pytest.fixture(scope="module")
def model() -> SileroModel:
    return SileroModel()


class TestSilero:
    """The judge of speech, a window at a time."""

    def test_streaming_is_what_faster_whisper_computes_in_one_go(self, model: SileroModel) -> None:
        """The last window excepted, whose end faster-whisper blanks out by mistake of a view."""
        from faster_whisper.vad import get_vad_model

        sound = sounds.mixed(
            in_quiet(sounds.joined(sounds.spoken(SENTENCE), sounds.silence(700), sounds.spoken("wait"))),
            sounds.pink_noise(4_500.0),
        )
        wave = to_wave(sound[: len(sound) // 512 * 512])
        stream = SileroStream(model)
        ours = [stream.probability(window) for window in wave.reshape(-1, 512)]
        theirs = get_vad_model()(wave.copy()).ravel()
        assert np.abs(np.array(ours)[:-1] - theirs[:-1]).max() < 1e-4
        assert max(ours) > 0.9
        assert min(ours) < 0.1

    def test_it_is_found_without_loading_whisper(self) -> None:
        """The ear's process stays small."""
        import subprocess

        script = (
            "import sys, edge_agent.speech.ear_child; from edge_agent.speech.silero import SileroModel; SileroModel();"
        )
        script += "assert not {'faster_whisper', 'ctranslate2', 'av'} & sys.modules.keys()"
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)

    def test_reset_forgets(self, model: SileroModel) -> None:
        stream = SileroStream(model)
        windows = to_wave(sounds.spoken(SENTENCE))[: 512 * 20].reshape(-1, 512)
        first = [stream.probability(window) for window in windows]
        stream.reset()
        assert [stream.probability(window) for window in windows] == first


class TestCutting:
    """Sentences in a stream."""

    def test_a_sentence_is_cut_where_it_is(self, model: SileroModel) -> None:
        """Begin and end are near the truth, and the decision is half a second after the end."""
        sentence = sounds.spoken(SENTENCE)
        events = heard(model, in_quiet(sentence))
        began, paused, ended = story(events)
        assert isinstance(began, SpeechBegan)
        assert isinstance(paused, SpeechPaused)
        assert isinstance(ended, SpeechEnded)
        assert ended.begin_ms == began.at_ms == pytest.approx(1_000.0, abs=100.0)
        assert ended.end_ms == paused.at_ms == pytest.approx(1_000.0 + sounds.duration_ms(sentence), abs=100.0)
        assert 500.0 <= ended.decided_ms - ended.end_ms < 500.0 + WINDOW_MS

    def test_the_sound_comes_whole_with_its_pre_roll(self, model: SileroModel) -> None:
        """Nothing twice, nothing missing, from 300 ms before the speech until the decision."""
        stream = in_quiet(sounds.spoken(SENTENCE))
        events = heard(model, stream)
        ended = story(events)[-1]
        assert isinstance(ended, SpeechEnded)
        begin = round((ended.begin_ms - 288.0) * RATE_HZ / 1_000)
        expected = stream[begin : round(ended.decided_ms * RATE_HZ / 1_000)]
        taken = sound_of(events)
        assert len(taken) == len(expected)
        assert np.abs(taken.astype(int) - expected.astype(int)).max() < 1_500  # the high-pass turns low tones a little
        assert np.corrcoef(taken, expected)[0, 1] > 0.99

    def test_events_come_in_their_order(self, model: SileroModel) -> None:
        """The sound of an utterance comes between its beginning and its end; the pause is told with its sound."""
        events = heard(model, in_quiet(sounds.spoken(SENTENCE)))
        assert isinstance(events[0], SpeechBegan)
        assert isinstance(events[-1], SpeechEnded)
        paused = next(place for place, event in enumerate(events) if isinstance(event, SpeechPaused))
        assert len(sound_of(events[:paused])) == pytest.approx(
            len(sounds.spoken(SENTENCE)) + 0.5 * RATE_HZ, abs=0.1 * RATE_HZ
        )

    def test_two_sentences_are_two(self, model: SileroModel) -> None:
        """The second has nothing of the first in its pre-roll, even when the first ended early."""
        pair = sounds.joined(sounds.spoken(SENTENCE), sounds.silence(320), sounds.spoken("then wait"))
        ear = Ear(PcmFormat(), model=model)
        events: list[EarEvent] = []
        for chunk in chunks(in_quiet(pair).tobytes(), 1_024):
            told = ear.hear(chunk)
            events += told
            if any(isinstance(event, SpeechPaused) for event in told):
                events += ear.settle(200.0)
        events += ear.finish()
        assert kinds(events) == 2 * ["SpeechBegan", "SpeechPaused", "SpeechEnded"]
        first_end, second_begin = [event for event in events if isinstance(event, SpeechEnded | SpeechBegan)][1:3]
        assert isinstance(first_end, SpeechEnded)
        assert isinstance(second_begin, SpeechBegan)
        pre_roll = sound_of(
            [event for event in events if isinstance(event, SpeechHeard) and event.utterance == 2][:1], 2
        )
        assert 1_000.0 * len(pre_roll) / RATE_HZ <= second_begin.at_ms + WINDOW_MS - first_end.end_ms

    def test_a_short_pause_resumes(self, model: SileroModel) -> None:
        pair = sounds.joined(sounds.spoken(SENTENCE), sounds.silence(350), sounds.spoken("then wait for me"))
        assert kinds(heard(model, in_quiet(pair))) == [
            "SpeechBegan",
            "SpeechPaused",
            "SpeechResumed",
            "SpeechPaused",
            "SpeechEnded",
        ]

    @pytest.mark.parametrize("word", ["no", "stop", "go"])
    def test_one_word_is_speech(self, model: SileroModel, word: str) -> None:
        assert kinds(heard(model, in_quiet(sounds.spoken(word)))) == ["SpeechBegan", "SpeechPaused", "SpeechEnded"]

    @pytest.mark.parametrize("size", [2, 640, 9_998, 1_000_000], ids=lambda size: f"{size}-bytes")
    def test_portions_make_no_difference(self, model: SileroModel, size: int) -> None:
        """The same events, whatever the chunks."""
        sound = in_quiet(sounds.spoken("go to the door"), 500.0, 700.0)
        assert heard(model, sound, size=size) == heard(model, sound)

    @pytest.mark.parametrize(
        "form",
        [
            PcmFormat(rate_hz=8_000),
            PcmFormat(rate_hz=44_100, channels=2),
            PcmFormat(rate_hz=48_000, encoding="f32le"),
        ],
        ids=lambda form: f"{form.rate_hz}-{form.channels}-{form.encoding}",
    )
    def test_any_taken_format_gives_the_same_sentence(self, model: SileroModel, form: PcmFormat) -> None:
        sentence = in_quiet(sounds.spoken(SENTENCE))
        expected = story(heard(model, sentence))[-1]
        ear = Ear(form, model=model)
        events = [event for chunk in chunks(as_format(sentence, form), 48_000) for event in ear.hear(chunk)]
        events += ear.finish()
        ended = story(events)[-1]
        assert isinstance(ended, SpeechEnded)
        assert isinstance(expected, SpeechEnded)
        assert ended.begin_ms == pytest.approx(expected.begin_ms, abs=2 * WINDOW_MS)
        assert ended.end_ms == pytest.approx(expected.end_ms, abs=2 * WINDOW_MS)
        assert ear.position_ms == pytest.approx(sounds.duration_ms(sentence), abs=0.1)

    @pytest.mark.parametrize("noise", [sounds.pink_noise, sounds.music], ids=lambda one: one.__name__)
    def test_a_minute_of_noise_before_it_does_not_hide_a_sentence(
        self, model: SileroModel, noise: Callable[..., Samples]
    ) -> None:
        """12 dB above the noise; without the refreshing of its memory Silero misses the beginning."""
        sentence = sounds.spoken(SENTENCE)
        sound = sounds.mixed(
            in_quiet(sentence, 60_000.0, 1_000.0), noise(61_000.0 + sounds.duration_ms(sentence), level_db=-35.0)
        )
        events = story(heard(model, sound))
        assert [type(event) for event in events][-1] is SpeechEnded
        assert isinstance(events[0], SpeechBegan)
        assert events[0].at_ms == pytest.approx(60_000.0, abs=200.0)

    def test_push_to_talk_is_one_utterance_of_everything(self, model: SileroModel) -> None:
        """From the first sample to the last, silences and all."""
        pair = in_quiet(sounds.joined(sounds.spoken(SENTENCE), sounds.silence(1_500), sounds.spoken("then wait")))
        events = heard(model, pair, mode="push_to_talk")
        assert isinstance(events[0], SpeechBegan)
        assert isinstance(events[-1], SpeechEnded)
        assert sum(isinstance(event, SpeechBegan | SpeechEnded) for event in events) == 2
        assert len(sound_of(events)) == len(pair)


def as_format(sound: Samples, form: PcmFormat) -> bytes:
    """Samples as a client with another microphone would send them."""
    count = len(sound) * form.rate_hz // RATE_HZ
    spectrum = np.fft.rfft(to_wave(sound))
    padded = np.zeros(count // 2 + 1, complex)
    kept = min(len(spectrum), len(padded))
    padded[:kept] = spectrum[:kept]
    wave = np.repeat(np.fft.irfft(padded, count) * count / len(sound), form.channels)
    types: dict[Encoding, str] = {"s16le": "<i2", "f32le": "<f4"}
    return (wave * (32_767 if form.encoding == "s16le" else 1)).astype(types[form.encoding]).tobytes()


class TestBadSound:
    """Every case by its code; what was being said is never handed on as if it were whole."""

    @pytest.mark.parametrize("name", sounds.NOISES)
    def test_what_is_no_speech_begins_nothing(self, model: SileroModel, name: str) -> None:
        sound = sounds.NOISES[name](20_000.0)
        assert "SpeechEnded" not in kinds(heard(model, sound))

    @pytest.mark.parametrize("name", sounds.NOISES)
    def test_held_down_to_talk_it_is_no_speech_by_name(self, model: SileroModel, name: str) -> None:
        sound = sounds.NOISES[name](5_000.0)
        assert kinds(heard(model, sound, mode="push_to_talk")) == ["SpeechBegan", "SpeechDropped NO_SPEECH"]

    def test_a_constant_offset_alone_is_silence(self, model: SileroModel) -> None:
        offset = np.full(5 * RATE_HZ, 12_000, np.int16)
        assert heard(model, offset) == []
        assert kinds(heard(model, offset, mode="push_to_talk")) == ["SpeechBegan", "SpeechDropped NO_SPEECH"]

    def test_a_constant_offset_under_a_sentence_is_taken_out(self, model: SileroModel) -> None:
        sound = in_quiet(sounds.spoken(SENTENCE))
        events = heard(model, (sound + 9_000).astype(np.int16))
        assert kinds(events) == ["SpeechBegan", "SpeechPaused", "SpeechEnded"]
        assert abs(float(sound_of(events)[8_000:].mean())) < 100
        assert level_db(to_wave(sound_of(events)[-4_800:])) < -60.0

    def test_a_sentence_far_away_is_a_radio(self, model: SileroModel) -> None:
        assert heard(model, in_quiet(sounds.spoken(SENTENCE, level_db=-68.0))) == []

    def test_clipped_speech_is_refused(self, model: SileroModel) -> None:
        sound = in_quiet(sounds.louder(sounds.spoken(SENTENCE), 26.0))
        assert kinds(heard(model, sound)) == ["SpeechBegan", "SpeechDropped AUDIO_CLIPPED"]
        assert kinds(heard(model, sound, mode="push_to_talk")) == ["SpeechBegan", "SpeechDropped AUDIO_CLIPPED"]

    def test_sound_beyond_measure_harms_nothing_that_follows(self, model: SileroModel) -> None:
        """Finite, and yet more than any filter can bear."""
        ear = Ear(FLOATS, model=model)
        assert "SpeechEnded" not in kinds(
            ear.hear((3e38 * np.sign(np.sin(np.arange(RATE_HZ)))).astype("<f4").tobytes())
        )
        ear.hear(to_wave(sounds.silence(1_000)).tobytes())
        again = ear.hear(to_wave(in_quiet(sounds.spoken(SENTENCE))).tobytes())
        assert kinds(again) == ["SpeechBegan", "SpeechPaused", "SpeechEnded"]

    @pytest.mark.parametrize("mode", ["continuous", "push_to_talk"])
    def test_sixteen_seconds_are_too_long(self, model: SileroModel, mode: Mode) -> None:
        long = np.tile(sounds.spoken(SENTENCE), 10)[: 16 * RATE_HZ]
        marks = kinds(heard(model, long, mode=mode))
        assert marks[0] == "SpeechBegan"
        assert marks[-1] == "SpeechDropped UTTERANCE_TOO_LONG"

    def test_a_gap_drops_the_sentence_and_its_rest(self, model: SileroModel) -> None:
        """Named with its length; the next sentence is heard."""
        sentence = sounds.spoken(SENTENCE)
        ear = Ear(PcmFormat(), model=model)
        events = ear.hear(in_quiet(sentence[: len(sentence) // 2], 500.0, 0.0).tobytes())
        events += ear.gap(120.0)
        events += ear.hear(in_quiet(sentence[len(sentence) // 2 :], 0.0, 1_000.0).tobytes())
        assert kinds(events) == ["SpeechBegan", "SpeechDropped AUDIO_GAP", "StreamFault AUDIO_GAP"]
        fault = events[-1]
        assert isinstance(fault, StreamFault)
        assert not fault.over
        assert "120 ms" in fault.message
        assert kinds(ear.hear(in_quiet(sentence).tobytes())) == ["SpeechBegan", "SpeechPaused", "SpeechEnded"]

    def test_what_is_no_number_is_a_hole(self, model: SileroModel) -> None:
        """The chunk is left out, the sentence dropped; the stream goes on and its times still agree."""
        ear = Ear(FLOATS, model=model)
        begun = to_wave(in_quiet(sounds.spoken(SENTENCE), 500.0, 0.0))
        events = ear.hear(begun.tobytes())
        events += ear.hear(np.full(800, np.nan, np.float32).tobytes())
        assert kinds(events) == ["SpeechBegan", "SpeechDropped AUDIO_GAP", "StreamFault AUDIO_NOT_FINITE"]
        position_ms = ear.position_ms
        assert position_ms == pytest.approx(1_000.0 * (len(begun) + 800) / RATE_HZ)
        again = ear.hear(to_wave(in_quiet(sounds.spoken(SENTENCE))).tobytes())
        assert kinds(again) == ["SpeechBegan", "SpeechPaused", "SpeechEnded"]
        assert isinstance(again[0], SpeechBegan)
        assert again[0].at_ms == pytest.approx(position_ms + 1_000.0, abs=100.0)

    def test_bytes_that_make_no_frames_end_the_stream(self, model: SileroModel) -> None:
        """Nobody knows where the next sample begins."""
        ear = Ear(PcmFormat(), model=model)
        events = ear.hear(in_quiet(sounds.spoken(SENTENCE), 500.0, 0.0).tobytes())
        events += ear.hear(b"\0" * 641)
        assert kinds(events) == ["SpeechBegan", "SpeechDropped AUDIO_GAP", "StreamFault AUDIO_ODD_BYTES"]
        fault = events[-1]
        assert isinstance(fault, StreamFault)
        assert fault.over
        assert ear.finish() == []
        with pytest.raises(ClientFault) as refused:
            ear.hear(b"\0\0")
        assert refused.value.code is Code.STREAM_UNKNOWN

    @pytest.mark.parametrize(
        "form",
        [
            PcmFormat(rate_hz=0),
            PcmFormat(rate_hz=-16_000),
            PcmFormat(rate_hz=7_999),
            PcmFormat(rate_hz=96_000),
            PcmFormat(channels=0),
            PcmFormat(channels=3),
            PcmFormat(encoding="mp3"),  # type: ignore[arg-type]
        ],
        ids=str,
    )
    def test_formats_that_are_not_taken_are_refused(self, model: SileroModel, form: PcmFormat) -> None:
        with pytest.raises(ClientFault, match="not taken") as refused:
            Ear(form, model=model)
        assert refused.value.code is Code.AUDIO_FORMAT

    def test_a_wrong_rate_is_not_heard_as_the_sentence_it_was(self, model: SileroModel) -> None:
        """Sound of 48 kHz that calls itself 16 kHz cannot be told from slow, deep speech: it lasts three times as long,
        and what becomes of it is for the recogniser to refuse."""
        sentence = in_quiet(sounds.spoken(SENTENCE))
        ear = Ear(PcmFormat(), mode="push_to_talk", model=model)
        events = ear.hear(as_format(sentence, PcmFormat(rate_hz=48_000))) + ear.finish()
        assert len(sound_of(events)) == 3 * len(sentence)

    def test_nothing_at_all_is_answered(self, model: SileroModel) -> None:
        assert heard(model, sounds.silence(0)) == []
        assert kinds(heard(model, sounds.silence(0), mode="push_to_talk")) == ["SpeechBegan", "SpeechDropped NO_SPEECH"]


def test_times_go_forward_over_a_long_stream(model: SileroModel) -> None:
    """A minute of sentences, noises and gaps: they are found where they are, and times do not drift."""
    chance = np.random.default_rng(3)
    ear = Ear(PcmFormat(), model=model)
    events: list[EarEvent] = []
    truth_ms: list[float] = []
    for turn in range(14):
        if turn % 7 == 3:
            events += ear.gap(50.0)
        noise = sounds.NOISES[chance.choice(list(sounds.NOISES))](2_000.0 + 100.0 * turn)
        events += ear.hear(noise.tobytes())
        truth_ms.append(ear.position_ms)
        events += ear.hear(in_quiet(sounds.spoken(SENTENCE), 0.0, 1_000.0).tobytes())
    began = [event.at_ms for event in events if isinstance(event, SpeechBegan)]
    ended = [event for event in events if isinstance(event, SpeechEnded)]
    assert len(ended) >= 13
    assert all(earlier < later for earlier, later in pairwise(began))
    assert all(min(abs(event.begin_ms - true_ms) for true_ms in truth_ms) < 150.0 for event in ended)
    assert all(
        event.pcm and len(event.pcm) % BYTES_PER_SAMPLE == 0 for event in events if isinstance(event, SpeechHeard)
    )
