"""How loud a sound is, and the removal of what is no sound: a microphone's constant offset and rumble. Pure.

Decides the level that counts as nothing at all and where hearing begins, 20 Hz. Refuses nothing.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.speech.audio import RATE_HZ

LEVEL_DB_MIN: Final = -100.0
"""The level of digital silence; a 16-bit sample's smallest step is 6 dB above it."""
_CORNER_HZ: Final = 20.0
"""Below this nobody speaks. First order, so that what lies above is hardly touched: -0.3 dB at 80 Hz."""
_KEPT: Final = math.exp(-2.0 * math.pi * _CORNER_HZ / RATE_HZ)
_BLOCK_SAMPLES: Final = 512
"""The recursion is solved in closed form a block at a time; `_KEPT` to this power is still far from nought."""


def level_db(wave: NDArray[np.float32]) -> float:
    """Root mean square of a wave, shape (n,), in dB below full scale; LEVEL_DB_MIN at the least."""
    power = float(np.dot(wave, wave)) / max(1, len(wave))
    return max(LEVEL_DB_MIN, 10.0 * math.log10(power)) if power > 0.0 else LEVEL_DB_MIN


class HighPass:
    """Takes the constant part and rumble out of a stream of sound. One for each stream."""

    def __init__(self) -> None:
        self._offset: float | None = None

    def filtered(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next stretch, shape (n,), 16 kHz, ±1 full scale, without what lies below hearing."""
        blocks = [self._block(wave[begin : begin + _BLOCK_SAMPLES]) for begin in range(0, len(wave), _BLOCK_SAMPLES)]
        return np.concatenate(blocks) if blocks else wave

    def _block(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """offset[n] = kept · offset[n-1] + (1 - kept) · wave[n], and the wave less its offset."""
        if self._offset is None:  # a constant offset is gone from the first sample on: no thump
            self._offset = float(wave.mean(dtype=np.float64))
        decay = _KEPT ** np.arange(1, len(wave) + 1)
        offset = decay * (self._offset + (1.0 - _KEPT) * np.cumsum(wave / decay))
        self._offset = float(offset[-1])
        rest: NDArray[np.float32] = (wave - offset).astype(np.float32)
        return rest
