"""A yes to one exact action: by the asker's token or by authority, single use, in time; then it gets a fresh clock.

What is agreed to is judged once more, as the world is now. Refuses a yes for an action that has changed, ended, or may
not happen any more, and, where the owner wants a second person, the asker's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.messages import Confirm, Confirmed
from edge_agent.node.confirm import Confirmations
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.jobs import Job
from edge_agent.node.lifecycle import Event
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import ConfirmationRow


@dataclass(frozen=True, slots=True)
class Approval:
    """Takes confirmations."""

    confirmations: Confirmations
    dispatcher: Dispatcher
    journal: Journal
    clock: Clock
    epoch: int
    hindrance: Callable[[Job], str]
    """Why an action may not happen as things are now, or ""."""
    second_person: bool = False

    async def confirm(self, message: Confirm, *, client: str, by_authority: bool) -> Confirmed:
        """Let the action happen. `client` says so; `by_authority`: without a token, too, it may confirm.

        Raises:
            ClientFault: CONFIRMATION_UNKNOWN, CONFIRMATION_MISMATCH or CONFIRMATION_EXPIRED; after the last two the
                action has ended. FORBIDDEN when somebody else has to say it; the action waits on.
            NodeFault: POLICY_REFUSED or JOURNAL_UNAVAILABLE; the action has ended.
        """
        job = self.dispatcher.lines.open_job(message.action_id)
        if job is not None and job.unconfirmed and job.deadline_ms is None:
            raise _unknown()  # its answer is not out yet
        if self.second_person and job is not None and job.asked is not None and job.asked.client == client:
            raise ClientFault(Code.FORBIDDEN, f"{client} asked for it; somebody else has to say yes", where="action_id")
        try:
            self.confirmations.redeem(
                message.action_id, message.digest, message.token, self.clock.now_ms(), by_authority=by_authority
            )
        except ClientFault as problem:
            if problem.code is not Code.CONFIRMATION_UNKNOWN:
                self._deny(job, problem.code, client)
            raise
        if job is None or not job.unconfirmed or job.ended:
            raise _unknown()
        if why := self.hindrance(job):
            self.journal.record(self._row(job, Code.POLICY_REFUSED, client))
            self.dispatcher.end(job, Event.REFUSE, why[: limits.REASON_CHARS_MAX])
            raise NodeFault(Code.POLICY_REFUSED, why, where="action_id")
        try:
            await self.journal.write(self._row(job, "confirmed", client))
        except NodeFault as problem:
            self._deny(job, problem.code, client)
            raise
        if job.ended:
            raise ClientFault(Code.CONFIRMATION_EXPIRED, f"the action ended meanwhile: {job.reason}", where="action_id")
        self.dispatcher.confirmed(job)
        return Confirmed(request_id=message.request_id, action_id=message.action_id)

    def _deny(self, job: Job | None, code: Code, client: str) -> None:
        if job is not None and not job.ended:
            self.journal.record(self._row(job, code, client))
            self.dispatcher.end(job, Event.DENY, f"not confirmed: {code}")

    def _row(self, job: Job, outcome: str, client: str) -> ConfirmationRow:
        return ConfirmationRow(job.action_id, self.epoch, job.digest, self.clock.wall_ms(), outcome, client)


def _unknown() -> ClientFault:
    return ClientFault(Code.CONFIRMATION_UNKNOWN, "the action waits for no yes (any more)", where="action_id")
