"""A small model drafts and a large one checks: two real engine processes as one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from engine_models import tiny_llama3

from edge_agent.clock import SystemClock
from edge_agent.errors import ClientFault, Code
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.drafting import RETRY, Drafting
from edge_agent.language.options import EngineOptions
from edge_agent.language.process import EngineProcess
from edge_agent.node.engines import bundled_options
from edge_agent.observe.modes import Mode
from edge_agent.packs.registry import load_pack
from edge_agent.world.linker import Linker
from edge_agent.world.loading import load_world

ROBOT = load_pack("robot")
GRAMMARS = SentenceGrammars(ROBOT)
CLOCK = SystemClock()
PATIENCE_S = 30.0
SENTENCES = (
    "bring the red box from dock three to packing",
    "go to aisle 2 and then turn around",
    "move back half a metre",
    "follow maria",
    "fetch the golden trumpet from the workbench",
    "wait ninety seconds",
)


def request(text: str) -> DecideRequest:
    assert ROBOT.example_world is not None
    linked = Linker(load_world(ROBOT.example_world)).link(text)
    return DecideRequest("robot", linked.marked, GRAMMARS.for_sentence(linked), CLOCK.now_ms() + 60_000)


@pytest.fixture(scope="module")
def twins() -> Iterator[Drafting]:
    """The bundled model drafts for itself: every draft is right."""
    with closing(_pair(bundled_options(sequences=4))) as both:
        yield both


def _pair(target: EngineOptions) -> Drafting:
    both = Drafting(EngineProcess(target, (ROBOT,)), EngineProcess(bundled_options(sequences=4), (ROBOT,)), CLOCK)
    both.start()
    return both


def test_a_right_draft_is_checked_in_one_pass(twins: Drafting) -> None:
    """The answer is the one that the model gives by itself, and as sure."""
    with EngineProcess(bundled_options(), (ROBOT,)) as alone:
        for text in SENTENCES:
            helped, plain = twins.decide(request(text)), alone.decide(request(text))
            assert helped.answer == plain.answer
            assert helped.probability == pytest.approx(plain.probability, rel=0.05)
            assert helped.passes == 1
            assert plain.passes > 1
    assert twins.facts["drafter"]["right"]["robot"] == 1.0


def test_without_its_drafter_it_answers_as_before(twins: Drafting) -> None:
    """The small engine is killed; nobody who asks notices, and it comes back."""
    before = twins.decide(request(SENTENCES[0])).answer
    pid = twins._drafter.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert twins.decide(request(SENTENCES[0])).answer == before
    until = time.monotonic() + PATIENCE_S
    while not twins._drafter.ready or twins._drafter.pid == pid:
        assert twins.decide(request(SENTENCES[1])).answer
        assert time.monotonic() < until
    assert twins.missing == ()
    assert twins.facts["drafter"]["restarts"] == 1


def test_who_is_withdrawn_while_a_draft_is_made_asks_the_large_engine_nothing(twins: Drafting) -> None:
    """The small engine stands still; the withdrawal reaches it with the question."""
    pid, asked = twins._drafter.pid, replace(request(SENTENCES[0]), ticket="c-1")
    assert pid is not None
    numbers = twins._target._asked._numbers
    before = next(numbers)
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(twins.decide, asked)
        until = time.monotonic() + PATIENCE_S
        while not twins._drafter._asked.of_ticket("c-1") and time.monotonic() < until:
            time.sleep(0.001)
        twins.withdraw("c-1")
        os.kill(pid, signal.SIGCONT)
        with pytest.raises(ClientFault) as stopped:
            waiting.result(PATIENCE_S)
    assert stopped.value.code is Code.STOPPED
    assert next(numbers) == before + 1
    assert twins.decide(request(SENTENCES[0])).passes == 1


@pytest.mark.parametrize(
    "draft",
    ["\ud800", "\x00", "[[[[", '[{"action":"fly"}]', '[{"action":"go_to"', "x" * 100_000, "💥"],
    ids=["half a character", "no character", "brackets", "no action", "cut off", "endless", "no letters"],
)
def test_a_draft_that_is_no_answer_changes_nothing(twins: Drafting, draft: str) -> None:
    """Whatever another process calls a draft, the answer is the model's own."""
    plain = twins._target.decide(request(SENTENCES[0]))
    helped = twins._target.decide(replace(request(SENTENCES[0]), draft=draft))
    assert helped.answer == plain.answer


def test_a_drafter_that_cannot_start_is_only_missed(tmp_path: Path) -> None:
    none = EngineProcess(EngineOptions(tmp_path / "none.gguf"), (ROBOT,))
    with closing(Drafting(EngineProcess(bundled_options(), (ROBOT,)), none, CLOCK)) as both:
        both.start()
        assert both.ready
        assert [one.mode for one in both.missing] == [Mode.NO_DRAFTS]
        assert both.decide(request(SENTENCES[0])).answer


def test_drafts_that_are_mostly_wrong_are_seldom_asked_for() -> None:
    """A model of random weights and another vocabulary agrees with nobody: same answers, and soon no drafts."""

    def right() -> float:
        share: float = both.facts["drafter"]["right"]["robot"]
        return share

    target = EngineOptions(tiny_llama3(), sequences=4)
    with EngineProcess(target, (ROBOT,)) as alone, closing(_pair(target)) as both:
        for text in SENTENCES:
            assert both.decide(request(text)).answer == alone.decide(request(text)).answer
        while right() >= 0.25:
            both.decide(request(SENTENCES[0]))
        shares = [right()]
        for _ in range(RETRY):
            both.decide(request(SENTENCES[2]))
            shares.append(right())
    assert sum(one != other for one, other in pairwise(shares)) == 1, "one draft in so many sentences"
