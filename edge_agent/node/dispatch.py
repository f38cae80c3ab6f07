"""Actions to executors: one of a robot in flight, journalled before it is sent, never after its time.

`jobs` decides what may go and what is overdue; this file does it. What executors say back is in `hearing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import NodeFault
from edge_agent.messages import ActionState, Perform
from edge_agent.messages.codec import encode
from edge_agent.node.jobs import Job, Line
from edge_agent.node.ledger import Ledger
from edge_agent.node.lifecycle import Event
from edge_agent.node.lines import Lines
from edge_agent.node.tasks import Tasks
from edge_agent.observe.events import ConfirmationChanged, RobotChanged, Stream
from edge_agent.observe.records import Row
from edge_agent.settings import ExecutorSettings

Send = Callable[[bytes, bytes], bool]
"""Routing id and frame; False when the peer is gone or takes nothing more."""
_NOBODY_SAID_YES: Final = "confirmation expired"


class Dispatcher:
    """Moves every robot's line on."""

    def __init__(
        self,
        *,
        lines: Lines,
        ledger: Ledger,
        send: Send,
        stream: Stream,
        clock: Clock,
        tasks: Tasks,
        epoch: int,
        rules: ExecutorSettings,
        hindrance: Callable[[Job], str],
    ) -> None:
        """`hindrance`: the policy's last word, right before an action goes out: why it may not, or ""."""
        self.lines = lines
        self.epoch = epoch
        self.rules = rules
        self._ledger = ledger
        self._send = send
        self._stream = stream
        self._clock = clock
        self._tasks = tasks
        self._hindrance = hindrance
        self.halted = False
        """A stop is latched: nothing is sent."""

    def present(self, line: Line) -> bool:
        """Whether a robot's executor was heard of lately."""
        return line.present(self._clock.now_ms(), self.rules.timeout_ms)

    def release(self, jobs: Sequence[Job], deadline_ms: float, confirm_by_ms: float) -> None:
        """They are on the disk: the first one's clock runs, and the time to confirm of those that need it."""
        for job in jobs:
            if job.unconfirmed:
                job.deadline_ms = confirm_by_ms
            elif job is jobs[0]:
                job.deadline_ms = deadline_ms
            self._ledger.show(job)
            if job.unconfirmed:
                self._stream.tell(ConfirmationChanged(job.action_id, "asked"))
        for robot in {job.robot for job in jobs}:
            self.move_on(self.lines.of(robot))

    def confirmed(self, job: Job) -> None:
        """Somebody said yes; a fresh clock starts where nothing else is waited for."""
        line = self.lines.of(job.robot)
        job.unconfirmed, job.agreed = False, True
        waits = any(other.command_id == job.command_id and other.position < job.position for other in line.jobs)
        job.deadline_ms = None if waits else self._clock.now_ms() + job.ttl_ms
        self._ledger.show(job)
        self._stream.tell(ConfirmationChanged(job.action_id, "confirmed"))
        self.move_on(line)

    def end(self, job: Job, event: Event, reason: str = "") -> None:
        """An action is over, whatever the robot thinks."""
        self._ledger.fact(job, event, reason)
        if event is Event.DENY:
            self._stream.tell(
                ConfirmationChanged(job.action_id, "expired" if reason == _NOBODY_SAID_YES else "refused")
            )
        self.settle(job)

    def expire(self, jobs: Sequence[Job]) -> None:
        """The disk had them too late; those that have not ended otherwise do so."""
        for job in jobs:
            if not job.ended:
                self.end(job, Event.EXPIRE)

    def end_all(self, event: Event, reason: str = "") -> None:
        """Every open action is over: a stop."""
        for job in self.lines.open_jobs():
            if not job.ended:
                self._ledger.fact(job, event, reason)
                self.lines.retire(job)

    def settle(self, job: Job) -> None:
        """After a change: an ended action makes way, and its successors' clocks start or they are abandoned."""
        if not job.ended:
            return
        line = self.lines.of(job.robot)
        later = line.successors(job)
        self.lines.retire(job)
        if job.state is ActionState.FINISHED:
            if later and not later[0].unconfirmed:
                later[0].deadline_ms = self._clock.now_ms() + later[0].ttl_ms
        else:
            for successor in later:
                if not successor.ended:
                    self._ledger.fact(successor, Event.ABANDON)
                    self.lines.retire(successor)
        self.move_on(line)

    def move_on(self, line: Line) -> None:
        """Send a robot's next action if there is one and its executor is there."""
        if self.halted or line.executor is None or not self.present(line):
            return
        job = line.next_job(self._clock.now_ms())
        if job is None:
            return
        if not line.executor.can(job):
            self.end(
                job, Event.REFUSE, f"{line.robot} does not do {job.action.get('action')}"[: limits.REASON_CHARS_MAX]
            )
            return
        if why := self._hindrance(job):
            self.end(job, Event.REFUSE, why[: limits.REASON_CHARS_MAX])
            return
        line.seq += 1
        job.seq = line.seq
        self._tasks.begin(self._send_when_written(line, job, self._ledger.begin_send(job)))

    def send_again(self, line: Line, quiet_ms: float) -> None:
        """Repeat what is unacknowledged for `quiet_ms`, where that can do no harm."""
        job = None if self.halted else line.resends(self._clock.now_ms(), quiet_ms)
        if job is not None:
            self._perform(line, job)

    def tick(self) -> None:
        """Time has passed: expire, repeat, send, and notice who is away."""
        now_ms = self._clock.now_ms()
        for line in self.lines.all():
            for job, event in line.overdue(now_ms, self.rules.timeout_ms):
                if not job.ended:
                    self.end(job, event, _NOBODY_SAID_YES if event is Event.DENY else "")
            self.send_again(line, self.rules.resend_ms)
            self.show_presence(line)
            self.move_on(line)

    def show_presence(self, line: Line) -> None:
        """Tell when an executor has come or gone."""
        present = self.present(line)
        if present != line.shown_present:
            line.shown_present = present
            self._stream.tell(RobotChanged(line.robot, present))

    async def _send_when_written(self, line: Line, job: Job, rows: tuple[Row, ...]) -> None:
        try:
            if not await self._ledger.write_send(job, rows):
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
        """Hand the action to the executor's connection. An executor that is gone gets it after its next hello.

        The only place from which an action leaves; what the robot may have already is not sent again when it is refused
        by now, and ends as `unknown_outcome`.
        """
        if why := self._hindrance(job):
            if not job.delivered:
                self.end(job, Event.REFUSE, why[: limits.REASON_CHARS_MAX])
            return
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
