"""The last check before an action goes out, and the digest that a confirmation is bound to; without site rules."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import Code, NodeFault
from edge_agent.packs.base import Action, EntitySlot, QuantitySlot, TextSlot, make_pack
from edge_agent.safety.digest import canonical, digest_of
from edge_agent.safety.policy import TIERS, Policy
from edge_agent.safety.site_rules import Situation
from edge_agent.world.entities import Entity
from edge_agent.world.mention import Unit
from edge_agent.world.store import World


class Lift(Action):
    """Lift something."""

    action: Literal["lift"] = "lift"
    object: Annotated[str, EntitySlot("item", words=("it",))]
    height_m: Annotated[float, QuantitySlot(Unit.METRE, 0.1, 2.0)] | None = None
    times: Annotated[int, QuantitySlot(Unit.COUNT, 1, 5, integer=True)] | None = None
    speed: Literal["slow", "fast"] | None = None


class Say(Action):
    """Say something."""

    action: Literal["say"] = "say"
    text: Annotated[str, TextSlot(20)]


PACK = make_pack("crane", "A crane.", {Lift: "motion", Say: "none"})
POLICY = Policy(confirm=frozenset({"lock", "money"}))
LIFT = {"action": "lift", "object": "red box"}
HERE = Situation(World.of([Entity("red box", "item", ("crate",))]), "crane")


def judged(action: Any) -> None:
    POLICY.judge(PACK, [action], HERE)


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(LIFT, id="required-only"),
        pytest.param({**LIFT, "height_m": 0.1, "times": 5, "speed": "slow"}, id="everything-at-its-bounds"),
        pytest.param({**LIFT, "height_m": 2}, id="whole-number-for-a-length"),
        pytest.param({**LIFT, "times": 2.0}, id="two-point-zero-times"),
        pytest.param({"action": "say", "text": "x" * 20}, id="text-at-its-limit"),
        pytest.param({"action": "lift", "object": "Crate"}, id="an-alias-whatever-its-case"),
    ],
)
def test_an_action_within_its_slots_passes(action: dict[str, Any]) -> None:
    """Values at the bounds belong to the range."""
    judged(action)


@pytest.mark.parametrize(
    ("action", "where"),
    [
        pytest.param({}, "action", id="no-name"),
        pytest.param(["lift"], "action", id="a-list"),
        pytest.param(None, "action", id="nothing"),
        pytest.param({"action": "lift", "object": "blue box"}, "object", id="a-thing-that-is-not-here"),
        pytest.param({"action": "lift", "object": "it"}, "object", id="a-word-that-should-have-become-a-name"),
        pytest.param({**LIFT, 7: 1}, "7", id="key-is-a-number"),
        pytest.param({"action": "launch"}, "action", id="unknown-action"),
        pytest.param({"action": 7}, "action", id="name-is-a-number"),
        pytest.param({"action": ["lift"], "object": "x"}, "action", id="name-is-a-list"),
        pytest.param({"action": "reject", "reason": "unsupported"}, "action", id="a-reject-is-no-action"),
        pytest.param({"action": "lift"}, "object", id="missing-slot"),
        pytest.param({**LIFT, "force": 9}, "force", id="unknown-slot"),
        pytest.param({**LIFT, "object": 1}, "object", id="mention-number-left-over"),
        pytest.param({**LIFT, "object": ""}, "object", id="empty-name"),
        pytest.param({**LIFT, "object": "  "}, "object", id="blank-name"),
        pytest.param({**LIFT, "object": None}, "object", id="null-name"),
        pytest.param({**LIFT, "object": "x" * 81}, "object", id="name-too-long"),
        pytest.param({**LIFT, "object": "a\x00b"}, "object", id="nul-in-a-name"),
        pytest.param({**LIFT, "object": "a\u202eb"}, "object", id="bidi-mark-in-a-name"),
        pytest.param({**LIFT, "object": "a\ud800"}, "object", id="lone-surrogate-in-a-name"),
        pytest.param({**LIFT, "height_m": 2.0001}, "height_m", id="above-the-range"),
        pytest.param({**LIFT, "height_m": 0}, "height_m", id="below-the-range"),
        pytest.param({**LIFT, "height_m": -1.5}, "height_m", id="negative"),
        pytest.param({**LIFT, "height_m": math.nan}, "height_m", id="nan"),
        pytest.param({**LIFT, "height_m": math.inf}, "height_m", id="infinity"),
        pytest.param({**LIFT, "height_m": True}, "height_m", id="bool-for-a-number"),
        pytest.param({**LIFT, "height_m": "1"}, "height_m", id="text-for-a-number"),
        pytest.param({**LIFT, "height_m": 10**400}, "height_m", id="an-integer-beyond-a-double"),
        pytest.param({**LIFT, "times": 1.5}, "times", id="half-a-time"),
        pytest.param({**LIFT, "speed": "ludicrous"}, "speed", id="no-such-choice"),
        pytest.param({**LIFT, "speed": ["slow"]}, "speed", id="list-for-a-choice"),
        pytest.param({"action": "say", "text": "x" * 21}, "text", id="text-too-long"),
    ],
)
def test_everything_else_is_refused(action: Any, where: str) -> None:
    """Whatever an interpreter emits, only a pack's action within its slots passes; the slot at fault is named."""
    with pytest.raises(NodeFault) as caught:
        judged(action)
    assert (caught.value.code, caught.value.where) == (Code.POLICY_REFUSED, where)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["action", "object", "height_m", "times", "speed", "text"]) | st.text(max_size=6)
NAMES = st.sampled_from([{"action": "lift", "object": "red box"}, {"action": "say", "text": "hi"}, {}])


@given(NAMES, st.dictionaries(KEYS, JSON_VALUES, max_size=4))
def test_arbitrary_json_passes_only_as_an_action_of_the_pack(base: dict[str, Any], changes: dict[str, Any]) -> None:
    """Whatever passes has the pack's own class accept it too, by other code."""
    action = {**base, **changes}
    try:
        judged(action)
    except NodeFault as refused:
        # a whole number that a double holds no longer is within its slot and has no digest
        assert refused.code in (Code.POLICY_REFUSED, Code.OUTPUT_INVALID)
    else:
        spec = PACK.action(action["action"])
        assert spec is not None
        spec.model.model_validate(json.loads(canonical(action)))


class Do(Action):
    """Do something."""

    action: Literal["do"] = "do"


@pytest.mark.parametrize(
    ("hazard", "tier", "confirms"),
    [
        pytest.param("stop", 0, False, id="stop"),
        pytest.param("none", 1, False, id="none"),
        pytest.param("motion", 2, False, id="motion"),
        pytest.param("lock", 2, True, id="lock"),
        pytest.param("heat", 2, False, id="heat"),
        pytest.param("money", 2, True, id="money"),
    ],
)
def test_the_tier_and_the_yes_follow_from_the_hazard(hazard: Any, tier: int, confirms: bool) -> None:
    """Which hazards need a yes is the owner's choice; their tier is not."""
    (planned,) = POLICY.judge(make_pack("p", "A pack.", {Do: hazard}), [{"action": "do"}], HERE)
    assert (planned.tier, planned.needs_confirmation, planned.stops) == (tier, confirms, hazard == "stop")
    assert TIERS[hazard] == tier


def test_a_stop_never_waits_for_a_yes() -> None:
    """Not even for an owner who asks for it."""
    pack = make_pack("p", "A pack.", {Do: "stop"})
    (planned,) = Policy(confirm=frozenset({"stop"})).judge(pack, [{"action": "do"}], HERE)
    assert not planned.needs_confirmation


@pytest.mark.parametrize(
    ("own", "said", "tier"),
    [
        pytest.param("none", "lock", 2, id="sharper"),
        pytest.param("motion", "none", 2, id="softer-does-not-count"),
        pytest.param("lock", "heat", 2, id="another-hazard"),
        pytest.param("motion", "stop", None, id="no-stop-by-its-values"),
        pytest.param("none", "danger", None, id="no-hazard-at-all"),
        pytest.param("none", ["lock"], None, id="a-list"),
    ],
)
def test_a_packs_own_word_on_a_hazard_can_only_sharpen_it(own: Any, said: Any, tier: int | None) -> None:
    """A pack is the owner's code: what it cannot say properly does not happen, and a yes asked for is asked for."""
    pack = make_pack("p", "A pack.", {Do: own}, hazard_of=lambda *_: said)
    if tier is None:
        with pytest.raises(NodeFault) as refused:
            POLICY.judge(pack, [{"action": "do"}], HERE)
        assert refused.value.code is Code.POLICY_REFUSED
    else:
        (planned,) = POLICY.judge(pack, [{"action": "do"}], HERE)
        assert (planned.tier, planned.needs_confirmation) == (tier, "lock" in (own, said))


def test_a_pack_that_breaks_while_it_is_asked_is_a_refusal() -> None:
    """Nobody knows then what the action can do."""

    def broken(*_: object) -> Any:
        raise ZeroDivisionError

    with pytest.raises(NodeFault) as refused:
        POLICY.judge(make_pack("p", "A pack.", {Do: "none"}, hazard_of=broken), [{"action": "do"}], HERE)
    assert (refused.value.code, refused.value.where) == (Code.POLICY_REFUSED, "action")


@pytest.mark.parametrize(
    ("number", "written"),
    [
        pytest.param(0, "0", id="zero"),
        pytest.param(-0.0, "0", id="minus-zero"),
        pytest.param(2.0, "2", id="whole"),
        pytest.param(0.5, "0.5", id="half"),
        pytest.param(-1.25, "-1.25", id="negative"),
        pytest.param(1e-06, "0.000001", id="smallest-plain"),
        pytest.param(1e-07, "1e-7", id="largest-with-an-exponent"),
        pytest.param(1.5e-9, "1.5e-9", id="small"),
        pytest.param(5e-324, "5e-324", id="smallest-double"),
        pytest.param(1.7976931348623157e308, "1.7976931348623157e+308", id="largest-double"),
        pytest.param(1e20, "100000000000000000000", id="twenty-zeros"),
        pytest.param(1e21, "1e+21", id="first-large-exponent"),
        pytest.param(9007199254740992, "9007199254740992", id="two-to-the-53"),
        pytest.param(333333333.33333329, "333333333.3333333", id="rounded"),
        pytest.param(0.001, "0.001", id="thousandth"),
        pytest.param(123456.789, "123456.789", id="plain"),
    ],
)
def test_numbers_are_written_as_rfc_8785_writes_them(number: float, written: str) -> None:
    """The values are those of the RFC's appendix B and the bounds of its notation."""
    assert canonical(number) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_canonical_number_is_the_same_number(number: float) -> None:
    """Nothing is lost in writing."""
    assert float(canonical(number)) == number


def test_one_action_has_one_digest() -> None:
    """Neither the order of keys nor 2 for 2.0 changes it; a value does."""
    digest = digest_of({"action": "lift", "object": "café box", "times": 2})
    expected = '{"action":"lift","object":"café box","times":2}'
    assert digest == hashlib.sha256(expected.encode()).hexdigest()
    assert digest_of({"times": 2.0, "object": "café box", "action": "lift"}) == digest
    assert digest_of({"times": 3, "object": "café box", "action": "lift"}) != digest


def test_true_is_not_one() -> None:
    """Python thinks they are equal; JSON does not."""
    assert canonical([True, 1, None]) == "[true,1,null]"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(math.nan, id="nan"),
        pytest.param(-math.inf, id="infinity"),
        pytest.param(2**53 + 1, id="an-integer-no-double-holds"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param(b"x", id="bytes"),
        pytest.param({1: 2}, id="key-is-a-number"),
        pytest.param({"a": {"b": {3}}}, id="set"),
    ],
)
def test_what_json_cannot_say_has_no_digest(value: Any) -> None:
    """It is a fault of the node's, never a wrong digest."""
    with pytest.raises(NodeFault) as caught:
        digest_of({"action": "lift", "object": value})
    assert caught.value.code is Code.OUTPUT_INVALID
