"""What Whisper writes becomes what was said, in words, and still means the same to the linker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.speech.normalising import cardinal, normalised, ordinal
from edge_agent.world.mention import Unit
from edge_agent.world.numerals import read_number
from edge_agent.world.quantities import read_quantities
from edge_agent.world.text import normalize

WRITTEN = [
    ("Turn left 90°, please.", "turn left ninety degrees please"),
    ("Go to Dock 3!", "go to dock three"),
    ("Move 10 m.", "move ten meters"),
    ("Move 1 m.", "move one meter"),
    ("back .5 meters", "back zero point five meters"),
    ("back 0.5m", "back zero point five meters"),
    ("1/2 m", "one half meters"),
    ("2 1/2 cups, 3½ cups", "two and one half cups three and one half cups"),
    ("50 % or 50%", "fifty percent or fifty percent"),
    ("-18°C", "minus eighteen degrees celsius"),
    ("20C, 70 °F", "twenty degrees celsius seventy degrees fahrenheit"),
    ("Wait 90s; then 5 min.", "wait ninety seconds then five minutes"),
    ("the 1st, 2nd, 12th and 20th, the 101st", "the first second twelfth and twentieth the one hundred first"),
    ("B12, R2-D2", "b twelve r two d two"),
    ("1,205,300", "one million two hundred five thousand three hundred"),
    ("007", "zero zero seven"),
    ("5551234567", "five five five one two three four five six seven"),
    ("at 7:30 p.m., 7:05, 7:00", "at seven thirty pm seven oh five seven o'clock"),
    ("Don\u2019t stop, it\u2019s John's!", "don't stop it's john's"),
    ("twenty-five", "twenty five"),
    ("salt & pepper", "salt and pepper"),
    ("[BLANK_AUDIO] (applause) *coughs* \u266a\u266a <|nospeech|>", ""),
    ("Okay. [Music] Go.", "okay go"),
    ("m", "m"),
    ("", ""),
]


@pytest.mark.parametrize(("written", "said"), [pytest.param(*case, id=case[0] or "nothing") for case in WRITTEN])
def test_a_written_form_is_what_was_said(written: str, said: str) -> None:
    assert normalised(written) == said


@given(st.integers(0, 999_999_999))
def test_every_number_is_read_back(number: int) -> None:
    words = cardinal(number).split()
    assert read_number(words, 0) == (number, len(words))


@given(st.integers(1, 999_999_999))
def test_a_place_differs_from_its_number_in_the_last_word_only(place: int) -> None:
    assert ordinal(place).split()[:-1] == cardinal(place).split()[:-1]
    assert ordinal(place).endswith(("first", "second", "third", "th"))


@given(st.text() | st.from_regex(r"[-.,:/0-9 a-z°%]{0,40}", fullmatch=True))
def test_any_text_becomes_words_and_stays_so(text: str) -> None:
    """No digit of ours, no capital, no punctuation but apostrophes; and what is normalised already is left alone."""
    said = normalised(text)
    assert not any(char in "0123456789.,:;/-!?°%" for char in said)
    assert normalised(said) == said


@pytest.mark.parametrize(
    ("written", "value", "unit"),
    [
        ("move 2.5 m", 2.5, Unit.METRE),
        ("move .5 m", 0.5, Unit.METRE),
        ("move 30cm", 0.3, Unit.METRE),
        ("turn 90°", 90, Unit.DEGREE),
        ("turn 1/2 degree", 0.5, Unit.DEGREE),
        ("set it to -18°C", -18, Unit.TEMPERATURE),
        ("set it to 50%", 50, Unit.PERCENT),
        ("move 2 1/2 m", 2.5, Unit.METRE),
        ("move 2 3/4 m", 2.75, Unit.METRE),
    ],
)
def test_the_linker_reads_the_same_quantity(written: str, value: float, unit: Unit) -> None:
    words = [word.text for word in normalize(normalised(written))]
    found = [span.quantity for span in read_quantities(words)]
    assert [(one.value, one.unit) for one in found] == [(pytest.approx(value), unit)]
