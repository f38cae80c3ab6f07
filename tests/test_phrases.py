"""Phrases: the shipped ones parse, fit their packs and sample; wrong ones are refused with file, line and reason."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.packs.base import REJECT, ChoiceSlot, EntitySlot, Pack, QuantitySlot, TextSlot
from edge_agent.packs.phrases import REJECT_REASONS, Phrases, Sample, SlotPiece, load_phrases
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.world.mention import DEICTIC_WORDS

RARE_AT_LEAST = 4
COMMON = {
    "robot": {"go_to", "bring", "pick", "place", "find", "inspect"},
    "home": {"HassTurnOn", "HassTurnOff", "HassLightSet", "HassGetState"},
    "kiosk": {"order_drink"},
}
COMMON_AT_LEAST = 20


@pytest.fixture(scope="module")
def loaded() -> dict[str, tuple[Pack, Phrases]]:
    return {name: (load_pack(name), load_phrases(load_pack(name))) for name in SHIPPED}


def sentence(sample: Sample) -> str:
    return " ".join(piece if isinstance(piece, str) else f"<{piece.list_name}>" for piece in sample.pieces)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_action_has_phrases(loaded: dict[str, tuple[Pack, Phrases]], name: str) -> None:
    """No action of a shipped pack is without sentences, the common ones have many, and there are refusals."""
    pack, phrases = loaded[name]
    assert set(phrases.intents) == {action.name for action in pack.actions} | {REJECT}
    for intent in phrases.intents:
        assert phrases.templates(intent) >= (COMMON_AT_LEAST if intent in COMMON[name] else RARE_AT_LEAST), intent


@pytest.mark.parametrize("name", SHIPPED)
def test_samples_fill_exactly_what_their_action_allows(loaded: dict[str, tuple[Pack, Phrases]], name: str) -> None:
    """Whatever the walk, required slots are filled, no slot twice, and each by something that fits it."""
    pack, phrases = loaded[name]
    rng = random.Random(7)
    for intent in phrases.intents:
        action = pack.action(intent)
        for _ in range(150):
            sample = phrases.sample(rng, intent)
            assert sample.intent == intent
            if action is None:
                assert set(sample.fixed) == {"reason"}
                assert sample.fixed["reason"] in REJECT_REASONS
                continue
            slots = [piece.slot for piece in sample.pieces if isinstance(piece, SlotPiece) and piece.slot != "_"]
            filled = [*slots, *sample.fixed]
            assert len(set(filled)) == len(filled), sentence(sample)
            assert {spec.name for spec in action.slots if spec.required} <= set(filled), sentence(sample)
            for slot, value in sample.fixed.items():
                spec = action.slot(slot)
                assert spec is not None
                assert isinstance(spec.slot, ChoiceSlot)
                assert value in spec.slot.values
            for piece in sample.pieces:
                if isinstance(piece, SlotPiece) and piece.slot != "_":
                    check_fits(pack, phrases, intent, piece)


def check_fits(pack: Pack, phrases: Phrases, intent: str, piece: SlotPiece) -> None:
    """A piece's list is one that its slot takes."""
    action = pack.action(intent)
    assert action is not None
    spec = action.slot(piece.slot)
    assert spec is not None
    match spec.slot:
        case EntitySlot(kinds=kinds, words=words):
            assert piece.list_name in (words if piece.list_name in DEICTIC_WORDS else (*kinds, "any"))
        case QuantitySlot():
            assert piece.list_name in phrases.quantities
        case TextSlot(chars_max=chars_max):
            assert len(piece.text) <= chars_max
        case ChoiceSlot():
            pytest.fail(f"{intent}.{piece.slot} is a choice and stands in pieces")


@pytest.mark.parametrize("name", SHIPPED)
def test_sampled_words_are_plain(loaded: dict[str, tuple[Pack, Phrases]], name: str) -> None:
    """Words come without template syntax, punctuation, capitals or double blanks, and a sentence is never empty."""
    _, phrases = loaded[name]
    rng = random.Random(11)
    for _ in range(4_000):
        sample = phrases.sample(rng)
        assert sample.pieces
        for piece in sample.pieces:
            text = piece if isinstance(piece, str) else piece.text
            assert not set(text) & set("[](){}<>|;,!?\\"), sentence(sample)
            assert text == " ".join(text.lower().split()), sentence(sample)


def test_same_seed_same_sentences(loaded: dict[str, tuple[Pack, Phrases]]) -> None:
    """Sampling is repeatable from a seed, and different seeds differ."""
    _, phrases = loaded["robot"]
    runs = [[phrases.sample(random.Random(seed)) for _ in range(1)] for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert [phrases.sample(rng) for rng in [random.Random(3)] for _ in range(20)] != [
        phrases.sample(rng) for rng in [random.Random(4)] for _ in range(20)
    ]


def test_sentences_are_varied(loaded: dict[str, tuple[Pack, Phrases]]) -> None:
    """A thousand sentences of a common action are nearly all different."""
    _, phrases = loaded["robot"]
    rng = random.Random(0)
    assert len({sentence(phrases.sample(rng, "bring")) for _ in range(1_000)}) > 900


@pytest.mark.parametrize("name", SHIPPED)
def test_all_words_of_lists_are_said(loaded: dict[str, tuple[Pack, Phrases]], name: str) -> None:
    """Every action shows each of its required choices: no direction, step or state is beyond the phrases."""
    pack, phrases = loaded[name]
    rng = random.Random(1)
    for action in pack.actions:
        wanted = {
            (spec.name, value)
            for spec in action.slots
            if spec.required and isinstance(spec.slot, ChoiceSlot)
            for value in spec.slot.values
        }
        said = (
            {item for _ in range(600) for item in phrases.sample(rng, action.name).fixed.items()} if wanted else set()
        )
        assert wanted <= said, action.name


def test_home_names_stand_alone(loaded: dict[str, tuple[Pack, Phrases]]) -> None:
    """A thing called by its name is meant by it alone: no domain or class beside it, only what is asked for."""
    _, phrases = loaded["home"]
    rng = random.Random(5)
    for intent in phrases.intents:
        beside = {"domain"} if intent == "HassGetState" else {"domain", "device_class"}
        for _ in range(20 * phrases.templates(intent)):
            sample = phrases.sample(rng, intent)
            if "name" in {piece.slot for piece in sample.pieces if isinstance(piece, SlotPiece)}:
                assert not beside & sample.fixed.keys(), sentence(sample)


def test_home_lights_are_a_domain_when_they_are_said(loaded: dict[str, tuple[Pack, Phrases]]) -> None:
    """Colours and levels are of the domain light where a sentence says lights or lamps, and only there."""
    _, phrases = loaded["home"]
    rng = random.Random(6)
    for _ in range(4_000):
        sample = phrases.sample(rng, "HassLightSet")
        if "name" in {piece.slot for piece in sample.pieces if isinstance(piece, SlotPiece)}:
            continue
        words = set(sentence(sample).split())
        if words & {"lights", "lamps", "lamp", "bulbs"}:
            assert sample.fixed.get("domain") == "light", sentence(sample)
        elif not words & {"light", "lighting", "bulb", "spotlights"}:
            assert "domain" not in sample.fixed, sentence(sample)


def own_phrases(tmp_path: Path, text: str, *more: str) -> Phrases:
    """Phrases of the robot pack from these files alone."""
    files = []
    for number, content in enumerate((text, *more)):
        file = tmp_path / f"own{number}.yaml"
        file.write_text(content, encoding="utf-8")
        files.append(file)
    robot = load_pack("robot")
    pack = Pack(name="own", doc="", actions=robot.actions, phrases=tuple(files))
    return load_phrases(pack)


def with_sentence(template: str, intent: str = "go_to", more: str = "") -> str:
    return f"language: en\nintents:\n  {intent}:\n    data:\n      - sentences:\n          - '{template}'\n{more}"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("language: en\nintents: [", "", "no YAML", id="no YAML"),
        pytest.param("intents: {}", "", "language", id="no language"),
        pytest.param("language: en\nintents: {}\n", "", "no phrases", id="nothing in it"),
        pytest.param("language: en\nintentions: {}\n", ":2", "unknown key 'intentions'", id="unknown key"),
        pytest.param("language: en\nlanguage: de\n", ":2", "twice", id="key given twice"),
        pytest.param(with_sentence("fly to {place:place}", "fly"), ":6", "no action 'fly'", id="unknown action"),
        pytest.param(with_sentence("go to {place:spot}"), ":6", "no such slot", id="unknown slot"),
        pytest.param(with_sentence("go to {planet:place}"), ":6", "unknown list {planet}", id="unknown list"),
        pytest.param(with_sentence("<lead> to {place:place}"), ":6", "unknown rule <lead>", id="unknown rule"),
        pytest.param(with_sentence("go to there"), ":6", "does not always fill place", id="required slot empty"),
        pytest.param(
            with_sentence("go (to {place:place}|away)"), ":6", "does not always fill place", id="empty on one way"
        ),
        pytest.param(with_sentence("go [to {place:place}]"), ":6", "does not always fill place", id="only optional"),
        pytest.param(with_sentence("{place:place} to {place:place}"), ":6", "place twice", id="slot filled twice"),
        pytest.param(with_sentence("go to {person:place", "go_to"), ":6", "hassil cannot read it", id="bracket open"),
        pytest.param(with_sentence("go to {1..5:place}"), ":6", "inline ranges", id="inline range"),
        pytest.param(
            with_sentence("guide {me:person} to {me:place}", "guide"), ":6", "does not fit", id="word not taken"
        ),
        pytest.param(with_sentence("follow {place:target}", "follow"), ":6", "does not fit", id="kind not taken"),
        pytest.param(
            with_sentence("turn {side:direction}", "turn", "lists:\n  side: {values: [{in: west, out: west}]}\n"),
            ":6",
            "gives west",
            id="choice not taken",
        ),
        pytest.param(
            with_sentence(
                "wait {far:seconds}", "wait", "lists: {far: {range: {from: 1, to: 2}, metadata: {unit: m}}}\n"
            ),
            ":6",
            "does not fit",
            id="metres for seconds",
        ),
        pytest.param(
            with_sentence(
                "wait {far:seconds}", "wait", "lists:\n  far: {range: {from: 1, to: 2}, metadata: {unit: mile}}\n"
            ),
            ":8",
            "metadata.unit",
            id="unknown unit",
        ),
        pytest.param(
            with_sentence(
                "wait {far:seconds}",
                "wait",
                'lists: {far: {values: ["as far as it goes"], metadata: {unit: extreme}}}\n',
            ),
            ":6",
            "does not fit",
            id="an end of no percentage",
        ),
        pytest.param(
            with_sentence("stop", "stop", "lists:\n  long: {values: [off], metadata: {unit: s}}\n"),
            ":8",
            "words in quotes",
            id="quantity in no words",
        ),
        pytest.param(
            with_sentence("wait {far:seconds}", "wait", "lists:\n  far: {range: {from: 5, to: 2}}\n"),
            ":8",
            "whole numbers",
            id="range backwards",
        ),
        pytest.param(
            with_sentence("stop", "stop", "lists:\n  place: {values: [a]}\n"),
            ":8",
            "is taken",
            id="list named like a kind",
        ),
        pytest.param(
            with_sentence("stop", "stop", "lists:\n  a: {values: [on, off]}\n"),
            ":8",
            "text in quotes",
            id="yes and no in YAML",
        ),
        pytest.param(with_sentence("stop", "stop", "lists:\n  a: {}\n"), ":8", "needs `values:`", id="list of nothing"),
        pytest.param(
            with_sentence("<a> stop", "stop", 'expansion_rules:\n  a: "<b>"\n  b: "<a>"\n'),
            ":6",
            "uses itself: a → b → a",
            id="rule uses itself",
        ),
        pytest.param(
            with_sentence("stop", "stop", 'expansion_rules:\n  a: "(never"\n'),
            ":8",
            "rule <a>",
            id="slip in an unused rule",
        ),
        pytest.param(with_sentence("hm", "reject"), ":6", "needs `slots: {reason", id="reject without a reason"),
        pytest.param(
            "language: en\nintents:\n  turn:\n    data:\n      - slots: {direction: up}\n        sentences: [turn]\n",
            ":6",
            "cannot be 'up'",
            id="fixed value not taken",
        ),
        pytest.param(
            "language: en\nintents:\n  turn:\n    data:\n      - slots: {angle_deg: '3'}\n        sentences: [turn]\n",
            ":6",
            "only choices can be fixed",
            id="fixed number",
        ),
        pytest.param("language: en\nintents:\n  stop: {}\n", ":3", "needs `data:`", id="intent without data"),
        pytest.param(
            "language: en\nintents:\n  stop:\n    data: [{sentences: []}]\n",
            ":3",
            "needs `sentences:`",
            id="no sentence",
        ),
        pytest.param(
            "language: en\nintents:\n  stop:\n    data: [{sentences: [3]}]\n",
            ":3",
            "expected a text",
            id="number as sentence",
        ),
        pytest.param(
            "language: en\nintents:\n  stop:\n    data: [{sentences: [x], metadata: {weight: 0}}]\n",
            ":4",
            "weight",
            id="weight of nothing",
        ),
    ],
)
def test_bad_phrases_name_file_and_line(tmp_path: Path, text: str, line: str, message: str) -> None:
    """A wrong phrases file is refused as PHRASES_INVALID with its file, the line and what is wrong."""
    with pytest.raises(ConfigurationFault) as refused:
        own_phrases(tmp_path, text)
    assert refused.value.code is Code.PHRASES_INVALID
    assert refused.value.where.startswith(f"{tmp_path}/own0.yaml{line}") or not line
    assert message in refused.value.message


def test_a_bad_sentence_is_quoted(tmp_path: Path) -> None:
    """The refusal shows the sentence, so that it is found even after lines moved."""
    with pytest.raises(ConfigurationFault, match="go to \\{planet:place\\}"):
        own_phrases(tmp_path, with_sentence("go to {planet:place}"))


def test_a_name_defined_in_two_files_is_refused(tmp_path: Path) -> None:
    """Two files of a pack cannot both define a rule."""
    rule = 'expansion_rules:\n  a: "x"\n'
    with pytest.raises(ConfigurationFault, match="defined twice"):
        own_phrases(tmp_path, with_sentence("stop", "stop", rule), "language: en\n" + rule)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A phrases file that is not there is named."""
    robot = load_pack("robot")
    with pytest.raises(ConfigurationFault, match="cannot be read") as refused:
        load_phrases(Pack(name="own", doc="", actions=robot.actions, phrases=(tmp_path / "none.yaml",)))
    assert refused.value.where == str(tmp_path / "none.yaml")


def test_weights_and_fixed_slots_and_lists(tmp_path: Path) -> None:
    """A weight makes a block likelier, fixed slots and chosen values come out in `fixed`, quotes carry their words."""
    text = """
language: en
lists:
  side: {values: [{in: "(left|west)", out: left}]}
  motto: {values: ["hello (world|moon)"]}
intents:
  turn:
    data:
      - {slots: {direction: around}, metadata: {weight: 9}, sentences: ["spin"]}
      - {sentences: ["turn {side:direction}"]}
  say:
    data: [{sentences: ["say {motto:text} now"]}]
  guide:
    data: [{sentences: ["({person:person};to {place:place}) guide"]}]
"""
    phrases = own_phrases(tmp_path, text)
    rng = random.Random(2)
    turns = [phrases.sample(rng, "turn") for _ in range(1_000)]
    assert 850 < sum(sample.fixed == {"direction": "around"} for sample in turns) < 950
    assert {sample.pieces for sample in turns} == {("spin",), ("turn left",), ("turn west",)}
    assert {phrases.sample(rng, "say").pieces for _ in range(50)} == {
        ("say", SlotPiece("motto", "text", f"hello {word}"), "now") for word in ("world", "moon")
    }
    person, place = SlotPiece("person", "person"), SlotPiece("place", "place")
    assert {phrases.sample(rng, "guide").pieces for _ in range(50)} == {
        (person, "to", place, "guide"),
        ("to", place, person, "guide"),
    }
