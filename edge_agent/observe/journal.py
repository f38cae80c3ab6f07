"""The journal: what must not be forgotten, on the disk before anything is sent.

One connection in one thread. The thread takes everything that waits, writes it in one transaction, syncs once and then
tells all of them (group commit). Two sorts of write:

* a *gate* (`write`, `accept`): what follows may happen only after it is on the disk; when the disk refuses, the waiter
  gets JOURNAL_UNAVAILABLE and does not go on;
* a *fact* (`record`): it has happened already (a stop was sent, an action expired). When the disk refuses, it is owed:
  kept in order and written before the next gate, so that no gate opens over a gap.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.observe.database import insert, select
from edge_agent.observe.records import CommandRow, Row

GROUP_JOBS_MAX: Final = 256
"""Writes that share one sync."""
OWED_FACTS_MAX: Final = 10_000
"""Facts kept while the disk refuses; one more, and nothing is accepted until a restart."""
COMMANDS_KEPT: Final = 20_000
"""Answered commands kept, with their actions; a request id is known for as long."""

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work
    future: Future[Any] | None
    """None for a fact: nobody waits for it."""
    reads: bool = False


class Journal:
    """Writes rows from its own thread. Call it from one loop; `close` it before the process ends."""

    def __init__(self, connection: sqlite3.Connection | None, trouble: str = "") -> None:
        """`connection` None: there is no journal until a restart, and `trouble` says why."""
        self._connection = connection
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._owed: list[_Job] = []
        self._overflowed = False
        self._trouble = trouble
        self._thread = threading.Thread(target=self._serve, name="journal", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str:
        """Why nothing can be written at present; empty when all is well."""
        return self._trouble

    async def write(self, *rows: Row) -> None:
        """A gate: returns when the rows are on the disk.

        Raises:
            NodeFault: JOURNAL_UNAVAILABLE; nothing of it was written.
        """
        await self._submit(lambda connection: _insert_all(connection, rows))

    async def accept(self, row: CommandRow) -> CommandRow | None:
        """A gate: write a new command. When its client and request id are known already, the row that is there.

        Raises:
            NodeFault: JOURNAL_UNAVAILABLE.
        """

        def work(connection: sqlite3.Connection) -> CommandRow | None:
            known = _find(connection, row.client, row.request_id)
            if known is None:
                insert(connection, row)
            return known

        return await self._submit(work)

    async def find(self, client: str, request_id: str) -> CommandRow | None:
        """The command of this client and request id; a read, which needs no space on the disk.

        Raises:
            NodeFault: JOURNAL_UNAVAILABLE.
        """
        return await self._submit(lambda connection: _find(connection, client, request_id), reads=True)

    def record(self, *rows: Row) -> None:
        """A fact: written soon, and before any later gate."""
        self._queue.put(_Job(lambda connection: _insert_all(connection, rows), None))

    def record_command(self, row: CommandRow) -> None:
        """A fact: an answered command, unless its request id is taken; then the first answer stays the stored one."""

        def work(connection: sqlite3.Connection) -> None:
            if _find(connection, row.client, row.request_id) is None:
                insert(connection, row)

        self._queue.put(_Job(work, None))

    def retry(self) -> None:
        """Try to write what is owed; called now and then while there is trouble."""
        if self._trouble and self._connection is not None:
            self._queue.put(_Job(lambda _connection: None, None))

    def prune(self, kept: int = COMMANDS_KEPT) -> None:
        """Forget the oldest answered commands beyond `kept`, and their actions."""
        self._queue.put(_Job(lambda connection: _prune(connection, kept), None))

    def close(self) -> None:
        """Write what waits, close the file, end the thread."""
        self._queue.put(None)
        self._thread.join()

    async def _submit(self, work: Callable[[sqlite3.Connection], T], *, reads: bool = False) -> T:
        future: Future[T] = Future()
        self._queue.put(_Job(work, future, reads))
        return await asyncio.wrap_future(future)

    def _serve(self) -> None:
        closing = False
        while not closing:
            batch: list[_Job] = []
            job = self._queue.get()
            while job is not None:
                batch.append(job)
                if len(batch) >= GROUP_JOBS_MAX or self._queue.empty():
                    break
                job = self._queue.get()
            closing = job is None
            self._handle(batch)
        if self._connection is not None:
            self._connection.close()

    def _handle(self, batch: list[_Job]) -> None:
        writes = [job for job in batch if not job.reads]
        if writes:
            self._commit([*self._owed, *writes])
        for job in batch:
            if job.reads:
                self._read(job)

    def _commit(self, jobs: list[_Job]) -> None:
        """One transaction for all of them; afterwards each waiter knows."""
        connection = self._connection
        try:
            if connection is None or self._overflowed:
                raise NodeFault(Code.JOURNAL_UNAVAILABLE, self._trouble)
            connection.execute("BEGIN IMMEDIATE")
            results = [job.work(connection) for job in jobs]
            connection.execute("COMMIT")
        except (sqlite3.Error, EdgeAgentError) as problem:
            self._refuse(jobs, problem)
            return
        self._owed = []
        self._trouble = ""
        for job, result in zip(jobs, results, strict=True):
            if job.future is not None:
                _resolve(job.future, result)

    def _refuse(self, jobs: list[_Job], problem: Exception) -> None:
        if self._connection is not None and self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as second:
                problem.add_note(f"and the rollback failed: {second}")
        if not self._overflowed and self._connection is not None:
            self._trouble = str(problem)
        self._owed = [job for job in jobs if job.future is None]
        if len(self._owed) > OWED_FACTS_MAX:
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
            if self._connection is None:
                raise NodeFault(Code.JOURNAL_UNAVAILABLE, self._trouble)
            _resolve(job.future, job.work(self._connection))
        except (sqlite3.Error, EdgeAgentError) as problem:
            _fail(job.future, problem)


def _insert_all(connection: sqlite3.Connection, rows: tuple[Row, ...]) -> None:
    for row in rows:
        insert(connection, row)


def _find(connection: sqlite3.Connection, client: str, request_id: str) -> CommandRow | None:
    found = select(connection, CommandRow, "client = ? AND request_id = ?", (client, request_id))
    return found[0] if found else None


def _prune(connection: sqlite3.Connection, kept: int) -> None:
    old = "SELECT command_id FROM command WHERE outcome <> '' ORDER BY rowid DESC LIMIT -1 OFFSET ?"
    stale = f"SELECT action_id FROM action WHERE command_id IN ({old})"
    connection.execute(f"DELETE FROM transition_ WHERE action_id IN ({stale})", (kept,))
    connection.execute(f"DELETE FROM confirmation WHERE action_id IN ({stale})", (kept,))
    connection.execute(f"DELETE FROM action WHERE command_id IN ({old})", (kept,))
    connection.execute(f"DELETE FROM command WHERE command_id IN ({old})", (kept,))


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
