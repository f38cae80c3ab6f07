"""Opening the state of the node: the journal, the epoch, and what the time before this start left behind.

A journal that cannot be opened leaves a node that only stops. A damaged one is set aside, and a stop is latched:
nothing moves until somebody has looked at it and released that stop by its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_agent import __version__
from edge_agent.clock import Clock
from edge_agent.errors import Code, NodeFault
from edge_agent.node.recovery import settle_past
from edge_agent.observe.database import OpenedDatabase, open_database, read_epoch, write_epoch
from edge_agent.observe.events import NodeChanged, Stream
from edge_agent.observe.history import Past, read_past
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import NodeRow, StopRow


@dataclass(frozen=True, slots=True)
class State:
    """What the node starts from. `latched` is a stop that still holds; `lasting` what stays missing."""

    journal: Journal
    past: Past
    epoch: int
    latched: StopRow | None
    lasting: tuple[str, ...]


def open_state(state_dir: Path, clock: Clock, stream: Stream) -> State:
    """Open it and settle what had not ended; nothing moves by itself."""
    opened, trouble = _open(state_dir)
    past = read_past(opened.connection) if opened is not None else Past()
    epoch = max(past.epoch, read_epoch(state_dir)) + 1
    try:
        write_epoch(state_dir, epoch)
    except OSError as problem:
        stream.tell(NodeChanged("epoch", f"not kept beside the journal: {problem}"))
    journal = Journal(opened.connection if opened is not None else None, trouble)
    wall_ms = clock.wall_ms()
    journal.record(NodeRow(epoch, wall_ms, __version__), *settle_past(past, epoch, wall_ms))
    if trouble:
        stream.tell(NodeChanged("journal", trouble, Code.JOURNAL_UNAVAILABLE))
    latched, lasting = past.latched, ()
    if opened is not None and opened.damaged is not None:
        reason = f"the journal was damaged and set aside as {opened.damaged.name}"
        stream.tell(NodeChanged("journal", reason, Code.JOURNAL_DAMAGED))
        latched = StopRow(f"s-{epoch}-0", epoch, reason, wall_ms, None)
        journal.record(latched)
        return State(journal, past, epoch, latched, (reason,))
    return State(journal, past, epoch, latched, lasting)


def _open(state_dir: Path) -> tuple[OpenedDatabase | None, str]:
    try:
        return open_database(state_dir), ""
    except NodeFault as problem:
        return None, f"{problem.message}; restart the node when it is settled"
