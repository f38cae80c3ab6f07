"""What the machine says of itself: temperatures, graphics cards, memory, the disk under the journal.

Read every READ_S in a thread of its own, because a driver may take its time over a file of a few bytes, and hang over
it; whoever wants to know gets what was read last. Reads and never writes.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from pathlib import Path
from typing import Final

from edge_agent import limits
from edge_agent.observe.cards import Cards
from edge_agent.observe.vitals import MachineState, Temperature

READ_S: Final = 2.0
_TRIPS: Final = frozenset({"passive", "hot", "critical"})
"""Kinds of trip points that mean heat (the kernel's driver-api/thermal/sysfs-api.rst); `active` is a fan's."""
_NAME_CHARS_MAX: Final = 32
_MEMINFO: Final = Path("/proc/meminfo")


class Machine:
    """Looks at the machine now and then. `close` it before the process ends."""

    def __init__(self, thermal: Path, journal: Path) -> None:
        """`thermal`: the folder of the thermal zones; `journal`: the journal's file."""
        self._thermal = thermal
        self._journal = journal
        self._ending = threading.Event()
        self._state = MachineState()
        self._thread = threading.Thread(target=self._look_on, name="machine", daemon=True)
        self._thread.start()

    @property
    def state(self) -> MachineState:
        """What was read last."""
        return self._state

    def close(self) -> None:
        """Look no more. Does not wait for a driver that hangs."""
        self._ending.set()

    def _look_on(self) -> None:
        cards = Cards()
        while True:
            self._state = self._look(cards)
            if self._ending.wait(READ_S):
                return

    def _look(self, installed: Cards) -> MachineState:
        cards, card_temperatures = installed.read()
        return MachineState(
            temperatures=(*read_zones(self._thermal), *card_temperatures),
            cards=cards,
            journal_bytes=_size(self._journal),
            disk_free_bytes=_free(self._journal.parent),
            memory_available_bytes=_memory_available(),
        )


def read_zones(folder: Path) -> tuple[Temperature, ...]:
    """Every thermal zone that can be read, at most ZONES_MAX, in the order of their numbers."""
    try:
        zones = sorted(folder.glob("thermal_zone[0-9]*"), key=lambda zone: int(re.sub(r"\D", "", zone.name)))
    except OSError:
        return ()
    read = (_zone(zone) for zone in zones[: limits.ZONES_MAX])
    return tuple(zone for zone in read if zone is not None)


def _zone(zone: Path) -> Temperature | None:
    celsius = _celsius(zone / "temp")
    if celsius is None:
        return None
    kind = _words(zone / "type") or "zone"
    trips = (
        _celsius(trip.with_name(trip.name.replace("_type", "_temp")))
        for trip in zone.glob("trip_point_*_type")
        if _words(trip) in _TRIPS
    )
    # firmware writes 0 or less where it means that there is none
    heights = [trip for trip in trips if trip is not None and trip > 0]
    number = re.sub(r"\D", "", zone.name)
    return Temperature(f"{number} {kind}"[:_NAME_CHARS_MAX], celsius, min(heights, default=None))


def _words(path: Path) -> str:
    with contextlib.suppress(OSError):
        return re.sub(r"[^\w.-]", "_", path.read_text(encoding="ascii", errors="replace").strip())
    return ""


def _celsius(path: Path) -> float | None:
    """A file of whole millidegrees; None where there is none, or the sensor is off."""
    try:
        return int(path.read_text(encoding="ascii")) / 1000.0
    except (OSError, ValueError):
        return None


def _size(journal: Path) -> int | None:
    """The journal and what SQLite keeps beside it; None where there is none."""
    parts = (journal, *(journal.with_name(journal.name + suffix) for suffix in ("-wal", "-shm")))
    sizes = []
    for part in parts:
        with contextlib.suppress(OSError):
            sizes.append(part.stat().st_size)
    return sum(sizes) if sizes else None


def _free(folder: Path) -> int | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _memory_available() -> int | None:
    """What the kernel thinks can still be had; a Jetson's graphics card shares it."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None
