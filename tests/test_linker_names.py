"""How people name things otherwise than they are called, and what must not be taken for such a name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.loading import load_world
from edge_agent.world.store import World
from edge_agent.world.synonyms import everyday
from edge_agent.world.tokens import tokens_of

ROOT = Path(__file__).parent.parent

HOUSE = Linker(
    World.of(
        [
            Entity("hammer", "item"),
            Entity("claw chisel", "item"),
            Entity("washer", "device"),
            Entity("cell", "item"),
            Entity("settee", "place"),
            Entity("nightstand", "place"),
            Entity("t-shirt", "item"),
            Entity("person", "person"),
            Entity("Alma Quist", "person"),
            Entity("red crate", "item"),
            Entity("Quibbel", "device"),
            Entity("Zarkon Upstairs", "vacuum"),
            Entity("Kitchen", "area"),
            Entity("kitchen lamp", "light"),
            Entity("cocoa maker", "switch"),
            Entity("tea brewer", "device"),
            Entity("bathroom", "place"),
            Entity("heat", "device"),
            Entity("fan", "device"),
        ]
    )
)


def linker_of(*entities: Entity) -> Linker:
    return Linker(World.of(entities))


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        pytest.param("hand me the hammers", "hand [me] the [1 hammers]", id="plural"),
        pytest.param("sort the chisels", "sort the [1 chisels]", id="plural-of-a-last-word"),
        pytest.param("empty the washing machine", "empty the [1 washing machine]", id="longer-usual-form"),
        pytest.param("where's my cell phone", "where's my [1 cell phone]", id="name-and-its-sort"),
        pytest.param("dust off the sofa", "dust off the [1 sofa]", id="synonym"),
        pytest.param("check the bedside table", "check the [1 bedside table]", id="synonym-of-two-words"),
        pytest.param("look on the night stand", "look on the [1 night stand]", id="compound-parted"),
        pytest.param("iron the tee shirts", "iron the [1 tee shirts]", id="spelt-otherwise"),
        pytest.param("greet the woman", "greet the [1 woman]", id="a-person"),
        pytest.param("call for mrs quist", "call for mrs [1 quist]", id="last-name"),
        pytest.param("find the upstairs bathroom", "find the upstairs [1 bathroom]", id="modifier-outside"),
        pytest.param("report quibbel's speed", "report [1 quibbel's] speed", id="whose-speed"),
        pytest.param("send zarkon back now", "send [1 zarkon] back now", id="a-word-only-one-has"),
        pytest.param("brew some cocoa", "brew some [1 cocoa]", id="by-what-it-makes"),
        pytest.param("start the laundry", "start the [1 laundry]", id="by-what-it-washes"),
        pytest.param("i fancy a cocoa", "i fancy a [1 cocoa]", id="wish"),
        pytest.param("cocoa please", "[1 cocoa] please", id="wish-alone"),
    ],
)
def test_said_otherwise_it_is_still_named(text: str, marked: str) -> None:
    """The whole of what was said for the thing is inside the mark."""
    assert HOUSE.link(text).marked == marked


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("take the blue crate", id="other-colour"),
        pytest.param("take the blue crates", id="other-colour-of-several"),
        pytest.param("paint it red", id="modifier-alone"),
        pytest.param("all the chisels", id="all-of-a-sort"),
        pytest.param("open quibbel's lid", id="whose-thing"),
        pytest.param("the green zarkon", id="another-one"),
        pytest.param("zarkon seven", id="numbered-one"),
        pytest.param("carry a cocoa over", id="not-wanted-made"),
        pytest.param("run up to the hall and bring some cocoa", id="another-verb-between"),
        pytest.param("put cocoa on the shopping list", id="text-of-a-list"),
        pytest.param("i want some tea", id="what-can-do-more-than-be-started"),
        pytest.param("heat up the soup", id="verb-and-particle"),
        pytest.param("fan out", id="verb-and-particle-alone"),
        pytest.param("hammer the nails", id="verb"),
    ],
)
def test_a_near_name_is_none(text: str) -> None:
    """A wrong link moves a robot to the wrong thing; a missed one asks again."""
    assert [one for one in HOUSE.link(text).mentions if one.candidates] == []


def test_a_name_or_alias_is_before_every_synonym() -> None:
    """What the world calls so is meant, and a synonym only where nothing is called so."""
    both = linker_of(Entity("sofa"), Entity("couch"), Entity("fridge", aliases=("icebox",)), Entity("refrigerator"))
    for said, meant in (("sofa", "sofa"), ("couch", "couch"), ("icebox", "fridge"), ("refrigerator", "refrigerator")):
        assert [one.name for one in both.link(f"clean the {said}").mentions[0].candidates] == [meant]


def test_a_synonym_of_two_things_names_both() -> None:
    """It is then for the kinds to decide, or for the person who is asked."""
    both = linker_of(Entity("sofa", "item"), Entity("couch", "item"))
    assert [one.name for one in both.link("clean the settee").mentions[0].candidates] == ["couch", "sofa"]


def test_the_general_word_is_not_said_for_the_particular_one() -> None:
    """A man is a person; a person need not be the man."""
    assert linker_of(Entity("man", "item")).link("find the person").mentions == ()
    assert linker_of(Entity("person", "item")).link("find the man").marked == "find the [1 man]"


def test_what_two_things_share_names_neither() -> None:
    """A rare word that two names hold does not tell them apart."""
    two = linker_of(Entity("zarkon heater", "switch"), Entity("zarkon cooler", "switch"))
    assert two.link("start zarkon").mentions == ()


def test_a_plural_names_a_thing_called_as_its_own_sort() -> None:
    """Where nothing else is of the sort, "the candles" and "all the candles" are the one thing called candle."""
    alone = linker_of(Entity("candle", "candle", ("wax light",)), Entity("shelf", "shelf"))
    assert alone.link("blow out the candles").marked == "blow out the [1 candles]"
    assert alone.link("blow out all the candles").marked == "blow out all the [1 candles]"
    several = linker_of(Entity("candle", "candle"), Entity("tall taper", "candle"))
    assert several.link("blow out the candles").marked == "blow out the candles"


def test_a_sensor_called_as_what_it_measures_gives_way_to_the_sort() -> None:
    """Any, all and which ask for all that measure it; the name itself still names the one."""
    home = linker_of(
        Entity("Smoke", "binary_sensor", device_class="smoke"),
        Entity("Hall Detector", "binary_sensor", device_class="smoke"),
        Entity("Detector", "sensor", device_class="sensor"),
        Entity("Light", "binary_sensor", device_class="light"),
        Entity("Desk Lamp", "light"),
    )
    assert home.link("is there any smoke").marked == "is there any smoke"
    assert home.link("is smoke detected").marked == "is [1 smoke] detected"
    assert home.link("dim the light").marked == "dim the light"


def test_a_world_switches_a_synonym_off(tmp_path: Path) -> None:
    """An empty list under [synonyms]: the word stands for itself alone, in both directions, after updates too."""
    path = tmp_path / "world.toml"
    path.write_text('[[entity]]\nname = "cabinet"\nkind = "place"\n', encoding="utf-8")
    assert Linker(load_world(path)).link("open the cupboard").marked == "open the [1 cupboard]"
    path.write_text('[[entity]]\nname = "cabinet"\nkind = "place"\n[synonyms]\ncabinet = []\n', encoding="utf-8")
    linker = Linker(load_world(path))
    assert linker.link("open the cupboard").marked == "open the cupboard"
    assert linker.link("open the cabinet").marked == "open the [1 cabinet]"
    later = linker.world.updated([], [Entity("lamp", "item")])
    assert linker.updated(later).link("open the cupboard").marked == "open the cupboard"


def test_the_documented_synonyms_do_what_the_page_says(tmp_path: Path) -> None:
    """The page's own example: one synonym more, another switched off."""
    page = (ROOT / "docs" / "packs.md").read_text(encoding="utf-8")
    block = next(
        one for one in re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL) if "[synonyms]" in one
    )
    path = tmp_path / "hall.toml"
    path.write_text(block, encoding="utf-8")
    linker = Linker(load_world(path))
    assert linker.link("lift the red carton").marked == "lift the [1 red carton]"
    assert linker.link("open the tool cabinet").marked == "open the [1 tool cabinet]"
    assert linker.link("open the tool cupboard").marked == "open the tool cupboard"


def test_every_term_of_the_tables_can_be_said() -> None:
    """Each stands for something; none is so long or so common that the linker would never read it."""
    folder = ROOT / "edge_agent" / "world"
    lines = [
        line
        for table in ("synonyms.txt", "synonyms_wordnet.txt")
        for line in (folder / table).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert len(lines) > 250
    for line in lines:
        said = line.removeprefix("~").partition(">")[0].split(",")
        for term in said:
            tokens = tokens_of(term.split())
            assert [one for one in everyday().terms_in(tokens) if one.after - one.first == len(tokens)], (line, term)


def test_the_mention_benchmark_counts_what_it_says(tmp_path: Path) -> None:
    """Three found of four wanted, one mark of four unused, and one false mark in the place of a thing that is gone."""
    world = [{"name": "mug"}, {"name": "blue tray"}, {"name": "cellar"}]
    lines = [
        ("lift the mug off the blue tray", world, {"action": "pick", "object": "mug"}),
        ("drive to the cellar", world, {"action": "go_to", "place": "cellar"}),
        ("lift that thing", world, {"action": "pick", "object": "mug"}),
        ("lift the blue tray", world, {"action": "pick", "object": "blue tray"}),
        ("lift the blue tray", [{"name": "tray"}], {"action": "reject", "reason": "unknown_entity"}),
    ]
    examples = [
        {"id": str(at), "pack": "robot", "text": text, "world": things, "expected": [action]}
        for at, (text, things, action) in enumerate(lines)
    ]
    whole, absent = tmp_path / "whole.jsonl", tmp_path / "absent.jsonl"
    whole.write_text("\n".join(json.dumps(one) for one in examples[:4]), encoding="utf-8")
    absent.write_text(json.dumps(examples[4]), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "benchmarks/mentions.py", "--json", str(whole), str(absent)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    first, second = (json.loads(line) for line in ran.stdout.splitlines())
    assert (first["wanted"], first["recall"], first["marks"], first["precision"]) == (4, 75.0, 4, 75.0)
    assert (second["absent"], second["false"]) == (1, 1)
