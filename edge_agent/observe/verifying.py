"""Whether a journal is what was written: its pages, its chain from the cut on, and every row against its last entry.

Reads only, from the beginning to the end, and names the first place where something is wrong: an entry that was
changed, is missing or stands out of order, a tail that a head known from elsewhere says was there, a row that is not
what its last entry says. It repairs nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from edge_agent.observe.chain import SALT, Entry, Head, digest, link_after, link_of
from edge_agent.observe.records import KINDS, ROWS, AnchorRow, Row, columns, seal
from edge_agent.observe.tables import SCHEMA_VERSION, schema, select, table_of

_ENTRIES: Final = (
    "SELECT seq, wall_ms, tbl, key, CAST(body AS BLOB), CAST(private AS BLOB), link FROM entry ORDER BY seq"
)
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT)
_SEEN_MAX: Final = 200_000
"""Entries in which the right place of a displaced one is looked for."""


class Wrong(StrEnum):
    """What is wrong with a journal."""

    UNREADABLE = "unreadable"
    """Pages or indexes do not hold together, or the tables are not a journal's."""
    CHANGED = "changed"
    MISSING = "missing"
    ORDER = "out of order"
    TAIL = "tail missing"
    ROW = "row"
    """The chain holds; a table's row is not what its last entry says."""


@dataclass(frozen=True, slots=True)
class Break:
    """The first thing that is wrong, and at which entry (0: at none in particular)."""

    seq: int
    wrong: Wrong
    what: str

    def __str__(self) -> str:
        return f"entry {self.seq}: {self.what}" if self.seq else self.what


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: the chain's head and the cut that it begins at, how much was looked at, and the first break."""

    head: Head
    cut: Head
    entries: int = 0
    rows: int = 0
    broken: Break | None = None
    older: tuple[Head, ...] = ()
    """Known heads from before the cut: nothing can be said of them."""


class _Broken(Exception):
    """Carries the first break out of the middle of a pass."""

    def __init__(self, seq: int, wrong: Wrong, what: str) -> None:
        super().__init__(what)
        self.broken = Break(seq, wrong, what)


def check(connection: sqlite3.Connection, known: Sequence[Head] = (), *, pages: bool = True) -> Verdict:
    """Look at everything. `known`: heads kept elsewhere; `pages`: SQLite's own check as well.

    Raises:
        sqlite3.Error: the disk, or whoever holds a lock, does not let us look; that says nothing about the journal.
    """
    passed = _Pass(connection, known)
    try:
        if pages:
            _check_pages(connection)
        passed.chain()
        passed.tables()
    except _Broken as found:
        return passed.verdict(found.broken)
    except (sqlite3.Error, UnicodeError) as problem:
        if not is_damage(problem):
            raise
        return passed.verdict(Break(0, Wrong.UNREADABLE, str(problem)))
    return passed.verdict(None)


def is_damage(problem: sqlite3.Error | UnicodeError) -> bool:
    """Whether a fault is the file's own, and no disk's that refuses, nor a lock's.

    sqlite3 decodes even its messages about damage, and what it cannot decode has no code.
    """
    code = getattr(problem, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _DAMAGE


def _check_pages(connection: sqlite3.Connection) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    found = {text for (text,) in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
    if not found:
        raise _Broken(0, Wrong.UNREADABLE, "nothing is in it")
    if version != SCHEMA_VERSION or found != set(schema()):
        raise _Broken(0, Wrong.UNREADABLE, "its tables are not those of a journal")
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _Broken(0, Wrong.UNREADABLE, str(verdict).replace("\n", " "))


class _Pass:
    """One look at a journal, from the cut to the head."""

    def __init__(self, connection: sqlite3.Connection, known: Sequence[Head]) -> None:
        self._connection = connection
        self._known = sorted({head for head in known if head.seq}, key=lambda head: head.seq)
        self._compared = {head.seq for head in self._known}
        self._last: dict[tuple[str, str], int] = {}
        """The last entry of every key."""
        self._grown = dict.fromkeys((kind.TABLE for kind in ROWS if not kind.KEY), 0)
        self.cut = self.head = Head()
        self.entries = self.rows = 0

    def verdict(self, broken: Break | None) -> Verdict:
        older = tuple(head for head in self._known if head.seq < self.cut.seq)
        return Verdict(self.head, self.cut, self.entries, self.rows, broken, older)

    def chain(self) -> None:
        """Every entry against the one before it, then the heads that are known from elsewhere."""
        anchors = self._connection.execute("SELECT seq, link FROM anchor").fetchall()
        if len(anchors) > 1:
            raise _Broken(0, Wrong.ROW, "two anchors say where the chain begins")
        if anchors:
            self.cut = _cut_of(*anchors[0])
        self._compare_known(self.cut)
        self._links()
        lost = next((head for head in self._known if head.seq > self.head.seq), None)
        if lost is not None:
            first = self.head.seq + 1
            raise _Broken(first, Wrong.TAIL, f"the tail is missing: entries {first} to {lost.seq} were there once")

    def _links(self) -> None:
        """One loop over all entries: what a start of the node with a full journal waits for."""
        self.head = self.cut
        expected, previous = self.cut.seq + 1, self.cut.link
        for seq, wall_ms, table, key, body, private, link in self._connection.execute(_ENTRIES):
            if seq != expected:
                raise _Broken(expected, Wrong.MISSING, f"entries {expected} to {seq - 1} are missing")
            if link_after(previous, (seq, wall_ms, table, key), digest(body), digest(private)) != link:
                raise self._displaced(Entry(seq, wall_ms, table, key, body, private, link))
            previous = link
            expected += 1
            self.head = Head(seq, link)
            self.entries += 1
            if seq in self._compared:
                self._compare_known(self.head)
            if table in self._grown:
                self._grown[table] += 1
            elif table in KINDS:
                self._last[table, key] = seq
            else:
                raise _Broken(seq, Wrong.ROW, f"there is no table {table!r}")

    def _compare_known(self, head: Head) -> None:
        if any(known.seq == head.seq and known.link != head.link for known in self._known):
            raise _Broken(head.seq, Wrong.CHANGED, "another chain than the one whose head is known")

    def _displaced(self, entry: Entry) -> _Broken:
        """Whether the entry is whole and only stands in another's place."""
        before = self._connection.execute(
            "SELECT seq, link FROM entry WHERE seq >= ? ORDER BY seq LIMIT ?", (max(0, entry.seq - 1), _SEEN_MAX)
        )
        for seq, link in before:
            own = Entry(seq + 1, entry.wall_ms, entry.table, entry.key, entry.body, entry.private, entry.link)
            if seq + 1 != entry.seq and isinstance(link, bytes) and link_of(link, own) == entry.link:
                return _Broken(entry.seq, Wrong.ORDER, f"out of order: here stands what was written as entry {seq + 1}")
        return _Broken(entry.seq, Wrong.CHANGED, "changed since it was written, or what came before it was")

    def tables(self) -> None:
        """Every row against its last entry, and no entry's row away."""
        for kind in ROWS:
            names = ", ".join(f"t.{name}" for name in columns(kind))
            count = 0
            for number, sealed, table, body, private, *content in self._connection.execute(
                f"SELECT t.entry, t.seal, e.tbl, e.body, e.private, {names} FROM {table_of(kind)} t "
                f"LEFT JOIN entry e ON e.seq = t.entry ORDER BY t.entry"
            ):
                self._row(kind, number, (table, body, private), content, sealed)
                count += 1
            if not kind.KEY and count != self._grown[kind.TABLE]:
                lost = self._grown[kind.TABLE] - count
                raise _Broken(0, Wrong.ROW, f"{lost} rows of {kind.TABLE} are missing that the chain has")
            self.rows += count
        if self._last:
            (table, key), seq = min(self._last.items(), key=lambda item: item[1])
            raise _Broken(seq, Wrong.ROW, f"the row of {table} {key} is missing")

    def _row(
        self, kind: type[Row], number: int, entered: tuple[Any, Any, Any], content: Sequence[Any], sealed: object
    ) -> None:
        table, body, private = entered
        written = dict(zip(columns(kind), content, strict=True))
        try:
            found = json.loads(body) | (json.loads(private) if private else {}) if table == kind.TABLE else None
        except (TypeError, ValueError):
            found = None
        if found is not None:
            found.pop(SALT, None)
        if found != written or seal(kind.TABLE, tuple(content)) != sealed:
            raise _Broken(number, Wrong.ROW, f"a row of {kind.TABLE} is not what its entry says")
        if kind.KEY and self._last.pop((kind.TABLE, str(written[kind.KEY])), None) != number:
            raise _Broken(number, Wrong.ROW, f"a row of {kind.TABLE} is not the latest that the chain has of it")


def _cut_of(seq: object, link: object) -> Head:
    if not isinstance(seq, int) or not isinstance(link, str):
        raise _Broken(0, Wrong.ROW, "the anchor does not say where the chain begins")
    try:
        return Head(seq, bytes.fromhex(link))
    except ValueError as problem:
        raise _Broken(0, Wrong.ROW, f"the anchor does not say where the chain begins: {problem}") from problem


def anchor_of(connection: sqlite3.Connection) -> AnchorRow | None:
    """Where the oldest entries were cut off; None when none were.

    Raises:
        NodeFault: JOURNAL_DAMAGED.
    """
    found = select(connection, AnchorRow)
    return found[-1] if found else None
