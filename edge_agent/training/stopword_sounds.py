"""What the stop words are learnt from: sentences with and without one, spoken, in rooms, through microphones, in noise.

Decides the sentences and how their sound is spoilt. Everything is made here from the packs' phrases, common words and
words that sound like a stop word; no recording is used.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge_agent.speech.audio import Samples, to_samples
from edge_agent.speech.keyword_head import WORDS
from edge_agent.training.corpus import Corpus
from edge_agent.training.stopword_voices import Place, Spoken, Wave, espeak, flite
from edge_agent.training.words import english

RATE: Final = 16_000
FLITE_SHARE: Final = 0.5
NOBODY_SHARE: Final = 0.06
"""Clips in which nobody speaks."""
COMMON_WORDS: Final = 6_000
BABBLE_S: Final = 20
BABBLE_VOICES: Final = 6

CALLS: Final = (*("stop",) * 4, "halt", "freeze", "emergency stop", "stop stop stop", "stop stop")
_NEAR: Final = """
    top shop stock step store dock spot stuff stoop stomp start stand stamp stump steep stab stay star stone storm
    story staff still strap strip street strong swap slop sob sop pop cop hop mop drop crop prop chop lop flop plop
    scott scotch snot spa sauce saw hot pot shot got not lot desktop laptop rooftop hall salt hold fault alt hello haul
    help alter hauled hurt hat heart health held hollow holiday all fall ball tall vault malt bolt colt hilt hull hum
    hunt haunt default free please trees breeze three fries friends cheese fees fleece frame fresh freight frisky
    fridge frog front from reach release grease ease peas bees keys knees these freedom frequent sneeze squeeze abort
    report emergency emergent urgent agency
"""
NEAR: Final = tuple(_NEAR.split())
"""Words that sound like one of ours."""
BEFORE: Final = tuple(
    """|||no|no no|hey|please|robot|okay|wait|oh|wait wait|i said|hey robot|everybody|just|now|come on|oh my god
    |you must|would you|watch out|careful|not there|okay robot""".replace("\n    ", "").split("|")
)
AFTER: Final = tuple(
    """||||now|right now|please|it|the robot|that|moving|there|immediately|everything|the arm|turning|you|right there
    |at once|for a moment|robot|what you are doing|motors|the machine""".replace("\n    ", "").split("|")
)


@dataclass(frozen=True, slots=True)
class Clip:
    """One sound to learn from."""

    text: str
    samples: Samples
    places: tuple[Place, ...]


class Sounds:
    """Clips without end; the same seed gives the same."""

    def __init__(self, seed: int, block: int = 0) -> None:
        """`block`: which part of a seed's clips; parts can be made in any order."""
        self._rng = random.Random(f"{seed}/{block}")
        self._noise = np.random.default_rng((seed, block))
        self._talk = self._sentences(Corpus(("robot", "home", "kiosk"))(random.Random(f"{seed}/{block}/talk")))
        self._common = [word for word in english(COMMON_WORDS) if word not in WORDS and len(word) > 2]
        self._babble = self._talking_at_once()

    def __iter__(self) -> Iterator[Clip]:
        while True:
            yield self._clip()

    @staticmethod
    def _sentences(examples: Iterator[object]) -> Iterator[str]:
        for example in examples:
            text = re.sub(r"\[\S*\s?", "", getattr(example, "marked", ""))
            yield re.sub(r"[\]\[?|]", "", text)

    def _text(self) -> str:
        rng, at = self._rng, self._rng.random()
        if at < 0.22:
            return rng.choice((*WORDS, *("stop",) * 3))
        if at < 0.50:
            return f"{rng.choice(BEFORE)} {rng.choice(CALLS)} {rng.choice(AFTER)}".strip()
        if at < 0.62:
            return rng.choice(NEAR)
        if at < 0.72:
            return f"{rng.choice(BEFORE)} {rng.choice(NEAR)} {rng.choice(AFTER)}".strip()
        if at < 0.82:
            return " ".join(rng.choice((*self._common, *NEAR * 3)) for _ in range(rng.randint(1, 7)))
        return next(self._talk)

    def _said(self, text: str) -> Spoken:
        return (flite if self._rng.random() < FLITE_SHARE else espeak)(self._rng, text)

    def _talking_at_once(self) -> Wave:
        """Several people at once, none of whom says a stop word."""
        sum_ = np.zeros(BABBLE_S * RATE, np.float32)
        for _ in range(BABBLE_VOICES):
            at = 0
            while at < len(sum_):
                said = espeak(self._rng, next(self._talk))
                if not said.places and len(said.wave):
                    piece = said.wave[: len(sum_) - at]
                    sum_[at : at + len(piece)] += piece
                    at += len(piece)
        return sum_

    def _nobody(self) -> Clip:
        """Noise, now and then with notes or knocks."""
        rng, count = self._rng, int(self._rng.uniform(2.0, 3.0) * RATE)
        time_s, wave = np.arange(count) / RATE, np.zeros(count)
        if rng.random() < 0.3:
            for _ in range(rng.randint(2, 10)):
                begin_s, note_hz = rng.uniform(0.0, 2.0), rng.uniform(100, 1_200)
                note = np.exp(-rng.uniform(1, 8) * np.maximum(time_s - begin_s, 0.0)) * (time_s >= begin_s)
                wave += note * sum(np.sin(2 * np.pi * note_hz * part * time_s) / part for part in (1, 2, 3))
        elif rng.random() < 0.3:
            for _ in range(rng.randint(1, 6)):
                begin = rng.randrange(count - 1_600)
                wave[begin : begin + 1_600] += self._noise.standard_normal(1_600) * np.exp(-np.arange(1_600) / 80)
        noisy = self._in_noise(wave.astype(np.float32))
        loud = 10 ** (-rng.uniform(0, 40) / 20) / (np.abs(noisy).max() + 1e-9)
        return Clip("", to_samples(np.asarray(noisy * loud, np.float32)), ())

    def _clip(self) -> Clip:
        if self._rng.random() < NOBODY_SHARE:
            return self._nobody()
        rng, text = self._rng, self._text()
        said = self._said(text)
        before = self._before(said.wave)
        after = np.zeros(int(rng.uniform(0.4, 0.7) * RATE), np.float32)
        wave = np.concatenate([before, said.wave, after])
        if rng.random() < 0.75:
            wave = self._coloured(wave)
        if rng.random() < 0.4:
            wave = self._in_a_room(wave)
        if rng.random() < 0.75:
            wave = self._in_noise(wave)
        wave = wave / (np.abs(wave).max() + 1e-9) * 10 ** (-rng.uniform(0, 36) / 20)
        if rng.random() < 0.06:
            wave = np.clip(wave * rng.uniform(2, 8), -0.95, 0.95)
        cut = rng.randrange(640)  # so that the steps of the network fall anywhere
        places = (Place(p.word, p.begin + len(before) - cut, p.end + len(before) - cut) for p in said.places)
        return Clip(text, to_samples(wave[cut:].astype(np.float32)), tuple(places))

    def _before(self, wave: Wave) -> Wave:
        """What was heard before: mostly nothing, or another sentence."""
        rng, least = self._rng, int(self._rng.uniform(0.85, 1.2) * RATE)
        if rng.random() < 0.3:
            other = self._said(next(self._talk))
            if not other.places and len(other.wave):
                loud = rng.uniform(0.3, 1.2) * np.abs(wave).max() / (np.abs(other.wave).max() + 1e-6)
                pause = np.zeros(int(rng.uniform(0.02, 0.5) * RATE), np.float32)
                heard = np.concatenate([np.zeros(RATE // 2, np.float32), other.wave * np.float32(loud), pause])
                return np.concatenate([np.zeros(max(0, least - len(heard)), np.float32), heard])
        return np.zeros(least, np.float32)

    def _coloured(self, wave: Wave) -> Wave:
        """Through some microphone: louder and softer bands, now and then only a telephone's."""
        rng, spectrum = self._rng, np.fft.rfft(wave)
        pitch_hz = np.linspace(0, RATE / 2, len(spectrum))
        points = (0, 150, 400, 1_000, 2_000, 3_500, 5_500, 8_000)
        gain_db = np.interp(pitch_hz, points, [rng.gauss(0, 5) for _ in points])
        if rng.random() < 0.15:
            gain_db -= 40 * ((pitch_hz < 300) | (pitch_hz > 3_400))
        return np.fft.irfft(spectrum * 10 ** (gain_db / 20), len(wave)).astype(np.float32)

    def _in_a_room(self, wave: Wave) -> Wave:
        """With the echoes of a room that dies away in 0.1 to 0.6 s."""
        rng = self._rng
        length = int(RATE * rng.uniform(0.1, 0.6))
        echo = self._noise.standard_normal(length) * 10 ** (-3 * np.arange(length) / length) * rng.uniform(0.01, 0.08)
        echo[: int(rng.uniform(20, 200))] = 0
        echo[0] = 1
        size = 1 << (len(wave) + length).bit_length()
        both = np.fft.rfft(wave, size) * np.fft.rfft(echo, size)
        return np.fft.irfft(both, size)[: len(wave)].astype(np.float32)

    def _in_noise(self, wave: Wave) -> Wave:
        """With talk, or hiss of some colour, a fan's beat or a hum, 0 to 32 dB below the speech."""
        rng, count = self._rng, len(wave)
        if rng.random() < 0.3 and count < len(self._babble):
            at = rng.randrange(len(self._babble) - count)
            noise = self._babble[at : at + count].astype(np.float64)
        else:
            spectrum = np.fft.rfft(self._noise.standard_normal(count))
            noise = np.fft.irfft(spectrum / (np.arange(len(spectrum)) + 1.0) ** rng.uniform(0, 1.2), count)
            time_s = np.arange(count) / RATE
            if rng.random() < 0.3:
                noise *= 1 + rng.uniform(0, 0.9) * np.sin(time_s * rng.uniform(2, 60))
            if rng.random() < 0.2:
                tone_hz = rng.choice((50, 60, 100, 120, rng.uniform(80, 900)))
                hum = sum(np.sin(2 * np.pi * tone_hz * part * time_s) * rng.random() for part in range(1, 6))
                noise = noise / (noise.std() + 1e-9) + hum
        loud = np.abs(wave) > np.abs(wave).max() * 0.05
        level = np.sqrt((wave[loud] ** 2).mean()) if loud.any() else 0.1
        below_db = rng.uniform(0, 32)
        loud_noise = noise / (noise.std() + 1e-9) * level * 10 ** (-below_db / 20)
        return np.asarray(wave + loud_noise, np.float32)
