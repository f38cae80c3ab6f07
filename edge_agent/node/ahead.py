"""Reading a sentence before it is known to be over. Nothing is written, sent or remembered here, but a stop.

A sentence that is a stop so far is one, however it goes on: waiting for its end gains nothing.

Decides whether what was read ahead still holds when the sentence is over: the same words, the same world, and the same
things that "it" can mean. What does not hold is read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge_agent.errors import ClientFault
from edge_agent.messages import Command, Outcome
from edge_agent.node.orders import Admission, Order
from edge_agent.node.readings import is_spoken_stop
from edge_agent.node.requests import Asker
from edge_agent.node.spans import Spans
from edge_agent.node.stops import Stops
from edge_agent.node.understanding import Understanding, Verdict
from edge_agent.world.mention import Dialogue
from edge_agent.world.store import World

SURE: Final = 0.9
"""From this confidence on, what was said until a pause is taken for a whole command, and the wait is shortened."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a sentence would mean, and on what that depends."""

    text: str
    verdict: Verdict
    dialogue: Dialogue
    world: World

    @property
    def sure(self) -> bool:
        """Whether it is a whole command that leaves little doubt."""
        meaning = self.verdict.meaning
        return self.verdict.outcome is Outcome.ACTIONS and meaning is not None and meaning.confidence >= SURE


@dataclass(frozen=True, slots=True)
class ReadingAhead:
    """Asks the engine early."""

    understanding: Understanding
    admission: Admission
    stops: Stops

    async def read(self, command: Command, asker: Asker, received_ms: float) -> Ahead | None:
        """What the command would mean; None where only its end can tell."""
        if self.stops.latched is not None:
            return None
        try:
            order = self.admission.admit(command, asker, command_id="ahead", received_ms=received_ms)
        except ClientFault:
            return None  # its end will say so to whom it concerns
        if is_spoken_stop(command.text, command.spoken, prefix=order.pack.stop_prefix):
            self.stops.halt(f"said: {command.text}", asker.client)
            return None
        dialogue, world = self._surroundings(order)
        verdict = await self.understanding.interpret(order, Spans(self.understanding.clock, received_ms))
        if verdict.outcome not in (Outcome.ACTIONS, Outcome.REJECT):
            return None
        return Ahead(command.text, verdict, dialogue, world)

    def holds(self, ahead: Ahead, order: Order) -> bool:
        """Whether reading the order now would find the same."""
        dialogue, world = self._surroundings(order)
        return ahead.text == order.command.text and ahead.dialogue == dialogue and ahead.world is world

    def _surroundings(self, order: Order) -> tuple[Dialogue, World]:
        understanding = self.understanding
        dialogue = understanding.dialogues.of(order.pack, order.session)
        return dialogue, understanding.interpreters[order.pack.name].world
