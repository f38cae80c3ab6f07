"""Sentences spoken by espeak-ng's many voices, for training a recogniser of the tests' own.

Decides which voices train and which are held back. The library comes with the `espeakng-loader` wheel and is called
in this process; nothing is played. Only training and its tests speak through this file.
"""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PACKAGE = "espeakng_loader"
RATE_HZ = 16_000
_BLOCK, _BLOCK_OUT = 441, 320
"""22,050 Hz, espeak-ng's own rate, is to 16,000 Hz as 441 is to 320."""
_SYNCHRONOUS, _BUFFER_MS, _SPEED, _PITCH, _RANGE = 2, 200, 1, 3, 4
_CHARACTER, _UTF8, _TELL_PHONEMES = 1, 1, 1
_WORD, _PHONEME = 1, 7
_STRESS = "',%="

ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-us-nyc", "en-gb-x-gbcwmd", "en-029")
_TRAINED = (
    "m1 m2 m3 m4 m6 m7 f1 f2 f3 f4 adam alex alicia andrea andy anika annie antonio aunty belinda benjamin boris "
    "caleb ed edward gene henrique hugo iven iven3 jacky john klatt klatt2 lee linda marco mario michael miguel mike "
    "nguyen norbert pablo pedro quincy reed robert sandro shelby steph steph2 travis victor zac"
)
VARIANTS = tuple(_TRAINED.split())
HELD_BACK_ACCENTS = ("en-gb-scotland", "en-us", "en")
HELD_BACK_VARIANTS = ("m5", "m8", "f5", "david", "ian", "max", "paul", "rob", "michel", "denis", "diogo", "steph3")
SPEED_WPM = (120, 215)
PITCH = (25, 75)
INTONATION = (20, 80)


class VoicesMissing(RuntimeError):
    """The package with espeak-ng is not installed, or knows no such voice."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How something is said. Pitch and intonation are espeak-ng's own, 0 to 99."""

    accent: str = "en-us"
    variant: str = ""
    speed_wpm: int = 160
    pitch: int = 50
    intonation: int = 50

    @property
    def name(self) -> str:
        """As espeak-ng calls it: en-us+f3."""
        return f"{self.accent}+{self.variant}" if self.variant else self.accent


def any_voice(rng: random.Random, *, held_back: bool) -> Voice:
    """A voice drawn at random, of those that train or of those that never do."""
    return Voice(
        rng.choice(HELD_BACK_ACCENTS if held_back else ACCENTS),
        rng.choice(HELD_BACK_VARIANTS if held_back else VARIANTS),
        rng.randint(*SPEED_WPM),
        rng.randint(*PITCH),
        rng.randint(*INTONATION),
    )


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence as sound, shape (n,), 16 kHz, ±1 full scale, and what espeak-ng says of it.

    `words` has the first sample of each word and the word's place among the characters of the text, `phonemes` the
    first sample of each phoneme and its name.
    """

    wave: NDArray[np.float32]
    words: tuple[tuple[int, int], ...]
    phonemes: tuple[tuple[int, str], ...]


def speak(text: str, voice: Voice) -> Spoken:
    """A sentence, said.

    Raises:
        VoicesMissing: the `espeakng-loader` wheel is not there, or there is no such voice.
    """
    library, heard, _ = _espeak()
    heard.sound.clear()
    heard.events.clear()
    if library.espeak_SetVoiceByName(_file_name(voice).encode()):
        raise VoicesMissing(f"espeak-ng has no voice {voice.name}")
    for parameter, value in ((_SPEED, voice.speed_wpm), (_PITCH, voice.pitch), (_RANGE, voice.intonation)):
        library.espeak_SetParameter(parameter, value, 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # or the breath of some voices differs from run to run
    said = text.encode("ascii")
    library.espeak_Synth(said, len(said) + 1, 0, _CHARACTER, 0, _UTF8, None, None)
    samples = np.frombuffer(b"".join(heard.sound), dtype="<i2").astype(np.float32) / np.float32(32_768)
    placed = [(kind, at * _BLOCK_OUT // _BLOCK, place, name) for kind, at, place, name in heard.events]
    return Spoken(
        _resampled(samples),
        tuple((at, place - 1) for kind, at, place, _ in placed if kind == _WORD),
        tuple((at, name.strip(_STRESS)) for kind, at, _, name in placed if kind == _PHONEME),
    )


def _resampled(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """22,050 to 16,000 Hz by cutting the spectrum of the whole."""
    blocks = -(-max(len(wave), 1) // _BLOCK)
    spectrum = np.fft.rfft(wave, blocks * _BLOCK)
    out = blocks * _BLOCK_OUT
    resampled = np.fft.irfft(spectrum[: out // 2 + 1] * (out / (blocks * _BLOCK)), out)
    return resampled.astype(np.float32)


@cache
def _variant_files() -> dict[str, str]:
    """The variants' names as their files spell them, by their lower case."""
    return {path.name.lower(): path.name for path in (_folder() / "espeak-ng-data" / "voices" / "!v").iterdir()}


def _file_name(voice: Voice) -> str:
    if not voice.variant:
        return voice.accent
    variant = _variant_files().get(voice.variant)
    if variant is None:
        raise VoicesMissing(f"espeak-ng has no voice {voice.name}")
    return f"{voice.accent}+{variant}"


def _folder() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise VoicesMissing("espeak-ng: pip install 'edge-agent[speech]'")
    return Path(spec.origin).parent


class _Event(ctypes.Structure):
    """What espeak-ng tells beside the sound: espeak_EVENT of its speak_lib.h."""

    _fields_ = (
        ("kind", ctypes.c_int),
        ("number", ctypes.c_uint),
        ("place", ctypes.c_int),
        ("length", ctypes.c_int),
        ("position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


@dataclass(frozen=True, slots=True)
class _Heard:
    """What was said last: pieces of sound, and events as (kind, sample, place, name)."""

    sound: list[bytes]
    events: list[tuple[int, int, int, str]]


@cache
def _espeak() -> tuple[ctypes.CDLL, _Heard, Callable[..., int]]:
    """The library, what it said last, and its callback, which must live as long as the library does."""
    folder = _folder()
    library = ctypes.CDLL(str(folder / "libespeak-ng.so"))
    heard = _Heard([], [])

    def collect(samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            heard.sound.append(ctypes.string_at(samples, 2 * count))
        for event in takewhile(lambda event: event.kind != 0, events):
            name = event.name.decode("utf-8", "replace") if event.kind == _PHONEME else ""
            heard.events.append((event.kind, event.sample, event.place, name))
        return 0

    kinds = ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
    callback = ctypes.CFUNCTYPE(*kinds)(collect)
    rate = library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, str(folder).encode(), _TELL_PHONEMES)
    if rate * _BLOCK_OUT != RATE_HZ * _BLOCK:
        raise VoicesMissing(f"espeak-ng would not start from {folder} (it answered {rate})")
    library.espeak_SetSynthCallback(callback)
    return library, heard, callback
