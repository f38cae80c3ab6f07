"""The node's background tasks: kept, counted, and never failing unheard."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Coroutine
from typing import Any

from edge_agent.observe.events import NodeChanged, Stream


class Tasks:
    """Begins tasks and holds on to them until they end."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run it beside everything else."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def drain(self, timeout_s: float) -> None:
        """Let what runs come to its end, for a while; then cancel it."""
        if self._running:
            await asyncio.wait(tuple(self._running), timeout=timeout_s)
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            detail = "".join(traceback.format_exception(problem))
            self._stream.tell(NodeChanged("bug", detail, "INTERNAL"))
