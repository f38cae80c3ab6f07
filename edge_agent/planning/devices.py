"""Devices by name: how much memory, how fast it is read, and what share of that speed llama.cpp reaches.

Decides nothing; it is a table of public figures. Bandwidths and sizes are the makers' data sheets' and what the driver
reports as usable. The share that is reached was measured where `measured` says so: the tokens a second of Llama 3 8B
Q4_K_M that others published, times the bytes of a pass, over the bandwidth. Refuses an unknown name (PLAN_INVALID).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge_agent.errors import Code, ConfigurationFault

GIB: Final = 1 << 30
_RESERVE_BYTES_MAX: Final = GIB
"""What llama.cpp's own fitting leaves free on a card (common.h, fit_params_target)."""
SYSTEM_BYTES: Final = 2 * GIB
"""Left to the rest of the machine where memory is counted whole and not as what is free now."""
PROCESSOR_SHARE: Final = 0.45
"""Of what `machine.bandwidth_gb_s` measures: 0.35 with one thread and 0.52 with two on an EPYC of two cores, a 1B in
Q4_0."""
PROCESSOR_TOKEN_COST: Final = 0.3
"""On the same machine a pass of 2, 4, 8, 16 and 32 tokens took 1.4, 1.9, 3.0, 5.2 and 10 times that of one token."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory that weights are read from, by whatever computes beside it."""

    size: int
    """Bytes."""
    gb_s: float
    """10⁹ bytes a second."""
    share: float
    """Of the bandwidth that a pass of one token reaches."""
    token_cost: float
    """What each further token of a pass costs, as a share of the pass of one token."""
    reserve: int
    """Bytes that are kept free."""
    measured: bool = False
    """Whether `share` was measured on this kind of device."""

    @property
    def usable(self) -> int:
        return max(0, self.size - self.reserve)


@dataclass(frozen=True, slots=True)
class Device:
    """A machine. Without a `host` the card has no memory of its own: processor and card read the same."""

    name: str
    title: str
    card: Memory | None
    host: Memory | None
    driver_name: str = ""
    """Part of what the driver or the board calls it."""

    @property
    def usable(self) -> int:
        """Bytes in all that a model may take."""
        return sum(memory.usable for memory in (self.card, self.host) if memory is not None)


def reserve_of(size: int) -> int:
    """What is kept free of a card's memory, in bytes: for the driver's own needs and for whatever else draws on it."""
    return min(_RESERVE_BYTES_MAX, size // 8)


def processor(size: int, gb_s: float, reserve: int = SYSTEM_BYTES) -> Memory:
    """The memory of a processor."""
    return Memory(size, gb_s, PROCESSOR_SHARE, PROCESSOR_TOKEN_COST, reserve)


def card(mebibytes: int, gb_s: float, share: float, *, token_cost: float = 0.005, measured: bool = False) -> Memory:
    """The memory of a card, of the size that its driver reports."""
    size = mebibytes << 20
    return Memory(size, gb_s, share, token_cost, reserve_of(size), measured)


def unknown_card(size: int, gb_s: float) -> Memory:
    """The memory of a card that no preset is of: as an RTX 3090 does it, share and further tokens."""
    return Memory(size, gb_s, 0.61, 0.12, reserve_of(size))


_DESKTOP: Final = processor(32 * GIB, 51.2)
"""Two channels of DDR4-3200, as a desktop has them."""
_SERVER: Final = processor(256 * GIB, 307.2)
"""Eight channels of DDR5-4800."""


def _board(mebibytes: int, gb_s: float, *, measured: bool) -> Memory:
    """A Jetson's memory. Its passes were seen to take as long with seven tokens as with one."""
    return Memory(mebibytes << 20, gb_s, 0.60, 0.0, SYSTEM_BYTES, measured)


PRESETS: Final = {
    device.name: device
    for device in (
        Device("orin-nano", "Jetson Orin Nano 8GB", _board(7_620, 68.0, measured=False), None, "Orin Nano"),
        Device("orin-nano-super", "Jetson Orin Nano 8GB, 25 W", _board(7_620, 102.0, measured=False), None),
        Device("agx-orin", "Jetson AGX Orin 64GB", _board(62_841, 204.8, measured=True), None, "AGX Orin"),
        Device("rtx-3060", "RTX 3060 12GB", card(12_288, 360.0, 0.61, token_cost=0.12), _DESKTOP, "RTX 3060"),
        Device(
            "rtx-3090", "RTX 3090 24GB", card(24_576, 936.0, 0.61, token_cost=0.12, measured=True), _DESKTOP, "RTX 3090"
        ),
        Device("rtx-4090", "RTX 4090 24GB", card(24_564, 1_008.0, 0.64, measured=True), _DESKTOP, "RTX 4090"),
        Device("h100", "H100 80GB SXM", card(81_559, 3_350.0, 0.25), _SERVER, "H100 80GB HBM3"),
        Device("h200", "H200 141GB", card(143_771, 4_300.0, 0.25, measured=True), _SERVER, "H200"),
    )
}


def device_of(name: str) -> Device:
    """The device of this name.

    Raises:
        ConfigurationFault: PLAN_INVALID.
    """
    try:
        return PRESETS[name.lower()]
    except KeyError as problem:
        why = f"no such device is known here; there are {', '.join(PRESETS)}; leave it out to measure this machine"
        raise ConfigurationFault(Code.PLAN_INVALID, why, where=f"--device {name}") from problem
