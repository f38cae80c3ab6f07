"""The tests' own recogniser: how it is taught, how it is written down, and what the one that lies here hears."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("wordfreq")
pytest.importorskip("espeakng_loader")
pytest.importorskip("faster_whisper")

import ctranslate2
import torch
from faster_whisper import WhisperModel
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer as WhisperTokenizer
from tokenizers import Tokenizer
from torch.nn import functional

from edge_agent.training.speech_check import word_errors
from edge_agent.training.speech_corpus import Heard, Said, noises, said, sounding
from edge_agent.training.speech_export import export_speech
from edge_agent.training.speech_features import Floats, mel_power, normalised
from edge_agent.training.speech_lessons import PROMPTS_FROM, Lessons
from edge_agent.training.speech_model import FRAMES_BEYOND, POSITIONS, POSITIONS_TOTAL, SpeechShape, Whisper
from edge_agent.training.speech_sentences import repertoire, spoken
from edge_agent.training.speech_tokens import SIGNS, encoded, signs_of, speech_tokenizer
from edge_agent.training.speech_train import Plan, SpeechTrainer
from edge_agent.training.speech_voices import (
    ACCENTS,
    HELD_BACK_ACCENTS,
    HELD_BACK_VARIANTS,
    RATE_HZ,
    VARIANTS,
    Voice,
    VoicesMissing,
    any_voice,
    speak,
)

TEXTS = ("go to dock one", "bring me the red box", "stop", "turn left", "let's wait", "turn right to dock two")
WORDS = tuple(dict.fromkeys(word for text in TEXTS for word in text.split()))
STEPS = 24
SENTENCE = "bring the red box to dock three"
SMALL = {"width": 64, "heads": 2, "encoder_layers": 1, "decoder_layers": 2}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return speech_tokenizer(WORDS)


@pytest.fixture(scope="module")
def utterances() -> list[Said]:
    return said(TEXTS, 24, 1, lambda _: None)


@pytest.fixture(scope="module")
def rooms() -> list[Floats]:
    return noises(1, TEXTS)


def lessons(tokenizer: Tokenizer, utterances: list[Said], rooms: list[Floats]) -> Lessons:
    return Lessons(tokenizer, WORDS, Heard(utterances, rooms, 1), 1, batch=8)


def random_model(tokenizer: Tokenizer) -> Whisper:
    """A model whose numbers are far from zero, so that a wrong one shows."""
    torch.manual_seed(3)
    model = Whisper(SpeechShape(signs_of(tokenizer).total, **SMALL)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return model


def test_features_are_those_of_faster_whisper() -> None:
    """What a model is taught to read is what it will be given."""
    wave = speak(SENTENCE, Voice()).wave
    ours = normalised(mel_power(wave))
    theirs = FeatureExtractor()(wave)[:, : ours.shape[1]]
    assert np.abs(ours - theirs).max() < 1e-3


def test_voices_say_the_same_in_every_process() -> None:
    """Voices that breathe, too."""
    code = (
        "import hashlib; from edge_agent.training.speech_voices import Voice, speak; "
        f"print(hashlib.sha256(speak({SENTENCE!r}, Voice(variant='f3')).wave.tobytes()).hexdigest())"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout != ""
    assert runs[0].stdout.strip() != hashlib.sha256(speak(SENTENCE, Voice(variant="f4")).wave.tobytes()).hexdigest()


def test_what_is_said_when_is_known() -> None:
    """Each word's place and time, and phonemes within the sound."""
    said_so = speak(SENTENCE, Voice())
    assert [place for _, place in said_so.words] == [0, 6, 10, 14, 18, 21, 26]
    times = [sample for sample, _ in said_so.words]
    assert times == sorted(set(times))
    assert 0.8 * RATE_HZ < times[-1] < len(said_so.wave) < 4 * RATE_HZ
    assert [name for _, name in said_so.phonemes][:4] == ["b", "r", "I", "N"]


def test_a_voice_that_does_not_exist_is_refused() -> None:
    with pytest.raises(VoicesMissing, match="en-us\\+nobody"):
        speak("go", Voice(variant="nobody"))


def test_held_back_voices_never_train() -> None:
    """No variant is in both lists, and all of them can speak."""
    assert not set(VARIANTS) & set(HELD_BACK_VARIANTS)
    for accent, variants in ((ACCENTS, VARIANTS), (HELD_BACK_ACCENTS, HELD_BACK_VARIANTS)):
        sounds = [speak("stop", Voice(accent[at % len(accent)], name)).wave for at, name in enumerate(variants)]
        assert min(float(np.abs(sound).max()) for sound in sounds) > 0.02


def test_sentences_hold_known_words_only() -> None:
    """Every word is of the vocabulary, names of the example world included; held-back sentences do not train."""
    known = repertoire(1, drawn=2_000)
    words = set(known.words)
    assert {"dock", "three", "supervisor", "pallet"} <= words
    assert all(words.issuperset(text.split()) for text in (*known.trained, *known.held_back))
    assert known.held_back
    assert not set(known.trained) & set(known.held_back)
    assert known == repertoire(1, drawn=2_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Go to dock 12", "go to dock twelve"),
        ("wait 5 mins", "wait five minutes"),
        ("2 metres", "two meters"),
        ("don't move!", "don't move"),
    ],
)
def test_sentences_are_written_as_they_are_said(text: str, words: str) -> None:
    assert spoken(text) == words


def test_every_known_word_is_one_token(tokenizer: Tokenizer) -> None:
    """But for what follows an apostrophe; any other text can be written too, and comes back."""
    for word in WORDS:
        assert len(encoded(tokenizer, word)) == 1 + word.count("'")
    for text in ("a Zebra, 3 déjà vus!", *TEXTS):
        assert tokenizer.decode(encoded(tokenizer, text)) == f" {text}"


def test_faster_whisper_finds_its_signs(tokenizer: Tokenizer) -> None:
    """All of them, behind the text; and it suppresses none of the words."""
    theirs, signs = WhisperTokenizer(tokenizer, False), signs_of(tokenizer)
    assert (theirs.sot, theirs.eot, theirs.sot_prev) == (signs.start, signs.end, signs.before)
    assert (theirs.no_speech, theirs.no_timestamps) == (signs.no_speech, signs.no_times)
    assert theirs.timestamp_begin == signs.first_time
    ids = {token for word in WORDS for token in encoded(tokenizer, word)}
    assert max(ids) < signs.end == tokenizer.get_vocab_size() - len(SIGNS)
    assert not ids & set(theirs.non_speech_tokens)


def test_a_short_window_computes_what_thirty_seconds_do(tokenizer: Tokenizer) -> None:
    """One position stands exactly for all 1,320 behind the window."""
    model = random_model(tokenizer)
    features = torch.zeros(1, 80, 2 * POSITIONS_TOTAL)
    features[:, :, : 2 * POSITIONS - 10] = torch.randn(1, 80, 2 * POSITIONS - 10)
    with torch.no_grad():
        short = model.hear(features[:, :, : 2 * POSITIONS + FRAMES_BEYOND])
        values = functional.gelu(model.conv2(functional.gelu(model.conv1(features)))).transpose(1, 2)
        beyond = model.place_beyond.expand(POSITIONS_TOTAL - POSITIONS, -1)
        values = values + torch.cat((model.places, beyond))
        for layer in model.encoder:
            values, _ = layer(values, torch.zeros(1, POSITIONS_TOTAL))
        full = model.encoder_norm(values)
    assert torch.allclose(short, full[:, : POSITIONS + 1], atol=1e-4)
    assert torch.allclose(short[:, -1], full[:, -1], atol=1e-4)


def test_ctranslate2_computes_what_was_trained(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """The written model hears the same, and writes the same tokens, as the one it was written from."""
    model = random_model(tokenizer)
    export_speech(model, tokenizer, tmp_path)
    loaded = ctranslate2.models.Whisper(str(tmp_path), device="cpu", compute_type="float32", intra_threads=1)
    features = np.zeros((1, 80, 2 * POSITIONS_TOTAL), dtype=np.float32)
    power = normalised(mel_power(speak(SENTENCE, Voice()).wave))
    features[0, :, : power.shape[1]] = power
    theirs = loaded.encode(ctranslate2.StorageView.from_array(features))
    signs = signs_of(tokenizer)
    row = [signs.start, signs.no_times]
    with torch.no_grad():
        ours = model.hear(torch.from_numpy(features[:, :, : 2 * POSITIONS + FRAMES_BEYOND]))
        for _ in range(8):
            row.append(int(model.write(torch.tensor([row]), ours)[0][0, -1].argmax()))
    difference = np.abs(np.array(theirs)[:, : POSITIONS + 1] - ours.numpy())
    assert float(ours.abs().max()) > 1.0
    assert difference.max() < 0.2, "int8 rounds, and no more than that"
    written = loaded.generate(
        theirs, [row[:2]], beam_size=1, max_length=20, suppress_blank=False, suppress_tokens=None
    )[0].sequences_ids[0]
    assert written[:4] == row[2:6]


def test_a_short_course_learns_and_repeats_itself(
    tokenizer: Tokenizer, utterances: list[Said], rooms: list[Floats]
) -> None:
    """The loss falls, and the same seed gives the same weights to the bit."""

    def trained() -> SpeechTrainer:
        trainer = SpeechTrainer(SpeechShape(signs_of(tokenizer).total, **SMALL), Plan(steps=STEPS))
        trainer.run(lessons(tokenizer, utterances, rooms).lesson, lambda _: None)
        return trainer

    first, second = trained(), trained()
    fresh = SpeechTrainer(first.model.shape, Plan(steps=1))
    lesson = lessons(tokenizer, utterances, rooms).lesson(1)
    before, after = ([loss.item() for loss in trainer.losses(lesson)] for trainer in (fresh, first))
    assert all(later < 0.85 * earlier for earlier, later in zip(before, after, strict=True)), (before, after)
    for ours, again in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(ours, again)


def test_lessons_have_prompts_times_and_silence(
    tokenizer: Tokenizer, utterances: list[Said], rooms: list[Floats]
) -> None:
    """All that faster-whisper may ask for is taught; nothing before the start of a transcript is to be learnt."""
    signs, course = signs_of(tokenizer), lessons(tokenizer, utterances, rooms)
    batches = [course.lesson(step) for step in range(PROMPTS_FROM, PROMPTS_FROM + 40)]
    known = [row.tolist() for batch in batches for row in batch.known]
    wanted = [row.tolist() for batch in batches for row in batch.wanted]
    assert any(row[0] == signs.before for row in known)
    assert any(signs.no_speech in row for row in wanted)
    assert any(max(row) >= signs.first_time for row in wanted)
    for given, asked in zip(known, wanted, strict=True):
        start = given.index(signs.start)
        assert set(asked[:start]) <= {-100}
        assert asked[start] in (signs.no_speech, signs.no_times) or asked[start] >= signs.first_time
        assert signs.end in asked


def test_lessons_know_what_is_heard_where(tokenizer: Tokenizer, utterances: list[Said], rooms: list[Floats]) -> None:
    """Every word that is asked for is heard somewhere, in the order of the sentence; silence is no word."""
    lesson = lessons(tokenizer, utterances, rooms).lesson(1)
    assert (lesson.heard > 0).any()
    assert ((lesson.heard > 0) == (lesson.words > 0)).all()
    assert (lesson.phonemes[lesson.heard > 0] > 0).all()
    for places, heard in zip(lesson.places.tolist(), lesson.heard.tolist(), strict=True):
        said_places = [place for place in heard if place]
        assert said_places == sorted(said_places)
        assert set(said_places) == {place for place in places if place}


@pytest.mark.parametrize(
    ("said_words", "found", "errors"),
    [
        ("go to dock three", "go to dock three", 0),
        ("go to dock three", "", 4),
        ("stop", "stop the box", 2),
        ("bring me the box", "bring the red box", 2),
    ],
)
def test_word_errors_are_counted(said_words: str, found: str, errors: int) -> None:
    assert word_errors(said_words.split(), found.split()) == errors


FIXTURE = Path(__file__).parent / "data" / "whisper-nano"
FIXTURE_BYTES_MAX = 6_000_000
HEARD = 16
ERRORS_MAX = 0.25
"""Word errors that may be: more than was measured over many sentences (docs/whisper-nano.md), for these are few."""


@pytest.fixture(scope="module")
def nano() -> WhisperModel:
    return WhisperModel(str(FIXTURE), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)


@pytest.fixture(scope="module")
def never_learnt() -> list[tuple[str, Floats]]:
    """Sentences of held-back templates said by held-back voices. A short draw is the beginning of the long one."""
    rng = random.Random(5)
    known = Tokenizer.from_file(str(FIXTURE / "tokenizer.json"))
    texts = [
        text
        for text in repertoire(1, drawn=5_000).held_back
        if all(len(encoded(known, word)) == 1 + word.count("'") for word in text.split())
    ]
    return [(text, speak(text, any_voice(rng, held_back=True)).wave) for text in rng.sample(texts, HEARD)]


def transcribed(model: WhisperModel, wave: Floats, **options: Any) -> str:
    """Through all of faster-whisper, as it is set up in the node: no temperature, nothing of the past."""
    begin, end = sounding(wave)
    around = np.pad(wave[begin:end], RATE_HZ // 4) * np.float32(0.5)
    segments, _ = model.transcribe(around, language="en", temperature=0.0, condition_on_previous_text=False, **options)
    return " ".join(segment.text.strip() for segment in segments)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"without_timestamps": True}, id="plain"),
        pytest.param({}, id="with times"),
        pytest.param(
            {"without_timestamps": True, "hotwords": "dock three, pallet jack, Zebra, red box"}, id="hotwords"
        ),
    ],
)
def test_the_fixture_hears_what_it_never_learnt(
    nano: WhisperModel, never_learnt: list[tuple[str, Floats]], options: dict[str, Any]
) -> None:
    """Words come out right through the whole of faster-whisper, however it is asked."""
    wrong = sum(word_errors(text.split(), transcribed(nano, wave, **options).split()) for text, wave in never_learnt)
    assert wrong <= ERRORS_MAX * sum(len(text.split()) for text, _ in never_learnt)


@pytest.mark.parametrize("loudness", [0.0, 0.05], ids=["silence", "noise"])
def test_the_fixture_knows_when_nobody_speaks(nano: WhisperModel, loudness: float) -> None:
    """No text comes of silence or of noise, by faster-whisper's own thresholds."""
    noise = loudness * np.random.default_rng(2).standard_normal(2 * RATE_HZ)
    segments, _ = nano.transcribe(noise.astype(np.float32), language="en", temperature=0.0, without_timestamps=True)
    assert list(segments) == []


def test_the_fixture_is_small_and_says_what_it_is() -> None:
    """A test fixture, not a recogniser for people."""
    assert sum(path.stat().st_size for path in FIXTURE.iterdir()) < FIXTURE_BYTES_MAX
    assert "test fixture" in (FIXTURE / "README.md").read_text(encoding="utf-8")
