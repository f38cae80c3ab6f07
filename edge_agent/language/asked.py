"""The questions that an engine's process has not answered yet, and who waits for each.

Decides when the process is silent: a question has had no answer for ANSWER_GRACE_MS past the deadlines of all questions
that were open when it was asked, and nothing else was heard since. A process that is merely slow answers others in the
meantime, and between two passes it answers those whose time has run out; on a crowded box one pass may last for longer,
so whether a silent process hangs or computes is for others to say. It hangs for certain when some question, whoever
waited for it, has had no answer for PASS_MS_MAX past its own deadline.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from itertools import count

from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.language.decision import DecideRequest, Decision
from edge_agent.language.launch import Child
from edge_agent.language.wire import JsonObject, read_decision, read_fault
from edge_agent.limits import ANSWER_GRACE_MS, PASS_MS_MAX


class GivenUp(NodeFault):
    """The process hung with another question; this one may be asked again."""

    def __init__(self) -> None:
        super().__init__(Code.ENGINE_CRASHED, "the engine's process hung; it is being started again")


class Question:
    """One question; answered or failed once."""

    def __init__(
        self, number: str, request: DecideRequest, child: Child, *, asked_ms: float, patience_ms: float
    ) -> None:
        self.number = number
        self.ticket = request.ticket
        self.deadline_ms = request.deadline_ms
        self.child = child
        self.asked_ms = asked_ms
        self.patience_ms = patience_ms
        """Until when the process may be silent."""
        self._future: Future[Decision] = Future()

    def answer(self, timeout_ms: float) -> Decision:
        """The answer, once it is there.

        Raises:
            TimeoutError: it was not in time.
            EdgeAgentError: what became of it.
        """
        return self._future.result(max(0.0, timeout_ms) / 1000.0)

    def fail(self, problem: EdgeAgentError) -> None:
        """There will be no answer."""
        with suppress(InvalidStateError):  # it was answered a moment ago
            self._future.set_exception(problem)

    def give(self, message: JsonObject) -> None:
        """The process's reply.

        Raises:
            NodeFault: ENGINE_CRASHED when it is none.
        """
        if "error" in message:
            self.fail(read_fault(message["error"]))
            return
        decision = read_decision(message.get("decision"))
        with suppress(InvalidStateError):
            self._future.set_result(decision)


class Asked:
    """The open questions: those that the process has not answered, whether or not somebody waits. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Question] = {}
        self._numbers = count(1)
        self._heard_ms = 0.0

    def add(self, child: Child, request: DecideRequest, now_ms: float) -> Question:
        """A question is about to be asked."""
        with self._lock:
            deadlines = [
                question.patience_ms - ANSWER_GRACE_MS for question in self._open.values() if question.child is child
            ]
            patience_ms = max([request.deadline_ms, *deadlines]) + ANSWER_GRACE_MS
            number = str(next(self._numbers))
            question = Question(number, request, child, asked_ms=now_ms, patience_ms=patience_ms)
            self._open[question.number] = question
            return question

    def remove(self, question: Question) -> None:
        """The process will not answer it: it was not told, or told to forget it."""
        with self._lock:
            self._open.pop(question.number, None)

    def hear(self, message: JsonObject, now_ms: float) -> None:
        """The process said something; an answer that nobody waits for any more is dropped.

        Raises:
            NodeFault: ENGINE_CRASHED when it is no answer to a question.
        """
        with self._lock:
            self._heard_ms = now_ms
            question = self._open.pop(str(message.get("number")), None)
        if question is not None:
            self._give(question, message)

    def _give(self, question: Question, message: JsonObject) -> None:
        try:
            question.give(message)
        except NodeFault as problem:
            question.fail(problem)
            raise

    def silent(self, question: Question, now_ms: float) -> bool:
        """Whether nothing was heard since this was asked, and something should have been."""
        with self._lock:
            return self._heard_ms <= question.asked_ms and now_ms >= question.patience_ms - 1.0

    def hangs(self, child: Child, now_ms: float) -> bool:
        """Whether this process must be given up, whatever it does."""
        with self._lock:
            same = [one for one in self._open.values() if one.child is child]
            return any(now_ms >= one.deadline_ms + PASS_MS_MAX for one in same)

    def of_ticket(self, ticket: str) -> list[Question]:
        """The open questions of one who asks."""
        with self._lock:
            return [question for question in self._open.values() if question.ticket == ticket]

    def fail(self, child: Child, problem: EdgeAgentError) -> None:
        """A process died: none of its questions will be answered."""
        with self._lock:
            lost = [question for question in self._open.values() if question.child is child]
            for question in lost:
                del self._open[question.number]
        for question in lost:
            question.fail(problem)
