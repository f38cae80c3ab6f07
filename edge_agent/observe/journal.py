"""The journal: what must not be forgotten, on the disk before anything is sent.

One connection in one thread. The thread takes everything that waits, writes it in one transaction, syncs once and then
tells all of them (group commit). Two sorts of write:

* a *gate* (`write`, `accept`): what follows may happen only after it is on the disk; when the disk refuses, the waiter
  gets JOURNAL_UNAVAILABLE and does not go on;
* a *fact* (`record`): it has happened already (a stop was sent, an action expired). When the disk refuses, it is owed:
  kept in order and written before the next gate, so that no gate opens over a gap.

After the sync, and before anybody is told, the chain's head is kept beside the journal and synced as well. Pruning is a
chore: small steps between the writes, dropped when the disk refuses.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from edge_agent import limits
from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.observe.book import Book
from edge_agent.observe.chain import Head
from edge_agent.observe.heads import HeadFile
from edge_agent.observe.pruning import Cut, Retention, plan_cut, plan_cut_to, size_bytes, step
from edge_agent.observe.records import CommandRow, Row
from edge_agent.observe.tables import SCHEMA_VERSION, select

T = TypeVar("T")
Work = Callable[[Book], Any]


class _Sort(Enum):
    WRITE = "write"
    READ = "read"
    CHORE = "chore"
    """Dropped, not owed, when the disk refuses."""
    PROBE = "probe"
    """Goes before what is owed, to see whether the disk takes anything; likewise dropped."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work
    future: Future[Any] | None = None
    """None for a fact: nobody waits for it."""
    sort: _Sort = _Sort.WRITE


class Journal:
    """Writes rows from its own thread. Call it from one loop; `close` it before the process ends."""

    def __init__(
        self,
        connection: sqlite3.Connection | None,
        trouble: str = "",
        *,
        heads: HeadFile | None = None,
        clock: Clock | None = None,
        retention: Retention = Retention(),  # noqa: B008 - frozen
    ) -> None:
        """`connection` None: there is no journal until a restart, and `trouble` says why.

        `heads` keeps the chain's head beside the journal; without it, a tail that is lost goes unnoticed.
        """
        self._book = Book(connection, clock or SystemClock()) if connection is not None else None
        self._heads = heads
        self._retention = retention
        self._head = self._book.head if self._book is not None else Head()
        self._unkept: Head | None = None
        """A head that the disk would not take beside the journal; nothing more is written before it does."""
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._owed: list[_Job] = []
        self._overflowed = False
        self._pruning = False
        self._left_bytes = 0
        self._trouble = trouble
        self._going_on = asyncio.Lock()
        self._thread = threading.Thread(target=self._serve, name="journal", daemon=True)
        self._thread.start()

    @property
    def head(self) -> Head:
        """The last entry that is on the disk: who holds it can tell later whether anything before it was touched."""
        return self._head

    @property
    def trouble(self) -> str:
        """Why nothing can be written at present; empty when all is well."""
        return self._trouble

    @property
    def waiting(self) -> int:
        """Jobs that the thread has not taken up yet."""
        return self._queue.qsize()

    @property
    def owed(self) -> int:
        """Facts that the disk has not taken yet."""
        return len(self._owed)

    @property
    def pruning(self) -> bool:
        """Whether the oldest entries are being forgotten just now."""
        return self._pruning

    async def write(self, *rows: Row) -> None:
        """A gate: returns when the rows are on the disk.

        Raises:
            NodeFault: JOURNAL_UNAVAILABLE; nothing of it was written.
        """
        await self._submit(lambda book: _enter_all(book, rows))

    async def accept(self, row: CommandRow) -> CommandRow | None:
        """A gate: write a new command. When its client and request id are known already, the row that is there.

        Raises:
            NodeFault: JOURNAL_UNAVAILABLE.
        """

        def work(book: Book) -> CommandRow | None:
            known = _find(book.connection, row.client, row.request_id)
            if known is None:
                book.enter(row)
            return known

        return await self._submit(work)

    async def find(self, client: str, request_id: str) -> CommandRow | None:
        """The command of this client and request id; a read, which needs no space on the disk.

        Raises:
            NodeFault: JOURNAL_UNAVAILABLE.
        """
        return await self._submit(lambda book: _find(book.connection, client, request_id), _Sort.READ)

    def record(self, *rows: Row) -> None:
        """A fact: written soon, and before any later gate."""
        self._queue.put(_Job(lambda book: _enter_all(book, rows)))

    def record_command(self, row: CommandRow) -> None:
        """A fact: an answered command, unless its request id is taken; then the first answer stays the stored one."""

        def work(book: Book) -> None:
            if _find(book.connection, row.client, row.request_id) is None:
                book.enter(row)

        self._queue.put(_Job(work))

    def retry(self) -> None:
        """Try to write, and what is owed with it; called now and then while there is trouble."""
        if self._trouble and self._book is not None:
            self._queue.put(_Job(_write_something, sort=_Sort.PROBE))

    def prune(self, commands: int | None = None) -> None:
        """Forget what is older or larger than the settings allow; with `commands`, all before the latest so many."""

        def begin(book: Book) -> None:
            cut = plan_cut(book, self._retention, self._left_bytes) if commands is None else plan_cut_to(book, commands)
            self._go_on_pruning(book, cut)

        if self._pruning or self._book is None:
            return
        self._pruning = True
        self._queue.put(_Job(begin, sort=_Sort.CHORE))

    def _go_on_pruning(self, book: Book, cut: Cut) -> None:
        """One step; the next one queues behind whatever has come in meanwhile."""
        self._pruning = step(book, cut)
        if self._pruning:
            self._queue.put(_Job(lambda book: self._go_on_pruning(book, cut), sort=_Sort.CHORE))
        else:
            self._left_bytes = size_bytes(book.connection)

    def close(self) -> None:
        """Write what waits, close the file, end the thread."""
        self._queue.put(None)
        self._thread.join()

    async def _submit(self, work: Callable[[Book], T], sort: _Sort = _Sort.WRITE) -> T:
        future: Future[T] = Future()
        self._queue.put(_Job(work, future, sort))
        try:
            return await asyncio.wrap_future(future)
        finally:
            # those that shared a sync, or its failure, go on one a turn of the loop: a stop is read between them
            async with self._going_on:
                await asyncio.sleep(0)

    def _serve(self) -> None:
        closing = False
        while not closing:
            batch: list[_Job] = []
            job = self._queue.get()
            while job is not None:
                batch.append(job)
                if len(batch) >= limits.JOURNAL_GROUP_MAX or self._queue.empty():
                    break
                job = self._queue.get()
            closing = job is None
            self._handle(batch)
        if self._book is not None:
            self._book.connection.close()
        if self._heads is not None:
            self._heads.close()

    def _handle(self, batch: list[_Job]) -> None:
        writes = [job for job in batch if job.sort in (_Sort.WRITE, _Sort.PROBE)]
        if writes:
            self._commit([*self._owed, *writes])
        for job in batch:
            if job.sort is _Sort.READ:
                self._read(job)
        for job in batch:
            if job.sort is _Sort.CHORE:
                if self._trouble:
                    self._pruning = False
                else:
                    self._commit([job])

    def _commit(self, jobs: list[_Job]) -> None:
        """One transaction for all of them; afterwards each waiter knows."""
        book = self._book
        try:
            if book is None or self._overflowed:
                raise NodeFault(Code.JOURNAL_UNAVAILABLE, self._trouble)
            if self._unkept is not None:
                self._keep(self._unkept)
            book.connection.execute("BEGIN IMMEDIATE")
            results = [job.work(book) for job in jobs]
            book.connection.execute("COMMIT")
        except (sqlite3.Error, EdgeAgentError, ValueError, OverflowError) as problem:  # the last two: no row's values
            self._refuse(jobs, problem)
            return
        self._owed = []
        self._trouble = ""
        self._note_head(book.head)
        for job, result in zip(jobs, results, strict=True):
            if job.future is not None:
                _resolve(job.future, result)

    def _note_head(self, head: Head) -> None:
        """What was committed stays committed, whether its head can be kept or not; but it is the last before it is."""
        if head == self._head:
            return
        self._head = head
        try:
            self._keep(head)
        except NodeFault as problem:
            self._unkept = head
            self._trouble = str(problem)

    def _keep(self, head: Head) -> None:
        if self._heads is not None:
            try:
                self._heads.keep(head)
            except OSError as problem:
                raise NodeFault(Code.JOURNAL_UNAVAILABLE, f"the journal's head cannot be kept: {problem}") from problem
        self._unkept = None

    def _refuse(self, jobs: list[_Job], problem: Exception) -> None:
        if self._book is not None:
            if self._book.connection.in_transaction:
                try:
                    self._book.connection.execute("ROLLBACK")
                except sqlite3.Error as second:
                    problem.add_note(f"and the rollback failed: {second}")
            self._book.head = self._head
            self._pruning = False
            if not self._overflowed:
                self._trouble = str(problem)
        self._owed = [job for job in jobs if job.future is None and job.sort is _Sort.WRITE]
        if len(self._owed) > limits.JOURNAL_OWED_MAX:
            self._owed = []
            self._overflowed = True
            self._trouble = "too much happened while the disk refused; restart the node"
        for job in jobs:
            if job.future is not None:
                _fail(job.future, problem)

    def _read(self, job: _Job) -> None:
        if job.future is None:
            return
        try:
            if self._book is None:
                raise NodeFault(Code.JOURNAL_UNAVAILABLE, self._trouble)
            _resolve(job.future, job.work(self._book))
        except (sqlite3.Error, EdgeAgentError) as problem:
            _fail(job.future, problem)


def _enter_all(book: Book, rows: tuple[Row, ...]) -> None:
    for row in rows:
        book.enter(row)


def _write_something(book: Book) -> None:
    """A page, with the content it has: an empty transaction would succeed on a full disk."""
    book.connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _find(connection: sqlite3.Connection, client: str, request_id: str) -> CommandRow | None:
    found = select(connection, CommandRow, "client = ? AND request_id = ?", (client, request_id))
    return found[0] if found else None


def _resolve(future: Future[Any], result: Any) -> None:
    if future.set_running_or_notify_cancel():
        future.set_result(result)


def _fail(future: Future[Any], problem: Exception) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(problem, EdgeAgentError):
        future.set_exception(problem)
    else:
        fault = NodeFault(Code.JOURNAL_UNAVAILABLE, f"the journal cannot be written: {problem}")
        fault.__cause__ = problem
        future.set_exception(fault)
