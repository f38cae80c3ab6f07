"""What Whisper makes up is held back, what people say is not, and a cry of stop never is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import Code
from edge_agent.safety.stop import is_stop
from edge_agent.speech.gate import Reading, doubt_about, echoes, is_cry, is_too_fast, loops

MENU = ("latte", "flat white", "mocha", "espresso", "cortado", "iced tea", "lemonade", "cocoa")


def reading(
    text: str,
    *,
    no_speech: float = 0.05,
    log_probability: float = -0.3,
    seconds: float = 3.0,
    bias: tuple[str, ...] = MENU,
    is_cut: bool = False,
) -> Reading:
    return Reading(text, no_speech, log_probability, 1_000 * seconds, bias, is_cut)


SAID = [
    pytest.param(reading("go to dock three"), id="a command"),
    pytest.param(reading("yes", seconds=0.4), id="an answer"),
    pytest.param(reading("no no no"), id="a cry"),
    pytest.param(reading("a latte and a flat white please"), id="two of the bias, in order"),
    pytest.param(reading("a latte a flat white and a mocha"), id="three of the bias with words between"),
    pytest.param(reading("latte flat white mocha"), id="three of the bias alone"),
    pytest.param(reading("cocoa latte lemonade mocha espresso flat white"), id="the bias in another order"),
    pytest.param(reading("turn left then turn left then turn left"), id="said three times"),
    pytest.param(reading("thank you take this box to the kitchen", seconds=4), id="thanks before a command"),
    pytest.param(reading("bring me the red box from dock three", seconds=1.6), id="quick talk"),
    pytest.param(reading("open it", no_speech=0.6, log_probability=-1.0), id="at both thresholds"),
    pytest.param(reading("latte", bias=()), id="no bias"),
]


@pytest.mark.parametrize("said", SAID)
def test_what_people_say_is_believed(said: Reading) -> None:
    assert doubt_about(said) is None


MADE_UP = [
    pytest.param(reading(""), Code.NO_SPEECH, "no words", id="nothing"),
    pytest.param(reading("go to dock three", no_speech=0.61), Code.NO_SPEECH, "nobody spoke", id="no speech alone"),
    pytest.param(
        reading("go to dock three", no_speech=0.9, log_probability=-0.01),
        Code.NO_SPEECH,
        "nobody spoke",
        id="no speech, though the words are sure",
    ),
    pytest.param(
        reading("go to dock three", no_speech=0.0, log_probability=-1.01),
        Code.LOW_CONFIDENCE,
        "unlikely",
        id="unlikely words, though somebody speaks",
    ),
    pytest.param(reading("go", log_probability=math.nan), Code.LOW_CONFIDENCE, "unlikely", id="no number"),
    pytest.param(reading("go", no_speech=math.nan), Code.NO_SPEECH, "nobody spoke", id="no number of no speech"),
    pytest.param(reading("thank you"), Code.NO_SPEECH, "when nobody speaks", id="what it makes of a breath"),
    pytest.param(
        reading("thank you so much for watching"), Code.NO_SPEECH, "when nobody speaks", id="the end of a video"
    ),
    pytest.param(
        reading("go home thanks for watching"), Code.NO_SPEECH, "when nobody speaks", id="a video's end behind words"
    ),
    pytest.param(
        reading("subtitles by the amara org community"), Code.NO_SPEECH, "when nobody speaks", id="a video's credits"
    ),
    pytest.param(
        reading("mocha espresso cortado iced tea"), Code.NO_SPEECH, "the names that", id="four of the bias in its order"
    ),
    pytest.param(reading(" ".join(MENU)), Code.NO_SPEECH, "the names that", id="the whole bias"),
    pytest.param(
        reading("the latte flat white mocha espresso cortado is"),
        Code.NO_SPEECH,
        "the names that",
        id="mostly the bias",
    ),
    pytest.param(reading("go " * 6), Code.LOW_CONFIDENCE, "again and again", id="one word in a loop"),
    pytest.param(
        reading("turn left now " * 4, seconds=9), Code.LOW_CONFIDENCE, "again and again", id="a sentence in a loop"
    ),
    pytest.param(
        reading("take the box and the box " + "and put it on the table in the hall " * 9, seconds=15),
        Code.LOW_CONFIDENCE,
        "again and again",
        id="a long loop behind other words",
    ),
    pytest.param(
        reading("take the red box from dock three to the kitchen", seconds=0.9),
        Code.LOW_CONFIDENCE,
        "nobody says that much in 0.9 seconds",
        id="faster than anybody speaks",
    ),
    pytest.param(reading("a b c d", is_cut=True), Code.LOW_CONFIDENCE, "nobody says that much", id="without an end"),
]


@pytest.mark.parametrize(("made_up", "code", "why"), MADE_UP)
def test_what_is_made_up_is_held_with_its_reason(made_up: Reading, code: Code, why: str) -> None:
    doubt = doubt_about(made_up)
    assert doubt is not None
    assert doubt.code is code
    assert why in doubt.why


CRIES = ["stop", "halt", "stop it now", "stoooop", "please stop", "robot stop", "no no stop", "oh halt", "stop " * 9]


@pytest.mark.parametrize("cry", CRIES)
def test_a_cry_of_stop_is_never_held(cry: str) -> None:
    """Not when nobody seems to speak, not when it is unlikely, in a loop, too fast, or all of these."""
    text = cry.strip()
    worst = reading(text, no_speech=1.0, log_probability=-9.0, seconds=0.01, bias=("stop",) * 9, is_cut=True)
    assert doubt_about(worst) is None
    assert is_stop(text, prefix=True)


@pytest.mark.parametrize("text", ["go to the bus stop", "don't stop", "stopping", "never stop", "the stop", "unstop"])
def test_a_word_of_stopping_elsewhere_is_no_cry(text: str) -> None:
    """So a doubtful sentence that only speaks of one is held like any other."""
    assert not is_cry(text)
    assert doubt_about(reading(text, log_probability=-2.0)) is not None


def test_names_that_are_said_often_are_no_echo() -> None:
    """Four names in the order of a long menu are one; the same four with a word of the speaker's at each are not."""
    assert echoes("latte flat white mocha espresso", MENU)
    assert not echoes("one latte one flat white one mocha one espresso", MENU)


@pytest.mark.parametrize(
    ("words", "times", "is_loop"),
    [
        pytest.param("five", 5, False, id="five of one word"),
        pytest.param("five", 6, True, id="six of one word"),
        pytest.param("go on", 4, False, id="four of two words"),
        pytest.param("go on", 5, True, id="five of two words"),
        pytest.param("go on now", 3, False, id="three of three words"),
        pytest.param("go on now", 4, True, id="four of three words"),
        pytest.param("go on down this long hall to its very end", 3, False, id="three of a sentence"),
        pytest.param("go on down this long hall to its very end", 4, True, id="four of a sentence"),
    ],
)
def test_how_often_is_too_often(words: str, times: int, is_loop: bool) -> None:
    assert loops(" ".join([words] * times)) is is_loop


def test_how_fast_is_too_fast() -> None:
    """35 characters a second, eight of them free."""
    assert not is_too_fast("x" * 43, 1_000)
    assert is_too_fast("x" * 44, 1_000)
    assert not is_too_fast("go home", 1)


@given(st.text() | st.lists(st.sampled_from([*MENU, "go", "stop", "the"])).map(" ".join), st.floats(), st.floats())
def test_any_reading_is_judged(text: str, no_speech: float, log_probability: float) -> None:
    """Whatever a model says, also of itself; and without a doubt only where both of its numbers are good."""
    doubt = doubt_about(reading(text, no_speech=no_speech, log_probability=log_probability))
    if doubt is None and not is_cry(text):
        assert no_speech <= 0.6
        assert log_probability >= -1.0
