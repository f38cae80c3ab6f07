"""The corpus: what the model learns from is what the linker produces and what the grammar can answer."""

from __future__ import annotations

import json
import random
from itertools import islice

import pytest

pytest.importorskip("wordfreq")

from jsonschema import Draft202012Validator

from edge_agent.grammar.schema import answer_schema
from edge_agent.packs.base import REJECT
from edge_agent.packs.registry import load_pack
from edge_agent.training.batches import Example
from edge_agent.training.corpus import PACK_SHARES, Corpus, is_held_back, material
from edge_agent.training.noise import disturbed
from edge_agent.training.quantities import said_quantity
from edge_agent.training.worlds import random_place
from edge_agent.world.mention import Unit
from edge_agent.world.quantities import read_quantities
from edge_agent.world.text import words_of

PACKS = tuple(PACK_SHARES)


def examples(pack: str, count: int, *, held_back: bool = False, seed: int = 3) -> list[Example]:
    return list(islice(Corpus((pack,), held_back)(random.Random(seed)), count))


@pytest.mark.parametrize("pack", PACKS)
def test_same_seed_same_corpus(pack: str) -> None:
    """A corpus is a function of its seed."""
    assert examples(pack, 40) == examples(pack, 40)
    assert examples(pack, 40) != examples(pack, 40, seed=4)


@pytest.mark.parametrize("pack", PACKS)
def test_every_answer_is_one_that_the_sentence_allows(pack: str) -> None:
    """The right answer validates against the schema that the engine's grammar of this very sentence is made from."""
    vocabulary = load_pack(pack)
    for example in examples(pack, 150):
        assert example.linked is not None
        schema = answer_schema(vocabulary, example.linked)
        for definition in _definitions(schema):
            definition.pop("x-words", None)
        errors = [error.message for error in Draft202012Validator(schema).iter_errors(json.loads(example.answer))]
        assert not errors, (example.marked, example.answer, errors[:2])


def _definitions(schema: object) -> list[dict[str, object]]:
    """Every mapping inside a schema."""
    found: list[dict[str, object]] = []
    pending = [schema]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            found.append(part)
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)
    return found


@pytest.mark.parametrize("pack", PACKS)
def test_every_action_is_taught(pack: str) -> None:
    """No action of a pack is left out of its corpus, and neither is any reason to refuse."""
    seen = {call["action"] for example in examples(pack, 2500) for call in json.loads(example.answer)}
    assert seen == {spec.name for spec in load_pack(pack).actions} | {REJECT}


@pytest.mark.parametrize("pack", PACKS)
def test_held_back_templates_are_never_trained_on(pack: str) -> None:
    """Training sees no held-back template; measuring sees one in every sentence."""
    assert not any(is_held_back(example.group) for example in examples(pack, 200))
    assert all(is_held_back(example.group) for example in examples(pack, 60, held_back=True))


def test_an_absent_thing_is_unmarked_and_refused() -> None:
    """Some sentences name something that does not exist; they are refused for that reason."""
    refused = [example for example in examples("robot", 400) if '"unknown_entity"' in example.answer]
    assert len(refused) > 20
    assert all(len(json.loads(example.answer)) == 1 for example in refused)


@pytest.mark.parametrize("pack", PACKS)
def test_numbers_are_said_as_the_reader_reads_them(pack: str) -> None:
    """A quantity that is said with its unit is read back as one quantity of a unit that converts."""
    rng = random.Random(1)
    for numbers in material(pack).phrases.quantities.values():
        for _ in range(30):
            words = said_quantity(rng, numbers)
            readings = read_quantities(("to", *words_of(words)))
            assert len(readings) <= 1 or numbers.unit in (Unit.HOUR, Unit.MINUTE), words


def test_noise_keeps_a_sentence_speakable() -> None:
    """Disturbing words loses at most articles, and adds at most one word."""
    rng = random.Random(2)
    words = "go to the big kitchen and open a door"
    for _ in range(200):
        noisy = disturbed(rng, words).split()
        assert len(words.split()) - 2 <= len(noisy) <= len(words.split()) + 2


def test_coordination_says_one_action_for_each_thing() -> None:
    """Two things joined by "and" in one slot are two actions of the same kind."""
    doubled = 0
    for example in examples("robot", 2500):
        calls = json.loads(example.answer)
        if len(calls) == 2 and calls[0]["action"] == calls[1]["action"] == "bring":
            doubled += calls[0].get("object") != calls[1].get("object")
    assert doubled > 0


def test_a_world_has_every_kind_that_a_pack_can_name() -> None:
    """Whatever the phrases ask for, the world of the sentence has it."""
    place = random_place(random.Random(5), load_pack("robot"))
    assert set(place.by_kind) == set(load_pack("robot").kinds)
