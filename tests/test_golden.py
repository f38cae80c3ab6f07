"""The golden set holds, every sentence of it, with the shipped model and all that stands around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from golden_set import Case, golden_cases

from edge_agent.cli.local import engine_of
from edge_agent.clock import SystemClock
from edge_agent.errors import ClientFault
from edge_agent.language.decision import Decider
from edge_agent.node.interpret import Interpretation, Interpreter
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import load_pack
from edge_agent.safety.policy import Planned, Policy
from edge_agent.safety.site_rules import Situation
from edge_agent.safety.stop import is_stop
from edge_agent.settings import ModelSettings
from edge_agent.world.linker import Linker
from edge_agent.world.loading import load_world

TTL_MS = 60_000
PACKS = {name: load_pack(name) for name in ("robot", "home", "kiosk")}
POLICY = Policy(frozenset({"lock", "heat", "money"}))
CASES = golden_cases()


@pytest.fixture(scope="module")
def engine() -> Iterator[Decider]:
    """The shipped model, once for all sentences."""
    with engine_of(ModelSettings(n_threads=1), list(PACKS.values())) as decider:
        yield decider


@cache
def linker_of(pack: str, world: Path | None) -> Linker:
    path = world or PACKS[pack].example_world
    assert path is not None
    return Linker(load_world(path))


def understood(case: Case, engine: Decider) -> Interpretation:
    """As the daemon and `edge-agent interpret` read it."""
    clock = SystemClock()
    interpreter = Interpreter(PACKS[case.pack], linker_of(case.pack, case.world), engine, clock)
    return interpreter.interpret(case.text, deadline_ms=clock.now_ms() + TTL_MS, area=case.area, speaker=case.speaker)


def planned(case: Case, meaning: Interpretation) -> tuple[Planned, ...]:
    """Judged as before dispatch; raises what policy refuses."""
    world = linker_of(case.pack, case.world).world
    return POLICY.judge(
        PACKS[case.pack], meaning.actions, Situation(world, "robot", case.text, case.area, case.speaker)
    )


def said(meaning: Interpretation) -> str:
    """What somebody who mends it wants to see."""
    why = f"{meaning.reject.reason.value}: {meaning.reject.detail}" if meaning.reject else ""
    return (
        f"\n  marked     {meaning.marked}\n  output     {meaning.output}\n  actions    {list(meaning.actions)}"
        f"\n  reject     {why}\n  confidence {meaning.confidence:.2f}"
    )


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_what_must_hold_holds(case: Case, engine: Decider) -> None:
    """The sentence's actions, its refusal, its stop: as the golden set says."""
    pack: Pack = PACKS[case.pack]
    assert is_stop(case.text, prefix=pack.stop_prefix) == case.stop
    if case.stop:
        return
    if case.error is not None:
        with pytest.raises(ClientFault) as refused:
            understood(case, engine)
        assert refused.value.code.value == case.error
        return
    meaning = understood(case, engine)
    steps = planned(case, meaning)
    assert not [name for name in case.never if name in names_in(meaning.actions)], said(meaning)
    if case.refuse:
        assert meaning.reject is not None, said(meaning)
        assert case.reason in (None, meaning.reject.reason.value), said(meaning)
        assert len(meaning.reject.candidates) >= case.candidates, said(meaning)
    if case.exact is not None:
        assert meaning.actions == case.exact, said(meaning)
    if case.needs_yes is not None:
        assert meaning.actions, said(meaning)
        assert [step.needs_confirmation for step in steps] == [case.needs_yes] * len(steps), said(meaning)


def names_in(actions: tuple[Mapping[str, Any], ...]) -> set[Any]:
    return {value for action in actions for value in action.values()}


def test_the_set_is_broad_and_says_each_thing_once() -> None:
    """It may grow; a sentence under two heads could hold two opposite things."""
    assert len(CASES) >= 250
    assert {case.pack for case in CASES} == set(PACKS)
    asked = Counter((case.pack, case.world, case.area, case.text, case.needs_yes) for case in CASES)
    assert [sentence for sentence, times in asked.items() if times > 1] == []


def test_very_long_input_is_refused_or_read_but_never_carried_out_in_part(engine: Decider) -> None:
    """A recogniser that loops: more than the limit is no text; below it the answer is whole or none."""
    case = Case(id="", kind="", pack="robot", text="go to dock 3 " * 2_000)
    with pytest.raises(ClientFault):
        understood(case, engine)
    case = Case(id="", kind="", pack="robot", text="and so on " * 100 + "open the gate")
    try:
        meaning = understood(case, engine)
    except ClientFault:
        return
    assert meaning.reject is not None, said(meaning)
