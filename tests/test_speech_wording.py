"""What a recogniser is told of a pack and a world, and how names and numbers are spoken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_agent.limits import SPOKEN_NAMES_MAX
from edge_agent.packs.base import Pack
from edge_agent.packs.phrase_parts import QuantityList
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.speech.wording import classes_in, lexicon_of, names_left_out
from edge_agent.speech.wording_numbers import spell, spoken, spoken_quantities
from edge_agent.world.entities import Entity
from edge_agent.world.loading import load_world
from edge_agent.world.mention import Unit
from edge_agent.world.numerals import read_number
from edge_agent.world.store import World

SPOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def example_world(pack: Pack) -> World:
    assert pack.example_world is not None
    return load_world(pack.example_world)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_lexicon_holds_words_only(name: str) -> None:
    """No digit, sign or capital reaches a recogniser, and every class in a sentence is explained."""
    pack = load_pack(name)
    lexicon = lexicon_of(pack, example_world(pack))
    assert len(lexicon.sentences) > 10_000
    for sentence in lexicon.sentences:
        classes = set(classes_in(sentence))
        assert classes <= lexicon.names.keys()
        words = [word for word in sentence.split() if word.strip("{}") not in classes]
        assert all(SPOKEN.fullmatch(word) and word == word.lower() for word in words), sentence
    for said in (said for names in lexicon.names.values() for said in names):
        assert all(SPOKEN.fullmatch(word) for word in said.split()), said


def test_equal_packs_and_worlds_give_equal_lexicons() -> None:
    """The digest tells whether a recogniser must learn anew."""
    pack = load_pack("kiosk")
    world = example_world(pack)
    first, again = lexicon_of(pack, world), lexicon_of(pack, world)
    more = lexicon_of(pack, world.updated((), (Entity("matcha latte", "drink"),)))
    assert first == again
    assert more.digest != first.digest
    assert "matcha latte" in more.names["drink"]


def test_sentences_about_what_is_not_there_are_left_out() -> None:
    """Where nothing of a kind exists, nobody asks for it; commands without names stay."""
    pack = load_pack("robot")
    lexicon = lexicon_of(pack, World.of([Entity("dock 3", "place")]))
    assert lexicon.names["place"] == ("dock three",)
    assert "device" not in lexicon.names
    bare = lexicon_of(pack, World())
    assert any("forward" in sentence for sentence in bare.sentences)


def test_names_beyond_the_limit_are_told() -> None:
    """A huge world is cut in its owner's order, and the owner can ask what was cut."""
    names = [f"{first}{second} box" for first in "abcdefghijklmnopqrstuvwxyz" * 4 for second in map(str, range(30))]
    entities = [Entity(name, "item") for name in dict.fromkeys(names)]
    world = World.of([*entities, *(Entity(f"shelf {number}", "place") for number in range(SPOKEN_NAMES_MAX))])
    left_out = names_left_out(world)
    assert len(left_out) == len(world.entities) - SPOKEN_NAMES_MAX
    assert left_out[-1] == f"shelf {SPOKEN_NAMES_MAX - 1}"


def test_a_pack_of_ones_own_has_a_lexicon(tmp_path: Path) -> None:
    """A pack file that does not ship is spoken like the others."""
    (tmp_path / "phrases.yaml").write_text(
        'language: en\nintents:\n  water:\n    data:\n      - sentences: ["water [the] {plant:target} [please]"]\n',
        encoding="utf-8",
    )
    (tmp_path / "pack.py").write_text(
        "from pathlib import Path\n"
        "from typing import Annotated, Literal\n"
        "from edge_agent.packs.base import Action, EntitySlot, make_pack\n"
        "class Water(Action):\n"
        '    """Water a plant."""\n'
        '    action: Literal["water"] = "water"\n'
        '    target: Annotated[str, EntitySlot("plant")]\n'
        'PACK = make_pack("garden", "A garden.", {Water: "none"},'
        ' phrases=(Path(__file__).parent / "phrases.yaml",))\n',
        encoding="utf-8",
    )
    pack = load_pack(str(tmp_path / "pack.py"))
    lexicon = lexicon_of(pack, World.of([Entity("Ficus 2", "plant", aliases=("the old fig",))]))
    assert lexicon.names["plant"] == ("ficus two", "the old fig")
    assert "water the {plant} please" in lexicon.sentences


@pytest.mark.parametrize(
    ("written", "said"),
    [
        pytest.param("dock 3", ("dock three",), id="digit"),
        pytest.param("Room 105", ("room one hundred five", "room one hundred and five"), id="two-of-its-ways"),
        pytest.param("1st floor", ("first floor",), id="ordinal"),
        pytest.param("A.C.", ("ac",), id="abbreviation"),
        pytest.param("50%", ("fifty percent",), id="sign"),
        pytest.param("2.5 m", ("two point five meters",), id="decimal"),
        pytest.param("H2O-tank", ("h two o tank",), id="letters-and-digits"),
        pytest.param("1/2 an hour", ("half an hour",), id="fraction"),
    ],
)
def test_names_are_spoken(written: str, said: tuple[str, ...]) -> None:
    """What stands written with digits and signs is said in words."""
    assert spoken(written)[: len(said)] == said


def test_numbers_in_words_are_read_back() -> None:
    """What we say is what the linker's reader understands."""
    for number in (*range(120), 999, 1_000, 1_001, 12_345, 100_000, 999_999):
        words = spell(number).split()
        assert read_number(words, 0) == (float(number), len(words))


def test_quantities_have_their_units() -> None:
    """One metre is no metres, an hour has its own article, and halves are said where the list has them."""
    said = spoken_quantities(QuantityList(Unit.HOUR, 1, 3, halves=True))
    assert {"one hour", "an hour", "two hours", "two and a half hours", "half an hour"} <= set(said)
    assert "one hours" not in said
    assert spoken_quantities(QuantityList(Unit.COUNT, 1, 3)) == ("one", "two", "three")
