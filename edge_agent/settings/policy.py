"""What needs a yes, and how long an executor may be silent: [policy] and [executor]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge_agent import limits
from edge_agent.settings.base import Section


class PolicySettings(Section):
    """What needs a yes, whatever the model says."""

    confirm: tuple[Literal["motion", "lock", "heat", "money"], ...] = ("lock", "heat", "money")
    confirm_ttl_ms: Annotated[int, Field(ge=1_000, le=limits.TTL_MS_MAX)] = 20_000


class ExecutorSettings(Section):
    """How long to believe in a silent executor, and when to say things again."""

    timeout_ms: Annotated[int, Field(ge=500, le=600_000)] = 5_000
    resend_ms: Annotated[int, Field(ge=50, le=60_000)] = 500
    stop_resend_ms: Annotated[int, Field(ge=20, le=10_000)] = 100
