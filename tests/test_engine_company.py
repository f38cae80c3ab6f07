"""Many who ask one engine's process at once: each gets its own answer, whatever becomes of the others."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from engine_models import BRING, FORWARD, SAY, write_tiny

from edge_agent.clock import SystemClock
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.asked import Asked
from edge_agent.language.decision import DecideRequest, Decision
from edge_agent.language.launch import Child, launch
from edge_agent.language.options import EngineOptions
from edge_agent.language.process import EngineProcess
from edge_agent.limits import ANSWER_GRACE_MS, PASS_MS_MAX
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import load_pack

ROBOT = load_pack("robot")
CLOCK = SystemClock()
PATIENCE_S = 60.0
_GRAMMARS = SentenceGrammars(ROBOT)
_LINKED = [(linked.marked, _GRAMMARS.for_sentence(linked)) for linked in (BRING, FORWARD, SAY)]
_WORDS = ("please", "take", "this", "over", "quickly", "then", "quietly", "go", "round", "for", "us", "at", "noon")


def requests(count: int) -> list[DecideRequest]:
    """Different sentences; their deadlines are far away."""
    rng = random.Random(3)
    found = []
    for number in range(count):
        marked, grammar = _LINKED[number % len(_LINKED)]
        text = " ".join([*rng.sample(_WORDS, rng.randint(1, 9)), marked])
        found.append(DecideRequest("robot", text, grammar, CLOCK.now_ms() + 120_000, ticket=f"c-{number}"))
    return found


def due(request: DecideRequest, ttl_ms: float) -> DecideRequest:
    return replace(request, deadline_ms=CLOCK.now_ms() + ttl_ms)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[EngineProcess]:
    """One engine for all tests: each leaves it ready, as the node would find it."""
    with EngineProcess(EngineOptions(model, sequences=8), (ROBOT,)) as process:
        yield process


Outcome = str | Code


def outcome(waiting: Future[Decision]) -> Outcome:
    """An answer, or the code of what came in its place."""
    try:
        return waiting.result(PATIENCE_S).answer
    except EdgeAgentError as problem:
        return problem.code


def one_at_a_time(engine: EngineProcess, asked: Sequence[DecideRequest]) -> list[Outcome]:
    return [engine.decide(request).answer for request in asked]


@contextmanager
def standing_still(engine: EngineProcess) -> Iterator[int]:
    """The process stands still, as in a pass that does not end, while several threads ask; its id."""
    assert engine.wait_ready(PATIENCE_S)
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        if engine.pid == pid:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def starved(pid: int) -> Iterator[None]:
    """All threads of a process share one processor with another that has it nearly to itself."""
    one = {min(os.sched_getaffinity(0))}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), one)
        os.sched_setscheduler(int(thread.name), os.SCHED_IDLE, os.sched_param(0))
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE
    ) as other:
        os.sched_setaffinity(other.pid, one)
        assert other.stdout is not None
        other.stdout.readline()
        try:
            yield
        finally:
            other.kill()


def ask(engine: EngineProcess, asked: Sequence[DecideRequest], pool: ThreadPoolExecutor) -> list[Future[Decision]]:
    """Ask all at once, and wait until all have been asked."""
    open_before = len(engine._asked._open)
    waiting = [pool.submit(engine.decide, request) for request in asked]
    until_s = time.monotonic() + PATIENCE_S
    while len(engine._asked._open) < open_before + len(asked) and time.monotonic() < until_s:
        time.sleep(0.001)
    return waiting


def test_thirty_two_at_once_get_the_answers_of_one_at_a_time(engine: EngineProcess) -> None:
    """Four sentences each, more of them than there is room for at the same time."""
    asked = requests(128)
    alone = one_at_a_time(engine, asked)
    with ThreadPoolExecutor(32) as pool:
        together = list(pool.map(lambda request: engine.decide(request).answer, asked))
    assert together == alone
    assert len(set(alone)) > 10
    assert engine.restarts == 0


def test_who_is_withdrawn_is_stopped_and_the_others_are_answered(engine: EngineProcess) -> None:
    asked = requests(8)
    alone = one_at_a_time(engine, asked)
    with ThreadPoolExecutor(8) as pool:
        with standing_still(engine):
            waiting = ask(engine, asked, pool)
            engine.withdraw("c-3")
            engine.withdraw("nobody's")
        found = [outcome(one) for one in waiting]
    assert found == [*alone[:3], Code.STOPPED, *alone[4:]]
    assert one_at_a_time(engine, asked) == alone


def test_a_deadline_long_past_ends_nothing_but_its_own_question(engine: EngineProcess) -> None:
    """Asked alone, too: nobody takes an engine for hung that was asked too late."""
    pid, asked = engine.pid, requests(6)
    with pytest.raises(EdgeAgentError) as late:
        engine.decide(due(asked[0], -10 * ANSWER_GRACE_MS))
    assert late.value.code is Code.EXPIRED
    mixed = [due(request, -1_000.0) if number % 2 else request for number, request in enumerate(asked)]
    with ThreadPoolExecutor(6) as pool:
        found = [outcome(one) for one in [pool.submit(engine.decide, request) for request in mixed]]
    assert [one is Code.EXPIRED for one in found] == [False, True] * 3
    assert engine.pid == pid


def test_a_slow_pass_costs_those_whose_time_runs_out_and_nobody_else(engine: EngineProcess) -> None:
    """More ask than the socket to the process holds; whoever still has time is answered by the same process."""
    asked = requests(120)
    alone = one_at_a_time(engine, asked[:2])
    with ThreadPoolExecutor(len(asked)) as pool:
        with standing_still(engine) as pid:
            patient = ask(engine, asked[:2], pool)
            hurried = [pool.submit(engine.decide, due(request, 100.0)) for request in asked[2:]]
            assert {outcome(one) for one in hurried} == {Code.EXPIRED}
        assert [outcome(one) for one in patient] == alone
    assert engine.pid == pid


def test_a_process_that_hangs_is_replaced_though_somebody_could_wait_for_longer(engine: EngineProcess) -> None:
    """Who waits for longer is answered by the next one."""
    asked, restarts = requests(3), engine.restarts
    alone = one_at_a_time(engine, asked)
    with ThreadPoolExecutor(4) as pool:
        with standing_still(engine) as pid:
            patient = ask(engine, asked[:2], pool)
            while engine.pid == pid:
                assert outcome(pool.submit(engine.decide, due(asked[2], 200.0))) is Code.EXPIRED
        assert [outcome(one) for one in patient] == alone[:2]
    assert engine.restarts == restarts + 1


def test_a_process_that_hardly_gets_a_processor_is_slow_not_dead(model: Path) -> None:
    """Its one question is long expired, and nothing was heard since; the next is answered by the same process."""
    with EngineProcess(EngineOptions(model, n_threads=1), (ROBOT,)) as own, ThreadPoolExecutor(1) as pool:
        pid, asked = own.pid, requests(2)
        assert pid is not None
        assert own.decide(asked[1]).answer  # it has settled: now it waits
        long = replace(asked[0], marked=" ".join([*_WORDS * 20, asked[0].marked]))
        with starved(pid):
            assert outcome(pool.submit(own.decide, due(long, 50.0))) is Code.EXPIRED
            assert own.pid == pid
        assert own.decide(asked[1]).answer
        assert (own.pid, own.restarts) == (pid, 0)


def test_all_whose_deadline_passes_while_the_process_hangs_are_expired(engine: EngineProcess) -> None:
    asked, restarts = requests(9), engine.restarts
    alone = one_at_a_time(engine, asked)
    with ThreadPoolExecutor(8) as pool:
        with standing_still(engine):
            waiting = [pool.submit(engine.decide, due(one, 50.0 + 20 * place)) for place, one in enumerate(asked[1:])]
            assert {outcome(one) for one in waiting} == {Code.EXPIRED}
        assert engine.wait_ready(PATIENCE_S)
        assert outcome(pool.submit(engine.decide, asked[0])) == alone[0]
    assert engine.restarts == restarts + 1


def test_a_process_killed_while_sixteen_wait_fails_them_and_the_next_are_answered(engine: EngineProcess) -> None:
    asked, restarts = requests(16), engine.restarts
    alone = one_at_a_time(engine, asked)
    with ThreadPoolExecutor(16) as pool:
        with standing_still(engine) as pid:
            waiting = ask(engine, asked, pool)
            os.kill(pid, signal.SIGKILL)
            assert [outcome(one) for one in waiting] == [Code.ENGINE_CRASHED] * 16
        found = [outcome(one) for one in [pool.submit(engine.decide, request) for request in asked]]
    assert found == alone
    assert engine.restarts == restarts + 1


def test_a_pack_whose_phrases_take_long_to_read_is_answered_from_the_beginning(model: Path) -> None:
    """What is usually answered is counted and told beside the answers; nobody takes the engine for hung meanwhile."""
    own = replace(ROBOT, actions=tuple(reversed(ROBOT.actions)))  # nothing was counted for it before
    grammar = SentenceGrammars(own).for_sentence(BRING)
    with EngineProcess(EngineOptions(model), (own,)) as engine:
        for _ in range(40):
            with ThreadPoolExecutor(1) as pool:
                request = DecideRequest("robot", BRING.marked, grammar, CLOCK.now_ms() + 50.0)
                outcome(pool.submit(engine.decide, request))
        assert engine.restarts == 0
        assert engine.decide(DecideRequest("robot", BRING.marked, grammar, CLOCK.now_ms() + 60_000)).answer


@pytest.fixture(scope="module")
def child(model: Path) -> Iterator[Child]:
    small: tuple[Pack, ...] = (load_pack("kiosk"),)
    started = launch(EngineOptions(model), small, prove=False)
    yield started
    started.discard()


def question(deadline_ms: float) -> DecideRequest:
    return DecideRequest("kiosk", "", "", deadline_ms)


def test_silence_past_the_only_deadline_is_noticed_after_a_grace(child: Child) -> None:
    asked = Asked()
    one = asked.add(child, question(100.0), 0.0)
    assert not asked.silent(one, 100.0 + ANSWER_GRACE_MS / 2)
    assert asked.silent(one, 100.0 + ANSWER_GRACE_MS)


def test_a_process_that_answers_others_does_not_hang(child: Child) -> None:
    asked = Asked()
    one, other = asked.add(child, question(100.0), 0.0), asked.add(child, question(100.0), 0.0)
    asked.hear(
        {"number": other.number, "error": {"code": "EXPIRED", "fault": "client", "message": "", "where": ""}}, 90
    )
    assert not asked.silent(one, 100.0 + ANSWER_GRACE_MS)
    assert not asked.hangs(child, 100.0 + ANSWER_GRACE_MS)


def test_silence_within_somebody_elses_deadline_is_a_hang_only_when_it_lasts(child: Child) -> None:
    """A pass may go on until the last deadline of those who read in it; but not for ever."""
    asked = Asked()
    asked.add(child, question(60_000.0), 0.0)
    early = asked.add(child, question(100.0), 0.0)
    assert not asked.silent(early, 100.0 + ANSWER_GRACE_MS)
    assert not asked.hangs(child, 100.0 + ANSWER_GRACE_MS)
    later = asked.add(child, question(50.0 + PASS_MS_MAX), 4_000.0)
    assert not asked.silent(later, 100.0 + PASS_MS_MAX)
    assert not asked.hangs(child, 99.0 + PASS_MS_MAX)
    assert asked.hangs(child, 100.0 + PASS_MS_MAX)


def test_a_dead_process_leaves_no_question_open(child: Child) -> None:
    asked = Asked()
    asked.add(child, question(100.0), 0.0)
    asked.fail(child, EdgeAgentError(Code.ENGINE_CRASHED, "it died"))
    assert not asked.silent(asked.add(child, question(90_000.0), 20_000.0), 20_001.0)
    assert not asked.hangs(child, 20_001.0)
