"""Noise for measuring: made here from numbers, mixed under recorded speech at a given ratio. Pure.

Five kinds, one for each example by its id, so that a figure is of all of them and every run of the same: `babble` (a
café: many voices at once, the hard one), `clatter` (a kitchen), `fan`, `hum` and `white`. The ratio, in dB, is that of
the loudest 128 ms of the speech to the loudest 128 ms of the noise, as Picovoice's speech-to-intent benchmark has it,
so that figures can stand beside the published ones. Refuses nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from edge_agent.speech.audio import RATE_HZ, Samples, to_samples, to_wave

Wave = NDArray[np.float32]
"""Shape (n,), 16 kHz; of any loudness until it is mixed."""

TALKERS: Final = 8
"""Voices of a babble."""
FRAME_SAMPLES: Final = 2_048
"""128 ms: what is as long as that counts as loud, and a click does not."""
_PEAK_MAX: Final = 0.98


@dataclass(frozen=True, slots=True)
class Noises:
    """The kinds that are mixed in. `voices`: speech that a babble is made of; murmurs where there is none."""

    kinds: tuple[str, ...] = ("babble", "clatter", "fan", "hum", "white")
    voices: tuple[Wave, ...] = ()

    def kind_of(self, id_: str) -> str:
        """The kind that an example gets."""
        return self.kinds[_seed("kind", id_) % len(self.kinds)]

    def under(self, speech: Samples, id_: str, snr_db: float) -> Samples:
        """The speech of an example with its noise at this ratio; silence stays as it is."""
        if not np.any(speech):
            return speech
        kind = self.kind_of(id_)
        chance = default_rng(_seed(kind, id_))
        noise = babble(len(speech), chance, self.voices) if kind == "babble" else MAKERS[kind](len(speech), chance)
        return mixed(speech, noise, snr_db)


def mixed(speech: Samples, noise: Wave, snr_db: float) -> Samples:
    """Both together; where that is beyond full scale, both softer. Silence stays as it is."""
    wave = to_wave(speech)
    level, noise_level = loudest_power(wave), loudest_power(noise)
    if level <= 0.0 or noise_level <= 0.0:
        return speech
    both = wave + noise * np.float32(np.sqrt(level / noise_level / 10.0 ** (snr_db / 10.0)))
    peak = float(np.max(np.abs(both)))
    return to_samples(both * np.float32(min(1.0, _PEAK_MAX / peak)))


def loudest_power(wave: Wave) -> float:
    """Mean square of the loudest frame; of the whole, where that is shorter."""
    if not len(wave):
        return 0.0
    whole = len(wave) - len(wave) % FRAME_SAMPLES
    frames = wave[:whole].reshape(-1, FRAME_SAMPLES) if whole else wave.reshape(1, -1)
    return float(np.max(np.mean(np.square(frames, dtype=np.float64), axis=1)))


def babble(count: int, chance: Generator, voices: Sequence[Wave] = ()) -> Wave:
    """A room of talkers, each somewhere in what he says, some further away than others."""
    total = np.zeros(count, np.float32)
    for talker in range(TALKERS):
        if voices:
            voice = np.roll(
                voices[(talker + int(chance.integers(len(voices)))) % len(voices)], -chance.integers(1 << 20)
            )
            voice = np.resize(voice, count)
        else:
            voice = murmur(count, chance)
        power = float(np.mean(np.square(voice, dtype=np.float64))) or 1.0
        total += voice * np.float32(10.0 ** (chance.uniform(-6.0, 0.0) / 20.0) / np.sqrt(power))
    return total


def murmur(count: int, chance: Generator) -> Wave:
    """A voice without words: a gliding pitch, the spectrum of speech, syllables and pauses."""
    time_s = np.arange(count) / RATE_HZ
    pitch_hz = chance.uniform(90.0, 220.0) * (1.0 + 0.15 * _slow(count, 0.8, chance))
    phase = 2.0 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    buzz = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 30))
    breath = chance.standard_normal(count) * 0.3
    syllables = np.clip(
        0.5 + 0.8 * np.sin(2.0 * np.pi * chance.uniform(3.0, 5.0) * time_s + chance.uniform(0.0, 6.0)), 0, 1
    )
    phrases = _slow(count, 0.4, chance) > -0.6
    return np.asarray(_shaped((buzz + breath) * syllables * phrases, _speech_shape), np.float32)


def clatter(count: int, chance: Generator) -> Wave:
    """Dishes: knocks that ring in a few high tones, over a murmur of water."""
    total = 0.02 * _coloured(count, chance, 1.0)
    for begin in np.flatnonzero(chance.random(count) < 4.0 / RATE_HZ).tolist():
        time_s = np.arange(min(count - begin, RATE_HZ // 3)) / RATE_HZ
        tones_hz = chance.uniform(1_200.0, 6_000.0, size=5)
        ring = sum(np.sin(2.0 * np.pi * tone_hz * time_s) for tone_hz in tones_hz)
        total[begin : begin + len(time_s)] += (
            chance.uniform(0.2, 1.0) * ring * np.exp(-time_s * chance.uniform(12.0, 60.0))
        )
    return total.astype(np.float32)


def fan(count: int, chance: Generator) -> Wave:
    """Air, falling off towards the top, with the beat of the blades in it."""
    beat_hz = chance.uniform(80.0, 140.0)
    beat = np.sin(2.0 * np.pi * beat_hz * np.arange(count) / RATE_HZ)
    air = _coloured(count, chance, 1.0)
    return np.asarray(air * (1.0 + 0.2 * beat) + 0.3 * np.std(air) * beat, np.float32)


def hum(count: int, chance: Generator) -> Wave:
    """Mains and its overtones, and a little hiss."""
    time_s = np.arange(count) / RATE_HZ
    tones = sum(
        np.sin(2.0 * np.pi * 50.0 * k * time_s + chance.uniform(0.0, 6.0)) / k for k in (1, 2, 3, 4, 5, 6, 8, 10)
    )
    return np.asarray(tones + 0.05 * chance.standard_normal(count), np.float32)


def white(count: int, chance: Generator) -> Wave:
    """Every frequency alike."""
    return chance.standard_normal(count).astype(np.float32)


MAKERS: Final[dict[str, Callable[[int, Generator], Wave]]] = {
    "babble": babble,
    "clatter": clatter,
    "fan": fan,
    "hum": hum,
    "white": white,
}


def _slow(count: int, rate_hz: float, chance: Generator) -> NDArray[np.float64]:
    """A value between -1 and 1 that wanders, so many turns a second."""
    knots = chance.uniform(-1.0, 1.0, size=max(2, int(count / RATE_HZ * rate_hz * 2.0) + 2))
    wandering: NDArray[np.float64] = np.interp(np.linspace(0.0, len(knots) - 1.0, count), np.arange(len(knots)), knots)
    return wandering


def _coloured(count: int, chance: Generator, slope: float) -> NDArray[np.float64]:
    """Noise whose power falls with frequency to this power."""
    return _shaped(chance.standard_normal(count), lambda hz: np.maximum(hz, 20.0) ** (-slope / 2.0))


def _speech_shape(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """How loud speech is on the average: even up to 500 Hz, then 9 dB less an octave."""
    shape: NDArray[np.float64] = np.where(hz < 80.0, 0.05, (np.maximum(hz, 500.0) / 500.0) ** -1.5)
    return shape


def _shaped(
    wave: NDArray[np.float64], shape: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    if not len(wave):
        return wave
    hz: NDArray[np.float64] = np.fft.rfftfreq(len(wave), 1.0 / RATE_HZ).astype(np.float64)
    return np.asarray(np.fft.irfft(np.fft.rfft(wave) * shape(hz), len(wave)), np.float64)


def _seed(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big")
