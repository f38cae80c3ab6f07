"""What repeats itself is written so often in a window of time, and then only counted. Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

KINDS_MAX: Final = 256
"""Kinds counted apart; whatever comes after shares one count."""
OTHERS: Final = "others"


@dataclass(slots=True)
class _Window:
    began_ms: float
    written: int = 0
    left_out: int = 0


class Flood:
    """Counts by kind. A kind's window begins with its first line."""

    def __init__(self, window_ms: float) -> None:
        self._window_ms = window_ms
        self._windows: dict[str, _Window] = {}

    def lets(self, kind: str, most: int, now_ms: float) -> bool:
        """Whether one more of this kind may be written; what may not is counted. Ask `over` first."""
        if kind not in self._windows and len(self._windows) >= KINDS_MAX:
            kind = OTHERS
        window = self._windows.setdefault(kind, _Window(now_ms))
        if window.written < most:
            window.written += 1
            return True
        window.left_out += 1
        return False

    def over(self, now_ms: float) -> Iterator[tuple[str, int]]:
        """The kinds whose window is over and of which some were left out, and how many; they begin anew."""
        for kind, window in tuple(self._windows.items()):
            if now_ms - window.began_ms >= self._window_ms:
                del self._windows[kind]
                if window.left_out:
                    yield kind, window.left_out
