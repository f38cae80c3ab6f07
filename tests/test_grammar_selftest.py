"""A pack tries itself before it is used, and a pack that lies about itself is caught."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.grammar.general import general_gbnf
from edge_agent.grammar.own import with_grammar
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


@pytest.mark.parametrize("name", SHIPPED)
def test_a_grammar_of_the_owners_own_passes_the_same_test(name: str, tmp_path: Path) -> None:
    """The general form, written to a file and read back, takes the place of the sentences' own grammars."""
    path = tmp_path / "own.gbnf"
    path.write_text(general_gbnf(load_pack(name)), encoding="utf-8")
    pack = with_grammar(load_pack(name), path)
    self_test(pack, NOWHERE)
    assert {trial.grammar for trial in trials(pack)} == {path.read_text(encoding="utf-8")}
    assert all(trial.invalid for trial in trials(pack))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('root ::= ("a"', id="unclosed"),
        pytest.param("root ::= other", id="undefined rule"),
        pytest.param('root ::= root "a" | "b"', id="left recursion"),
        pytest.param('root ::= "a"{5,0}', id="backward repetition"),
        pytest.param("root ::= " + "(" * 60_000 + '"a"' + ")" * 60_000, id="60k nested groups"),
        pytest.param("", id="empty"),
    ],
)
def test_a_bad_grammar_file_is_refused_by_name_before_any_native_parser_sees_it(text: str, tmp_path: Path) -> None:
    path = tmp_path / "own.gbnf"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationFault) as refused_file:
        with_grammar(ROBOT, path)
    assert refused_file.value.code is Code.GRAMMAR_INVALID
    assert refused_file.value.where.startswith(str(path))


def test_a_pipe_is_no_grammar_file(tmp_path: Path) -> None:
    """Reading a pipe would wait for ever."""
    os.mkfifo(tmp_path / "own.gbnf")
    with pytest.raises(ConfigurationFault, match="no regular file"):
        with_grammar(ROBOT, tmp_path / "own.gbnf")
