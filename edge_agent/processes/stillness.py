"""Whether a process that owes something still works on it: a decider over looks at its processor time, and one look
at its threads.

Whoever loads a model or answers a question computes, however slowly, and so uses processor time; a process that was
stopped, or waits for itself, uses none. That tells slow from dead where no time limit can: a large world takes long to
learn on a small box. It refuses to judge where the kernel does not say. Looks are counted, not seconds, so that a
machine that slept, or a node that was itself stopped, blames nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from edge_agent.limits import STILL_LOOKS


class Stillness:
    """The looks at one process."""

    def __init__(self) -> None:
        self._ticks: int | None = None
        self._still = 0

    def look(self, ticks: int | None, *, owes: bool) -> bool:
        """Whether it has stood still. `ticks`: its processor time so far, None where unknown; `owes`: it has work."""
        same = owes and ticks is not None and ticks == self._ticks
        self._still = self._still + 1 if same else 0
        self._ticks = ticks
        return self._still >= STILL_LOOKS


def at_work(pid: int) -> bool:
    """Whether a thread of a process computes, wants to, or waits for a disk (proc(5), states R and D).

    False for one that is stopped, asleep or gone, and where the kernel does not say.
    """
    return any(_fields(stat)[0] in (b"R", b"D") for stat in _stats(pid, "task/*/stat"))


def processor_ticks(pid: int) -> int | None:
    """Processor time that all threads of a process have used, user and system, in the kernel's ticks (proc(5), stat).

    None where the kernel does not say, or the process is gone.
    """
    stat = next(_stats(pid, "stat"), None)
    return None if stat is None else int(_fields(stat)[11]) + int(_fields(stat)[12])


def _stats(pid: int, pattern: str) -> Iterator[bytes]:
    """What the kernel says of a process or of its threads; nothing of those that are gone."""
    for place in Path(f"/proc/{pid}").glob(pattern):
        with suppress(OSError):
            yield place.read_bytes()


def _fields(stat: bytes) -> list[bytes]:
    """From the state on; the name before it may hold spaces and brackets."""
    return stat.rpartition(b")")[2].split()
