"""The engine in a process of its own: started, asked by many at once, killed at a deadline, started again.

Decides: when the engine counts as dead (its pipe closes, it says something that is no message, it has been silent past
the deadlines of all that it was working on and a grace and computes nothing, or it computes for far too long), and what
a death at the first decode means (a build whose matrix kernels this processor does not bear: it is started again
without them, and `facts` says so). Refuses to guess at an answer: requests in flight when the engine dies are
ENGINE_CRASHED, one past its deadline is EXPIRED.

One thread of the node's lives as long as this object, starts every child and hears what it says, because the kernel
kills a child (see `child`) when the thread that started it ends.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import ClientFault, Code, ConfigurationFault, EdgeAgentError, NodeFault
from edge_agent.language.asked import Asked, GivenUp, Question
from edge_agent.language.decision import DecideRequest, Decision
from edge_agent.language.launch import Child, died, launch, usual_messages
from edge_agent.language.options import EngineOptions
from edge_agent.language.wire import JsonObject, request_object
from edge_agent.limits import ANSWER_GRACE_MS, ENGINE_LOOK_MS, ENGINE_LOOKS
from edge_agent.observe.modes import Degraded
from edge_agent.packs.base import Pack
from edge_agent.processes.stillness import at_work

BACKOFF_S = (0.0, 0.2, 1.0, 5.0, 15.0)
"""Waits before the first, second, … start in a row that failed; the last one repeats."""


class EngineProcess:
    """A `Decider` that survives its engine. `decide` may be called from several threads at once."""

    def __init__(self, options: EngineOptions, packs: tuple[Pack, ...], clock: Clock | None = None) -> None:
        self._options = options
        self._packs = packs
        self._clock = clock or SystemClock()
        self._changed = threading.Condition()
        self._child: Child | None = None
        self._asked = Asked()
        self._failure: EdgeAgentError | None = None
        self._closed = False
        self._launches = 0
        self._last_end = ""
        self._usual: list[JsonObject] = []
        self._supervisor: threading.Thread | None = None

    @property
    def ready(self) -> bool:
        """Whether a loaded and proven engine waits for a request."""
        return self._child is not None

    @property
    def missing(self) -> tuple[Degraded, ...]:
        """Nothing that it could answer without."""
        return ()

    @property
    def pid(self) -> int | None:
        """The process that runs the engine, or None while there is none."""
        child = self._child
        return child.pid if child else None

    @property
    def restarts(self) -> int:
        """How often the engine had to be started again."""
        return max(0, self._launches - 1)

    @property
    def facts(self) -> dict[str, Any]:
        """What the engine found out about itself: build, vocabulary, context, layers on a GPU, fallbacks used,
        and how the engine before it ended."""
        child = self._child
        ends = {"last_end": self._last_end} if self._last_end else {}
        return (dict(child.facts) if child else {}) | ends

    def start(self, timeout_s: float = 600.0) -> None:
        """Start the engine and wait until it has proven itself with one decode.

        Raises:
            ConfigurationFault: the MODEL_ codes, for the file's own faults.
            NodeFault: ENGINE_CRASHED or ENGINE_UNAVAILABLE.
        """
        with self._changed:
            self._begin()
            self._changed.wait_for(lambda: self._child or self._failure or self._closed, timeout_s)
            if self._child is None:
                raise self._failure or NodeFault(Code.ENGINE_UNAVAILABLE, f"not ready after {timeout_s:g} s")

    def wait_ready(self, timeout_s: float) -> bool:
        """Whether the engine is ready, now or within `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._child is not None, timeout_s)

    def decide(self, request: DecideRequest) -> Decision:
        """See `Decider`. Waits for an engine that is just starting, within the deadline."""
        while True:
            try:
                return self._ask(request)
            except GivenUp:
                continue  # for another question's sake; the engine that follows is asked this one

    def _ask(self, request: DecideRequest) -> Decision:
        if self._left_ms(request) <= 0:
            raise ClientFault(Code.EXPIRED, "the time had run out before the engine was asked")
        child = self._await_child(request.deadline_ms)
        question = self._asked.add(child, request, self._clock.now_ms())
        try:
            message = {"decide": request_object(request), "number": question.number}
            if not child.tell(message, self._left_ms(request) + ANSWER_GRACE_MS):
                self._asked.remove(question)
        except NodeFault as problem:
            self._bury(child, problem)
        try:
            return question.answer(self._left_ms(request) + ANSWER_GRACE_MS)
        except TimeoutError as problem:
            if self._hangs(question):
                self._bury(child, GivenUp())
                raise ClientFault(Code.EXPIRED, "the engine did not answer in time and was stopped") from problem
            raise ClientFault(Code.EXPIRED, "the engine did not answer in time") from problem

    def _hangs(self, question: Question) -> bool:
        """Whether the process is to be given up. One that computes, or that is heard after all, is only slow: on a
        crowded box, or after the whole machine stood still, one pass lasts past every grace."""
        for _ in range(ENGINE_LOOKS):
            if not self._asked.silent(question, self._clock.now_ms()) or at_work(question.child.pid):
                return self._asked.hangs(question.child, self._clock.now_ms())
            time.sleep(ENGINE_LOOK_MS / 1000.0)
        return True

    def withdraw(self, ticket: str) -> None:
        """Nobody waits for this ticket's answer any more: the engine gives STOPPED for it, and works on."""
        for question in self._asked.of_ticket(ticket):
            try:
                question.child.tell({"withdraw": question.number}, ANSWER_GRACE_MS)
            except NodeFault as problem:
                self._bury(question.child, problem)

    def close(self) -> None:
        """Stop the engine for good."""
        with self._changed:
            self._closed = True
            child, self._child = self._child, None
            self._changed.notify_all()
        if child:
            child.kill()
        if self._supervisor and self._supervisor is not threading.current_thread():
            self._supervisor.join(timeout=10.0)

    def __enter__(self) -> EngineProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _left_ms(self, request: DecideRequest) -> float:
        return request.deadline_ms - self._clock.now_ms()

    def _begin(self) -> None:
        if self._closed:
            raise NodeFault(Code.ENGINE_UNAVAILABLE, "the engine was closed")
        if self._supervisor is None:
            self._supervisor = threading.Thread(target=self._supervise, name="engine-supervisor", daemon=True)
            self._supervisor.start()

    def _await_child(self, deadline_ms: float) -> Child:
        with self._changed:
            self._begin()
            while self._child is None and self._failure is None and not self._closed:
                left_s = (deadline_ms - self._clock.now_ms()) / 1000.0
                if left_s <= 0 or not self._changed.wait(left_s):
                    raise ClientFault(Code.EXPIRED, "the engine was still starting when the time ran out")
            if self._child is None:
                why = self._failure.message if self._failure else "it was closed"
                raise NodeFault(Code.ENGINE_UNAVAILABLE, f"the engine is not running: {why}") from self._failure
            return self._child

    def _bury(self, child: Child, problem: NodeFault) -> None:
        """This child is dead or about to be, and that is what its questions come to; the supervisor starts another."""
        with self._changed:
            if self._child is child:
                self._child = None
            self._changed.notify_all()
        # before it is killed: whoever hears it die would say that it crashed
        self._asked.fail(child, problem)
        child.kill()

    def _supervise(self) -> None:
        failures = 0
        while not self._closed:
            try:
                child = launch(self._options, self._packs, prove=self._launches == 0)
            except Exception as problem:  # whatever it is, those who wait for an engine must hear of it
                failures += 1
                self._note(None, _named(problem))
                if isinstance(problem, ConfigurationFault):
                    return  # the same file would fail the same way
                self._rest(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                continue
            failures = 0
            if not self._note(child, None):
                child.kill()
                return
            self._watch(child)

    def _note(self, child: Child | None, failure: EdgeAgentError | None) -> bool:
        with self._changed:
            if child:
                self._launches += 1
            self._failure = failure
            self._child = child if not self._closed else None
            self._changed.notify_all()
            return not self._closed

    def _rest(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def _watch(self, child: Child) -> None:
        """Hear the child until it has died; whoever gives it up kills it, so this always returns."""
        threading.Thread(target=self._tell_usual, args=(child,), name="engine-usual", daemon=True).start()
        try:
            while True:
                self._asked.hear(child.hear(), self._clock.now_ms())
        except NodeFault as problem:
            self._bury(child, problem)
        status = child.wait()
        if not self._closed:
            self._last_end = f"exit status {status} {child.last_words()}".rstrip()
        self._asked.fail(child, died())

    def _tell_usual(self, child: Child) -> None:
        """Tell what is usually answered, beside hearing: reading the phrases of somebody's own pack takes seconds.

        Whatever goes wrong here, the engine answers; it only drafts less.
        """
        with suppress(EdgeAgentError):
            self._usual = self._usual or list(usual_messages(self._packs))
            for message in self._usual:
                child.tell(message)


def _named(problem: Exception) -> EdgeAgentError:
    if isinstance(problem, EdgeAgentError):
        return problem
    return NodeFault(Code.ENGINE_UNAVAILABLE, f"the engine cannot be started: {type(problem).__name__}: {problem}")
