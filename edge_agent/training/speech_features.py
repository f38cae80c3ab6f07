"""Log-mel spectra as Whisper reads them, in two steps, so that noise can be added between them.

Power first (`mel_power`), then what the model sees (`normalised`). The numbers are those of faster-whisper's own
extractor, which a test compares.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from edge_agent.training.speech_voices import RATE_HZ

Floats = NDArray[np.float32]
MELS = 80
HOP = 160
WINDOW = 400
FRAMES_A_SECOND = RATE_HZ // HOP
POWER_MIN = 1e-10
_LINEAR_STEP_HZ, _BREAK_HZ = 200.0 / 3, 1000.0
_RATIO_A_MEL = np.log(6.4) / 27.0
"""Slaney's scale: even below 1 kHz, then a ratio of 6.4 over 27 steps."""


@cache
def _filters() -> Floats:
    """Triangles over the spectrum, (80, 201), of even energy."""
    top = _BREAK_HZ / _LINEAR_STEP_HZ + np.log(RATE_HZ / 2 / _BREAK_HZ) / _RATIO_A_MEL
    mels = np.linspace(0.0, top, MELS + 2)
    below = mels * _LINEAR_STEP_HZ
    above = _BREAK_HZ * np.exp(_RATIO_A_MEL * (mels - _BREAK_HZ / _LINEAR_STEP_HZ))
    edges = np.where(below < _BREAK_HZ, below, above)
    bins = np.fft.rfftfreq(WINDOW, 1.0 / RATE_HZ)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    even: Floats = (triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)
    return even


def mel_power(wave: Floats) -> Floats:
    """The power in each band, (80, len(wave) // 160), of a sound of at least 200 samples."""
    padded = np.pad(wave, (WINDOW // 2, WINDOW // 2), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: len(wave) // HOP * HOP : HOP]
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    spectrum = np.fft.rfft(frames * window, axis=1)
    power: Floats = (_filters() @ (np.abs(spectrum) ** 2).T.astype(np.float32)).astype(np.float32)
    return power


def normalised(power: Floats) -> Floats:
    """What the model sees of (80, frames): logarithms, cut 80 dB below the loudest, near ±1."""
    logs = np.log10(np.maximum(power, POWER_MIN))
    seen: Floats = ((np.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0).astype(np.float32)
    return seen
