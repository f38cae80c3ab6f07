"""One sentence to checked actions, whatever the engine says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.clock import ManualClock, SystemClock
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.language.decision import DecideRequest
from edge_agent.language.scripted import ScriptedDecider
from edge_agent.messages import RejectReason
from edge_agent.node.interpret import Interpreter
from edge_agent.packs.registry import load_pack
from edge_agent.safety.digest import digest_of
from edge_agent.safety.policy import Policy
from edge_agent.safety.site_rules import Situation
from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.store import World

WORLD = World.of([Entity("dock 3", "place"), Entity("packing", "place"), Entity("red box", "item")])
FOREVER_MS = 1e15
GOOD = '[{"action":"go_to","place":1}]'


def interpreter(answer_of: Callable[[DecideRequest], str], **pack_fields: object) -> Interpreter:
    pack = replace(load_pack("robot"), **pack_fields)  # type: ignore[arg-type]
    return Interpreter(pack, Linker(WORLD), ScriptedDecider(answer_of), SystemClock())


def test_a_sentence_becomes_an_action_with_its_stages_measured() -> None:
    meaning = interpreter(lambda _request: GOOD).interpret("go to dock 3", deadline_ms=FOREVER_MS)
    assert meaning.actions == ({"action": "go_to", "place": "dock 3"},)
    assert (meaning.reject, meaning.output, meaning.marked) == (None, GOOD, "go to [1 dock 3]")
    assert set(meaning.timings) == {"link_ms", "grammar_ms", "decide_ms", "resolve_ms"}


def test_what_the_engine_is_asked_holds_no_world() -> None:
    """The marked sentence and its grammar; a name that was not said is nowhere in it."""
    asked: list[DecideRequest] = []

    def answer_of(request: DecideRequest) -> str:
        asked.append(request)
        return GOOD

    interpreter(answer_of).interpret("go to dock 3", deadline_ms=FOREVER_MS)
    assert (asked[0].pack, asked[0].marked) == ("robot", "go to [1 dock 3]")
    assert "packing" not in asked[0].grammar and "red box" not in asked[0].grammar


def test_a_deadline_that_has_passed_is_expired_before_anything_is_asked() -> None:
    asked: list[DecideRequest] = []
    clock = ManualClock()
    reader = Interpreter(
        load_pack("robot"), Linker(WORLD), ScriptedDecider(lambda request: asked.append(request) or GOOD), clock
    )
    with pytest.raises(ClientFault) as expired:
        reader.interpret("go to dock 3", deadline_ms=clock.now_ms())
    assert expired.value.code is Code.EXPIRED
    assert asked == []


def test_an_engine_that_is_not_sure_enough_is_not_believed() -> None:
    """Confidence 1.0 of a pack that asks for more than there is."""
    meaning = interpreter(lambda _request: GOOD, confidence_min=1.01).interpret("go to dock 3", deadline_ms=FOREVER_MS)
    assert meaning.actions == ()
    assert meaning.reject is not None and meaning.reject.reason is RejectReason.AMBIGUOUS


def test_a_doubtful_stop_is_a_stop() -> None:
    stop = '[{"action":"stop"}]'
    meaning = interpreter(lambda _request: stop, confidence_min=1.01).interpret("enough", deadline_ms=FOREVER_MS)
    assert meaning.actions == ({"action": "stop"},)


@pytest.mark.parametrize(
    ("text", "code"), [("", Code.EMPTY_TEXT), ("x" * 501, Code.TOO_LONG), ("go\x00", Code.BAD_TEXT)]
)
def test_a_text_that_is_none_is_refused(text: str, code: Code) -> None:
    with pytest.raises(ClientFault) as refused:
        interpreter(lambda _request: GOOD).interpret(text, deadline_ms=FOREVER_MS)
    assert refused.value.code is code


VALUES = st.one_of(st.integers(-2, 30), st.sampled_from(["1", "a", "me", "it", "dock 3", "stop", ""]), st.none())
CALLS = st.dictionaries(st.sampled_from(["action", "place", "object", "seconds", "text", "reason"]), VALUES)
NAMED = st.builds(
    lambda call, name: {"action": name} | {key: value for key, value in call.items() if key != "action"},
    CALLS,
    st.sampled_from([spec.name for spec in load_pack("robot").actions] + ["reject", "fly"]),
)
OUTPUTS = st.one_of(
    st.text(max_size=80),
    st.lists(NAMED, max_size=7).map(json.dumps),
    st.text(max_size=10).map(lambda tail: GOOD + tail),
    st.integers(0, len(GOOD)).map(lambda length: GOOD[:length]),
)


@given(OUTPUTS)
@settings(max_examples=400, deadline=None)
def test_whatever_the_engine_says_only_checked_actions_come_out(output: str) -> None:
    """Arbitrary text and calls, cut answers: actions that policy lets pass and that name what exists, or a code."""
    reader = interpreter(lambda _request: output)
    text = "go to dock 3 with the red box and wait two seconds"
    try:
        meaning = reader.interpret(text, deadline_ms=FOREVER_MS)
    except NodeFault as problem:
        assert problem.code is Code.OUTPUT_INVALID
        return
    assert bool(meaning.actions) != (meaning.reject is not None)
    planned = Policy().judge(reader.pack, meaning.actions, Situation(WORLD, "robot", text))
    for one in planned:
        assert one.digest == digest_of(one.action)
        for slot in ("place", "object", "source", "destination"):
            assert one.action.get(slot, "dock 3") in ("dock 3", "red box", "me", "here")
