"""Two engines as one: a server elsewhere while it is there, the model of this machine whenever it is not.

Decides how long the server may take: REMOTE_SHARE of what is left, so that the local model can still answer within the
deadline whatever becomes of the server's answer. A question that fails there is answered here; while the server is
away, all are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.language.decision import Decider, DecideRequest, Decision
from edge_agent.language.remote import RemoteEngine
from edge_agent.language.remote_options import RemoteOptions
from edge_agent.observe.modes import Degraded, Mode
from edge_agent.packs.base import Pack

REMOTE_SHARE: Final = 0.6
"""The part of the time left that the server has; the rest is the local model's."""


class LocalEngine(Decider, Protocol):
    """What is asked of the engine that stands by."""

    @property
    def ready(self) -> bool: ...

    @property
    def restarts(self) -> int: ...

    @property
    def pid(self) -> int | None: ...

    @property
    def facts(self) -> Mapping[str, Any]: ...

    def start(self) -> None: ...

    def withdraw(self, ticket: str) -> None: ...


class FallbackEngine:
    """A `Decider` that asks the server first. `decide` may be called from as many threads as the local engine bears."""

    def __init__(self, remote: RemoteEngine, local: LocalEngine, *, clock: Clock | None = None) -> None:
        self._remote = remote
        self._local = local
        self._clock = clock or SystemClock()

    @property
    def ready(self) -> bool:
        """Whether either takes questions."""
        return self._remote.ready or self._local.ready

    @property
    def pid(self) -> int | None:
        """The local engine's process."""
        return self._local.pid

    @property
    def restarts(self) -> int:
        """How often the local engine had to be started again."""
        return self._local.restarts

    @property
    def missing(self) -> tuple[Degraded, ...]:
        """What is missing now."""
        local = () if self._local.ready else (Degraded(Mode.NO_LOCAL_MODEL, "the model of this machine is away"),)
        return self._remote.missing + local

    @property
    def facts(self) -> Mapping[str, Any]:
        """The local engine's, and the server's under `remote`."""
        return {**self._local.facts, "remote": self._remote.facts}

    def start(self) -> None:
        """Start the local engine and wait for it; the server is looked at meanwhile, and not waited for.

        Raises:
            ConfigurationFault, NodeFault: as the local engine does.
        """
        self._remote.begin()
        self._local.start()

    def decide(self, request: DecideRequest) -> Decision:
        """See `Decider`."""
        try:
            return self._remote.decide(replace(request, deadline_ms=self._remote_due_ms(request)))
        except EdgeAgentError as problem:
            if problem.code is Code.STOPPED:
                raise
        return self._local.decide(replace(request, schema=""))

    def withdraw(self, ticket: str) -> None:
        """Nobody waits for these answers any more."""
        self._remote.withdraw(ticket)
        self._local.withdraw(ticket)

    def close(self) -> None:
        """Ask neither any more."""
        self._remote.close()
        self._local.close()

    def _remote_due_ms(self, request: DecideRequest) -> float:
        now_ms = self._clock.now_ms()
        return now_ms + REMOTE_SHARE * max(0.0, request.deadline_ms - now_ms)


def with_remote(options: RemoteOptions, packs: tuple[Pack, ...], local: LocalEngine) -> RemoteEngine | FallbackEngine:
    """The engine that the settings ask for: the server alone, or with the local model behind it.

    Raises:
        ConfigurationFault: SETTINGS_INVALID.
    """
    remote = RemoteEngine(options, packs)
    return FallbackEngine(remote, local) if options.fallback else remote
