"""A user's own phrases: what is made of them for training, what is held back, what is refused before any training."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("wordfreq")

from jsonschema import Draft202012Validator

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.evaluation.examples import read_examples
from edge_agent.grammar.schema import answer_schema
from edge_agent.packs.base import REJECT
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.training.batches import Example
from edge_agent.training.lessons import HELD_BACK_LINES_MIN, Lessons, OwnPack, own_material, said_heads
from edge_agent.training.own_phrases import own_phrases

FOLDER = Path(__file__).parent.parent / "examples" / "greenhouse"
GREENHOUSE = OwnPack(str(FOLDER / "greenhouse.json"), ())

LAMPS = """{"title": "lamps", "x-phrases": ["lamps.yaml"], "oneOf": [
  {"type": "object", "properties": {"action": {"const": "dim"}, "lamp": {"type": "string", "x-entity": ["lamp"]}},
   "required": ["action", "lamp"]},
  {"type": "object", "properties": {"action": {"const": "show"}, "text": {"type": "string", "x-text": true}},
   "required": ["action", "text"]}]}"""
PHRASES = """
language: en
lists: {message: {wildcard: true}}
intents:
  dim: {data: [{sentences: ["dim the {lamp:lamp}", "it's too bright at {lamp:lamp}"]}]}
  show: {data: [{sentences: ["show {message:text}"]}]}
"""


def lamps(folder: Path, phrases: str = PHRASES, pack: str = LAMPS) -> OwnPack:
    """A small pack as a newcomer writes it."""
    (folder / "lamps.json").write_text(pack, encoding="utf-8")
    (folder / "lamps.yaml").write_text(phrases, encoding="utf-8")
    return OwnPack(str(folder / "lamps.json"), ())


def examples(lessons: Lessons, count: int) -> list[Example]:
    return list(islice(lessons(random.Random(4)), count))


def test_every_answer_is_one_that_the_sentence_allows() -> None:
    """What is taught for a user's pack is what the grammar of that very sentence can answer."""
    pack = load_pack(GREENHOUSE.name)
    made = examples(Lessons(GREENHOUSE, replay=0.0), 250)
    for example in made:
        assert example.linked is not None
        schema = _without_words(answer_schema(pack, example.linked))
        errors = list(Draft202012Validator(schema).iter_errors(json.loads(example.answer)))
        assert not errors, (example.marked, example.answer)
    actions = {call["action"] for example in made for call in json.loads(example.answer)}
    assert actions == {REJECT, *(spec.name for spec in pack.actions)}


def _without_words(part: Any) -> Any:
    """A schema without the keyword that only our own grammar reads."""
    if isinstance(part, dict):
        return {key: _without_words(value) for key, value in part.items() if key != "x-words"}
    return [_without_words(each) for each in part] if isinstance(part, list) else part


def test_one_in_a_handful_of_lines_is_held_back() -> None:
    """Every action with four lines or more has one held back, none has all; once measured with, all are taught."""
    material = own_material(GREENHOUSE)
    lines = own_phrases(material.pack, material.pack.phrases).own
    assert material.held_back is not None
    held = Counter(group.split("/")[1] for group in material.held_back)
    assert all((held[intent] > 0) == (count >= HELD_BACK_LINES_MIN) for intent, count in lines.items())
    assert all(held[intent] <= count / 2 for intent, count in lines.items())
    taught = examples(Lessons(GREENHOUSE, replay=0.0), 150)
    unseen = examples(Lessons(GREENHOUSE, replay=0.0, held_back=True), 40)
    assert not {example.group for example in taught} & material.held_back
    assert {example.group for example in unseen} <= material.held_back
    assert own_material(GREENHOUSE, all_lines=True).held_back == frozenset()


def test_shipped_packs_are_repeated_among_the_lessons() -> None:
    """A share of what is taught is the shipped packs', so that the model does not forget them."""
    packs = Counter(example.pack for example in examples(Lessons(GREENHOUSE, replay=0.5), 200))
    assert set(packs) == {"greenhouse", *SHIPPED}
    assert 60 < packs["greenhouse"] < 140
    assert {example.pack for example in examples(Lessons(GREENHOUSE, replay=0.0), 30)} == {"greenhouse"}


def test_things_are_called_as_in_the_users_world() -> None:
    """Names in training sentences are made with the last words of the user's names, numbers aside."""
    heads = said_heads(load_pack(GREENHOUSE.name), ())
    assert {"lamps", "lights"} <= set(heads["lamp"])
    assert {"thermometer", "probe"} <= set(heads["sensor"])
    assert "four" not in heads["bed"]
    said = " ".join(example.marked for example in examples(Lessons(GREENHOUSE, replay=0.0), 150))
    assert "thermometer" in said


def test_courtesies_are_put_around_imperatives_only(tmp_path: Path) -> None:
    """ "Could you" comes before a verb, not before a statement; nothing follows a text, which it would be part of."""
    own = lamps(tmp_path)
    spoken = own_phrases(load_pack(own.name), (tmp_path / "lamps.yaml",))
    rng = random.Random(2)

    def said(intent: str, template: int) -> set[str]:
        samples = (spoken.phrases.sample(rng, intent, template) for _ in range(400))
        return {" ".join(piece if isinstance(piece, str) else "#" for piece in sample.pieces) for sample in samples}

    assert {"dim the #", "please dim the #"} <= said("dim", 0)
    assert any(words.startswith("could you") for words in said("dim", 0))
    assert not any("could you it's" in words or "you to it's" in words for words in said("dim", 1))
    assert all(words.endswith("#") for words in said("show", 0))


def test_what_is_a_request_here_is_not_refused_as_elsewhere() -> None:
    """Shipped refusals that begin as the pack's own requests do are left out, and the user's own ones are kept."""
    pack = load_pack(GREENHOUSE.name)
    spoken = own_phrases(pack, pack.phrases)
    rng = random.Random(1)
    unsupported = set(spoken.refused["unsupported"])
    assert set(range(3)) <= unsupported
    firsts = Counter[str]()
    for template in unsupported:
        pieces = spoken.phrases.sample(rng, REJECT, template).pieces
        firsts[str(pieces[0]).split()[0]] += 1
    assert not {"water", "harvest", "feed"} & set(firsts)
    forbidden = [spoken.phrases.sample(rng, REJECT, template) for template in spoken.refused["not_a_command"]]
    assert any("water" in str(sample.pieces[0]).split() for sample in forbidden)


@pytest.mark.parametrize(
    ("phrases", "says"),
    [
        pytest.param(PHRASES.split("  show:", maxsplit=1)[0], "no phrase asks for show", id="silent"),
        pytest.param(PHRASES.replace("{lamp:lamp}", "{lamp:bulb}"), "no such slot", id="unknown slot"),
        pytest.param("language: en\nintents: {}", "no phrases", id="no phrases"),
    ],
)
def test_phrases_that_cannot_be_taught_are_refused(tmp_path: Path, phrases: str, says: str) -> None:
    """An action nobody asks for, an unknown slot, no phrases: each is refused with its code before any training."""
    with pytest.raises(ConfigurationFault, match=says) as refused:
        own_material(lamps(tmp_path, phrases))
    assert refused.value.code is Code.PHRASES_INVALID


def test_two_actions_asked_for_by_the_same_words_are_refused(tmp_path: Path) -> None:
    """No answer to such a sentence could be right, so nothing is trained on it."""
    two = LAMPS.replace('"const": "show"', '"const": "light"').replace(
        '"text": {"type": "string", "x-text": true}', '"lamp": {"type": "string", "x-entity": ["lamp"]}'
    )
    two = two.replace('"required": ["action", "text"]', '"required": ["action", "lamp"]')
    phrases = """
language: en
intents:
  dim: {data: [{sentences: ["(dim|change) {lamp:lamp}"]}]}
  light: {data: [{sentences: ["(light|change) {lamp:lamp}"]}]}
"""
    with pytest.raises(ConfigurationFault, match=r"'change \{lamp\}' asks for") as refused:
        own_material(lamps(tmp_path, phrases, two))
    assert refused.value.code is Code.PHRASES_INVALID


def test_a_pack_may_not_take_a_shipped_name(tmp_path: Path) -> None:
    """The model tells packs apart by their names: another `robot` would be mixed with the shipped one."""
    with pytest.raises(ConfigurationFault, match="call a pack of your own") as refused:
        own_material(lamps(tmp_path, pack=LAMPS.replace('"lamps"', '"robot"')))
    assert refused.value.code is Code.PACK_INVALID


def test_a_shipped_pack_is_taught_the_owners_sentences(tmp_path: Path) -> None:
    """A kiosk's owner adds sentences to the shipped pack; without any there is nothing to teach."""
    (tmp_path / "more.yaml").write_text(
        "language: en\nintents: {order_drink: {data: [{sentences: ['hit {me:_} with a {drink:drink}']}]}}", "utf-8"
    )
    own = OwnPack("kiosk", (tmp_path / "more.yaml",))
    made = examples(Lessons(own, replay=0.0), 60)
    assert {example.pack for example in made} == {"kiosk"}
    assert any(example.marked.startswith("hit [me] with a [1") for example in made)
    with pytest.raises(ConfigurationFault) as refused:
        own_material(OwnPack("kiosk", ()))
    assert refused.value.code is Code.PHRASES_INVALID


def test_the_growers_sentences_fit_the_pack() -> None:
    """Every expected action of the hand-written sentences is one of the pack's, with its slots."""
    pack = load_pack(GREENHOUSE.name)
    for example in read_examples(FOLDER / "held.jsonl"):
        for expected in example.expected:
            if expected["action"] != REJECT:
                spec = pack.action(str(expected["action"]))
                assert spec is not None, example.id
                spec.model.model_validate(expected)
