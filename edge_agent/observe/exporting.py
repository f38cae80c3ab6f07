"""A part of the chain as files that a third party can check: entries with their links, a manifest, the checking script.

The entries are consecutive, or the links would prove nothing. What is not asked for (another command's entries in
between, or every sentence) is left out text by text: its digest stands in, and the links hold all the same.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent import __version__
from edge_agent.observe import export_check
from edge_agent.observe.book import head_of
from edge_agent.observe.chain import Entry, Head, digest
from edge_agent.observe.records import JournalRow, compact_json
from edge_agent.observe.tables import select
from edge_agent.observe.verifying import anchor_of

ENTRIES: Final = "entries.jsonl"
MANIFEST: Final = "manifest.json"
SCRIPT: Final = "verify.py"
FORMAT: Final = 1
_COLUMNS: Final = "seq, wall_ms, tbl, key, CAST(body AS BLOB), CAST(private AS BLOB), link"


@dataclass(frozen=True, slots=True)
class Part:
    """Which entries, from `first` to `last`; of those that `shown` denies only digests, of others the sentences only
    with `with_text`.
    """

    first: int
    last: int
    shown: Callable[[Entry], bool]
    with_text: bool


def whole_range(connection: sqlite3.Connection) -> tuple[int, int]:
    """The first and the last entry that there are."""
    first, last = connection.execute("SELECT min(seq), max(seq) FROM entry").fetchone()
    return int(first or 1), int(last or 0)


def range_between(connection: sqlite3.Connection, since_ms: float, until_ms: float) -> tuple[int, int]:
    """The first and the last entry of a time; an empty range, first after last, when there is none."""
    first, last = connection.execute(
        "SELECT min(seq), max(seq) FROM entry WHERE wall_ms >= ? AND wall_ms <= ?", (since_ms, until_ms)
    ).fetchone()
    return int(first or 1), int(last or 0)


def files_of(
    connection: sqlite3.Connection, part: Part, others: Mapping[str, bytes], made_wall_ms: int
) -> dict[str, bytes]:
    """Every file of an export by its name: `others`, the entries, the script, and the manifest over all of them.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
    """
    before = _head_before(connection, part.first)
    last = before
    lines = []
    for entry in _entries(connection, part):
        lines.append(_line(entry, shown=part.shown(entry), with_text=part.with_text))
        last = Head(entry.seq, entry.link)
    files = {
        **others,
        ENTRIES: "".join(lines).encode(),
        SCRIPT: Path(export_check.__file__).read_bytes(),
    }
    journal = select(connection, JournalRow)
    manifest = {
        "format": FORMAT,
        "program": f"edge-agent {__version__}",
        "made_wall_ms": made_wall_ms,
        "journal": journal[-1].journal_id if journal else "",
        "before": str(before),
        "last": str(last),
        "head": str(head_of(connection)),
        "sentences": part.with_text,
        "files": {name: digest(content) for name, content in sorted(files.items())},
    }
    return {**files, MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()}


def _head_before(connection: sqlite3.Connection, first: int) -> Head:
    found = connection.execute("SELECT seq, link FROM entry WHERE seq = ?", (first - 1,)).fetchone()
    if found is not None:
        return Head(int(found[0]), bytes(found[1]))
    anchor = anchor_of(connection)
    return Head(anchor.seq, bytes.fromhex(anchor.link)) if anchor is not None else Head()


def _entries(connection: sqlite3.Connection, part: Part) -> Iterator[Entry]:
    statement = f"SELECT {_COLUMNS} FROM entry WHERE seq BETWEEN ? AND ? ORDER BY seq"
    for row in connection.execute(statement, (part.first, part.last)):
        yield Entry(*row)


def _line(entry: Entry, *, shown: bool, with_text: bool) -> str:
    line = {
        "seq": entry.seq,
        "wall_ms": entry.wall_ms,
        "table": entry.table,
        "key": entry.key,
        "body": entry.body.decode() if shown else None,
        "body_sha256": digest(entry.body),
        "private": entry.private.decode() if shown and (with_text or not entry.private) else None,
        "private_sha256": digest(entry.private),
        "link": entry.link.hex(),
    }
    return compact_json(line) + "\n"
