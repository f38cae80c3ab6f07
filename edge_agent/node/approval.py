"""A yes to one exact action: bound to its digest, single use, in time; then the action gets a fresh clock."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.messages import Confirm, Confirmed
from edge_agent.node.confirm import Confirmations
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.jobs import Job
from edge_agent.node.lifecycle import Event
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import ConfirmationRow
from edge_agent.safety.digest import digest_of


@dataclass(frozen=True, slots=True)
class Approval:
    """Takes confirmations."""

    confirmations: Confirmations
    dispatcher: Dispatcher
    journal: Journal
    clock: Clock
    epoch: int

    async def confirm(self, message: Confirm) -> Confirmed:
        """Let the action happen.

        Raises:
            ClientFault: CONFIRMATION_UNKNOWN, CONFIRMATION_MISMATCH or CONFIRMATION_EXPIRED; after the last two the
                action has ended.
            NodeFault: JOURNAL_UNAVAILABLE; the action has ended.
        """
        job = self.dispatcher.lines.open_job(message.action_id)
        try:
            self.confirmations.redeem(message.action_id, message.digest, message.token, self.clock.now_ms())
        except ClientFault as problem:
            if problem.code is not Code.CONFIRMATION_UNKNOWN:
                self._deny(job, problem.code)
            raise
        if job is None or not job.unconfirmed or digest_of(job.action) != message.digest:
            raise ClientFault(Code.CONFIRMATION_UNKNOWN, "the action waits for no yes (any more)", where="action_id")
        try:
            await self.journal.write(self._row(job, "confirmed"))
        except NodeFault as problem:
            self._deny(job, problem.code)
            raise
        if job.ended:
            raise ClientFault(Code.CONFIRMATION_EXPIRED, f"the action ended meanwhile: {job.reason}", where="action_id")
        self.dispatcher.confirmed(job)
        return Confirmed(request_id=message.request_id, action_id=message.action_id)

    def _deny(self, job: Job | None, code: Code) -> None:
        if job is not None and not job.ended:
            self.journal.record(self._row(job, code))
            self.dispatcher.end(job, Event.DENY, f"not confirmed: {code}")

    def _row(self, job: Job, outcome: str) -> ConfirmationRow:
        return ConfirmationRow(job.action_id, self.epoch, job.digest, self.clock.wall_ms(), outcome)
