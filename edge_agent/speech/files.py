"""Sound files that a person names on his own machine, by libsndfile; the only file that imports it.

Decides that a file is read whole and resampled to `Samples`, several channels averaged. Refuses what is no sound file,
what libsndfile cannot read, and what is longer than 10 minutes (AUDIO_INVALID, naming the file). What comes over a
network is never read here: that is PCM and nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from edge_agent.errors import ClientFault, Code, ConfigurationFault
from edge_agent.limits import SOUND_FILE_S_MAX
from edge_agent.speech.audio import Samples, to_samples
from edge_agent.speech.resampling import Resampler

_KINDS: Final = {"WAV", "WAVEX", "FLAC", "OGG", "RF64", "W64", "AIFF"}


def read_audio(path: Path) -> Samples:
    """A WAV, FLAC, OGG or AIFF file as samples.

    Raises:
        ConfigurationFault: AUDIO_INVALID.
    """
    if not path.is_file():
        raise _invalid(path, "no such file")
    try:
        with soundfile.SoundFile(path) as file:
            if file.format not in _KINDS:
                raise _invalid(path, f"{file.format} is not read: convert it to WAV or FLAC")
            if file.frames > SOUND_FILE_S_MAX * file.samplerate:
                raise _invalid(path, f"longer than {SOUND_FILE_S_MAX // 60} minutes: cut it")
            wave = file.read(SOUND_FILE_S_MAX * file.samplerate, dtype="float32", always_2d=True).mean(axis=1)
            rate_hz = file.samplerate
    except (soundfile.SoundFileError, OSError, ValueError) as problem:
        raise _invalid(path, f"it cannot be read as sound ({problem}): convert it to WAV or FLAC") from problem
    return to_samples(_at_our_rate(path, wave, rate_hz))


def _at_our_rate(path: Path, wave: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    if not np.isfinite(wave).all():
        raise _invalid(path, "a sample is NaN or infinite")
    try:
        resampler = Resampler(rate_hz)
    except ClientFault as problem:
        raise _invalid(path, problem.message) from problem
    return np.concatenate((resampler.resampled(wave), resampler.rest()))


def _invalid(path: Path, why: str) -> ConfigurationFault:
    return ConfigurationFault(Code.AUDIO_INVALID, why, where=str(path))
