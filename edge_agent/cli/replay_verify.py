"""`replay --verify`: the whole chain, every row against its last entry, and the heads that are known from elsewhere."""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path

from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen
from edge_agent.errors import Code, NodeFault
from edge_agent.observe.chain import Head
from edge_agent.observe.database import FILE_NAME, reading
from edge_agent.observe.heads import HeadFile
from edge_agent.observe.verifying import Verdict, check


def verify(options: argparse.Namespace, screen: Screen, path: Path) -> Exit:
    """Check and show; REFUSED when something is wrong.

    Raises:
        NodeFault: JOURNAL_UNAVAILABLE when there is no journal.
        ClientFault: INVALID_MESSAGE for a head that is none.
    """
    if not path.is_file():
        raise NodeFault(Code.JOURNAL_UNAVAILABLE, "there is no journal: has a node run here?", where=str(path))
    known = [Head.parse(options.head)] if options.head else []
    # before the journal is looked at: a node that runs goes on writing, and its head must not be ahead of what is read
    kept = HeadFile(path.parent).read() if path.name == FILE_NAME else None
    if kept is not None and kept.head is not None:
        known.append(kept.head)
    try:
        connection = reading(path)
    except sqlite3.Error as problem:
        raise NodeFault(Code.JOURNAL_UNAVAILABLE, f"cannot be read: {problem}", where=str(path)) from problem
    try:
        connection.execute("BEGIN")  # one view of it, however long it takes
        verdict = check(connection, known)
    except sqlite3.Error as problem:
        raise NodeFault(Code.JOURNAL_UNAVAILABLE, f"cannot be read: {problem}", where=str(path)) from problem
    finally:
        connection.close()
    _show(screen, verdict, kept_broken=kept is not None and kept.broken)
    return Exit.OK if verdict.broken is None else Exit.REFUSED


def _show(screen: Screen, verdict: Verdict, *, kept_broken: bool) -> None:
    broken = verdict.broken
    screen.record(
        {
            "whole": broken is None,
            "head": str(verdict.head),
            "cut": str(verdict.cut) if verdict.cut.seq else None,
            "entries": verdict.entries,
            "rows": verdict.rows,
            "broken": {"seq": broken.seq, "wrong": broken.wrong, "what": broken.what} if broken else None,
            "older": [str(head) for head in verdict.older],
        }
    )
    if broken is None:
        first = verdict.cut.seq + 1
        screen.line(("whole", "green"), f"  entries {first} to {verdict.head.seq}, {verdict.rows} rows as they say")
    else:
        screen.line((broken.wrong.value, "red"), f"  {broken}")
        screen.line(("", ""), f"the chain holds from {verdict.cut.seq + 1} to {verdict.head.seq}")
    if verdict.cut.seq:
        screen.line(("cut", "dim"), f"  entries 1 to {verdict.cut.seq} are forgotten; the chain begins at their link")
    for head in verdict.older:
        screen.line(("older", "yellow"), f"  {head.seq} was forgotten: nothing can be said of that head")
    if kept_broken:
        screen.line(("head", "yellow"), "  the file that keeps the head is broken in one place, or in both")
    screen.line(("head", "dim"), f"  {verdict.head}")
