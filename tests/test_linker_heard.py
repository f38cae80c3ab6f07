"""Names that a recogniser wrote down wrongly: known by their sound, and never at the price of what was said exactly."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.training.corpus import Corpus, material
from edge_agent.training.sentences import read, sentence
from edge_agent.training.worlds import random_place
from edge_agent.world.entities import Entity
from edge_agent.world.lexicon import listed
from edge_agent.world.linker import Linker
from edge_agent.world.mention import Linked, MentionType
from edge_agent.world.misheard import SCORE_MAX
from edge_agent.world.pronunciation import CONSONANTS, VOWELS, sounds_of
from edge_agent.world.sounding import NEAR_MIN, SoundTable, closeness
from edge_agent.world.store import World

YARD = (
    *(Entity(f"dock {number}", "place") for number in (3, 4, 9)),
    *(Entity(name, "place") for name in ("bin 7", "gate B", "shelf 12", "bay 2", "loading ramp", "cold store")),
    *(Entity(name, "item") for name in ("pallet jack", "paint tin", "red mug", "grinder")),
    Entity("tall shelf", "place"),
    Entity("old table", "item", ("plank trestle",)),
)
WAREHOUSE = Linker(World.of(YARD))


def linker_of(*names: str) -> Linker:
    return Linker(World.of([Entity(name, "place") for name in names]))


def named(linked: Linked) -> list[tuple[str, ...]]:
    """The names of each entity mention's candidates."""
    return [tuple(each.name for each in one.candidates) for one in linked.mentions if one.type is MentionType.ENTITY]


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        pytest.param("drive to dog three", "dock 3", id="voiced-for-voiceless"),
        pytest.param("drive to talk nine", "dock 9", id="voiceless-for-voiced"),
        pytest.param("drive to duck four", "dock 4", id="neighbouring-vowel"),
        pytest.param("drive to the dark four", "dock 4", id="an-r-too-many"),
        pytest.param("look into pin seven", "bin 7", id="first-consonant"),
        pytest.param("look into ben seven", "bin 7", id="first-name"),
        pytest.param("close kate b", "gate B", id="before-a-letter"),
        pytest.param("look at shell twelve", "shelf 12", id="last-consonant-lost"),
        pytest.param("look at self twelve", "shelf 12", id="hiss-for-hush"),
        pytest.param("park in pay two", "bay 2", id="two-sounds"),
        pytest.param("park in bait two", None, id="a-consonant-more-in-two-sounds"),
        pytest.param("drive to dock tree", "dock 3", id="number-as-a-word"),
        pytest.param("drive to dock fore and wait", "dock 4", id="number-as-a-word-inside"),
        pytest.param("go to the loathing ramp", None, id="two-consonants-of-one-kind"),
        pytest.param("go to the loading lamp", None, id="another-thing-that-loads"),
        pytest.param("go to the gold store", "cold store", id="first-word-of-two"),
        pytest.param("dust the tall self", "tall shelf", id="last-word-of-two"),
        pytest.param("dust the blank trestle", "old table", id="of-an-alias"),
        pytest.param("fetch the pellet jack", "pallet jack", id="vowel-of-a-longer-word"),
        pytest.param("take dog three to me", "dock 3", id="after-a-verb"),
        pytest.param("then dog three please", None, id="where-a-verb-may-stand"),
    ],
)
def test_a_word_heard_for_another_names_the_thing(heard: str, meant: str | None) -> None:
    """One word of a name may be another that sounds like it, where the rest of the name was said."""
    assert named(WAREHOUSE.link(heard, spoken=True)) == ([(meant,)] if meant else [])


@pytest.mark.parametrize(
    "heard",
    [
        pytest.param("bring the dog", id="thing-that-is-not-here"),
        pytest.param("drive to dog five", id="number-that-is-not-here"),
        pytest.param("drive to lock three", id="sounds-otherwise"),
        pytest.param("feed my hot dog three", id="more-words-before"),
        pytest.param("bring dog three biscuits", id="more-words-behind"),
        pytest.param("walk the dog three metres", id="measure"),
        pytest.param("the dog, three of them", id="comma-between"),
        pytest.param("wash the red rug", id="another-red-thing"),
        pytest.param("wash the red mud", id="another-red-thing-near"),
        pytest.param("open the paint thin", id="short-and-near"),
        pytest.param("start the grindstone", id="one-word"),
        pytest.param("start the cringer", id="one-word-that-sounds-near"),
        pytest.param("park three", id="verb"),
        pytest.param("take it to dock to", id="preposition-is-no-number"),
    ],
)
def test_what_is_not_there_is_not_found_by_sound(heard: str) -> None:
    """A wrong link moves a robot to the wrong place; "take it to dock to" is a sentence that was cut off."""
    found = [one for one in WAREHOUSE.link(heard, spoken=True).mentions if one.type is MentionType.ENTITY]
    assert [one.text for one in found if one.score <= SCORE_MAX] == []


def test_what_is_typed_is_not_heard() -> None:
    """Somebody who types "duck four" means a duck."""
    assert named(WAREHOUSE.link("drive to duck four")) == []
    assert named(WAREHOUSE.link("drive to duck four", spoken=True)) == [("dock 4",)]


def test_two_names_equally_near_are_both_carried() -> None:
    """So that the answer asks which; the nearer one is taken only where it is clearly nearer."""
    assert named(linker_of("dock 3", "duck 3").link("go to dark three", spoken=True)) == [("dock 3", "duck 3")]
    assert named(linker_of("bin 3", "pen 3").link("go to pin three", spoken=True)) == [("bin 3", "pen 3")]
    assert named(linker_of("dock 3", "deck 3").link("go to dog three", spoken=True)) == [("dock 3",)]


def test_a_word_of_the_world_was_heard_as_what_it_is() -> None:
    """A dog bed is here, so "dog" is no dock; and what is called so exactly is that."""
    assert named(linker_of("dock 3", "dog bed").link("go to dog three", spoken=True)) == []
    assert named(linker_of("dock 3", "dog 3").link("go to dog three", spoken=True)) == [("dog 3",)]
    assert named(linker_of("cold store", "gold store").link("go to the gold store", spoken=True)) == [("gold store",)]


def test_a_name_by_sound_scores_less_than_any_other() -> None:
    """So that who asks for other readings knows on what an answer rests."""
    heard = WAREHOUSE.link("take the grindr to duck four", spoken=True)
    assert [(one.text, one.score <= SCORE_MAX) for one in heard.mentions] == [("grindr", False), ("duck four", True)]


def test_a_changed_world_is_heard_as_it_is_now() -> None:
    """What came is known by its sound at once, and what went no more."""
    before = linker_of("dock 3", "mug")
    assert named(before.link("go to duck three", spoken=True)) == [("dock 3",)]
    after = before.updated(
        World.of([Entity("tank 3", "place"), *[one for one in before.world.entities if one.name == "mug"]])
    )
    assert named(after.link("go to duck three", spoken=True)) == []
    assert named(after.link("go to dank three", spoken=True)) == [("tank 3",)]


NAMES = [name for entity in YARD for name in (entity.name, *entity.aliases)]
SENTENCES = st.lists(
    st.sampled_from(
        (
            *listed("dog duck self three four b tree fore the a to and then bring go hot red cold gold store , 7 two"),
            *listed("metres it"),
            *NAMES,
        )
    ),
    min_size=1,
    max_size=9,
).map(" ".join)


@given(SENTENCES)
@settings(max_examples=150, deadline=None)
def test_nothing_said_exactly_gives_way_to_a_sound(text: str) -> None:
    """Every name that typing would find is found in the same place when it is heard, whatever stands around it."""
    exact = [one for one in WAREHOUSE.link(text).mentions if one.type is MentionType.ENTITY and one.score > 0.7]
    heard = {(one.start, one.end): one.candidates for one in WAREHOUSE.link(text, spoken=True).mentions}
    for one in exact:
        assert heard.get((one.start, one.end)) == one.candidates


@pytest.mark.parametrize("pack", ["robot", "home", "kiosk"])
def test_absent_things_stay_absent(pack: str) -> None:
    """Of generated sentences about things that are nowhere, none gets a name by sound that typing does not give it."""
    rng = random.Random(4)
    corpus, made = Corpus((pack,)), material(pack)
    seen = 0
    place = random_place(rng, made.pack)
    while seen < 150:
        if seen % 50 == 0:
            place = random_place(rng, made.pack)
        clauses = corpus._clauses(rng, made, place, "absent")
        said = sentence(rng, clauses, pack, noisy=False) if clauses else None
        if said is None or not any(span.said.absent for span in said.spans) or read(place.linker, said) is None:
            continue
        seen += 1
        assert place.linker.link(said.text, spoken=True).marked == place.linker.link(said.text).marked


@pytest.mark.parametrize(
    ("word", "sounds"),
    [
        ("dock", "dok"), ("gate", "gAt"), ("eight", "At"), ("loading", "lOdiN"), ("knife", "nIf"), ("bridge", "briJ"),
        ("station", "stASun"), ("wanted", "wontud"), ("cellar", "selor"), ("sky", "skI"), ("3", ""),
    ],
)  # fmt: skip
def test_letters_have_sounds(word: str, sounds: str) -> None:
    """Rough ones, by rules of spelling."""
    assert sounds_of(word) == sounds


SOUNDS = st.text("".join(sorted(VOWELS | CONSONANTS)), max_size=8)


@given(SOUNDS, SOUNDS)
def test_closeness_has_no_direction(one: str, other: str) -> None:
    """It is 1 for the same sounds alone, and never outside 0 and 1."""
    assert closeness(one, one) == 1.0
    assert closeness(one, other) == pytest.approx(closeness(other, one))
    assert 0.0 <= closeness(one, other) <= 1.0
    assert (closeness(one, other) == 1.0) == (one == other)


WORDS = st.sets(st.sampled_from(listed("dock deck duck talk bin pin pen shelf shell self rack wreck track lamp lamb")))


@given(WORDS, WORDS, st.sampled_from(listed("dog ben sell rag lump dark")))
def test_a_changed_table_is_the_table_of_what_is_left(before: set[str], after: set[str], heard: str) -> None:
    """Whatever comes and goes."""
    changed = SoundTable.of(before).changed(before - after, after - before)
    near = changed.near(sounds_of(heard))
    assert near == SoundTable.of(after).near(sounds_of(heard))
    assert all(close >= NEAR_MIN and word in after for word, close in near)
