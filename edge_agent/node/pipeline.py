"""The story of one command, from its arrival to its answer, read from top to bottom in `serve`.

Every stage has the same deadline; when it passes, the answer is `expired` and nothing is sent. A stop ends the wait for
the engine at once. What the journal cannot hold does not happen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.clock import Clock
from edge_agent.messages import Command, Outcome
from edge_agent.node.acceptance import Acceptance
from edge_agent.node.ahead import Ahead, ReadingAhead
from edge_agent.node.answering import Answering
from edge_agent.node.lineup import Lineup
from edge_agent.node.requests import Asker
from edge_agent.node.spans import Spans
from edge_agent.node.stops import Stops
from edge_agent.node.understanding import Understanding, Verdict


@dataclass(frozen=True, slots=True)
class Prelude:
    """What was done for a spoken command before it was known to be one."""

    stages: Mapping[str, float]
    """Milliseconds from the end of speech to the words, by stage."""
    ahead: Ahead | None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything that one command passes."""

    acceptance: Acceptance
    reading_ahead: ReadingAhead
    understanding: Understanding
    answering: Answering
    lineup: Lineup
    stops: Stops
    clock: Clock

    async def serve(self, command: Command, asker: Asker, received_ms: float, spoken: Prelude | None = None) -> None:
        """Answer one command, which is no stop (those went out before they came here).

        What was spoken was received when speech ended, and may have been read ahead.

        Raises:
            EdgeAgentError: it was refused before it was accepted; nothing of it was done.
        """
        spans = Spans(self.clock, received_ms)
        spans.add(spoken.stages if spoken else {})
        if self.acceptance.joins(command, asker):
            return
        if self.stops.latched is not None:
            await self.acceptance.refuse_stopped(command, asker)
            return
        stops_before = self.stops.count
        order = self.acceptance.admit(command, asker, received_ms)
        spans.until_now("admit_ms")
        with self.acceptance.holding(order), self.lineup.join(order.robot) as place:
            # the disk and the engine work at the same time; nothing leaves before both are done
            writing = asyncio.ensure_future(self.acceptance.write(order))
            ahead = spoken.ahead if spoken else None
            if ahead is not None and self.reading_ahead.holds(ahead, order):
                verdict = ahead.verdict
            else:
                verdict = await self.understanding.interpret(order, spans)
            with spans.stage("journal_ms"):
                known = await writing
            if known is not None:
                self.acceptance.answer_again(order, known)
                return
            with spans.stage("queue_ms"):
                if not await place.reached(order.deadline_ms - self.clock.now_ms()):
                    verdict = Verdict(Outcome.EXPIRED)  # before those who came first, nothing of it happens
            verdict = self.understanding.judge(order, verdict, stops_before)
            with spans.stage("dispatch_ms"):
                settled = await self.answering.settle(order, verdict)
            self.answering.close(order, settled, spans)
