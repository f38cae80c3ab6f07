"""An action's change of state: written, then shown. The only place that changes one."""

from __future__ import annotations

from edge_agent.clock import Clock
from edge_agent.messages import ActionState
from edge_agent.node.board import Board
from edge_agent.node.jobs import Job
from edge_agent.node.lifecycle import REASONS, Event, advance
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import ActionRow, Row, TransitionRow
from edge_agent.safety.digest import canonical


class Ledger:
    """Journal first, show second; for what has happened anyway (a stop, an expiry) the journal follows."""

    def __init__(self, journal: Journal, board: Board, clock: Clock) -> None:
        self._journal = journal
        self._board = board
        self._clock = clock

    def opening_rows(self, job: Job) -> tuple[Row, ...]:
        """A new action as it is first written."""
        return self._rows(job, "plan", job.state, "")

    def show(self, job: Job) -> None:
        """Show an action as it stands."""
        self._board.show_action(job, self._clock.now_ms())

    def fact(self, job: Job, event: Event, reason: str = "") -> None:
        """Something happened to an action, and no disk can undo it.

        Raises:
            ClientFault: ILLEGAL_STATE; nothing has changed then.
        """
        after = advance(job.state, event)
        reason = reason or REASONS.get(event, "")
        job.state, job.reason = after, reason
        self._journal.record(*self._rows(job, event, after, reason))
        self._board.show_action(job, self._clock.now_ms())

    def begin_send(self, job: Job) -> tuple[Row, ...]:
        """The action is in flight from now on; returns what `write_send` is to write.

        The state changes before the write and at once, so that nobody sends it a second time, and a stop during the
        write finds it in flight and ends it.
        """
        job.state = advance(job.state, Event.SEND)
        return self._rows(job, Event.SEND, job.state, "")

    async def write_send(self, job: Job, rows: tuple[Row, ...]) -> bool:
        """Write down that it is being sent; whether it still may be.

        Raises:
            NodeFault: JOURNAL_UNAVAILABLE.
        """
        await self._journal.write(*rows)
        if job.state is not ActionState.INITIALIZING:
            return False
        self._board.show_action(job, self._clock.now_ms())
        return True

    async def take_report(self, job: Job, event: Event, reason: str) -> bool:
        """Journal a robot's report, then let it hold. False: something else ended the action meanwhile.

        Raises:
            ClientFault: ILLEGAL_STATE.
            NodeFault: JOURNAL_UNAVAILABLE.
        """
        after = advance(job.state, event)
        await self._journal.write(*self._rows(job, event, after, reason))
        if job.ended:
            return False
        changed = after is not job.state or reason != job.reason
        job.state, job.reason = after, reason
        if changed:
            self._board.show_action(job, self._clock.now_ms())
        return True

    async def take_late_report(self, job: Job, event: Event, reason: str) -> None:
        """Journal what a robot says of an action that has ended here; the action stays as it is.

        Raises:
            NodeFault: JOURNAL_UNAVAILABLE.
        """
        await self._journal.write(self._transition(job, f"late {event}", job.state, reason))

    def _rows(self, job: Job, event: str, state: ActionState, reason: str) -> tuple[Row, ...]:
        row = ActionRow(
            action_id=job.action_id,
            command_id=job.command_id,
            epoch=self._board.epoch,
            position=job.position,
            robot=job.robot,
            action=canonical(job.action),
            digest=job.digest,
            tier=job.tier,
            state=state,
            reason=reason,
            seq=job.seq,
        )
        return row, self._transition(job, event, state, reason)

    def _transition(self, job: Job, event: str, state: ActionState, reason: str) -> TransitionRow:
        return TransitionRow(self._board.epoch, self._clock.wall_ms(), job.action_id, event, state, reason)
