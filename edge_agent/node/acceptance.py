"""Taking a command: once, whoever asks how often; on the disk before it is called accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.limits import REPLY_GRACE_MS
from edge_agent.messages import Accepted, Answer, Command, ErrorReply, Message
from edge_agent.messages.codec import encode
from edge_agent.node.orders import Admission, Order, body_of
from edge_agent.node.requests import Answered, Asker, Open, Requests, check_body
from edge_agent.node.stops import Stops
from edge_agent.observe.events import CommandAccepted, MessageRefused, Stream
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import CommandRow

Reply = Callable[[bytes, Message], None]
_TURNS: Final = 8


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Decides whether a command is new, and writes it when it is."""

    admission: Admission
    requests: Requests
    stops: Stops
    journal: Journal
    stream: Stream
    clock: Clock
    reply: Reply
    epoch: int
    numbers: count[int]

    def joins(self, command: Command, asker: Asker) -> bool:
        """Whether the same request is in progress or was just answered; the asker then gets that answer.

        Raises:
            ClientFault: SAME_ID_DIFFERENT_CONTENT.
        """
        known = self.requests.known((asker.client, command.request_id), body_of(command), asker.peer)
        if isinstance(known, Answered):
            self._repeat(asker.peer, known.answer)
        elif isinstance(known, Open) and known.accepted is not None:
            self.reply(asker.peer, known.accepted)
        return known is not None

    def admit(self, command: Command, asker: Asker, received_ms: float) -> Order:
        """An order that may be worked on, its request id held.

        Raises:
            ClientFault: QUEUE_FULL and what `Admission` refuses.
        """
        order = self.admission.admit(
            command, asker, command_id=f"c-{self.epoch}-{next(self.numbers)}", received_ms=received_ms
        )
        self.requests.begin(order.request, order.body_sha256, asker.peer)
        return order

    async def refuse_stopped(self, command: Command, asker: Asker) -> None:
        """Nothing new while a stop holds; an answer that was given before is still told.

        Raises:
            ClientFault: STOPPED, SAME_ID_DIFFERENT_CONTENT.
        """
        stop = self.stops.latched
        try:
            row = await self.journal.find(asker.client, command.request_id)
        except NodeFault:
            row = None  # no journal either: the stop is the better reason
        if row is None or not row.answer:
            name, why = (stop.stop_id, stop.reason) if stop is not None else ("just released", "")
            raise ClientFault(Code.STOPPED, f"stop {name} holds ({why or 'no reason given'}); release it with resume")
        check_body(row.body_sha256, body_of(command))
        self._repeat(asker.peer, Answer.model_validate_json(row.answer))

    @contextmanager
    def holding(self, order: Order) -> Iterator[None]:
        """For as long as an order is worked on. When a disk that neither takes nor refuses holds it up past its time,
        whoever waits is told so; the work goes on, and ends as expired when the disk comes back."""
        left_ms = max(0.0, order.deadline_ms - self.clock.now_ms())
        telling = asyncio.get_running_loop().create_task(self._say_held_up(order, left_ms))
        try:
            yield
        finally:
            telling.cancel()
            self.requests.abandon(order.request)

    async def _say_held_up(self, order: Order, left_ms: float) -> None:
        await asyncio.sleep(left_ms / 1000.0)
        for _ in range(_TURNS):  # in each the answer has its turn, also after the node itself stood still
            await asyncio.sleep(REPLY_GRACE_MS / _TURNS / 1000.0)
        request_id = order.command.request_id
        why = "the time to live passed before the answer was on the disk; nothing was sent"
        for peer in self.requests.leave(order.request):
            self.reply(peer, ErrorReply(code=Code.EXPIRED, message=why, request_id=request_id))
        self.stream.tell(MessageRefused(Code.EXPIRED, why, request_id))

    async def write(self, order: Order) -> CommandRow | None:
        """Write the command, sync, then say so. The row that was there when it had been written before.

        Raises:
            NodeFault: JOURNAL_UNAVAILABLE; whoever else waits for it has been told.
        """
        request_id = order.command.request_id
        try:
            known = await self.journal.accept(command_row(order, self.epoch, received_wall_ms(order, self.clock)))
        except EdgeAgentError as problem:
            for peer in self.requests.abandon(order.request)[1:]:
                self.reply(peer, ErrorReply(code=problem.code, message=problem.message, request_id=request_id))
            raise
        if known is not None:
            return known
        accepted = Accepted(request_id=request_id, command_id=order.command_id, epoch=self.epoch)
        for peer in self.requests.accept(order.request, accepted):
            self.reply(peer, accepted)
        command = order.command
        self.stream.tell(CommandAccepted(order.command_id, request_id, order.pack.name, order.robot, command.text))
        return None

    def answer_again(self, order: Order, known: CommandRow) -> None:
        """The journal has this request from before; the work that had begun is dropped.

        Raises:
            ClientFault: SAME_ID_DIFFERENT_CONTENT.
        """
        peers = self.requests.abandon(order.request)
        check_body(known.body_sha256, order.body_sha256)
        for peer in peers:
            self._repeat(peer, Answer.model_validate_json(known.answer))

    def _repeat(self, peer: bytes, answer: Answer) -> None:
        accepted = Accepted(request_id=answer.request_id, command_id=answer.command_id, epoch=answer.epoch)
        self.reply(peer, accepted)
        self.reply(peer, answer)


def received_wall_ms(order: Order, clock: Clock) -> int:
    """When it came in, on the wall clock."""
    return clock.wall_ms() - round(clock.now_ms() - order.received_ms)


def command_row(order: Order, epoch: int, wall_ms: int) -> CommandRow:
    """An order as the journal keeps it, not answered yet."""
    return CommandRow(
        command_id=order.command_id,
        client=order.client,
        request_id=order.command.request_id,
        body_sha256=order.body_sha256,
        epoch=epoch,
        pack=order.pack.name,
        robot=order.robot,
        text=order.command.text,
        ttl_ms=order.ttl_ms,
        received_wall_ms=wall_ms,
        message=encode(order.command).decode(),
    )
