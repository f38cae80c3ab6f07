"""The actions that have not ended, in memory, and each robot's line of them. Pure: time is an argument.

Decides which action of a robot may go next, and which have waited too long. One action of a robot is in flight at a
time; the actions of one command go in order, and the clock of a later one starts when the one before it has finished.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from edge_agent.messages import ActionState, JsonAction, Unconfirmed
from edge_agent.node.lifecycle import ENDED, IN_FLIGHT, Event
from edge_agent.packs.base import Pack


@dataclass(frozen=True, slots=True)
class Asked:
    """What an action was asked with, kept so that it can be judged again before it goes out."""

    pack: Pack
    robot: str
    client: str
    """Who sent the command."""
    text: str = ""
    """The words that were read so."""
    area: str | None = None
    """Where the speaker stood."""
    speaker: str | None = None


@dataclass(slots=True, eq=False)
class Job:
    """One action on its way; it is itself, not its values. `deadline_ms` None: its clock has not started."""

    action_id: str
    command_id: str
    robot: str
    position: int
    action: JsonAction
    digest: str
    tier: int
    ttl_ms: float
    deadline_ms: float | None = None
    unconfirmed: bool = False
    """Waits for somebody's yes."""
    agreed: bool = False
    """Somebody said yes."""
    asked: Asked | None = None
    state: ActionState = ActionState.WAITING
    reason: str = ""
    seq: int = 0
    delivered: bool = False
    """The executor's connection took it at least once."""
    sent_ms: float = 0.0
    quiet_since_ms: float | None = None
    """Its executor came back as somebody else and has not yet said a word about it."""

    @property
    def ended(self) -> bool:
        """FINISHED or FAILED."""
        return self.state in ENDED

    def waits_for_yes(self, now_ms: float) -> Unconfirmed | None:
        """What is shown of an action while somebody may say yes to it; None before its answer is out, and after."""
        if not self.unconfirmed or self.ended or self.deadline_ms is None:
            return None
        return Unconfirmed(digest=self.digest, expires_in_ms=max(0.0, self.deadline_ms - now_ms))

    def silent(self, now_ms: float, timeout_ms: float) -> bool:
        """Whether its executor should have said something about it by now."""
        if self.quiet_since_ms is not None and now_ms - self.quiet_since_ms >= timeout_ms:
            return True
        return self.state is ActionState.INITIALIZING and now_ms >= (self.deadline_ms or 0.0) + timeout_ms


@dataclass(frozen=True, slots=True)
class Executor:
    """Who carries out a robot's actions: where to reach it and what its hello said."""

    peer: bytes
    removes_duplicates: bool
    actions: frozenset[str]
    key: str = ""
    """The public key of its connection; empty at the local door."""

    def can(self, job: Job) -> bool:
        """Whether its hello lists the action; an empty list means everything."""
        return not self.actions or str(job.action.get("action")) in self.actions


@dataclass(slots=True)
class Line:
    """One robot: its open actions in order, and its executor."""

    robot: str
    jobs: list[Job] = field(default_factory=list)
    executor: Executor | None = None
    heard_ms: float = 0.0
    seq: int = 0
    shown_present: bool = False

    def present(self, now_ms: float, timeout_ms: float) -> bool:
        """Whether its executor was heard of lately."""
        return self.executor is not None and now_ms - self.heard_ms < timeout_ms

    def in_flight(self) -> Job | None:
        """The action that the robot has, or is about to get."""
        return next((job for job in self.jobs if job.state in IN_FLIGHT), None)

    def next_job(self, now_ms: float) -> Job | None:
        """The action that may be sent now: the first whose clock runs, confirmed and in time; None while one is out."""
        if self.in_flight() is not None:
            return None
        return next(
            (
                job
                for job in self.jobs
                if not job.unconfirmed and job.deadline_ms is not None and now_ms < job.deadline_ms
            ),
            None,
        )

    def overdue(self, now_ms: float, timeout_ms: float) -> Iterator[tuple[Job, Event]]:
        """Actions for which time has run out, and what that means for each."""
        for job in tuple(self.jobs):
            late = job.deadline_ms is not None and now_ms >= job.deadline_ms
            if job.state is ActionState.WAITING and late:
                yield job, Event.DENY if job.unconfirmed else Event.EXPIRE
            elif job.state is ActionState.INITIALIZING and late and not job.delivered:
                yield job, Event.EXPIRE
            elif job.silent(now_ms, timeout_ms):
                yield job, Event.LOSE

    def resends(self, now_ms: float, resend_ms: float) -> Job | None:
        """The unacknowledged, unexpired action to send once more, if that can do no harm."""
        job = self.in_flight()
        if job is None or job.state is not ActionState.INITIALIZING or self.executor is None or not job.sent_ms:
            return None
        harmless = self.executor.removes_duplicates or not job.delivered
        in_time = job.deadline_ms is not None and now_ms < job.deadline_ms
        return job if harmless and in_time and now_ms - job.sent_ms >= resend_ms else None

    def successors(self, ended: Job) -> list[Job]:
        """Later actions of the same command, in order."""
        return [job for job in self.jobs if job.command_id == ended.command_id and job.position > ended.position]
