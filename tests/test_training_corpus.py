"""The corpus: what the model learns from is what the linker produces and what the grammar can answer."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from itertools import islice

import pytest

pytest.importorskip("wordfreq")

from jsonschema import Draft202012Validator

from edge_agent.grammar.schema import answer_schema
from edge_agent.packs.base import REJECT
from edge_agent.packs.registry import load_pack
from edge_agent.training.batches import Example
from edge_agent.training.card import corpus_digest
from edge_agent.training.check import Result, refusal_reason
from edge_agent.training.clauses import UNUSED, Clause, Said
from edge_agent.training.corpus import PACK_SHARES, Corpus, is_held_back, material
from edge_agent.training.descriptions import described
from edge_agent.training.joining import arranged
from edge_agent.training.noise import disturbed
from edge_agent.training.quantities import said_quantity
from edge_agent.training.texts import text_for
from edge_agent.training.unknown import absent_name
from edge_agent.training.worlds import random_place
from edge_agent.world.mention import MentionType, Unit
from edge_agent.world.quantities import read_quantities
from edge_agent.world.text import words_of

PACKS = tuple(PACK_SHARES)
_BESIDE = re.compile(r"(next to|near|behind|on|in) (the |my )?\[1 ")


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


def test_a_thing_that_is_not_there_stays_unknown_beside_one_that_is() -> None:
    """The description of an absent thing may name a known one; the answer is a refusal all the same."""
    trapped = [
        example
        for example in examples("robot", 1500)
        if '"unknown_entity"' in example.answer and _BESIDE.search(example.marked)
    ]
    assert len(trapped) > 5
    assert all(json.loads(example.answer) == [{"action": REJECT, "reason": "unknown_entity"}] for example in trapped)


def test_a_described_thing_is_what_the_command_is_about() -> None:
    """Of "the box next to the shelf" the box fills the slot, and the shelf fills none."""
    rng = random.Random(4)
    place = random_place(rng, load_pack("robot"))
    thing, other = place.by_kind["item"][0], place.by_kind["place"][0]
    said = Said(thing.name, "object", MentionType.ENTITY, "item", thing)
    clause = Clause("pick", {}, ("pick up the", said), "robot/pick/0")
    seen = 0
    for _ in range(60):
        longer = described(rng, clause, place)
        assert longer.parts[:2] == clause.parts
        assert all(part.slot == UNUSED for part in longer.parts[2:] if isinstance(part, Said))
        seen += any(isinstance(part, Said) and part.entity == other for part in longer.parts[2:])
    assert seen > 0


def test_what_is_done_first_may_be_said_last() -> None:
    """The answer has the order of doing: of "before you open the gate go to the dock" going comes first."""
    first = Clause("dock", {}, ("go to your charger",), "robot/dock/0")
    then = Clause("stop", {}, ("stop there",), "robot/stop/0")
    rng = random.Random(6)
    orders = {
        tuple((turn.before, turn.clause) for turn in arranged(rng, (first, then)) if turn.clause is not None)
        for _ in range(300)
    }
    assert any(order[0][0] == "before you" and order[0][1] == 1 for order in orders)
    assert all([at for _, at in order] == [0, 1] for order in orders if order[-1][0] in ("and", "then", "and then"))


def test_every_reason_to_refuse_has_its_share() -> None:
    """About a quarter of what is taught is refused, unknown things most of all."""
    reasons = Counter(refusal_reason(example.answer) for example in examples("home", 1500))
    assert 0.10 < reasons["unknown_entity"] / 1500 < 0.24
    assert 0.04 < reasons["not_a_command"] / 1500 < 0.14
    assert 0.02 < reasons["unsupported"] / 1500 < 0.08


def test_words_for_text_slots_are_of_their_sort_and_length() -> None:
    """Lists, searches, messages and timers get one to ten words that the grammar can give back."""
    rng = random.Random(8)
    for sort in ("thing_to_buy", "query", "message", "any_timer", "whatever"):
        lengths = {len(words_of(text_for(rng, sort))) for _ in range(300)}
        assert min(lengths) >= 1
        assert 3 <= max(lengths) <= 10


def test_an_unknown_name_shares_words_with_known_ones() -> None:
    """Some absent names differ from a known one in a single word, and the linker sees neither in them."""
    rng = random.Random(9)
    place = random_place(rng, load_pack("robot"))
    shared = 0
    for things in place.by_kind.values():
        for thing in things:
            words = absent_name(rng, place, thing)
            assert not place.linker.link(f"the {words}").mentions
            shared += bool(set(words.split()) & set(thing.name.split()))
    assert shared > 0


def test_a_breakdown_tells_wrong_actions_from_wrong_refusals() -> None:
    """Measuring says what became of each sort of example."""
    wanted = Example("robot", "stop", '[{"action":"stop"}]')
    absent = Example("robot", "go to the moon", '[{"action":"reject","reason":"unknown_entity"}]')
    result = Result((wanted, wanted, absent), (absent.answer, wanted.answer, wanted.answer))
    rows = {row.wanted: row for row in result.breakdown()}
    assert (rows["actions"].right, rows["actions"].refused, rows["actions"].executed) == (1, 1, 0)
    assert (rows["unknown_entity"].right, rows["unknown_entity"].executed) == (0, 1)


def test_the_digest_names_the_corpus() -> None:
    """The same seed gives the same digest again, another seed or another pack another one."""
    first = corpus_digest(1, ("kiosk",))
    assert corpus_digest(1, ("kiosk",)) == first
    assert len({first, corpus_digest(2, ("kiosk",)), corpus_digest(1, ("robot",))}) == 3
