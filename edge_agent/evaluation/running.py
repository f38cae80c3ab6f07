"""Running many examples: an engine and a recogniser set up from plain values, in this process or in several at once.

Decides how the work is shared out (every n-th example to each process) and that answers come back as they are ready. A
process that dies is a NodeFault; what it refuses is raised here as it was raised there.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from edge_agent.clock import SystemClock
from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.evaluation.examples import Example
from edge_agent.evaluation.heard import Hears
from edge_agent.evaluation.predicting import Predictor
from edge_agent.evaluation.prediction import Prediction
from edge_agent.language.options import EngineOptions
from edge_agent.language.process import EngineProcess
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import load_pack
from edge_agent.processes.faults import fault_object, read_fault
from edge_agent.speech.choice import Choice, recogniser_of


@dataclass(frozen=True, slots=True)
class Plan:
    """What examples are run with. Plain values, so that another process can do the same.

    `packs` are names or files; `recogniser` is None where nothing is in sound.
    """

    packs: tuple[str, ...]
    engine: EngineOptions
    ttl_ms: int
    recogniser: Choice | None = None
    noise_kinds: tuple[str, ...] = ()
    """All of them where none is named."""


@dataclass(frozen=True, slots=True)
class Task:
    """An example, and at which ratio noise is mixed under its sound."""

    example: Example
    snr_db: float | None = None


def predictions(plan: Plan, tasks: Sequence[Task], jobs: int = 1) -> Iterator[tuple[int, Prediction]]:
    """The place of each task and its prediction, as they are ready.

    Raises:
        EdgeAgentError: the model, a pack or the recogniser cannot be had.
    """
    if jobs > 1 and len(tasks) > 1:
        yield from _shared_out(plan, tasks, min(jobs, len(tasks)))
    elif tasks:
        with predictor_of(plan) as predictor:
            for place, task in enumerate(tasks):
                yield place, predictor.predict(task.example, task.snr_db)


@contextmanager
def predictor_of(plan: Plan) -> Iterator[Predictor]:
    """A predictor with an engine of its own, closed afterwards.

    Raises:
        EdgeAgentError: the model, a pack or the recogniser cannot be had.
    """
    packs = {pack.name: pack for pack in map(load_pack, plan.packs)}
    hearer = _hearer(plan, plan.recogniser, packs) if plan.recogniser else None
    engine = EngineProcess(plan.engine, tuple(packs.values()))
    try:
        engine.start()
        yield Predictor(packs, engine, SystemClock(), ttl_ms=plan.ttl_ms, hearer=hearer)
    finally:
        engine.close()


def _hearer(plan: Plan, recogniser: Choice, packs: dict[str, Pack]) -> Hears:
    try:
        from edge_agent.evaluation.babble import voices  # noqa: PLC0415 - libraries of speech, where there is sound
        from edge_agent.evaluation.hearing import Hearer  # noqa: PLC0415 - likewise
        from edge_agent.evaluation.noises import MAKERS, Noises  # noqa: PLC0415 - likewise
    except ImportError as problem:
        why = f"{problem.name} is not installed; pip install 'edge-agent[speech]'"
        raise NodeFault(Code.SPEECH_UNAVAILABLE, why) from problem
    noises = Noises(plan.noise_kinds or tuple(MAKERS), voices())
    return Hearer(recogniser_of(recogniser), packs, SystemClock(), noises, ttl_ms=plan.ttl_ms)


def _shared_out(plan: Plan, tasks: Sequence[Task], jobs: int) -> Iterator[tuple[int, Prediction]]:
    context = multiprocessing.get_context("spawn")  # a fork would take the parent's threads and locks half with it
    workers: dict[Connection, multiprocessing.process.BaseProcess] = {}
    try:
        for share in range(jobs):
            ours, theirs = context.Pipe(duplex=False)
            numbered = [(place, tasks[place]) for place in range(share, len(tasks), jobs)]
            workers[ours] = context.Process(target=_work, args=(theirs, plan, numbered))
            workers[ours].start()
            theirs.close()
        yield from _collected(set(workers), len(tasks))
    finally:
        for connection, process in workers.items():
            connection.close()
            process.join(5.0)
            if process.is_alive():
                process.kill()
                process.join()


def _collected(connections: set[Connection], expected: int) -> Iterator[tuple[int, Prediction]]:
    while connections:
        for ready in wait(list(connections)):
            assert isinstance(ready, Connection)
            try:
                place, answer = ready.recv()
            except EOFError:
                connections.discard(ready)
                continue
            if not isinstance(answer, Prediction):
                raise read_fault(answer) or NodeFault(Code.INTERNAL, "a measuring process said what makes no sense")
            expected -= 1
            yield place, answer
    if expected:
        raise NodeFault(Code.INTERNAL, f"a measuring process died; {expected} examples were not run")


def _work(connection: Connection, plan: Plan, numbered: Sequence[tuple[int, Task]]) -> None:
    """A share of the tasks, in a process of its own."""
    try:
        with predictor_of(plan) as predictor:
            for place, task in numbered:
                connection.send((place, predictor.predict(task.example, task.snr_db)))
    except EdgeAgentError as problem:
        connection.send((-1, fault_object(problem)))
    except (BrokenPipeError, KeyboardInterrupt):  # nobody listens any more
        pass
