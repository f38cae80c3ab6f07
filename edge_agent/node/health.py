"""What the node lacks now, by stable names, and every change of that told once. Reads; restarts nothing itself: the
engine's process restarts on its own, and so does the journal when the disk lets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from edge_agent.language.decision import Decider
from edge_agent.observe.events import ModeChanged, NodeChanged, Stream
from edge_agent.observe.journal import Journal
from edge_agent.observe.modes import Degraded, Mode


class Engine(Decider, Protocol):
    """What the node asks of the engine beside decisions."""

    @property
    def ready(self) -> bool: ...

    @property
    def restarts(self) -> int: ...

    @property
    def facts(self) -> Mapping[str, Any]: ...

    @property
    def missing(self) -> tuple[Degraded, ...]:
        """What is away, though it answers."""

    def start(self) -> None: ...

    def withdraw(self, ticket: str) -> None: ...


Look = Callable[[], tuple[Degraded, ...]]
"""What of one part is missing now."""


class Health:
    """Looks at the engine, the journal and whatever else asked to be looked at."""

    def __init__(self, engine: Engine, journal: Journal, stream: Stream, lasting: tuple[str, ...] = ()) -> None:
        """`lasting`: why the journal of before is in doubt; holds until the next start."""
        self._engine = engine
        self._journal = journal
        self._stream = stream
        self._lasting = tuple(Degraded(Mode.JOURNAL_IN_DOUBT, words) for words in lasting)
        self._looks: list[Look] = []
        self._shown: dict[str, str] = {}
        self._held: dict[Mode, str] = {}

    @property
    def engine_ready(self) -> bool:
        """Whether the engine takes questions."""
        return self._engine.ready

    def watch(self, *looks: Look) -> None:
        """Look at these parts, too, from now on."""
        self._looks += looks

    def degraded(self) -> tuple[Degraded, ...]:
        """What is missing now; a mode stands as often as there are reasons for it."""
        missing = list(self._lasting)
        if not self._engine.ready:
            missing.append(Degraded(Mode.NO_MODEL, _why_away(self._engine.facts)))
        if self._journal.trouble:
            missing.append(Degraded(Mode.NO_JOURNAL, self._journal.trouble))
        missing += self._engine.missing
        for look in self._looks:
            missing += look()
        return tuple(missing)

    def tick(self) -> None:
        """Tell what has changed, and let the journal try again."""
        self._journal.retry()
        self._tell("engine", f"{'ready' if self._engine.ready else 'away'}, {self._engine.restarts} restarts")
        if warnings := self._engine.facts.get("warnings"):
            self._tell("engine warning", "; ".join(warnings))
        self._tell("journal", self._journal.trouble or "writing")
        self._tell_modes()

    def _tell(self, what: str, detail: str) -> None:
        if self._shown.get(what) != detail:
            self._shown[what] = detail
            self._stream.tell(NodeChanged(what, detail))

    def _tell_modes(self) -> None:
        """Each mode once when it begins, however its reasons change, and once when it is over."""
        held: dict[Mode, str] = {}
        for one in self.degraded():
            held[one.mode] = f"{held[one.mode]}; {one.words}" if one.mode in held else one.words
        for mode in held.keys() - self._held.keys():
            self._stream.tell(ModeChanged(mode, holds=True, words=held[mode]))
        for mode in self._held.keys() - held.keys():
            self._stream.tell(ModeChanged(mode, holds=False, words=""))
        self._held = held


def _why_away(facts: Mapping[str, Any]) -> str:
    """How the engine before this one ended, or why a server is away, in the engine's own words."""
    return str(facts.get("last_end") or facts.get("away") or "starting")
