"""Actions to executors and their words back: one action of a robot in flight, journalled before it is sent.

`jobs` decides what may go; this file sends, listens and keeps the clock. It refuses reports of strangers (WRONG_ROBOT),
of unknown actions (UNKNOWN_ACTION) and of earlier epochs (STALE_EPOCH), and a second executor for a living one's robot
(ROBOT_TAKEN).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.messages import ActionState, Heartbeat, Hello, Message, Noted, Perform, Report, Welcome
from edge_agent.messages.codec import encode
from edge_agent.node.jobs import Executor, Job, Line
from edge_agent.node.ledger import Ledger
from edge_agent.node.lifecycle import REPORTED, Event
from edge_agent.node.tasks import Tasks
from edge_agent.observe.events import RobotChanged, Stream
from edge_agent.settings import ExecutorSettings

ENDED_KEPT: Final = 1_000
"""Ended actions remembered, so that a late report is told from one about an unknown action."""
ROBOTS_MAX: Final = 64
"""Robots that may say hello to one node."""

Send = Callable[[bytes, bytes], bool]


class Dispatcher:
    """Every robot's line."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        send: Send,
        stream: Stream,
        clock: Clock,
        tasks: Tasks,
        epoch: int,
        rules: ExecutorSettings,
    ) -> None:
        self._ledger = ledger
        self._send = send
        self._stream = stream
        self._clock = clock
        self._tasks = tasks
        self.epoch = epoch
        self._rules = rules
        self._lines: dict[str, Line] = {}
        self._jobs: dict[str, Job] = {}
        self._ended: OrderedDict[str, Job] = OrderedDict()
        self._reporting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.halted = False
        """A stop is latched: nothing is sent."""

    def lines(self) -> tuple[Line, ...]:
        """Every robot that has said hello or has something to do."""
        return tuple(self._lines.values())

    def job(self, action_id: str) -> Job | None:
        """An action that has not ended."""
        return self._jobs.get(action_id)

    def open_jobs(self) -> tuple[Job, ...]:
        """Every action that has not ended, in order of arrival."""
        return tuple(self._jobs.values())

    def knows(self, robot: str) -> bool:
        """Whether an executor of this robot has said hello in this epoch."""
        line = self._lines.get(robot)
        return line is not None and line.executor is not None

    def present(self, line: Line) -> bool:
        """Whether a robot's executor was heard of lately."""
        return line.present(self._clock.now_ms(), self._rules.timeout_ms)

    def executors(self) -> tuple[tuple[str, bytes], ...]:
        """Robot and routing id of every executor that ever said hello in this epoch; for stops."""
        return tuple((line.robot, line.executor.peer) for line in self._lines.values() if line.executor is not None)

    # --- what is to be done

    def hold(self, jobs: Iterable[Job]) -> None:
        """Put actions into their robot's line, where a stop finds them, before they are on the disk; none goes yet."""
        for job in jobs:
            self._line(job.robot).jobs.append(job)
            self._jobs[job.action_id] = job

    def drop(self, jobs: Iterable[Job]) -> None:
        """The disk did not take them: as if they had never been."""
        for job in jobs:
            line = self._line(job.robot)
            if job in line.jobs:
                line.jobs.remove(job)
            self._jobs.pop(job.action_id, None)

    def release(self, jobs: Sequence[Job], deadline_ms: float, confirm_by_ms: float) -> None:
        """They are on the disk: the first one's clock runs, and the time to confirm of those that need it."""
        for job in jobs:
            if job.unconfirmed:
                job.deadline_ms = confirm_by_ms
            elif job is jobs[0]:
                job.deadline_ms = deadline_ms
            self._ledger.show(job)
        for robot in {job.robot for job in jobs}:
            self.advance_line(robot)

    def confirmed(self, job: Job) -> None:
        """Somebody said yes; a fresh clock starts where nothing else is waited for."""
        job.unconfirmed = False
        job.deadline_ms = None
        if not any(other.position < job.position for other in self._siblings(job)):
            job.deadline_ms = self._clock.now_ms() + job.ttl_ms
        self.advance_line(job.robot)

    def end(self, job: Job, event: Event, reason: str = "") -> None:
        """An action is over, whatever the robot thinks."""
        self._ledger.fact(job, event, reason)
        self._settle(job)

    def end_all(self, event: Event, reason: str = "") -> None:
        """Every open action is over: a stop."""
        for job in self.open_jobs():
            if not job.ended:
                self._ledger.fact(job, event, reason)
                self._forget(job)

    def advance_line(self, robot: str) -> None:
        """Send a robot's next action if there is one and its executor is there."""
        line = self._line(robot)
        now_ms = self._clock.now_ms()
        if self.halted or line.executor is None or not line.present(now_ms, self._rules.timeout_ms):
            return
        job = line.next_job(now_ms)
        if job is None:
            return
        if not line.executor.can(job):
            self.end(job, Event.REFUSE, f"{robot} does not do {job.action.get('action')}"[:200])
            return
        line.seq += 1
        job.seq = line.seq
        self._tasks.begin(self._send_when_written(line, job, self._ledger.begin_send(job)))

    async def _send_when_written(self, line: Line, job: Job, writing: Coroutine[Any, Any, bool]) -> None:
        try:
            if not await writing:
                return
        except NodeFault as problem:
            if not job.ended:
                self.end(job, Event.REFUSE, f"{problem.code}: not sent")
            return
        if job.deadline_ms is None or self._clock.now_ms() >= job.deadline_ms:
            self.end(job, Event.EXPIRE)
            return
        self._perform(line, job)

    def _perform(self, line: Line, job: Job) -> None:
        """Hand the action to the executor's connection. An executor that is gone gets it after its next hello."""
        now_ms = self._clock.now_ms()
        job.sent_ms = now_ms
        message = Perform(
            action_id=job.action_id,
            command_id=job.command_id,
            robot=job.robot,
            epoch=self.epoch,
            seq=job.seq,
            action=job.action,
            digest=job.digest,
            expires_in_ms=max(0.0, (job.deadline_ms or now_ms) - now_ms),
        )
        if line.executor is not None and self._send(line.executor.peer, encode(message)):
            job.delivered = True

    # --- what executors say

    def hello(self, peer: bytes, hello: Hello) -> Welcome:
        """An executor presents itself.

        Raises:
            ClientFault: ROBOT_TAKEN, or QUEUE_FULL when too many robots have.
        """
        now_ms = self._clock.now_ms()
        if hello.robot not in self._lines and len(self._lines) >= ROBOTS_MAX:
            raise ClientFault(Code.QUEUE_FULL, f"{ROBOTS_MAX} robots are known; that is the most", where="robot")
        line = self._line(hello.robot)
        welcome = Welcome(robot=hello.robot, epoch=self.epoch, stopped=self.halted)
        if line.executor is not None and line.executor.peer != peer:
            alive = line.present(now_ms, self._rules.timeout_ms) and self._send(line.executor.peer, encode(welcome))
            if alive:
                raise ClientFault(Code.ROBOT_TAKEN, f"another executor is {hello.robot} and alive", where="robot")
            self._change_executor(line, now_ms)
        line.executor = Executor(peer, hello.removes_duplicates, frozenset(hello.actions))
        line.heard_ms = now_ms
        return welcome

    def _change_executor(self, line: Line, now_ms: float) -> None:
        """Another connection speaks for the robot: what the old one had must be spoken of again, or it is lost."""
        job = line.in_flight()
        if job is not None and (job.delivered or job.state is not ActionState.INITIALIZING):
            job.quiet_since_ms = now_ms

    def greeted(self, robot: str) -> None:
        """The welcome is out: go on with the robot's line."""
        line = self._line(robot)
        self._show_presence(line)
        job = line.resends(self._clock.now_ms(), 0.0)
        if job is not None and not self.halted:
            self._perform(line, job)
        self.advance_line(robot)

    def heartbeat(self, peer: bytes, heartbeat: Heartbeat) -> None:
        """An executor is alive.

        Raises:
            ClientFault: STALE_EPOCH, UNKNOWN_TARGET or WRONG_ROBOT; the executor says hello again.
        """
        line = self.check_speaker(peer, heartbeat.robot, heartbeat.epoch)
        line.heard_ms = self._clock.now_ms()
        self._show_presence(line)
        self.advance_line(line.robot)

    async def report(self, peer: bytes, report: Report) -> Message:
        """A robot's own word on an action; noted when it is on the disk.

        Raises:
            ClientFault: STALE_EPOCH, UNKNOWN_TARGET, WRONG_ROBOT, UNKNOWN_ACTION or ILLEGAL_STATE.
            NodeFault: JOURNAL_UNAVAILABLE; the executor repeats the report.
        """
        line = self.check_speaker(peer, report.robot, report.epoch)
        line.heard_ms = self._clock.now_ms()
        job = self._jobs.get(report.action_id) or self._ended.get(report.action_id)
        if job is None:
            raise ClientFault(Code.UNKNOWN_ACTION, "no such action is known", where="action_id")
        if job.robot != report.robot:
            raise ClientFault(Code.WRONG_ROBOT, f"the action is {job.robot}'s", where="robot")
        async with self._reporting[line.robot]:
            event = REPORTED[ActionState(report.state)]
            if job.ended:
                if job.state is not report.state:
                    await self._ledger.take_late_report(job, event, report.reason)
            elif await self._ledger.take_report(job, event, report.reason):
                job.quiet_since_ms = None
                self._settle(job)
        return Noted(action_id=report.action_id, state=report.state)

    # --- time

    def tick(self) -> None:
        """Time has passed: expire, resend, send, and notice who is away."""
        now_ms = self._clock.now_ms()
        for line in self.lines():
            for job, event in line.overdue(now_ms, self._rules.timeout_ms):
                if not job.ended:
                    self.end(job, event, "confirmation expired" if event is Event.DENY else "")
            again = None if self.halted else line.resends(now_ms, self._rules.resend_ms)
            if again is not None:
                self._perform(line, again)
            self._show_presence(line)
            self.advance_line(line.robot)

    # --- keeping the lines

    def _settle(self, job: Job) -> None:
        """After a change: an ended action makes way, and its successors' clocks start or they are abandoned."""
        if not job.ended:
            return
        later = self._line(job.robot).successors(job)
        self._forget(job)
        if job.state is ActionState.FINISHED:
            if later and not later[0].unconfirmed:
                later[0].deadline_ms = self._clock.now_ms() + later[0].ttl_ms
        else:
            for successor in later:
                if not successor.ended:
                    self._ledger.fact(successor, Event.ABANDON)
                    self._forget(successor)
        self.advance_line(job.robot)

    def _forget(self, job: Job) -> None:
        line = self._line(job.robot)
        if job in line.jobs:
            line.jobs.remove(job)
        self._jobs.pop(job.action_id, None)
        self._ended[job.action_id] = job
        while len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)

    def _siblings(self, job: Job) -> list[Job]:
        return [other for other in self._line(job.robot).jobs if other.command_id == job.command_id]

    def _line(self, robot: str) -> Line:
        return self._lines.setdefault(robot, Line(robot))

    def check_speaker(self, peer: bytes, robot: str, epoch: int) -> Line:
        """The line for which this peer may speak.

        Raises:
            ClientFault: STALE_EPOCH, UNKNOWN_TARGET or WRONG_ROBOT.
        """
        if epoch != self.epoch:
            raise ClientFault(Code.STALE_EPOCH, f"this is epoch {self.epoch}; say hello", where="epoch")
        line = self._lines.get(robot)
        if line is None or line.executor is None:
            raise ClientFault(Code.UNKNOWN_TARGET, "no executor of this robot has said hello", where="robot")
        if line.executor.peer != peer:
            raise ClientFault(Code.WRONG_ROBOT, f"another executor is {robot}", where="robot")
        return line

    def _show_presence(self, line: Line) -> None:
        present = self.present(line)
        if present != line.shown_present:
            line.shown_present = present
            self._stream.tell(RobotChanged(line.robot, present))
