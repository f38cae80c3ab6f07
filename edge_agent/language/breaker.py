"""When a server elsewhere counts as away: what became of the last questions decides. Pure.

It is away at once when it cannot be reached or refuses whoever asks, and after AWAY_AFTER answers in a row that were
none or came too late. It is back when it has answered a question whose answer was known. An answer that had less time
than FAIR_MS is not held against it, or clients in a hurry could send everybody elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AWAY_AFTER: Final = 3
"""Bad or late answers in a row."""
FAIR_MS: Final = 500.0
"""Less time than this, and being late says nothing about the server."""


@dataclass(slots=True)
class Breaker:
    """Open while the server is away. Not for several threads at once."""

    why: str = "not reached yet"
    """What is wrong; empty while the server answers."""
    returns: int = 0
    """How often it has come back."""
    _bad: int = 0
    _came: bool = False

    @property
    def away(self) -> bool:
        """Whether nothing should be asked of it."""
        return bool(self.why)

    def came(self) -> None:
        """It has answered what was known."""
        self.returns += self._came and self.away
        self._came = True
        self.why, self._bad = "", 0

    def answered(self) -> None:
        """It has answered a sentence well."""
        self._bad = 0

    def failed(self, why: str, *, surely: bool = False) -> None:
        """It has not. `surely`: it is away, and not only bad at this sentence."""
        self._bad += 1
        if surely or self.away or self._bad >= AWAY_AFTER:
            self.why = why

    def late(self, given_ms: float) -> None:
        """It had `given_ms` for an answer, and they were not enough."""
        if given_ms >= FAIR_MS:
            self.failed("answers too late")
