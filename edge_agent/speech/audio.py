"""Samples as everything in this room passes them: 16 kHz, one channel, 16-bit integers.

Decides the one inner format and how foreign PCM becomes it, resampling excepted. Refuses AUDIO_ODD_BYTES and
AUDIO_NOT_FINITE. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import ClientFault, Code

RATE_HZ: Final = 16_000
"""The rate of `Samples`."""
BYTES_PER_SAMPLE: Final = 2
FULL_SCALE: Final = 32_768.0

Samples = NDArray[np.int16]
"""Shape (n,), 16 kHz, one channel."""

Encoding = Literal["s16le", "f32le"]
"""Little-endian: 16-bit integers, or 32-bit floats of which ±1 is full scale."""


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """Interleaved PCM as it comes in."""

    rate_hz: int = RATE_HZ
    channels: int = 1
    encoding: Encoding = "s16le"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sampling instant, all channels."""
        return self.channels * (2 if self.encoding == "s16le" else 4)

    def duration_ms(self, data: bytes) -> float:
        """Milliseconds of sound in these bytes."""
        return 1_000.0 * len(data) / self.frame_bytes / self.rate_hz


def decode_pcm(data: bytes, form: PcmFormat) -> NDArray[np.float32]:
    """PCM bytes to one channel of floats, shape (n,), within ±1 full scale, at the rate they came in.

    Raises:
        ClientFault: AUDIO_ODD_BYTES when the bytes do not divide into frames, AUDIO_NOT_FINITE.
    """
    if len(data) % form.frame_bytes:
        raise ClientFault(
            Code.AUDIO_ODD_BYTES, f"{len(data)} bytes are no whole number of {form.frame_bytes}-byte frames"
        )
    if form.encoding == "s16le":
        wave = np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(FULL_SCALE)
    else:
        wave = np.frombuffer(data, dtype="<f4").astype(np.float32)
        if not np.isfinite(wave).all():
            raise ClientFault(Code.AUDIO_NOT_FINITE, "a sample is NaN or infinite")
        wave = np.clip(wave, -1.0, 1.0)  # 1e38 is finite, and infinite once it was filtered
    return wave.reshape(-1, form.channels).mean(axis=1, dtype=np.float32) if form.channels > 1 else wave


def to_samples(wave: NDArray[np.float32]) -> Samples:
    """Floats at 16 kHz to samples; beyond full scale is cut."""
    samples: Samples = np.clip(np.rint(wave * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1.0).astype(np.int16)
    return samples


def to_wave(samples: Samples) -> NDArray[np.float32]:
    """Samples to floats, ±1 full scale."""
    wave: NDArray[np.float32] = samples.astype(np.float32) / np.float32(FULL_SCALE)
    return wave


def duration_ms(samples: Samples) -> float:
    """Milliseconds of these samples."""
    return 1_000.0 * len(samples) / RATE_HZ


def samples_of(data: bytes) -> Samples:
    """Samples that were bytes (`SpeechHeard.pcm`, a frame's payload).

    Raises:
        ClientFault: AUDIO_ODD_BYTES.
    """
    if len(data) % BYTES_PER_SAMPLE:
        raise ClientFault(Code.AUDIO_ODD_BYTES, f"{len(data)} bytes are no whole number of samples")
    samples: Samples = np.frombuffer(data, dtype="<i2").astype(np.int16, copy=False)
    return samples
