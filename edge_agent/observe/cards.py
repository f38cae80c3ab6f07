"""NVIDIA's graphics cards through NVML, where `nvidia-ml-py` and a driver are there; the only file that imports it.

A Jetson's graphics card has no memory of its own: its temperature is a thermal zone of the kernel's, its memory is the
machine's. Whatever fails here is left out: no figure is worth a node.
"""

from __future__ import annotations

import contextlib
from typing import Any

from edge_agent import limits
from edge_agent.observe.vitals import Card, Temperature

try:
    import pynvml
except ImportError:  # the extra edge-agent[gpu] is not installed
    pynvml = None


class Cards:
    """Looks at the cards. Use it from one thread; it takes as long as the driver does."""

    def __init__(self) -> None:
        self._begun = pynvml is not None and _begin()

    def read(self) -> tuple[tuple[Card, ...], tuple[Temperature, ...]]:
        """Each card's memory and its temperature; nothing where there is no card, or the driver refuses."""
        if not self._begun:
            return (), ()
        cards, temperatures = [], []
        with contextlib.suppress(pynvml.NVMLError):
            for number in range(min(pynvml.nvmlDeviceGetCount(), limits.ZONES_MAX)):
                handle, name = pynvml.nvmlDeviceGetHandleByIndex(number), f"gpu{number}"
                memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
                cards.append(Card(name, int(memory.used), int(memory.total)))
                celsius = pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
                temperatures.append(Temperature(name, float(celsius), _trip_c(handle)))
        return tuple(cards), tuple(temperatures)


def _begin() -> bool:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    return True


def _trip_c(handle: Any) -> float | None:
    """Where the driver begins to slow the card down; not every card says."""
    try:
        return float(pynvml.nvmlDeviceGetTemperatureThreshold(handle, pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN))
    except pynvml.NVMLError:
        return None
