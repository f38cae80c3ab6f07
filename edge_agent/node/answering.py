"""The answer and its actions: on the disk together, then said, and exactly what was said is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

from edge_agent.clock import Clock
from edge_agent.errors import Code, NodeFault
from edge_agent.messages import Accepted, Answer, Command, Failure, Message, Outcome, PlannedAction
from edge_agent.messages.codec import encode
from edge_agent.node.acceptance import command_row, received_wall_ms
from edge_agent.node.board import Board
from edge_agent.node.confirm import Confirmations
from edge_agent.node.dialogue import Dialogues
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.jobs import Job
from edge_agent.node.ledger import Ledger
from edge_agent.node.orders import Order, body_of
from edge_agent.node.requests import Asker, Requests
from edge_agent.node.spans import Spans
from edge_agent.node.understanding import Verdict
from edge_agent.observe.events import CommandAnswered, StageCompleted, Stream
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import CommandRow
from edge_agent.safety.policy import Planned

Reply = Callable[[bytes, Message], None]


@dataclass(frozen=True, slots=True)
class Settled:
    """An answer that may be said, and the actions it promises."""

    answer: Answer
    row: CommandRow
    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class Answering:
    """Writes and says answers."""

    journal: Journal
    ledger: Ledger
    dispatcher: Dispatcher
    confirmations: Confirmations
    dialogues: Dialogues
    requests: Requests
    board: Board
    stream: Stream
    clock: Clock
    reply: Reply
    numbers: count[int]

    async def settle(self, order: Order, verdict: Verdict) -> Settled:
        """Write the actions and the answer in one go. Without the disk there are no actions."""
        text = verdict.meaning.heard if verdict.meaning else order.command.text
        jobs = tuple(_job(order, position, action, text) for position, action in enumerate(verdict.actions, start=1))
        settled = self._settled(order, verdict, jobs)
        if not jobs:
            await self._keep(settled.row)
            return settled
        self.dispatcher.lines.hold(jobs)
        try:
            await self.journal.write(settled.row, *(row for job in jobs for row in self.ledger.opening_rows(job)))
        except NodeFault as problem:
            self.dispatcher.lines.drop(jobs)
            failure = Failure(code=Code.JOURNAL_UNAVAILABLE, message=problem.message)
            return self._settled(order, Verdict(Outcome.FAILED, verdict.meaning, error=failure), ())
        stopped, late = any(job.ended for job in jobs), self.clock.now_ms() >= order.deadline_ms
        if stopped or late:
            self.dispatcher.expire(jobs)
            settled = self._settled(
                order, Verdict(Outcome.STOPPED if stopped else Outcome.EXPIRED, verdict.meaning), ()
            )
            await self._keep(settled.row)
            return settled
        if verdict.meaning is not None:
            self.dialogues.remember(order.pack, order.session, verdict.meaning.actions)
        return settled

    async def _keep(self, row: CommandRow) -> None:
        """An answer without actions is true whether the disk takes it or not; it is told either way."""
        try:
            await self.journal.write(row)
        except NodeFault:
            self.journal.record(row)

    def close(self, order: Order, settled: Settled, spans: Spans) -> None:
        """Say it to everybody who asked, and let the actions go."""
        answer = settled.answer.model_copy(update={"timings": spans.timings()})
        self.journal.record(replace(settled.row, answer=encode(answer).decode()))
        for peer in self.requests.finish(order.request, answer):
            self.reply(peer, answer)
        self.board.show_answer(order.command_id, answer.outcome)
        for stage, elapsed_ms in spans.stages.items():
            self.stream.tell(StageCompleted(order.command_id, stage.removesuffix("_ms"), elapsed_ms))
        code = answer.error.code if answer.error else ""
        total_ms, pack = answer.timings.total_ms, order.pack.name
        self.stream.tell(CommandAnswered(order.command_id, answer.outcome, total_ms, code, pack, answer.passes))
        if settled.jobs:
            confirm_by_ms = self.confirmations.until_ms(job.action_id for job in settled.jobs)
            self.dispatcher.release(settled.jobs, order.deadline_ms, confirm_by_ms)

    def say_stopped(self, command: Command, asker: Asker, pack: str, robot: str, spans: Spans) -> None:
        """The command was a stop itself, and it is out already: the paper follows."""
        command_id = f"c-{self.board.epoch}-{next(self.numbers)}"
        answer = Answer(
            request_id=command.request_id,
            command_id=command_id,
            epoch=self.board.epoch,
            outcome=Outcome.STOPPED,
            timings=spans.timings(),
        )
        self.reply(asker.peer, Accepted(request_id=command.request_id, command_id=command_id, epoch=self.board.epoch))
        self.reply(asker.peer, answer)
        self.journal.record_command(
            CommandRow(
                command_id=command_id,
                client=asker.client,
                request_id=command.request_id,
                body_sha256=body_of(command),
                epoch=self.board.epoch,
                pack=pack,
                robot=robot,
                text=command.text,
                ttl_ms=command.ttl_ms or 0,
                received_wall_ms=self.clock.wall_ms(),
                outcome=Outcome.STOPPED,
                answer=encode(answer).decode(),
                message=encode(command).decode(),
            )
        )
        self.board.show_answer(command_id, Outcome.STOPPED)
        self.stream.tell(CommandAnswered(command_id, Outcome.STOPPED, answer.timings.total_ms, pack=pack))

    def _settled(self, order: Order, verdict: Verdict, jobs: tuple[Job, ...]) -> Settled:
        meaning = verdict.meaning
        answer = Answer(
            request_id=order.command.request_id,
            command_id=order.command_id,
            epoch=self.board.epoch,
            outcome=verdict.outcome,
            actions=tuple(self._planned(job) for job in jobs),
            reject=verdict.reject,
            error=verdict.error,
            marked=meaning.marked if meaning else "",
            confidence=min(1.0, max(0.0, meaning.confidence)) if meaning else None,
            passes=meaning.passes if meaning else 0,
        )
        row = replace(
            command_row(order, self.board.epoch, received_wall_ms(order, self.clock)),
            outcome=answer.outcome,
            answer=encode(answer).decode(),
            output=meaning.output if meaning else "",
            evidence=meaning.evidence.to_json() if meaning else "",
        )
        return Settled(answer, row, jobs)

    def _planned(self, job: Job) -> PlannedAction:
        asked = None
        if job.unconfirmed:
            asked = self.confirmations.ask(job.action_id, job.digest, self.clock.now_ms())
        return PlannedAction(
            action_id=job.action_id,
            robot=job.robot,
            action=job.action,
            digest=job.digest,
            tier=job.tier,
            confirmation=asked,
        )


def _job(order: Order, position: int, planned: Planned, text: str) -> Job:
    return Job(
        action_id=f"a{order.command_id[1:]}-{position}",
        command_id=order.command_id,
        robot=order.robot,
        position=position,
        action=planned.action,
        digest=planned.digest,
        tier=planned.tier,
        ttl_ms=order.ttl_ms,
        unconfirmed=planned.needs_confirmation,
        asked=order.asked(text),
    )
