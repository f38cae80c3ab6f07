"""What a key may do: verbs, robots, rate, and whether it may confirm or resume. Pure.

A new key may only watch. `command` includes `halt`: whoever may set a robot moving may stop it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_agent import limits
from edge_agent.messages.base import Identifier, Name


class Verb(StrEnum):
    """What can be allowed to a key."""

    WATCH = "watch"
    """Subscribe to events, ask for snapshots, attach to what a microphone hears."""
    COMMAND = "command"
    """Commands in words, typed or as sound; halt included."""
    HALT = "halt"
    WORLD = "world"
    """Change what exists."""
    PERFORM = "perform"
    """Carry out a robot's actions: be its executor."""


EVERY_ROBOT: Final = "*"


class Grant(BaseModel):
    """One key and its rights, as they stand in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Identifier
    """Whose key it is; stands in the journal beside everything that was done with it."""
    public: str = ""
    """Z85; empty for the clients of the local sockets, who have none."""
    verbs: frozenset[Verb] = frozenset({Verb.WATCH})
    robots: Annotated[tuple[Name, ...], Field(max_length=limits.ROBOTS_MAX)] = ()
    """Robots that it may command and perform for; "*" for all of them."""
    rate_per_s: Annotated[float, Field(gt=0, le=limits.RATE_PER_S_MAX)] = limits.RATE_PER_S_DEFAULT
    """Commands a second, with bursts of twice that. A stop is counted apart."""
    may_confirm: bool = False
    may_resume: bool = False
    until: datetime | None = None
    """The key is not known after this moment (wall clock)."""
    revoked: datetime | None = None

    @model_validator(mode="after")
    def _times_have_a_zone(self) -> Self:
        if any(time is not None and time.tzinfo is None for time in (self.until, self.revoked)):
            raise ValueError("a time needs its zone, as in 2027-01-31T12:00:00Z")
        return self

    def holds(self, wall_ms: int) -> bool:
        """Whether the key is good at this Unix time."""
        return self.revoked is None and (self.until is None or wall_ms < self.until.timestamp() * 1000)

    def allows(self, *verbs: Verb) -> bool:
        """Whether it has one of these verbs."""
        return any(verb in self.verbs for verb in verbs)

    def covers(self, robot: str) -> bool:
        """Whether it has to do with this robot."""
        return EVERY_ROBOT in self.robots or robot in self.robots


LOCAL: Final = Grant(
    name="local",
    verbs=frozenset(Verb),
    robots=(EVERY_ROBOT,),
    rate_per_s=limits.LOCAL_RATE_PER_S,
    may_confirm=True,
    may_resume=True,
)
"""Clients of the ipc sockets: the mode of the socket's file says who they are, and they may do everything."""


def now() -> datetime:
    """This moment, for a key's dates."""
    return datetime.now(UTC).replace(microsecond=0)
