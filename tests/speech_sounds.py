"""Sounds for the tests of speech: spoken sentences, silence, noise, tones, clicks; 16 kHz `Samples`, made once a run.

The voice is espeak-ng from the `speech` extra, in a process of its own: it keeps global state, and what is tested may
use it in other ways. The noises come from seeded generators. Run as a program it writes the voice's raw samples:

    python tests/speech_sounds.py VOICE WORDS_PER_MINUTE TEXT > raw.s16le
"""

from __future__ import annotations

import ctypes
import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
VOICE_RATE_HZ = 22_050
"""espeak-ng's own; its voices know no other."""
_SYNCHRONOUS, _UTF8, _CHARACTERS, _RATE = 2, 1, 1, 1
"""espeak-ng's numbers: sound goes to a callback; the text's coding; positions in characters; words a minute."""

Samples = NDArray[np.int16]


@functools.cache
def spoken(text: str, *, voice: str = "en", words_per_minute: int = 160, level_db: float = -23.0) -> Samples:
    """A sentence, without silence around it, its loudest half second at `level_db` below full scale."""
    wave = np.frombuffer(_voice(text, voice, words_per_minute), dtype="<i2").astype(np.float64)
    loud = np.flatnonzero(np.abs(wave) > 0.01 * np.abs(wave).max())
    wave = _at_16_khz(wave[loud[0] : loud[-1] + 1])
    return at_level(wave, level_db)


def silence(duration_ms: float) -> Samples:
    """Digital silence."""
    return np.zeros(_count(duration_ms), np.int16)


def white_noise(duration_ms: float, *, level_db: float = -40.0, seed: int = 1) -> Samples:
    """Every frequency alike: a hiss."""
    return at_level(np.random.default_rng(seed).standard_normal(_count(duration_ms)), level_db)


def pink_noise(duration_ms: float, *, level_db: float = -40.0, seed: int = 1) -> Samples:
    """Equal power in every octave: rain, a fan, a hall."""
    count = _count(duration_ms)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    return at_level(np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), count), level_db)


def music(duration_ms: float, *, level_db: float = -25.0, seed: int = 1) -> Samples:
    """Chords of plucked tones with overtones on a scale, two notes a second over a bass: no voice in it."""
    chance = np.random.default_rng(seed)
    wave = np.zeros(_count(duration_ms))
    beat = RATE_HZ // 2
    for begin in range(0, len(wave), beat):
        for step in (*chance.choice([0, 2, 4, 5, 7, 9, 11, 12], size=3, replace=False), -12):
            note = _note(220.0 * 2.0 ** (step / 12.0), min(2 * beat, len(wave) - begin))
            wave[begin : begin + len(note)] += note
    return at_level(wave, level_db)


def tone(duration_ms: float, *, frequency_hz: float = 440.0, level_db: float = -25.0) -> Samples:
    """One sine."""
    return at_level(np.sin(2.0 * np.pi * frequency_hz * np.arange(_count(duration_ms)) / RATE_HZ), level_db)


def clicks(duration_ms: float, *, every_ms: float = 700.0, peak_db: float = -6.0, seed: int = 1) -> Samples:
    """Short knocks in silence: each 5 ms of noise that dies away."""
    chance = np.random.default_rng(seed)
    wave = np.zeros(_count(duration_ms))
    knock = np.exp(-np.arange(_count(5.0)) / (0.001 * RATE_HZ))
    for begin in range(_count(every_ms) // 2, len(wave) - len(knock), _count(every_ms)):
        wave[begin : begin + len(knock)] = knock * chance.uniform(-1.0, 1.0, len(knock))
    return _rounded(wave * 32_768.0 * 10.0 ** (peak_db / 20.0))


def mixed(*sounds: Samples) -> Samples:
    """Sounds on top of one another, as long as the longest."""
    wave = np.zeros(max(len(sound) for sound in sounds))
    for sound in sounds:
        wave[: len(sound)] += sound
    return _rounded(wave)


def joined(*sounds: Samples) -> Samples:
    """Sounds after one another."""
    return np.concatenate(sounds)


def louder(sound: Samples, gain_db: float) -> Samples:
    """Amplified; what goes past full scale is clipped, as a converter does it."""
    return _rounded(sound * 10.0 ** (gain_db / 20.0))


def at_level(wave: NDArray[np.float64], level_db: float) -> Samples:
    """A wave as samples whose loudest half second has this root mean square, in dB below full scale."""
    stretch = min(len(wave), RATE_HZ // 2)
    energy = np.concatenate(([0.0], np.cumsum(wave**2)))
    power = (energy[stretch:] - energy[:-stretch]).max() / stretch
    return _rounded(wave * (32_768.0 * 10.0 ** (level_db / 20.0) / np.sqrt(power)))


def duration_ms(sound: Samples) -> float:
    return 1_000.0 * len(sound) / RATE_HZ


def _count(milliseconds: float) -> int:
    return round(milliseconds * RATE_HZ / 1_000.0)


def _rounded(wave: NDArray[np.float64]) -> Samples:
    return np.clip(np.rint(wave), -32_768, 32_767).astype(np.int16)


def _note(frequency_hz: float, count: int) -> NDArray[np.float64]:
    time_s = np.arange(count) / RATE_HZ
    overtones = sum(np.sin(2.0 * np.pi * frequency_hz * n * time_s) / n**1.5 for n in range(1, 9))
    return overtones * np.exp(-3.0 * time_s) * np.minimum(1.0, time_s / 0.005)


def _at_16_khz(wave: NDArray[np.float64]) -> NDArray[np.float64]:
    """The voice's rate to ours by the spectrum: exact for a whole sound, and no library under test is needed for it."""
    count = round(len(wave) * RATE_HZ / VOICE_RATE_HZ)
    return np.fft.irfft(np.fft.rfft(wave)[: count // 2 + 1], count)


@functools.cache
def _voice(text: str, voice: str, words_per_minute: int) -> bytes:
    command = [sys.executable, __file__, voice, str(words_per_minute), text]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def _speak(voice: str, words_per_minute: int, text: str) -> bytes:
    import espeakng_loader

    espeak = ctypes.CDLL(espeakng_loader.get_library_path())
    spoken_so_far = bytearray()

    def take(samples: ctypes.c_void_p, count: int, _events: ctypes.c_void_p) -> int:
        if samples and count > 0:
            spoken_so_far.extend(ctypes.string_at(samples, 2 * count))
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(take)
    rate_hz = espeak.espeak_Initialize(_SYNCHRONOUS, 0, str(_voices_folder()).encode(), 0)
    assert rate_hz == VOICE_RATE_HZ, rate_hz
    assert espeak.espeak_SetVoiceByName(voice.encode()) == 0, f"espeak-ng has no voice {voice}"
    espeak.espeak_SetParameter(_RATE, words_per_minute, 0)
    espeak.espeak_SetSynthCallback(callback)
    line = text.encode()
    espeak.espeak_Synth(line, ctypes.c_size_t(len(line) + 1), 0, _CHARACTERS, 0, _UTF8, None, None)
    espeak.espeak_Synchronize()
    return bytes(spoken_so_far)


def _voices_folder() -> Path:
    import espeakng_loader

    return Path(espeakng_loader.get_data_path()).parent


NOISES: dict[str, Callable[[float], Samples]] = {
    "silence": silence,
    "white-noise": white_noise,
    "pink-noise": pink_noise,
    "music": music,
    "clicks": clicks,
}
"""Everything that is no speech, by name: milliseconds in, sound out."""

if __name__ == "__main__":
    sys.stdout.buffer.write(_speak(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
