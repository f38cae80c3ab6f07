"""A small model drafts for a large one: what the first answers, the second checks in one pass.

Decides when a draft is asked for: while the small engine is ready, within a share of the time, and for a pack only as
long as its drafts are mostly right. A draft that does not come, comes late or is wrong costs time; it never changes
the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from edge_agent.clock import Clock
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.language.decision import DecideRequest, Decision
from edge_agent.language.process import EngineProcess
from edge_agent.observe.modes import Degraded, Mode

TIME_SHARE: Final = 0.25
"""Of the time left, what a draft may take."""
RIGHT_SHARE_MIN: Final = 0.25
"""Where fewer drafts of a pack are right, asking for them costs more than it saves."""
MEMORY: Final = 0.95
"""Weight of what was before, at each draft."""
RETRY: Final = 16
"""Where drafts are mostly wrong, every so many sentences one is asked for all the same."""


@dataclass(slots=True)
class _Record:
    """How the drafts of one pack have fared."""

    right_share: float = 1.0
    skipped: int = 0


class Drafting:
    """Two engines as one; `decide` may be called from several threads at once."""

    def __init__(self, target: EngineProcess, drafter: EngineProcess, clock: Clock) -> None:
        self._target = target
        self._drafter = drafter
        self._clock = clock
        self._records: dict[str, _Record] = {}

    @property
    def ready(self) -> bool:
        """Whether the large engine is; without the small one it works on."""
        return self._target.ready

    @property
    def restarts(self) -> int:
        return self._target.restarts

    @property
    def missing(self) -> tuple[Degraded, ...]:
        """The small engine, where it is away."""
        return () if self._drafter.ready else (Degraded(Mode.NO_DRAFTS, "the small model is away"),)

    @property
    def pid(self) -> int | None:
        return self._target.pid

    @property
    def facts(self) -> Mapping[str, Any]:
        drafts = {pack: round(record.right_share, 3) for pack, record in self._records.items()}
        drafter = {"ready": self._drafter.ready, "restarts": self._drafter.restarts, "right": drafts}
        return {**self._target.facts, "drafter": drafter}

    def start(self) -> None:
        """Start both; a small engine that does not start is only missed.

        Raises:
            EdgeAgentError: what `EngineProcess.start` raises, of the large one.
        """
        self._target.start()
        with suppress(EdgeAgentError):  # `facts` says that it is not ready
            self._drafter.start()

    def decide(self, request: DecideRequest) -> Decision:
        """See `Decider`."""
        draft = self._draft(request)
        decision = self._target.decide(replace(request, draft=draft))
        if draft:
            record = self._records[request.pack]
            record.right_share = MEMORY * record.right_share + (1.0 - MEMORY) * (decision.answer == draft)
        return decision

    def withdraw(self, ticket: str) -> None:
        """Nobody waits for this ticket's answer any more."""
        self._drafter.withdraw(ticket)
        self._target.withdraw(ticket)

    def close(self) -> None:
        self._target.close()
        self._drafter.close()

    def _draft(self, request: DecideRequest) -> str:
        record = self._records.setdefault(request.pack, _Record())
        if record.right_share < RIGHT_SHARE_MIN:
            record.skipped = (record.skipped + 1) % RETRY
            if record.skipped:
                return ""
        if not self._drafter.ready:
            return ""
        now_ms = self._clock.now_ms()
        by_ms = now_ms + TIME_SHARE * (request.deadline_ms - now_ms)
        try:
            return self._drafter.decide(replace(request, deadline_ms=by_ms, sure_enough=0.0)).answer
        except EdgeAgentError as problem:
            if problem.code is Code.STOPPED:  # nobody waits for the answer, either
                raise
            return ""
