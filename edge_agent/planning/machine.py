"""This machine as a device: the memory that is free, how fast it is read, and the card that its driver names.

Decides that a plan for this machine counts what is free now. Reads /proc/meminfo, nvidia-smi where there is one, and a
quarter of a gigabyte of its own; refuses (PLAN_INVALID) a card that no preset knows, unless its bandwidth is given.
"""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.planning.devices import GIB, PRESETS, Device, Memory, processor, reserve_of, unknown_card

_MEASURED_BYTES: Final = GIB // 4
"""More than any processor's cache keeps."""
_ROUNDS: Final = 4
_HOST_RESERVE_BYTES: Final = GIB // 2
_DRIVER_TIMEOUT_S: Final = 10.0
_MEMINFO: Final = Path("/proc/meminfo")
_BOARD: Final = Path("/proc/device-tree/model")
_ASK_DRIVER: Final = ("nvidia-smi", "--query-gpu=name,memory.free", "--format=csv,noheader,nounits")


@dataclass(frozen=True, slots=True)
class FoundCard:
    """A card as the driver tells of it; the size is None where it has no memory of its own."""

    name: str
    free: int | None


def this_machine(threads: int, card_gb_s: float | None = None) -> Device:
    """This machine, measured with as many threads as the model will have.

    Raises:
        ConfigurationFault: PLAN_INVALID for a card of unknown bandwidth.
    """
    host = processor(free_bytes(_read(_MEMINFO)), bandwidth_gb_s(threads), _HOST_RESERVE_BYTES)
    return described(host, threads, cards_of(_told_by_driver()), _read(_BOARD), card_gb_s)


def described(
    host: Memory, threads: int, cards: tuple[FoundCard, ...], board: str, card_gb_s: float | None = None
) -> Device:
    """The device that these findings make.

    Raises:
        ConfigurationFault: PLAN_INVALID for a card of unknown bandwidth.
    """
    for preset in PRESETS.values():
        if preset.driver_name and preset.driver_name in board and preset.card is not None:
            return replace(preset, name="here", card=replace(preset.card, size=host.size, reserve=host.reserve))
    own = next((card for card in cards if card.free is not None), None)
    words = f"this machine, {threads} thread{'s' if threads > 1 else ''}"
    if own is None or own.free is None:
        return Device("here", words, None, host)
    known = next((one for one in PRESETS.values() if one.driver_name and one.driver_name in own.name), None)
    if known is not None and known.card is not None:
        card = replace(known.card, size=own.free, reserve=reserve_of(own.free))
    elif card_gb_s is not None:
        card = unknown_card(own.free, card_gb_s)
    else:
        why = f"{own.name}: its bandwidth is not known here; give it with --card-bandwidth, in GB/s"
        raise ConfigurationFault(Code.PLAN_INVALID, why, where="this machine")
    return Device("here", f"{own.name} in {words}", card, host)


def free_bytes(meminfo: str) -> int:
    """What /proc/meminfo says can still be had, in bytes; 0 where it does not say."""
    for line in meminfo.splitlines():
        key, _, rest = line.partition(":")
        if key == "MemAvailable":
            return int(rest.split()[0]) << 10
    return 0


def cards_of(told: str) -> tuple[FoundCard, ...]:
    """The cards in nvidia-smi's list of names and free mebibytes."""
    found = []
    for line in told.splitlines():
        name, _, free = (part.strip() for part in line.rpartition(","))
        if name:
            found.append(FoundCard(name, int(free) << 20 if free.isdecimal() else None))
    return tuple(found)


def bandwidth_gb_s(threads: int) -> float:
    """How fast memory is read by so many threads, in 10⁹ bytes a second; takes about a tenth of a second."""
    numbers = np.ones(_MEASURED_BYTES // 8, dtype=np.int64)
    parts = np.array_split(numbers, max(1, min(threads, os.cpu_count() or 1)))
    best = float("inf")
    with ThreadPoolExecutor(len(parts)) as pool:
        for _ in range(_ROUNDS):
            started = time.perf_counter()
            list(pool.map(np.max, parts))
            best = min(best, time.perf_counter() - started)
    return numbers.nbytes / best / 1e9


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _told_by_driver() -> str:
    try:
        asked = subprocess.run(_ASK_DRIVER, capture_output=True, text=True, timeout=_DRIVER_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout if asked.returncode == 0 else ""
