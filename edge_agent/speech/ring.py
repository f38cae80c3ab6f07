"""Between a sound card's callback and whoever sends the sound on: a ring of blocks, and an ear for the callback's beat.

Decides what is lost when nobody reads (the newest block; every block says how many losses came before it) and for how
long a device has been silent. Refuses nothing, because a callback can be refused nothing. Pure; time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """Some sound. `xruns` counts what was lost since the start, the loss just before this block included."""

    pcm: bytes
    xruns: int


class Ring:
    """Blocks from one writing thread to one reading thread, of fixed size and without a lock.

    The writer alone moves the one end and the reader alone the other, and each is a single store, so neither can find
    the ring half changed nor wait for the other.
    """

    def __init__(self, blocks: int) -> None:
        """Room for this many blocks."""
        self._slots: list[Block | None] = [None] * blocks
        self._written = 0
        self._taken = 0
        self._beats = 0
        self._xruns = 0

    @property
    def beats(self) -> int:
        """How often something was put in, lost blocks included: a sign of life of the writer's."""
        return self._beats

    @property
    def xruns(self) -> int:
        """Losses so far."""
        return self._xruns

    def put(self, pcm: bytes, *, broken: bool = False) -> None:
        """Add a block, or count it as lost where there is no room; `broken` says that sound is missing before it."""
        self._xruns += broken
        if self._written - self._taken < len(self._slots):
            self._slots[self._written % len(self._slots)] = Block(pcm, self._xruns)
            self._written += 1
        else:
            self._xruns += 1
        self._beats += 1

    def take(self) -> Block | None:
        """The oldest block, or None when there is nothing."""
        if self._taken == self._written:
            return None
        place = self._taken % len(self._slots)
        block, self._slots[place] = self._slots[place], None
        self._taken += 1
        return block


class Beat:
    """For how long a count has stood still, as far as whoever looks was awake to see it.

    A process that was itself held up has not seen that a device was silent meanwhile: between two looks at most
    `look_ms_max` are counted.
    """

    def __init__(self, look_ms_max: float) -> None:
        self._look_ms_max = look_ms_max
        self._count = 0
        self._looked_ms: float | None = None
        self._still_ms = 0.0

    def still_ms(self, count: int, now_ms: float) -> float:
        """Look at the count; milliseconds since it last changed."""
        passed_ms = 0.0 if self._looked_ms is None else now_ms - self._looked_ms
        self._still_ms = 0.0 if count != self._count else self._still_ms + min(passed_ms, self._look_ms_max)
        self._count, self._looked_ms = count, now_ms
        return self._still_ms
