"""libespeak-ng from the `espeakng-loader` wheel: how a word is pronounced, and a voice for trying things out.

Decides nothing: text goes in, phonemes or samples come out. Refuses (SPEECH_UNAVAILABLE) where the wheel is missing or
the library does not start. The library is one machine for the whole process, so one caller at a time uses it.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from pathlib import Path
from typing import Any, Final

import espeakng_loader
import numpy as np

from edge_agent.errors import Code, NodeFault
from edge_agent.speech.audio import Samples, to_samples, to_wave
from edge_agent.speech.resampling import Resampler

AMERICAN: Final = "en-us"
RATE_WPM: Final = 160
"""Words a minute of an unhurried speaker."""

_RETRIEVAL: Final = 1
_UTF8: Final = 1
_CHARACTERS: Final = 1
_DO_NOT_EXIT: Final = 0x8000
_IPA_APART: Final = 0x02 | ord("_") << 8
"""Phonemes as IPA, with an underscore between them."""
_SPEED: Final = 1
_STRESS: Final = str.maketrans("", "", "ˈˌ")
_lock: Final = threading.Lock()


def phonemes(text: str, voice: str = AMERICAN) -> tuple[str, ...]:
    """The sounds of a text in IPA, stress left out.

    Raises:
        NodeFault: SPEECH_UNAVAILABLE.
    """
    with _lock:
        library, _, _, _ = _library()
        _choose(library, voice)
        left = ctypes.c_char_p(text.encode())
        heard: list[str] = []
        while left.value:
            said = library.espeak_TextToPhonemes(ctypes.byref(left), _UTF8, _IPA_APART)
            heard.extend((said or b"").decode().replace(" ", "_").split("_"))
    return tuple(sound for sound in (each.translate(_STRESS) for each in heard) if sound)


def speak(text: str, voice: str = AMERICAN, rate_wpm: int = RATE_WPM) -> Samples:
    """A text spoken by one of the library's voices, such as "en-us+f3". At most a few sentences.

    Raises:
        NodeFault: SPEECH_UNAVAILABLE, also for a voice that is not there.
    """
    with _lock:
        library, rate_hz, heard, _ = _library()
        _choose(library, voice)
        library.espeak_SetParameter(_SPEED, rate_wpm, 0)
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # or the breath of some voices differs from time to time
        heard.clear()
        said = text.encode()
        library.espeak_Synth(said, len(said) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
        library.espeak_Synchronize()
        native = np.frombuffer(b"".join(heard), dtype="<i2")
    resampler = Resampler(rate_hz)
    wave = to_wave(native)
    return to_samples(np.concatenate([resampler.resampled(wave), resampler.rest()]))


def _choose(library: Any, voice: str) -> None:
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise NodeFault(Code.SPEECH_UNAVAILABLE, f"espeak-ng has no voice {voice!r}; try {AMERICAN!r} or 'en-us+f3'")


@cache
def _library() -> tuple[Any, int, list[bytes], Any]:
    """The started library, its sampling rate, where its sound is gathered, and the callback that must not be freed."""
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = str(Path(espeakng_loader.get_data_path()))
    except (OSError, RuntimeError) as problem:
        raise NodeFault(
            Code.SPEECH_UNAVAILABLE, f"espeak-ng cannot be loaded ({problem}): install espeakng-loader anew"
        ) from problem
    rate_hz = int(library.espeak_Initialize(_RETRIEVAL, 0, data.encode(), _DO_NOT_EXIT))
    if rate_hz <= 0:
        raise NodeFault(Code.SPEECH_UNAVAILABLE, "espeak-ng does not start: install espeakng-loader anew")
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p,
        ctypes.c_void_p,
    ]  # fmt: skip
    heard: list[bytes] = []

    def gather(sound: Any, count: int, _events: Any) -> int:
        if sound and count > 0:
            heard.append(ctypes.string_at(sound, count * 2))
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(gather)
    library.espeak_SetSynthCallback(callback)
    return library, rate_hz, heard, callback
