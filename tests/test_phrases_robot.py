"""The robot's phrases keep its conventions: which place fills a slot, and one reading for one sentence."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest

from edge_agent.packs.phrases import Phrases, Sample, SlotPiece, load_phrases
from edge_agent.packs.registry import load_pack

KINDS = load_pack("robot").kinds
SAMPLES = 1_500
CHARACTERS_MAX = 40
BESIDE = re.compile(r"\b(near|beside|next to|behind|opposite|in front of|close to|nearest to|across from)\b")
SAME_WORDS = frozenset({"bring", "guide"})
"""Only the kind of what is named tells them apart: a parcel is brought to the office, a visitor is guided there."""


@pytest.fixture(scope="module")
def phrases() -> Phrases:
    return load_phrases(load_pack("robot"))


def reading(sample: Sample) -> tuple[str, tuple[object, ...]]:
    """The words said, every name as X, and what they mean: action, values, and the slot of each name in order."""
    words = [piece if isinstance(piece, str) else piece.list_name for piece in sample.pieces]
    text = " ".join("X" if word in KINDS or word == "any" else word for word in words)
    slots = tuple(piece.slot for piece in sample.pieces if isinstance(piece, SlotPiece))
    return text, (sample.intent, tuple(sorted(sample.fixed.items())), slots)


@pytest.mark.parametrize("action", ["pick", "bring"])
def test_a_place_beside_a_thing_is_not_where_it_is_taken_from(phrases: Phrases, action: str) -> None:
    """What is on, in or from a place has it as source; near, beside or behind one only says which thing is meant."""
    rng = random.Random(5)
    sources = 0
    for sample in (phrases.sample(rng, action) for _ in range(SAMPLES)):
        for before, piece in pairwise(sample.pieces[1:]):
            if isinstance(before, str) and isinstance(piece, SlotPiece) and piece.slot == "source":
                sources += 1
                assert not BESIDE.search(before), reading(sample)
    assert sources > SAMPLES // 10


@pytest.mark.parametrize("action", ["go_to", "follow", "guide", "pick", "place", "bring", "find", "inspect"])
def test_actions_are_said_with_places_that_only_describe(phrases: Phrases, action: str) -> None:
    """Every action with a thing or a place is also said with one more that fills no slot."""
    rng = random.Random(6)
    described = sum(
        any(
            isinstance(piece, SlotPiece) and piece.slot == "_" and piece.list_name in KINDS
            for piece in phrases.sample(rng, action).pieces
        )
        for _ in range(SAMPLES)
    )
    assert SAMPLES // 8 < described < SAMPLES * 7 // 8


def test_one_sentence_has_one_reading(phrases: Phrases) -> None:
    """No two actions claim the same words, and one action does not read them in two ways."""
    rng = random.Random(8)
    readings: dict[str, set[tuple[object, ...]]] = {}
    for action in (intent for intent in phrases.intents if intent != "reject"):
        for _ in range(SAMPLES):
            text, meaning = reading(phrases.sample(rng, action))
            if len(text) <= CHARACTERS_MAX:
                readings.setdefault(text, set()).add(meaning)
    disputed = {
        text: meanings
        for text, meanings in readings.items()
        if len(meanings) > 1 and not {meaning[0] for meaning in meanings} <= SAME_WORDS
    }
    assert not disputed


def test_bringing_something_unknown_is_not_unsupported(phrases: Phrases) -> None:
    """The robot can bring and get: that it does not know the thing is another reason to refuse."""
    rng = random.Random(9)
    handing = re.compile(r"^((please|can you|could you) )?(bring|get|fetch|hand|pass) (me|X|the|my)\b")
    for sample in (phrases.sample(rng, "reject") for _ in range(4 * SAMPLES)):
        if sample.fixed["reason"] == "unsupported":
            assert not handing.match(reading(sample)[0]), reading(sample)
