"""Asking what an order means, and judging the result: within its time, outside the model, never past a stop."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from edge_agent.clock import Clock
from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.messages import Failure, Outcome, Rejection
from edge_agent.node.dialogue import Dialogues
from edge_agent.node.interpret import Interpretation, Interpreter
from edge_agent.node.orders import Order
from edge_agent.node.plan import Guard
from edge_agent.node.spans import Spans
from edge_agent.node.stops import Stops
from edge_agent.node.turns import Turns
from edge_agent.node.worlds import Worlds
from edge_agent.observe.events import NodeChanged, StageFailed, Stream
from edge_agent.safety.policy import Planned


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an order: actions that may happen, or why not."""

    outcome: Outcome
    meaning: Interpretation | None = None
    actions: tuple[Planned, ...] = ()
    reject: Rejection | None = None
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class Understanding:
    """One engine for all orders; their sentences wait for it side by side."""

    interpreters: Mapping[str, Interpreter]
    worlds: Worlds
    dialogues: Dialogues
    guard: Guard
    stops: Stops
    stream: Stream
    clock: Clock
    workers: ThreadPoolExecutor
    turns: Turns
    withdraw: Callable[[str], None]
    """Tells the engine that nobody waits for a command's answer any more."""

    async def interpret(self, order: Order, spans: Spans) -> Verdict:
        """What the sentence means, unless the time or a stop comes first; late work is dropped."""
        await self.worlds.settled(order.pack.name)
        dialogue = self.dialogues.of(order.pack, order.session)
        submitted_ms = self.clock.now_ms()

        def work() -> tuple[float, Interpretation]:
            with self.turns.mine(order.deadline_ms):
                began_ms = self.clock.now_ms()
                return began_ms, self.interpreters[order.pack.name].interpret(
                    order.command.text,
                    deadline_ms=order.deadline_ms,
                    dialogue=dialogue,
                    area=order.command.context.area,
                    speaker=order.command.context.speaker,
                    spoken=order.command.spoken,
                    ticket=order.command_id,
                )

        loop = asyncio.get_running_loop()
        working: asyncio.Future[tuple[float, Interpretation]] = loop.run_in_executor(self.workers, work)
        pressed = asyncio.ensure_future(self.stops.pressed.wait())
        left_s = max(0.0, order.deadline_ms - self.clock.now_ms()) / 1000.0
        both: tuple[asyncio.Future[Any], ...] = (working, pressed)
        await asyncio.wait(both, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        stopped = pressed.done()
        pressed.cancel()
        if stopped or not working.done():
            working.cancel()
            working.add_done_callback(_hear)
            if stopped:  # past its deadline the engine gives it up by itself
                # it may have to wait for the pipe, and not for a worker: they may all be waiting for the engine
                loop.run_in_executor(None, self.withdraw, order.command_id)
            return Verdict(Outcome.STOPPED if stopped else Outcome.EXPIRED)
        try:
            began_ms, meaning = working.result()
        except EdgeAgentError as problem:
            return self.failed(order, problem)
        except Exception as bug:  # of the linker, the grammar, a user's pack: the command still gets its answer
            self.stream.tell(NodeChanged("bug", "".join(traceback.format_exception(bug)), Code.INTERNAL))
            return self.failed(order, NodeFault(Code.INTERNAL, "a fault of the node's own; its log has more"))
        spans.add({"queue_ms": began_ms - submitted_ms, **meaning.timings})
        return Verdict(Outcome.REJECT if meaning.reject else Outcome.ACTIONS, meaning, reject=meaning.reject)

    def judge(self, order: Order, verdict: Verdict, stops_before: int) -> Verdict:
        """Policy's word on the actions, and a last look at the latch and the clock before anything is written.

        `stops_before`: how many stops there had been when the order was taken.
        """
        if self.stops.latched is not None or self.stops.count != stops_before:
            return Verdict(Outcome.STOPPED, verdict.meaning)
        if verdict.reject is not None and verdict.meaning is not None:
            asked = order.asked(verdict.meaning.heard)
            return replace(verdict, reject=self.guard.possible(verdict.reject, asked))
        if verdict.outcome is not Outcome.ACTIONS or verdict.meaning is None:
            return verdict
        if self.clock.now_ms() >= order.deadline_ms:
            return Verdict(Outcome.EXPIRED, verdict.meaning)
        try:
            planned = self.guard.plan(verdict.meaning.actions, order.asked(verdict.meaning.heard))
        except EdgeAgentError as problem:
            return replace(self.failed(order, problem), meaning=verdict.meaning)
        if planned and planned[0].stops:
            self.stops.halt(f"understood: {order.command.text}", order.client)
            return Verdict(Outcome.STOPPED, verdict.meaning)
        return replace(verdict, actions=planned)

    def failed(self, order: Order, problem: EdgeAgentError) -> Verdict:
        """A failure as an answer says it."""
        if problem.code is Code.EXPIRED:
            return Verdict(Outcome.EXPIRED)
        self.stream.tell(StageFailed(order.command_id, "interpret", problem.code, problem.message))
        return Verdict(Outcome.FAILED, error=Failure(code=problem.code, message=problem.message, where=problem.where))


def _hear(dropped: asyncio.Future[tuple[float, Interpretation]]) -> None:
    """A result that came too late is dropped; its failure, too, has been heard."""
    if not dropped.cancelled():
        dropped.exception()
