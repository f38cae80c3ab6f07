"""Every robot's line, and every action by its id: what is open, and what has ended lately. Pure bookkeeping."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.node.jobs import Job, Line


class Lines:
    """Who has what to do."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._open: dict[str, Job] = {}
        self._ended: OrderedDict[str, Job] = OrderedDict()

    def all(self) -> tuple[Line, ...]:
        """Every robot that has said hello or has something to do."""
        return tuple(self._lines.values())

    def of(self, robot: str) -> Line:
        """A robot's line; a new one where there was none.

        Raises:
            ClientFault: QUEUE_FULL when too many robots are known.
        """
        if robot not in self._lines:
            if len(self._lines) >= limits.ROBOTS_MAX:
                raise ClientFault(
                    Code.QUEUE_FULL, f"{limits.ROBOTS_MAX} robots are known; that is the most", where="robot"
                )
            self._lines[robot] = Line(robot)
        return self._lines[robot]

    def greeted(self, robot: str) -> Line | None:
        """The line of a robot whose executor has said hello in this epoch."""
        line = self._lines.get(robot)
        return line if line is not None and line.executor is not None else None

    def executors(self) -> tuple[tuple[str, bytes], ...]:
        """Robot and routing id of every executor that has said hello; a stop goes to all of them, silent ones too."""
        return tuple((line.robot, line.executor.peer) for line in self._lines.values() if line.executor is not None)

    def open_jobs(self) -> tuple[Job, ...]:
        """Every action that has not ended, in order of arrival."""
        return tuple(self._open.values())

    def open_job(self, action_id: str) -> Job | None:
        """An action that has not ended."""
        return self._open.get(action_id)

    def recall(self, action_id: str) -> Job | None:
        """An action that has not ended, or that ended lately."""
        return self._open.get(action_id) or self._ended.get(action_id)

    def hold(self, jobs: Iterable[Job]) -> None:
        """Put actions into their robot's line, where a stop finds them, before they are on the disk; none goes yet."""
        for job in jobs:
            self.of(job.robot).jobs.append(job)
            self._open[job.action_id] = job

    def drop(self, jobs: Iterable[Job]) -> None:
        """The disk did not take them: as if they had never been."""
        for job in jobs:
            self._take_out(job)

    def retire(self, job: Job) -> None:
        """It has ended; it is remembered for a while."""
        self._take_out(job)
        self._ended[job.action_id] = job
        while len(self._ended) > limits.ENDED_ACTIONS_KEPT:
            self._ended.popitem(last=False)

    def _take_out(self, job: Job) -> None:
        line = self.of(job.robot)
        if job in line.jobs:
            line.jobs.remove(job)
        self._open.pop(job.action_id, None)
