"""What is missing now, in words, and the engine's comings and goings told once each. Reads; restarts nothing itself:
the engine's process restarts on its own, and so does the journal when the disk lets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from edge_agent.language.decision import Decider
from edge_agent.observe.events import NodeChanged, Stream
from edge_agent.observe.journal import Journal


class Engine(Decider, Protocol):
    """What the node asks of the engine beside decisions."""

    @property
    def ready(self) -> bool: ...

    @property
    def restarts(self) -> int: ...

    @property
    def facts(self) -> Mapping[str, Any]: ...

    @property
    def missing(self) -> tuple[str, ...]:
        """What is away, though it answers."""

    def start(self) -> None: ...

    def withdraw(self, ticket: str) -> None: ...


class Health:
    """Looks at the engine and the journal now and then."""

    def __init__(self, engine: Engine, journal: Journal, stream: Stream, lasting: tuple[str, ...] = ()) -> None:
        """`lasting`: what stays missing until a restart, or until somebody looks at it."""
        self.listening: Callable[[], tuple[str, ...]] = tuple
        """What of the listening half is missing."""
        self._engine = engine
        self._journal = journal
        self._stream = stream
        self._lasting = lasting
        self._shown: dict[str, str] = {}

    @property
    def engine_ready(self) -> bool:
        """Whether the engine takes questions."""
        return self._engine.ready

    def degraded(self) -> tuple[str, ...]:
        """What is missing now."""
        missing = list(self._lasting)
        if not self._engine.ready:
            missing.append("no model")
        if self._journal.trouble:
            missing.append(f"no journal: {self._journal.trouble}")
        missing += self._engine.missing
        missing += self.listening()
        return tuple(missing)

    def tick(self) -> None:
        """Tell what has changed, and let the journal try again."""
        self._journal.retry()
        self._tell("engine", f"{'ready' if self._engine.ready else 'away'}, {self._engine.restarts} restarts")
        if warnings := self._engine.facts.get("warnings"):
            self._tell("engine warning", "; ".join(warnings))
        self._tell("journal", self._journal.trouble or "writing")

    def _tell(self, what: str, detail: str) -> None:
        if self._shown.get(what) != detail:
            self._shown[what] = detail
            self._stream.tell(NodeChanged(what, detail))
