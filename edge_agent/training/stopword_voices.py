"""Words spoken by espeak-ng and flite, with where each stop word begins and ends in the sound.

Decides which voices train the stop words. espeak-ng comes with the `espeakng-loader` wheel and is called in this
process; flite is Debian's program, whose voices were cut from recordings of people. Nothing is played.
"""

from __future__ import annotations

import ctypes
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.speech.files import read_audio
from edge_agent.speech.keyword_head import WORDS

Wave = NDArray[np.float32]
"""Shape (n,), 16 kHz, ±1 full scale."""

ACCENTS: Final = (
    *("en-us",) * 4, *("en",) * 3, "en-029", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-us-nyc"
)  # fmt: skip
NO_VARIANTS: Final = ("Demonic", "croak", "AnxiousAndy", "fast", "Tweaky")
"""Voices that nobody has."""
PLAIN_SHARE: Final = 0.1
FLITE_PITCH_HZ: Final = {"kal16": 105.0, "awb": 140.0, "slt": 170.0}
"""flite's voices that train, and where each speaks; `rms` is kept for measuring."""
_KIN: Final = "stops stopped stopping stopper nonstop halts halted halting freezes freezing freezer frozen froze"
KIN: Final = frozenset(_KIN.split())
"""Words with a stop word inside: neither right nor wrong."""
WARP: Final = (0.86, 1.17)
"""Played so much faster or slower than it was made, which changes the speaker's size."""
_SOUNDS: Final = {
    ("s", "t", "aa", "p"): "stop",
    ("s", "t", "ao", "p"): "stop",
    ("hh", "ao", "l", "t"): "halt",
    ("hh", "aa", "l", "t"): "halt",
    ("f", "r", "iy", "z"): "freeze",
}
_ESPEAK_HZ: Final = 22_050
_SYNCHRONOUS, _PHONEME_EVENTS, _CHARACTER, _UTF8 = 2, 1, 1, 1
_SPEED, _PITCH, _RANGE = 1, 3, 4
_NO_MORE, _WORD, _END, _PHONEME = 0, 1, 5, 7


class VoicesMissing(RuntimeError):
    """A program or a wheel that speaks is not installed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a word was said, in samples. `word` is one of WORDS, or None for a word that is neither right nor wrong."""

    word: str | None
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence as sound."""

    wave: Wave
    places: tuple[Place, ...]


def espeak(rng: random.Random, text: str) -> Spoken:
    """A sentence by a voice of espeak-ng's drawn at random.

    Raises:
        VoicesMissing: the `espeakng-loader` wheel is not there.
    """
    library, sound, events, _ = _espeak()
    sound.clear()
    events.clear()
    accent, variant = rng.choice(ACCENTS), rng.choice(_variants()) if rng.random() >= PLAIN_SHARE else ""
    if library.espeak_SetVoiceByName(f"{accent}+{variant}".rstrip("+").encode()):
        raise VoicesMissing(f"espeak-ng has no voice {accent}+{variant}")
    for parameter, low, high in ((_SPEED, 110, 260), (_PITCH, 15, 85), (_RANGE, 10, 95)):
        library.espeak_SetParameter(parameter, rng.randint(low, high), 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # or the breath of some voices differs from run to run
    said = text.encode()
    library.espeak_Synth(said, len(said) + 1, 0, _CHARACTER, 0, _UTF8, None, None)
    pcm = np.frombuffer(b"".join(sound), "<i2").astype(np.float32) / np.float32(32_768)
    warp = rng.uniform(*WARP)
    scale = 16_000 / (_ESPEAK_HZ * warp)
    places = tuple(Place(p.word, p.begin * scale, p.end * scale) for p in _espeak_places(text, events, len(pcm)))
    return Spoken(resampled(pcm, scale), places)


def _espeak_places(text: str, events: list[tuple[int, int, int, int, bytes]], total: int) -> Iterator[Place]:
    """The stop words among the words; a pause after a word is no part of it."""
    words = [(position - 1, length, sample) for sort, position, length, sample, _ in events if sort == _WORD]
    end = next((sample for sort, _, _, sample, _ in reversed(events) if sort == _END), total)
    pauses = [sample for sort, _, _, sample, name in events if sort == _PHONEME and name.startswith(b"_")]
    for (position, length, begin), (_, _, following) in pairwise([*words, (0, 0, end)]):
        word = text[position : position + length].lower()
        if word in WORDS or word in KIN:
            ended = next((pause for pause in pauses if begin < pause <= following), following)
            yield Place(word if word in WORDS else None, begin, ended)


def flite(rng: random.Random, text: str) -> Spoken:
    """A sentence by one of flite's recorded voices.

    Raises:
        VoicesMissing: Debian's flite is not installed.
    """
    program = shutil.which("flite")
    if program is None:
        raise VoicesMissing("flite speaks a part of the training sentences: apt-get install flite")
    voice = rng.choice(tuple(FLITE_PITCH_HZ))
    features = {
        "duration_stretch": f"{rng.uniform(0.65, 1.35):.2f}",
        "int_f0_target_mean": f"{rng.uniform(0.75, 1.35) * FLITE_PITCH_HZ[voice]:.0f}",
    }
    settings = [part for name, value in features.items() for part in ("--setf", f"{name}={value}")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "said.wav")
        line = [program, "-voice", voice, "-t", f" {text}", "-psdur", *settings, "-o", str(path)]
        listed = subprocess.run(line, capture_output=True, text=True, check=True).stdout
        pcm = read_audio(path).astype(np.float32) / np.float32(32_768)
    scale = 1.0 / rng.uniform(*WARP)
    sounds = [(name, float(at)) for name, at in (part.rsplit(":", 1) for part in listed.split() if ":" in part)]
    doubtful = any(word in KIN for word in text.lower().split())
    return Spoken(resampled(pcm, scale), tuple(_flite_places(sounds, 16_000 * scale, doubtful=doubtful)))


def _flite_places(sounds: list[tuple[str, float]], scale: float, *, doubtful: bool) -> Iterator[Place]:
    """The stop words by their sounds; each sound comes with the second at which it ends."""
    names = [name for name, _ in sounds]
    for at in range(len(names)):
        for pattern, word in _SOUNDS.items():
            if tuple(names[at : at + len(pattern)]) == pattern:
                begin = sounds[at - 1][1] if at else 0.0
                yield Place(None if doubtful else word, begin * scale, sounds[at + len(pattern) - 1][1] * scale)


def resampled(wave: Wave, scale: float) -> Wave:
    """A wave with `scale` times as many samples, its spectrum cut or widened with zeros."""
    if not len(wave):
        return wave
    out = max(2, round(len(wave) * scale))
    spectrum = np.fft.rfft(wave)
    cut = np.zeros(out // 2 + 1, np.complex128)
    kept = min(len(cut), len(spectrum))
    cut[:kept] = spectrum[:kept]
    return (np.fft.irfft(cut, out) * (out / len(wave))).astype(np.float32)


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


def _folder() -> Path:
    spec = find_spec("espeakng_loader")
    if spec is None or spec.origin is None:
        raise VoicesMissing("espeak-ng: pip install 'edge-agent[speech]'")
    return Path(spec.origin).parent


@cache
def _variants() -> tuple[str, ...]:
    files = (path.name for path in (_folder() / "espeak-ng-data" / "voices" / "!v").iterdir())
    return tuple(sorted(name for name in files if name not in NO_VARIANTS))


@cache
def _espeak() -> tuple[ctypes.CDLL, list[bytes], list[tuple[int, int, int, int, bytes]], Any]:
    """The library, the sound and the events of what it said last, and its callback, which must live as long."""
    library = ctypes.CDLL(str(_folder() / "libespeak-ng.so"))
    sound: list[bytes] = []
    events: list[tuple[int, int, int, int, bytes]] = []

    def collect(samples: Any, count: int, listed: Any) -> int:
        if samples and count > 0:
            sound.append(ctypes.string_at(samples, 2 * count))
        at = 0
        while listed[at].type != _NO_MORE:
            event = listed[at]
            events.append((event.type, event.text_position, event.length, event.sample, event.id))
            at += 1
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
    callback = kind(collect)
    if library.espeak_Initialize(_SYNCHRONOUS, 0, str(_folder()).encode(), _PHONEME_EVENTS) != _ESPEAK_HZ:
        raise VoicesMissing("espeak-ng would not start")
    library.espeak_SetSynthCallback(callback)
    return library, sound, events, callback
