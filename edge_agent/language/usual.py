"""How answers usually go on, counted: first in a pack's own phrases, then in what was answered here. Pure.

Decides how far a guess is worth reading ahead: along the likeliest of the known answers, as long as at least
`share_min` of those that begin like the one being written go on like it. Answers are counted by the marks of their
sentence, because the marks say which slots there are to fill; where a sentence's marks are new, by the pack alone. A
later action of an answer goes on as a first one does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from itertools import accumulate
from typing import Final

GROUPS_MAX: Final = 1_024
"""Different sets of marks remembered; the one not used for longest goes first."""
ANSWERS_MAX: Final = 4_096
"""Different answers counted for one set of marks; further ones are not."""
FEW: Final = 2
"""Known answers below which the marks say too little, and the whole pack's answers are asked."""
LEARNT: Final = 5
"""What an answer given here counts, beside one of a phrase."""
_AFTER: Final = b"\xff"
"""Behind every byte of UTF-8."""


class Usual:
    """Counts answers. Not for several threads at once."""

    def __init__(self, share_min: float) -> None:
        """`share_min`: 0 to 1; the lower, the more is read ahead in vain."""
        self._share_min = share_min
        self._groups: OrderedDict[Hashable, _Answers] = OrderedDict()

    def count(self, pack: str, marks: tuple[str, ...], answer: bytes, weight: int = 1) -> None:
        """This was an answer to a sentence with these marks."""
        for key in (pack, (pack, marks)):
            self._groups.setdefault(key, _Answers()).count(answer, weight)
            self._groups.move_to_end(key)
        if len(self._groups) > GROUPS_MAX:
            self._groups.popitem(last=False)

    def after(self, pack: str, marks: tuple[str, ...], written: bytes) -> bytes:
        """How an answer that begins so usually goes on; nothing where nothing is usual."""
        for begun in _beginnings(written):
            for key in ((pack, marks), pack):
                answers = self._groups.get(key)
                if answers is not None and answers.weight(begun) >= FEW:
                    return answers.after(begun, self._share_min)
        return b""


class _Answers:
    """Different answers and how often each was given."""

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}
        self._sorted: list[bytes] | None = None
        self._sums: list[int] = []

    def count(self, answer: bytes, weight: int) -> None:
        if answer in self._counts or len(self._counts) < ANSWERS_MAX:
            self._counts[answer] = self._counts.get(answer, 0) + weight
            self._sorted = None

    def weight(self, begun: bytes) -> int:
        """How many begin so."""
        first, end = self._range(begun)
        return self._sums[end] - self._sums[first]

    def after(self, begun: bytes, share_min: float) -> bytes:
        first, end = self._range(begun)
        assert self._sorted is not None, "`_range` sorts"
        best = max(self._sorted[first:end], key=self._counts.__getitem__)
        least = share_min * (self._sums[end] - self._sums[first])
        reached = len(begun)
        for place in range(len(begun) + 1, len(best) + 1):
            if self.weight(best[:place]) < least:
                break
            if _is_boundary(best, place):
                reached = place
        return best[len(begun) : reached]

    def _range(self, begun: bytes) -> tuple[int, int]:
        if self._sorted is None:
            self._sorted = sorted(self._counts)
            self._sums = [0, *accumulate(self._counts[answer] for answer in self._sorted)]
        return bisect_left(self._sorted, begun), bisect_left(self._sorted, begun + _AFTER)


def _beginnings(written: bytes) -> Iterable[bytes]:
    """What is written, and its last action alone as if it were the first."""
    yield written
    place = written.rfind(b"},{")
    if place > 0:
        yield b"[" + written[place + 2 :]


def _is_boundary(text: bytes, place: int) -> bool:
    """Whether a token may end here: not within a word, though HassTurnOn is three."""
    if place == len(text) or not text[place - 1 : place].isalnum():
        return True
    following = text[place : place + 1]
    return not following.isalnum() or following.isupper()
