"""A thing that was said and is nowhere is found in code, whatever the model made of the sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_agent.messages import RejectReason
from edge_agent.packs.familiar import familiar_words
from edge_agent.packs.registry import load_pack
from edge_agent.safety.objections import objection
from edge_agent.safety.unknown_things import unknown_thing
from edge_agent.world.linker import Linker
from edge_agent.world.loading import load_world

ROBOT, HOME = load_pack("robot"), load_pack("home")
LINKERS = {
    pack.name: Linker(load_world(pack.example_world)) for pack in (ROBOT, HOME) if pack.example_world is not None
}


def found(text: str, pack: str = "robot") -> str:
    return unknown_thing(LINKERS[pack].link(text), familiar_words(load_pack(pack).phrases))


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        pytest.param("take the anvil on the conveyor", "anvil", id="beside a thing that is there"),
        pytest.param("bring me my umbrella", "umbrella", id="alone"),
        pytest.param("bring the red box to the greenhouse", "greenhouse", id="a place"),
        pytest.param("go to dock 3 and fetch a hacksaw please", "hacksaw", id="in a second action"),
        pytest.param("turn on the jukebox that is on the conveyor", "jukebox", id="with a description"),
        pytest.param("put the red box next to that old piano", "old piano", id="behind an adjective"),
    ],
)
def test_an_unknown_thing_is_named(text: str, thing: str) -> None:
    """Words behind an article that name nothing here and are no words of the pack are told as they were said."""
    assert found(text) == thing


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("bring the red box from dock 3 to packing", id="all known"),
        pytest.param("bring the heavy velvet red box to me", id="modifiers before a name"),
        pytest.param("bring me a carton of the red box", id="a measure of a name"),
        pytest.param("drive to the left side of the conveyor", id="words of the pack"),
        pytest.param("do me a favor and go to dock 3", id="courtesies"),
        pytest.param("follow tom with the velvet hat", id="what somebody looks like"),
        pytest.param("the kettle is empty bring the red box to me", id="a remark"),
        pytest.param("what is the anvil", id="a question"),
    ],
)
def test_what_names_nothing_is_let_through(text: str) -> None:
    """Modifiers, measures, descriptions, remarks and the pack's own words are no unknown things."""
    assert found(text) == ""


@pytest.mark.parametrize("text", ["turn off the lights", "set the volume to 20 percent", "close the blinds in here"])
def test_sorts_of_things_are_words_of_the_home(text: str) -> None:
    """What a pack acts on by its sort needs no name in the world."""
    assert found(text, "home") == ""


def test_the_answer_is_refused_with_the_thing_in_it() -> None:
    """An answer that took the next best thing becomes unknown_entity; texts to be said may hold any word."""
    familiar = familiar_words(ROBOT.phrases)
    sentence = LINKERS["robot"].link("take the anvil on the conveyor")
    (conveyor,) = (int(mention.label) for mention in sentence.mentions)
    against = objection(ROBOT, sentence, json.dumps([{"action": "pick", "object": conveyor}]), familiar)
    assert against is not None
    assert against.reason is RejectReason.UNKNOWN_ENTITY
    assert "anvil" in against.detail
    spoken = LINKERS["robot"].link("say the anvil has arrived")
    assert objection(ROBOT, spoken, json.dumps([{"action": "say", "text": "the anvil has arrived"}]), familiar) is None


def test_without_phrases_nothing_is_strange(tmp_path: Path) -> None:
    """A pack without phrases has no words of its own, and the check is off."""
    assert familiar_words(()) == frozenset()
    assert unknown_thing(LINKERS["robot"].link("take the anvil"), frozenset()) == ""


def test_a_noun_of_one_example_is_no_word_of_a_large_pack(tmp_path: Path) -> None:
    """In many sentences a word said once is somebody's example; a short page is no account of a language at all."""
    body = "language: en\nintents:\n  wait:\n    data:\n      - sentences:\n"
    short, long = tmp_path / "short.yaml", tmp_path / "long.yaml"
    short.write_text(body + '          - "wait by the anvil {seconds:seconds}"\n', encoding="utf-8")
    lines = [f'          - "wait ({number}|there) {{seconds:seconds}}"\n' for number in range(400)]
    long.write_text(body + '          - "wait by the anvil {seconds:seconds}"\n' + "".join(lines), encoding="utf-8")
    assert familiar_words((short,)) == frozenset()
    assert "anvil" not in familiar_words((long,))
    assert "wait" in familiar_words((long,))
