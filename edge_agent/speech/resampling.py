"""Sound of any taken rate to 16 kHz, by libsoxr; the only file that imports it.

Decides the quality: soxr's own "high", whose delay is some 20 ms at most. Refuses rates outside the limits
(AUDIO_FORMAT).
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from edge_agent.errors import ClientFault, Code
from edge_agent.limits import AUDIO_RATE_HZ_MAX, AUDIO_RATE_HZ_MIN
from edge_agent.speech.audio import RATE_HZ


class Resampler:
    """One stream's way to 16 kHz. What comes out lags behind what goes in until `rest` is called."""

    def __init__(self, rate_hz: int) -> None:
        """For sound of this rate.

        Raises:
            ClientFault: AUDIO_FORMAT.
        """
        if not AUDIO_RATE_HZ_MIN <= rate_hz <= AUDIO_RATE_HZ_MAX:
            raise ClientFault(
                Code.AUDIO_FORMAT,
                f"{rate_hz} Hz is not taken: send {AUDIO_RATE_HZ_MIN} to {AUDIO_RATE_HZ_MAX} Hz, best {RATE_HZ}",
            )
        self._stream = None if rate_hz == RATE_HZ else soxr.ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32")

    def resampled(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next stretch, shape (n,), ±1 full scale, and as much of it at 16 kHz as is known already."""
        return self._passed(wave, last=False)

    def rest(self) -> NDArray[np.float32]:
        """The tail. Nothing may come after it."""
        return self._passed(np.empty(0, np.float32), last=True)

    def _passed(self, wave: NDArray[np.float32], *, last: bool) -> NDArray[np.float32]:
        if self._stream is None:
            return wave
        # soxr keeps a pointer of its own into the array only during the call, but wants it contiguous
        out: NDArray[np.float32] = self._stream.resample_chunk(np.ascontiguousarray(wave), last=last)
        return out
