"""The hotwords: the most useful first, never more than the model's prompt holds."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from edge_agent.speech.bias import HOTWORD_TOKENS_MAX, as_prompt, hotwords
from edge_agent.speech.recognition import Lexicon


def lexicon(names: Mapping[str, tuple[str, ...]], *sentences: str) -> Lexicon:
    return Lexicon("robot", sentences, names, "digest")


def four_letters(text: str) -> int:
    """A tokenizer of sorts: a token for each word's four letters, one for each comma."""
    return text.count(",") + sum(-(-len(word) // 4) for word in text.replace(",", " ").split())


def test_names_that_no_dictionary_knows_come_first() -> None:
    names = {"place": ("kitchen", "dock one", "dock two"), "person": ("ognjen", "rose")}
    found = hotwords(lexicon(names, "drive to the {place}", "undock from the {place}"), four_letters)
    assert found == ("ognjen", "kitchen", "rose", "dock one", "undock", "dock two")


def test_words_in_braces_and_contractions_are_no_hotwords() -> None:
    found = hotwords(lexicon({}, "what's on {xyzzyclass} zzyx", "zzyx", "yyzz"), four_letters)
    assert found == ("zzyx", "yyzz")


def test_values_and_sighs_are_no_hotwords() -> None:
    """What everybody's Whisper knows needs no room; what begins like a value and is none does."""
    names = {
        "angle": ("five degrees", "a quarter", "half a turn"),
        "level": ("as low as it can go",),
        "place": ("the five arches", "two qorridors", "a"),
    }
    found = hotwords(lexicon(names, "hmm turn by {angle}", "uhm to {place}"), four_letters)
    assert found == ("two qorridors", "the five arches")


def test_a_word_of_one_example_in_thousands_is_not_the_packs() -> None:
    said = [f"undock {number}" for number in range(3_000)]
    assert hotwords(lexicon({}, *said, "ognjen undock"), four_letters) == ("undock",)
    assert hotwords(lexicon({}, *said[:900], "ognjen undock"), four_letters) == ("undock", "ognjen")


def test_a_name_of_two_classes_is_said_once() -> None:
    assert hotwords(lexicon({"a": ("ognjen",), "b": ("ognjen",)}), four_letters) == ("ognjen",)


def test_classes_take_turns() -> None:
    """Ten rooms are not lost behind a great many things."""
    rooms = tuple(f"rromm{letter}" for letter in "abcdefghij")
    items = tuple(f"itm{number:05}" for number in range(1_000))
    found = hotwords(lexicon({"item": items, "place": rooms}), four_letters)
    assert set(rooms) <= set(found)


@pytest.mark.parametrize("tokens_max", [0, 1, 7, 50, HOTWORD_TOKENS_MAX, 10_000])
def test_they_fit_into_the_prompt(tokens_max: int) -> None:
    names = tuple(f"nname{number}" for number in range(500))
    found = hotwords(lexicon({"item": names}), four_letters, tokens_max)
    room = min(tokens_max, HOTWORD_TOKENS_MAX)
    assert four_letters(as_prompt(found)) <= room
    assert bool(found) is (room > 2)
    assert four_letters(as_prompt([*found, "nname1"])) > room - 3, "and little room is left"


def test_a_long_name_does_not_keep_a_short_one_out() -> None:
    assert hotwords(lexicon({"item": ("q" * 4_000, "zyx")}), four_letters) == ("zyx",)


def test_a_tokenizer_that_counts_wholes_otherwise_is_obeyed() -> None:
    """Where a whole costs more than its parts, names go until it fits."""

    def squared(text: str) -> int:
        return len(text) ** 2 // 64

    found = hotwords(lexicon({"item": tuple(f"nname{number}" for number in range(90))}), squared)
    assert 0 < squared(as_prompt(found)) <= HOTWORD_TOKENS_MAX


def test_a_hundred_thousand_names_are_no_matter() -> None:
    """Equal lexicons give equal hotwords, and nothing is counted that cannot fit."""
    asked = []

    def counted(text: str) -> int:
        asked.append(text)
        return four_letters(text)

    names = {"item": tuple(f"pallet zq{number}" for number in range(100_000))}
    found = hotwords(lexicon(names), counted)
    assert found == hotwords(lexicon(dict(names)), four_letters)
    assert len(found) > 30
    assert len(asked) < 1_000
