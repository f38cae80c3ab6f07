"""Speech to learn from: sentences said once each by many voices, then in ever new noise, level, tone and place.

Decides what is heard in the three and a half seconds before which every utterance ends, and what is not
speech at all. Everything follows from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.training.speech_features import FRAMES_A_SECOND, HOP, MELS, POWER_MIN, Floats, mel_power, normalised
from edge_agent.training.speech_model import POSITIONS
from edge_agent.training.speech_voices import RATE_HZ, Spoken, any_voice, speak

Labels = NDArray[np.int16]
_NAMED = (
    "t n l k s I d oU r p m @ i: 0 E b f eI z D aI w u: a a# V 3 g j v aU h @2 U tS O@ S A@ N i e@ dZ r- O2 3: O: I2 "
    "o@ @L aI@ i@3 @5 aa T t2 t# U@ I#"
)
PHONEMES = ("", *_NAMED.split())
"""espeak-ng's names for the sounds of English, nothing first."""
FRAMES_MAX = 2 * POSITIONS - 10
"""Frames of 10 ms that may hold sound; what is longer is not learnt."""
SILENT_SHARE = 0.08
"""Examples in which nobody speaks."""
LEAD_FRAMES_MAX, TRAIL_FRAMES_MAX = 45, 60
NOISE_SECONDS = 12
REPORT_UTTERANCES = 5_000
_QUIET = 1e-3
"""Amplitude below which the ends of an utterance are cut off."""
_CLEAN_SHARE = 0.3
_NOISE_BELOW_DB = (5.0, 40.0)
_GAIN_DB = (-32.0, 4.0)
_TONE_DB = 6.0
_MASKED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Said:
    """An utterance as cached, without silence around it.

    `logs` are the logarithms of its power, (80, frames), float16; `phonemes` (frames,) says which phoneme is heard, by
    its place in PHONEMES, 0 for none; `words` (frames,) which of the text's words, from 1.
    """

    text: str
    logs: NDArray[np.float16]
    phonemes: Labels
    words: Labels


@dataclass(frozen=True, slots=True)
class Example:
    """What the model sees, (80, frames), what was said in it ("" for nothing), and when in frames."""

    features: Floats
    text: str
    phonemes: Labels
    words: Labels


def said(texts: Sequence[str], count: int, seed: int, report: Callable[[str], None]) -> list[Said]:
    """So many of the texts, drawn at random, each by a voice drawn at random; what is too long is left out."""
    rng = random.Random(f"{seed}/speech")
    heard: list[Said] = []
    for number, text in enumerate([rng.choice(texts) for _ in range(count)]):
        utterance = _utterance(text, speak(text, any_voice(rng, held_back=False)))
        if utterance.logs.shape[1] <= FRAMES_MAX - LEAD_FRAMES_MAX // 2:
            heard.append(utterance)
        if number % REPORT_UTTERANCES == 0:
            report(f"{number} of {count} utterances spoken")
    return heard


def _utterance(text: str, spoken: Spoken) -> Said:
    begin, end = sounding(spoken.wave)
    logs = np.log10(np.maximum(mel_power(spoken.wave[begin:end]), POWER_MIN)).astype(np.float16)
    phonemes, words = np.zeros(logs.shape[1], np.int16), np.zeros(logs.shape[1], np.int16)
    for sample, name in spoken.phonemes:
        phonemes[max(sample - begin, 0) // HOP :] = PHONEMES.index(name) if name in PHONEMES else 0
    for sample, place in spoken.words:
        words[max(sample - begin, 0) // HOP :] = len(text[:place].split()) + 1
    words[phonemes == 0] = 0
    return Said(text, logs, phonemes, words)


def sounding(wave: Floats) -> tuple[int, int]:
    """Where the silence at the beginning ends and that at the end begins, at least two windows apart."""
    loud = np.flatnonzero(np.abs(wave) > _QUIET)
    return (int(loud[0]), int(max(loud[-1], loud[0] + 800))) if len(loud) else (0, 800)


def noises(seed: int, texts: Sequence[str]) -> list[Floats]:
    """Power of some rooms, each (80, frames) with a mean of one: hiss, hum, fans, clatter, several voices at once."""
    rng, random_waves = random.Random(f"{seed}/noises"), np.random.default_rng(seed)
    length = NOISE_SECONDS * RATE_HZ
    waves: list[Floats] = []
    for slope in (0.0, 0.25, 0.5, 0.5, 0.75, 1.0):
        waves.append(_coloured(random_waves, length, slope))
    for base_hz in (50.0, 60.0, 95.0, 140.0):
        waves.append(_hum(random_waves, length, base_hz) + 0.3 * _coloured(random_waves, length, 0.5))
    for each_second in (2, 6):
        waves.append(_clatter(random_waves, length, each_second))
    for voices in (2, 4, 6, 8, 8, 12):
        waves.append(_babble(rng, length, texts, voices))
    powers = [mel_power(wave.astype(np.float32)) for wave in waves]
    return [(power / power.mean()).astype(np.float32) for power in powers]


def _coloured(rng: np.random.Generator, length: int, slope: float) -> Floats:
    """Noise whose amplitude falls with the frequency to the power of `slope`: 0 is white, 0.5 pink."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum /= np.maximum(np.arange(len(spectrum)), 20.0) ** slope
    wave = np.fft.irfft(spectrum, length)
    coloured: Floats = (wave / wave.std()).astype(np.float32)
    return coloured


def _hum(rng: np.random.Generator, length: int, base_hz: float) -> Floats:
    turns = np.arange(length) * (2 * np.pi * base_hz / RATE_HZ)
    wave = sum(np.sin(turns * k + rng.uniform(0, 6.3)) * rng.uniform(0.2, 1) / k for k in range(1, 20))
    return np.asarray(wave, dtype=np.float32)


def _clatter(rng: np.random.Generator, length: int, each_second: int) -> Floats:
    """Short bangs that ring off, over a little hiss."""
    wave = 0.02 * rng.standard_normal(length)
    decay = np.exp(-np.arange(RATE_HZ // 4) / 600.0)
    for start in rng.integers(0, length - len(decay), NOISE_SECONDS * each_second):
        wave[start : start + len(decay)] += rng.uniform(0.2, 1) * decay * rng.standard_normal(len(decay))
    clatter: Floats = wave.astype(np.float32)
    return clatter


def _babble(rng: random.Random, length: int, texts: Sequence[str], voices: int) -> Floats:
    """Several people talking at once, none of them to us."""
    wave = np.zeros(length, dtype=np.float32)
    for _ in range(voices):
        at = -rng.randint(0, RATE_HZ)
        while at < length:
            spoken = speak(rng.choice(texts), any_voice(rng, held_back=False)).wave * np.float32(rng.uniform(0.4, 1.0))
            begin, end = max(at, 0), min(at + len(spoken), length)
            if end > begin:
                wave[begin:end] += spoken[begin - at : end - at]
            at += len(spoken)
    return wave


class Heard:
    """Endless examples from what was said, drawn with a generator of its own."""

    def __init__(self, spoken: Sequence[Said], rooms: Sequence[Floats], seed: int) -> None:
        self._spoken, self._rooms = spoken, rooms
        self._rng = np.random.default_rng(seed)

    def example(self, *, disturbed: bool = True) -> Example:
        """One utterance somewhere in its window; undisturbed: in a quiet room, as it was said."""
        rng = self._rng
        if rng.random() < SILENT_SHARE:
            return self._silence()
        utterance = self._spoken[int(rng.integers(len(self._spoken)))]
        speech = 10.0 ** utterance.logs.astype(np.float32)
        free = FRAMES_MAX - speech.shape[1]
        lead = int(rng.integers(0, min(LEAD_FRAMES_MAX, free) + 1))
        trail = int(rng.integers(0, min(TRAIL_FRAMES_MAX, free - lead) + 1))
        power = np.pad(speech, ((0, 0), (lead, trail)))
        if disturbed:
            power *= _tone(rng)
            if rng.random() > _CLEAN_SHARE:
                power += self._room(power.shape[1]) * (speech.mean() * _ratio(-rng.uniform(*_NOISE_BELOW_DB)))
            power *= _ratio(rng.uniform(*_GAIN_DB))
        features = normalised(power)
        phonemes, words = (np.pad(labels, (lead, trail)) for labels in (utterance.phonemes, utterance.words))
        return Example(_masked(rng, features) if disturbed else features, utterance.text, phonemes, words)

    def _silence(self) -> Example:
        """A room in which nobody speaks, from loud to nothing at all."""
        frames = int(self._rng.integers(30, FRAMES_MAX))
        power = self._room(frames) * _ratio(self._rng.uniform(-110.0, 10.0)) * _tone(self._rng)
        nothing = np.zeros(frames, np.int16)
        return Example(normalised(power), "", nothing, nothing)

    def _room(self, frames: int) -> Floats:
        room = self._rooms[int(self._rng.integers(len(self._rooms)))]
        start = int(self._rng.integers(0, room.shape[1] - frames))
        heard: Floats = room[:, start : start + frames]
        return heard


def _ratio(decibels: float) -> np.float32:
    return np.float32(10.0 ** (decibels / 10.0))


def _tone(rng: np.random.Generator) -> Floats:
    """A microphone's and a room's own colour: a smooth gain over the bands, (80, 1)."""
    knots = rng.uniform(-_TONE_DB, _TONE_DB, 5)
    decibels = np.interp(np.arange(MELS), np.linspace(0, MELS - 1, 5), knots)
    tone: Floats = (10.0 ** (decibels / 10.0)).astype(np.float32)[:, None]
    return tone


def _masked(rng: np.random.Generator, features: Floats) -> Floats:
    """Now and then a stretch of time and some bands are taken away."""
    if rng.random() < _MASKED_SHARE:
        low, start = int(rng.integers(0, MELS - 12)), int(rng.integers(0, max(features.shape[1] - 15, 1)))
        floor = features.min()
        features[low : low + int(rng.integers(1, 13))] = floor
        features[:, start : start + int(rng.integers(1, 16))] = floor
    return features


def milliseconds(frames: int) -> int:
    """Frames as time."""
    return frames * 1_000 // FRAMES_A_SECOND
