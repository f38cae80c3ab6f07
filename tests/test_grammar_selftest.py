"""A pack tries itself before it is used, and a pack that lies about itself is caught."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.selftest import self_test, trials
from edge_agent.packs.base import EntitySlot, Pack, SlotSpec
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.world.store import World

ROBOT = load_pack("robot")
NOWHERE = World.of([])


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_packs_pass(name: str) -> None:
    self_test(load_pack(name), NOWHERE)


def test_every_action_has_valid_and_invalid_answers() -> None:
    found = list(trials(ROBOT))
    assert [trial.name for trial in found] == [f"robot.{spec.name}" for spec in ROBOT.actions]
    for trial in found:
        assert trial.valid
        assert trial.invalid
        assert not set(trial.valid) & set(trial.invalid)


def refused(pack: Pack) -> NodeFault:
    with pytest.raises(NodeFault) as failed:
        self_test(pack, NOWHERE)
    assert failed.value.code is Code.GRAMMAR_INVALID
    return failed.value


def test_a_pack_whose_completion_spoils_actions_is_caught() -> None:
    """`complete` runs before the checks, so what it adds is checked too."""
    fault = refused(replace(ROBOT, complete=lambda action, _: {**action, "speed": 9}))
    assert fault.where == "robot.go_to"


def test_a_pack_whose_slots_and_class_disagree_is_caught() -> None:
    """The slots say that a place may be left out, the class that it is needed."""
    wait = ROBOT.action("wait")
    assert wait is not None
    loose = replace(wait, slots=tuple(replace(slot, required=False) for slot in wait.slots))
    assert refused(replace(ROBOT, actions=(loose,))).where == "robot.wait"


def test_a_pack_with_a_slot_that_its_class_lacks_is_caught() -> None:
    stop = ROBOT.action("stop")
    assert stop is not None
    longer = replace(stop, slots=(SlotSpec("what", EntitySlot("item"), required=True),))
    assert refused(replace(ROBOT, actions=(longer,))).where == "robot.stop"
