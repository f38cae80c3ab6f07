"""Memory and descriptors of a daemon with its children, and the line through a measurement. Reads /proc.

Memory is what a process has of its own (anonymous pages). PSS would move with everybody who maps the same libraries,
and the model is a mapped file.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.plan import FaultyNode


def memory_mb(node: FaultyNode) -> float:
    """Of the daemon and its children together, in MB of 10^6 bytes."""
    return sum(_own_kb(pid) for pid in (node.pid, *node.children())) * 1024 / 1e6


def daemon_mb(node: FaultyNode) -> float:
    """Of the daemon alone."""
    return _own_kb(node.pid) * 1024 / 1e6


def descriptors(pid: int) -> frozenset[tuple[int, int, str]]:
    """Open descriptors of one process, each with what it leads to."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed in the meantime
            found.add((pid, int(entry.name), str(entry.readlink())))
    return frozenset(found)


def _own_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1])
    raise AssertionError(f"the kernel does not say what memory is the own one of {pid}")


@dataclass(frozen=True, slots=True)
class Slope:
    """Rise per unit of x, and half the width of its 95 % interval, the scatter about the line taken as independent."""

    rise: float
    half_width: float


def slope(xs: Sequence[float], ys: Sequence[float]) -> Slope:
    """Least squares."""
    n = len(xs)
    if n < 3:
        return Slope(math.nan, math.nan)
    middle_x, middle_y = sum(xs) / n, sum(ys) / n
    square = sum((x - middle_x) ** 2 for x in xs)
    rise = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / square
    rest = sum((y - middle_y - rise * (x - middle_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    return Slope(rise, 1.96 * math.sqrt(rest / (n - 2) / square))
