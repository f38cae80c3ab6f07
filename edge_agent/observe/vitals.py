"""How the node is, at one moment: counts and sizes, nothing that anybody said. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_agent.observe.modes import Degraded


@dataclass(frozen=True, slots=True)
class Temperature:
    """One sensor. `name` is the kernel's or the driver's own word for it; `trip_c` where it begins to throttle."""

    name: str
    celsius: float
    trip_c: float | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card's memory."""

    name: str
    used_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class MachineState:
    """What was read of the machine, and of the journal's files, last."""

    temperatures: tuple[Temperature, ...] = ()
    cards: tuple[Card, ...] = ()
    journal_bytes: int | None = None
    disk_free_bytes: int | None = None
    """Where the journal lies."""
    memory_available_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Child:
    """One of the node's processes. `ready`: it does its work now."""

    ready: bool
    restarts: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """Everything that is looked at once a second."""

    uptime_ms: float
    engine_ready: bool
    degraded: tuple[Degraded, ...]
    stop_latched: bool
    commands: int
    """Accepted or about to be, and not answered."""
    tasks: int
    actions: Mapping[str, int] = field(default_factory=dict)
    """Open actions by state."""
    unconfirmed: int = 0
    """Of those, the ones that wait for a yes."""
    robots: Mapping[str, bool] = field(default_factory=dict)
    """Robots whose executor has said hello, and whether it was heard of lately."""
    entities: Mapping[str, int] = field(default_factory=dict)
    """Of each pack's world."""
    audio_streams: int = 0
    journal_waiting: int = 0
    journal_owed: int = 0
    children: Mapping[str, Child] = field(default_factory=dict)
    loop_lag_ms: float = 0.0
    """The most that the loop was late in this second."""
    machine: MachineState = MachineState()
