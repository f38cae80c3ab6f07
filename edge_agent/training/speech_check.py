"""How many words a small Whisper gets wrong, heard as the node hears: through faster-whisper, with the node's gate.

Sentences and voices that never trained are counted apart. What the gate holds back counts as nothing heard.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_agent.errors import ClientFault
from edge_agent.speech.audio import Samples, to_samples
from edge_agent.speech.recognition import Lexicon
from edge_agent.speech.whisper import WhisperRecogniser
from edge_agent.training.speech_corpus import FRAMES_MAX, sounding
from edge_agent.training.speech_features import HOP, Floats
from edge_agent.training.speech_sentences import PACK, repertoire
from edge_agent.training.speech_voices import RATE_HZ, any_voice, speak

CHECKED = 150
"""Sentences of each sort."""
AROUND_SECONDS = 0.3
NOISE_DB = 15.0
LEVEL = 0.5
UNBIASED = Lexicon(PACK, (), {}, "none")


@dataclass(frozen=True, slots=True)
class Errors:
    """What was heard wrongly of one sort of sentences: words put in, left out or taken for others."""

    name: str
    words: int
    wrong: int
    sentences: int
    right: int

    @property
    def share(self) -> float:
        """Word errors, by the words that were said."""
        return self.wrong / self.words

    @property
    def whole(self) -> float:
        """The share of sentences without any error."""
        return self.right / self.sentences


def measure(folder: Path, seed: int, count: int = CHECKED) -> tuple[Errors, ...]:
    """The errors of a model's folder on what trained, on held-back templates, on held-back voices, and on both."""
    known = repertoire(seed)
    recogniser = WhisperRecogniser(folder, device="cpu")
    recogniser.prepare(UNBIASED)
    return (
        errors_of(recogniser, known.trained, "seen templates, seen voices", seed, count),
        errors_of(recogniser, known.held_back, "held-back templates, seen voices", seed, count),
        errors_of(recogniser, known.trained, "seen templates, held-back voices", seed, count, strange=True),
        errors_of(recogniser, known.held_back, "both held back", seed, count, strange=True),
        errors_of(
            recogniser, known.held_back, "both held back, in noise", seed, count, strange=True, noise_db=NOISE_DB
        ),
    )


def errors_of(
    recogniser: WhisperRecogniser,
    texts: Sequence[str],
    name: str,
    seed: int,
    count: int,
    *,
    strange: bool = False,
    noise_db: float = math.inf,
) -> Errors:
    """What a prepared recogniser hears wrongly of some of these texts, said by seen or by strange voices."""
    rng = random.Random(f"{seed}/check/{name}")
    words = wrong = right = sentences = 0
    while sentences < count:
        text = rng.choice(texts)
        samples = _said(text, rng, strange=strange, noise_db=noise_db)
        if len(samples) > FRAMES_MAX * HOP:
            continue
        mistakes = word_errors(text.split(), heard(recogniser, samples).split())
        words, wrong = words + len(text.split()), wrong + mistakes
        sentences, right = sentences + 1, right + (mistakes == 0)
    return Errors(name, words, wrong, sentences, right)


def heard(recogniser: WhisperRecogniser, samples: Samples) -> str:
    """What was heard, "" for nothing or for what the gate holds back."""
    utterance = recogniser.begin(PACK)
    utterance.feed(samples)
    try:
        return utterance.transcript(math.inf).text
    except ClientFault:
        return ""


def _said(text: str, rng: random.Random, *, strange: bool, noise_db: float) -> Samples:
    """A sentence with silence around it, and white noise so far below it."""
    around = int(AROUND_SECONDS * RATE_HZ)
    spoken = speak(text, any_voice(rng, held_back=strange)).wave
    begin, end = sounding(spoken)
    wave: Floats = np.pad(spoken[begin:end], around)
    hiss = np.random.default_rng(rng.randrange(2**32)).standard_normal(len(wave)).astype(np.float32)
    noisy: Floats = wave + hiss * np.float32(wave.std() * 10.0 ** (-noise_db / 20.0))
    return to_samples(noisy * np.float32(LEVEL))


def word_errors(said: Sequence[str], found: Sequence[str]) -> int:
    """The fewest words to put in, take out or change that make one of the other."""
    row = list(range(len(found) + 1))
    for place, word in enumerate(said):
        before, row[0] = row[0], place + 1
        for at, other in enumerate(found):
            before, row[at + 1] = row[at + 1], min(row[at] + 1, row[at + 1] + 1, before + (word != other))
    return row[-1]
