"""What Whisper computes on, and in which numbers; the only file that imports CTranslate2 itself.

Decides the device and the compute type where none is named: CUDA where CTranslate2 finds it, half floats there and
8-bit integers on a processor, where this machine bears them. Refuses what it does not bear (SETTINGS_INVALID) and a
CUDA device that is not there (SPEECH_UNAVAILABLE).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import ctranslate2

from edge_agent.errors import Code, ConfigurationFault, NodeFault

ENGINE_VERSION: Final[str] = ctranslate2.__version__
PREFERRED: Final = {
    "cuda": ("float16", "int8_float16", "int8_float32", "float32"),
    "cpu": ("int8", "int8_float32", "float32"),
}
"""Compute types by device, the best first."""


def device_of(wanted: str) -> str:
    """cpu or cuda for auto, cpu or cuda.

    Raises:
        ConfigurationFault: SETTINGS_INVALID.
        NodeFault: SPEECH_UNAVAILABLE.
    """
    if wanted not in ("auto", "cpu", "cuda"):
        why = f"the device must be auto, cpu or cuda, not {wanted}"
        raise ConfigurationFault(Code.SETTINGS_INVALID, why, where="device")
    has_cuda = wanted != "cpu" and ctranslate2.get_cuda_device_count() > 0
    if wanted == "cuda" and not has_cuda:
        raise NodeFault(Code.SPEECH_UNAVAILABLE, "CTranslate2 finds no CUDA device; set the device to cpu or auto")
    return "cuda" if has_cuda else "cpu"


def compute_type_of(device: str, wanted: str | None) -> str:
    """The compute type of a device of this machine.

    Raises:
        ConfigurationFault: SETTINGS_INVALID.
    """
    borne = ctranslate2.get_supported_compute_types(device)
    if wanted is not None and wanted not in borne:
        why = f"this {device} cannot compute in {wanted}; it can in {', '.join(sorted(borne))}"
        raise ConfigurationFault(Code.SETTINGS_INVALID, why, where="compute_type")
    return wanted or best_type(device, borne)


def best_type(device: str, borne: Collection[str]) -> str:
    """The best of the compute types that a device bears."""
    return next((name for name in PREFERRED[device] if name in borne), "float32")
