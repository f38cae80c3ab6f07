"""What holds for every sentence in every world."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.mention import Linked, MentionType
from edge_agent.world.store import World
from edge_agent.world.text import normalize

_SORTS = ["box", "dock", "table", "lamp", "door", "kitchen", "bedroom", "can", "light", "Jörg", "mug", "diningroom"]
_MARKS = ["red", "blue", "big", "old", "1", "2", "three", "33", "a", "b", "the", "John's"]
_OTHER = [
    "bring", "go", "to", "the", "a", "and", "from", "me", "it", "there", "here", "is", "my", "please", "one", "two",
    "three", "half", "metres", "minutes", "degrees", "boxes", "docks", "tabel", "bed", "room", "dining", "that", "this",
    ",", ".", "[1", "]", "50%", "1.5", "can", "you", "of", "\u200b", "É", "33", "4", "light", "not", "boks", "dog",
]  # fmt: skip

_NAMES = st.builds(" ".join, st.lists(st.sampled_from(_SORTS + _MARKS), min_size=1, max_size=3))
_ENTITIES = st.lists(
    st.builds(
        Entity,
        name=_NAMES,
        kind=st.sampled_from(["item", "place", "area", "light", ""]),
        aliases=st.lists(_NAMES, max_size=2).map(tuple),
    ),
    max_size=8,
    unique_by=lambda entity: (entity.name.casefold(), entity.kind),
)
_SENTENCES = st.builds(" ".join, st.lists(st.sampled_from(_OTHER + _SORTS + _MARKS), max_size=14))
_MARK = re.compile(r"\[(\d+|[a-j]|me|here|it|there)( [^\[\]]+)?\]")


def essence(linked: Linked) -> tuple[object, ...]:
    """Everything that was found, without the objects' identity."""
    return linked.marked, tuple(
        (one.label, one.start, one.end, one.candidates, one.quantity, one.score) for one in linked.mentions
    )


@settings(max_examples=300, deadline=None)
@given(_ENTITIES, _SENTENCES)
def test_mentions_lie_in_the_text_in_order_and_apart(entities: list[Entity], text: str) -> None:
    """Each mention slices its text out of the sentence; none overlaps the next; labels count up."""
    linked = Linker(World.of(entities)).link(text)
    assert linked.text == text
    assert linked.words == normalize(text)
    end = 0
    for mention in linked.mentions:
        assert end <= mention.start < mention.end <= len(text)
        assert text[mention.start : mention.end] == mention.text
        end = mention.end
    by_type = {
        sort: [one for one in linked.mentions if one.type is sort]
        for sort in (MentionType.ENTITY, MentionType.QUANTITY)
    }
    assert [one.label for one in by_type[MentionType.ENTITY]] == [
        str(place + 1) for place in range(len(by_type[MentionType.ENTITY]))
    ]
    assert "".join(one.label for one in by_type[MentionType.QUANTITY]) in "abcdefghij"
    assert all(one.candidates and set(one.candidates) <= set(entities) for one in by_type[MentionType.ENTITY])
    assert all(one.quantity is not None for one in by_type[MentionType.QUANTITY])


@settings(max_examples=300, deadline=None)
@given(_ENTITIES, _SENTENCES)
def test_the_marked_sentence_is_the_words_and_flat_marks(entities: list[Entity], text: str) -> None:
    """Marks never nest, there is one for each mention, and without them the normalized words are left."""
    linked = Linker(World.of(entities)).link(text)
    marks = list(_MARK.finditer(linked.marked))
    assert [mark.group(1) for mark in marks] == [mention.label for mention in linked.mentions]
    bare = _MARK.sub(lambda mark: (mark.group(2) or mark.group(1)).strip(), linked.marked)
    assert bare == " ".join(word.text for word in linked.words)
    assert not set("[]") & set(bare)


@settings(max_examples=200, deadline=None)
@given(_ENTITIES, _SENTENCES, st.randoms(use_true_random=False))
def test_the_order_of_the_world_does_not_matter(entities: list[Entity], text: str, chance: object) -> None:
    """The same things in another order are the same world."""
    shuffled = list(entities)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert essence(Linker(World.of(entities)).link(text)) == essence(Linker(World.of(shuffled)).link(text))


@settings(max_examples=200, deadline=None)
@given(_ENTITIES, _SENTENCES)
def test_a_thing_nobody_speaks_of_changes_nothing(entities: list[Entity], text: str) -> None:
    """An unrelated entity leaves every other mention as it was."""
    stranger = Entity("xylophonist quarry", "zither", ("umlaut",))
    before = Linker(World.of(entities))
    assert essence(before.link(text)) == essence(Linker(World.of([*entities, stranger])).link(text))


@settings(max_examples=200, deadline=None)
@given(_ENTITIES, _SENTENCES, st.data())
def test_an_updated_linker_reads_as_one_made_anew(entities: list[Entity], text: str, data: st.DataObject) -> None:
    """Whatever is removed, replaced or added, and in two steps."""
    world = World.of(entities)
    linker = Linker(world)
    for _ in range(2):
        gone = (
            data.draw(st.lists(st.sampled_from([one.name for one in world.entities]), max_size=2))
            if world.entities
            else []
        )
        world = world.updated(gone, data.draw(_ENTITIES))
        linker = linker.updated(world)
    assert essence(linker.link(text)) == essence(Linker(world).link(text))


@settings(max_examples=200, deadline=None)
@given(_ENTITIES, _SENTENCES)
def test_what_is_removed_is_not_found(entities: list[Entity], text: str) -> None:
    """After its removal no mention has the entity as a candidate."""
    world = World.of(entities)
    linker = Linker(world)
    for mention in linker.link(text).mentions:
        for entity in mention.candidates:
            after = linker.updated(world.updated([entity.name], []))
            assert all(entity not in one.candidates for one in after.link(text).mentions)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=120))
def test_any_text_at_all_is_read(text: str) -> None:
    """No text makes the linker fail."""
    linked = Linker(World.of([Entity("red box"), Entity("dock 3"), Entity("dining room")])).link(text)
    assert "\n" not in linked.marked


@settings(max_examples=100, deadline=None)
@given(_NAMES)
def test_a_name_is_found_as_it_is_written(name: str) -> None:
    """An entity is found by its own name, whatever words it is made of, unless they are grammar alone."""
    linked = Linker(World.of([Entity(name, "item")])).link(f"fetch the {name}, please")
    found = [one for one in linked.mentions if one.candidates]
    grammar_only = normalize(name)[-1].text in ("a", "the") or not set(name.casefold().split()) & {
        word.casefold() for word in _SORTS
    }
    assert grammar_only or [one.score for one in found] == [1.0]
