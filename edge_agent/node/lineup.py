"""Who came first is answered first: commands of one robot are read side by side, and settled in the order they came.

Two commands to one robot would otherwise change places whenever the second is the easier one to read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Place:
    """One command's place in its robot's line."""

    line: deque[Place]
    first: asyncio.Event = field(default_factory=asyncio.Event)

    async def reached(self, left_ms: float) -> bool:
        """Whether all who came before have left, now or within this time."""
        try:
            await asyncio.wait_for(self.first.wait(), max(0.0, left_ms) / 1000.0)
        except TimeoutError:
            return self.first.is_set()
        return True

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """This command is settled, or came to nothing; the next one's turn has come when all before it have left."""
        if self in self.line:
            self.line.remove(self)
        if self.line:
            self.line[0].first.set()


class Lineup:
    """The lines of all robots. On the node's loop."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Place]] = {}

    def join(self, robot: str) -> Place:
        """A place behind all who have come before."""
        self._lines = {name: line for name, line in self._lines.items() if line}
        line = self._lines.setdefault(robot, deque())
        place = Place(line)
        line.append(place)
        line[0].first.set()
        return place
