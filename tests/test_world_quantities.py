"""Numbers and their units as people say them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.world.mention import Quantity, Unit
from edge_agent.world.quantities import read_quantities
from edge_agent.world.text import words_of
from edge_agent.world.units import convert

M, DEG, S, MIN, H = Unit.METRE, Unit.DEGREE, Unit.SECOND, Unit.MINUTE, Unit.HOUR
PCT, TEMP, OZ, COUNT, END = Unit.PERCENT, Unit.TEMPERATURE, Unit.OUNCE, Unit.COUNT, Unit.EXTREME


def read(text: str) -> list[tuple[str, float, Unit]]:
    words = words_of(text)
    return [
        (" ".join(words[one.first : one.after]), one.quantity.value, one.quantity.unit)
        for one in read_quantities(words)
    ]


@pytest.mark.parametrize(
    ("text", "said", "value", "unit"),
    [
        pytest.param("drive two metres", "two metres", 2, M, id="words"),
        pytest.param("drive 1.5 m ahead", "1.5 m", 1.5, M, id="digits"),
        pytest.param("drive .5 m ahead", ".5 m", 0.5, M, id="a-point-in-front"),
        pytest.param("drive .5m ahead", ".5m", 0.5, M, id="a-point-in-front-and-no-space"),
        pytest.param("drive 30cm back", "30cm", 0.3, M, id="suffix"),
        pytest.param("drive two and a half metres", "two and a half metres", 2.5, M, id="and-a-half"),
        pytest.param("drive 2½ metres", "2 1/2 metres", 2.5, M, id="vulgar-fraction"),
        pytest.param("drive half a metre", "half a metre", 0.5, M, id="half-a"),
        pytest.param("drive a metre", "a metre", 1, M, id="a-metre"),
        pytest.param("drive a meter sideways", "a meter", 1, M, id="a-meter"),
        pytest.param("drive two point two five metres", "two point two five metres", 2.25, M, id="point"),
        pytest.param("drive one hundred and twenty metres", "one hundred and twenty metres", 120, M, id="hundreds"),
        pytest.param("drive a couple of metres", "a couple of metres", 2, M, id="couple"),
        pytest.param("drive ten feet", "ten feet", 3.048, M, id="feet"),
        pytest.param("drive six feet two inches", "six feet two inches", 1.8796, M, id="feet-and-inches"),
        pytest.param("drive a metre and 20 centimetres", "a metre and 20 centimetres", 1.2, M, id="metre-and-cm"),
        pytest.param("drive 3 more yards", "3 more yards", 2.7432, M, id="more"),
        pytest.param("turn ninety degrees", "ninety degrees", 90, DEG, id="degrees"),
        pytest.param("turn 45° left", "45°", 45, DEG, id="degree-sign"),
        pytest.param("make a quarter turn", "a quarter turn", 90, DEG, id="quarter-turn"),
        pytest.param("make half a turn", "half a turn", 180, DEG, id="half-a-turn"),
        pytest.param("make a full turn", "a full turn", 360, DEG, id="full-turn"),
        pytest.param("wait twenty-five seconds", "twenty five seconds", 25, S, id="hyphen"),
        pytest.param("wait 500 ms", "500 ms", 0.5, S, id="milliseconds"),
        pytest.param("wait a second", "a second", 1, S, id="a-second"),
        pytest.param("wait 2.5 minutes", "2.5 minutes", 150, S, id="broken-minutes-in-seconds"),
        pytest.param("wait 1/2 a minute", "1/2 a minute", 30, S, id="digits-of-a"),
        pytest.param("wait 1/2 an hour", "1/2 an hour", 30, MIN, id="digits-of-an"),
        pytest.param("wait 3/4 of an hour", "3/4 of an hour", 45, MIN, id="digits-of"),
        pytest.param("wait quarter of an hour", "quarter of an hour", 15, MIN, id="quarter-without-article"),
        pytest.param("set a half hour timer", "a half hour", 30, MIN, id="half-hour"),
        pytest.param("wait half an hour", "half an hour", 30, MIN, id="half-an-hour"),
        pytest.param("wait three quarters of an hour", "three quarters of an hour", 45, MIN, id="quarters-of"),
        pytest.param("wait 1.5 hours", "1.5 hours", 90, MIN, id="broken-hours-in-minutes"),
        pytest.param("a ten minute timer", "ten minute", 10, MIN, id="adjective"),
        pytest.param("wait another hour", "another hour", 1, H, id="another"),
        pytest.param("for two days", "two days", 48, H, id="days"),
        pytest.param("dim to fifty percent", "fifty percent", 50, PCT, id="percent"),
        pytest.param("dim to 50 per cent", "50 per cent", 50, PCT, id="per-cent"),
        pytest.param("dim to 12.5%", "12.5%", 12.5, PCT, id="percent-sign"),
        pytest.param("open it halfway", "halfway", 50, PCT, id="halfway"),
        pytest.param("leave it half open", "half", 50, PCT, id="half-open"),
        pytest.param("dim to a quarter", "a quarter", 25, PCT, id="to-a-quarter"),
        pytest.param("go to full brightness", "full", 100, PCT, id="full-brightness"),
        pytest.param("set it to maximum", "maximum", 1, END, id="to-maximum"),
        pytest.param("heat to 21 degrees celsius", "21 degrees celsius", 21, TEMP, id="celsius"),
        pytest.param("heat to 70 degrees fahrenheit", "70 degrees fahrenheit", 21.11, TEMP, id="fahrenheit"),
        pytest.param("heat to 50°F", "50°f", 10, TEMP, id="fahrenheit-sign"),
        pytest.param("cool to -18°C", "-18°c", -18, TEMP, id="below-zero"),
        pytest.param("cool to minus five degrees", "minus five degrees", -5, DEG, id="minus"),
        pytest.param("a twelve ounce coffee", "twelve ounce", 12, OZ, id="ounces"),
        pytest.param("get three plates", "three", 3, COUNT, id="count"),
        pytest.param("get one plate", "one", 1, COUNT, id="one-plate"),
        pytest.param("put it to one", "one", 1, COUNT, id="to-one"),
        pytest.param("get a dozen eggs", "a dozen", 12, COUNT, id="dozen"),
        pytest.param("get half a dozen eggs", "half a dozen", 6, COUNT, id="half-a-dozen"),
        pytest.param("get two thousand five hundred nails", "two thousand five hundred", 2500, COUNT, id="thousands"),
        pytest.param("level zero", "zero", 0, COUNT, id="zero"),
    ],
)
def test_a_quantity_is_read_whole(text: str, said: str, value: float, unit: Unit) -> None:
    """The longest stretch, converted to the unit that slots hold."""
    assert read(text) == [(said, value, unit)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("take the red one", id="the-red-one"),
        pytest.param("not this one but that one", id="this-one"),
        pytest.param("one of the boxes", id="one-of"),
        pytest.param("one at a time", id="one-at-a-time"),
        pytest.param("the second lamp on the third floor", id="ordinals"),
        pytest.param("take a second lamp", id="a-second-lamp"),
        pytest.param("go three steps forward", id="steps"),
        pytest.param("carry 20 kilograms", id="kilograms"),
        pytest.param("two hundred and fifty grams of it", id="grams"),
        pytest.param("come at 5 pm", id="pm"),
        pytest.param("come at 5 p.m.", id="pm-with-dots"),
        pytest.param("come at 12:30", id="clock"),
        pytest.param("come at seven o'clock", id="oclock"),
        pytest.param("use the 3d printer at b12", id="names-with-digits"),
        pytest.param("go for it to be too good", id="homophones"),
        pytest.param("turn half left", id="half-left"),
        pytest.param("the other half", id="other-half"),
    ],
)
def test_what_is_no_quantity_is_not_read(text: str) -> None:
    """Pronouns, ordinals, times of day and units that no slot holds."""
    assert read(text) == []


@pytest.mark.parametrize(
    ("text", "said", "value"),
    [
        pytest.param("dim to the maximum", "maximum", 1, id="the-maximum"),
        pytest.param("volume max", "max", 1, id="after-the-level"),
        pytest.param("the lowest possible brightness", "lowest possible", 0, id="possible"),
        pytest.param("set the fan to its lowest setting", "lowest", 0, id="setting"),
        pytest.param("dim it to minimum now", "minimum", 0, id="minimum"),
        pytest.param("turn it all the way up please", "all the way up", 1, id="all-the-way-up"),
        pytest.param("turn the music down all the way", "all the way", 0, id="down-all-the-way"),
        pytest.param("make it as bright as it goes", "as bright as it goes", 1, id="as-it-goes"),
        pytest.param("make them as dim as they can get", "as dim as they can get", 0, id="as-they-can-get"),
        pytest.param("play it as loud as possible", "as loud as possible", 1, id="as-possible"),
        pytest.param("make it the loudest it goes", "loudest it goes", 1, id="superlative"),
        pytest.param("run the fan at full blast", "full blast", 1, id="full-blast"),
    ],
)
def test_an_end_of_the_range_is_a_quantity(text: str, said: str, value: float) -> None:
    """The slot knows its bounds; the sentence says only which of them."""
    assert read(text) == [(said, value, END)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("bring the full bottle", id="full-bottle"),
        pytest.param("put it on the lowest shelf", id="lowest-shelf"),
        pytest.param("drive all the way down the hall", id="down-the-hall"),
        pytest.param("go all the way to the end", id="all-the-way-to"),
        pytest.param("come as soon as possible", id="as-soon"),
        pytest.param("drive as fast as you can", id="effort"),
        pytest.param("ask max", id="a-name"),
        pytest.param("to the highest of the boxes", id="highest-of"),
        pytest.param("as far as it is known", id="as-far-as"),
    ],
)
def test_words_that_describe_a_thing_or_an_effort_are_no_end_of_a_range(text: str) -> None:
    """The same words before a noun, before a way, or of how something is done."""
    assert read(text) == []


def test_hours_and_minutes_stay_two_quantities() -> None:
    """A timer has a slot for each; "an hour and a half" says the same as "1 hour 30 minutes"."""
    parts = [(1, H), (30, MIN)]
    assert [(value, unit) for _, value, unit in read("wait one and a half hours")] == parts
    assert [(value, unit) for _, value, unit in read("wait 1 1/2 hours")] == parts
    assert [(value, unit) for _, value, unit in read("set an hour and a half timer")] == parts
    assert read("wait two and a half minutes") == [("two", 2, MIN), ("a half minutes", 30, S)]
    assert [(value, unit) for _, value, unit in read("wait 1 hour 30 minutes")] == parts
    assert [(value, unit) for _, value, unit in read("wait an hour and a half")] == parts
    assert read("wait an hour and a half please")[1][0] == "a half"


def test_two_lengths_of_one_unit_are_two_quantities() -> None:
    """Only a smaller unit carries on a length."""
    assert [value for _, value, _ in read("drive two metres and three metres")] == [2, 3]


@pytest.mark.parametrize(
    ("quantity", "unit", "value"),
    [
        pytest.param(Quantity(5, COUNT), M, 5, id="bare-number-fits"),
        pytest.param(Quantity(21, DEG), TEMP, 21, id="degrees-as-temperature"),
        pytest.param(Quantity(21, TEMP), DEG, None, id="temperature-is-no-angle"),
        pytest.param(Quantity(90, MIN), H, 1.5, id="minutes-in-hours"),
        pytest.param(Quantity(2, MIN), S, 120, id="minutes-in-seconds"),
        pytest.param(Quantity(2, M), COUNT, None, id="length-is-no-count"),
        pytest.param(Quantity(2, M), S, None, id="length-is-no-time"),
        pytest.param(Quantity(8, OZ), OZ, 8, id="same-unit"),
    ],
)
def test_conversion(quantity: Quantity, unit: Unit, value: float | None) -> None:
    """What converts does, what does not gives None."""
    assert convert(quantity, unit) == value


_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_ONES += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spelt(number: int) -> str:
    """English words of a number below a million, written independently of the reader."""
    if number >= 1000:
        rest = f" {spelt(number % 1000)}" if number % 1000 else ""
        return f"{spelt(number // 1000)} thousand{rest}"
    if number >= 100:
        rest = f" and {spelt(number % 100)}" if number % 100 else ""
        return f"{_ONES[number // 100]} hundred{rest}"
    if number >= 20:
        return f"{_TENS[number // 10]}{'-' + _ONES[number % 10] if number % 10 else ''}"
    return _ONES[number]


@given(st.integers(0, 999_999))
def test_every_number_in_words_is_its_value(number: int) -> None:
    """Spelt out with "and" and hyphens, or in digits with thousands' commas."""
    assert [value for _, value, _ in read(f"drive {spelt(number)} metres")] == [number]
    assert [value for _, value, _ in read(f"drive {number:,} metres")] == [number]


@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "an",
                "one",
                "two",
                "half",
                "quarter",
                "hundred",
                "and",
                "point",
                "of",
                "minute",
                "metre",
                "5",
                "%",
                "°",
                "1/2",
                "the",
            ]
        )
    )
)
def test_readings_never_overlap(words: list[str]) -> None:
    """Any jumble of number words gives readings in order, each of at least one word."""
    end = 0
    for reading in read_quantities(words):
        assert end <= reading.first < reading.after <= len(words)
        end = reading.after
