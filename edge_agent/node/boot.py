"""Opening the state of the node: the journal, the epoch, and what the time before this start left behind.

A journal that cannot be opened leaves a node that only stops: every gate is shut. Where something that was promised may
be lost (the journal was damaged and set aside, it is gone, nobody can say whether its end is missing), a stop is
latched by the node itself: nothing but stops, snapshots and replay works until somebody has looked and released that
stop by its id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edge_agent import __version__, limits
from edge_agent.clock import Clock
from edge_agent.errors import Code, NodeFault
from edge_agent.node.recovery import settle_past
from edge_agent.observe.database import OpenedDatabase, open_database, read_epoch, write_epoch
from edge_agent.observe.events import NodeChanged, Stream
from edge_agent.observe.history import Past, read_past
from edge_agent.observe.journal import Journal
from edge_agent.observe.pruning import Retention
from edge_agent.observe.records import NodeRow, StopRow
from edge_agent.settings import Settings


@dataclass(frozen=True, slots=True)
class State:
    """What the node starts from. `latched` is a stop that still holds; `lasting` what stays missing."""

    journal: Journal
    past: Past
    start: NodeRow
    latched: StopRow | None
    lasting: tuple[str, ...]

    @property
    def epoch(self) -> int:
        """The number of this start."""
        return self.start.epoch

    def close(self, clock: Clock) -> None:
        """Write down that the node ended by itself, and close the journal."""
        self.journal.record(replace(self.start, ended_wall_ms=clock.wall_ms(), ended="closed"))
        self.journal.close()


def open_state(
    state_dir: Path,
    clock: Clock,
    stream: Stream,
    retention: Retention = Retention(),  # noqa: B008 - frozen
) -> State:
    """Open it and settle what had not ended; nothing moves by itself."""
    opened, past, trouble = _open(state_dir, clock)
    epoch = max(past.epoch, read_epoch(state_dir)) + 1
    try:
        write_epoch(state_dir, epoch)
    except OSError as problem:
        stream.tell(NodeChanged("epoch", f"not kept beside the journal: {problem}"))
    wall_ms = clock.wall_ms()
    start = NodeRow(epoch, wall_ms, __version__)
    latched = past.latched
    if opened is None:
        journal = Journal(None, trouble)
        stream.tell(NodeChanged("journal", trouble, Code.JOURNAL_UNAVAILABLE))
        return State(journal, past, start, latched, ())
    journal = Journal(opened.connection, heads=opened.heads, clock=clock, retention=retention)
    if opened.news:
        stream.tell(NodeChanged("journal", opened.news))
    if opened.doubt:
        stream.tell(NodeChanged("journal", opened.doubt, Code.JOURNAL_DAMAGED))
        latched = doubt_stop(epoch, wall_ms, opened.doubt)
    # one fact, and so one transaction: a crash after it finds the stop, one before it finds the damage again
    stops = (latched,) if opened.doubt and latched is not None else ()
    journal.record(start, *settle_past(past, epoch, wall_ms), *stops)
    return State(journal, past, start, latched, (latched.reason,) if latched and is_doubt(latched) else ())


def retention_of(settings: Settings) -> Retention:
    """How much of the journal is kept."""
    return Retention(settings.journal.keep_days, settings.journal.max_mb * 1_000_000)


def doubt_stop(epoch: int, wall_ms: int, doubt: str) -> StopRow:
    """The stop that a node latches by itself at its start: number 0, which no halt gets."""
    return StopRow(f"s-{epoch}-0", epoch, doubt[: limits.REASON_CHARS_MAX], wall_ms, None, client="node")


def is_doubt(stop: StopRow) -> bool:
    """Whether a stop was latched because the journal may have lost something."""
    return stop.stop_id.endswith("-0")


def _open(state_dir: Path, clock: Clock) -> tuple[OpenedDatabase | None, Past, str]:
    opened = None
    try:
        opened = open_database(state_dir, clock)
        return opened, read_past(opened.connection), ""
    except NodeFault as problem:
        if opened is not None:
            opened.connection.close()
        return None, Past(), f"{problem.message}; restart the node when it is settled"
