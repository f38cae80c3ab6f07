"""Which texts are read, and the words they are read as."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.world.text import check_text, normalize


def said(text: str) -> list[str]:
    return [word.text for word in normalize(text)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", Code.EMPTY_TEXT, id="nothing"),
        pytest.param(" \t\n", Code.EMPTY_TEXT, id="blanks"),
        pytest.param("?!…", Code.EMPTY_TEXT, id="punctuation"),
        pytest.param("\u200b\u200d", Code.EMPTY_TEXT, id="invisible"),
        pytest.param("a" * (limits.TEXT_CHARS_MAX + 1), Code.TOO_LONG, id="one-too-many"),
        pytest.param("stop\x00now", Code.BAD_TEXT, id="nul"),
        pytest.param("stop\x1b[2J", Code.BAD_TEXT, id="escape"),
        pytest.param("stop\x85now", Code.BAD_TEXT, id="c1-control"),
        pytest.param("stop \ud800", Code.BAD_TEXT, id="lone-surrogate"),
        pytest.param("go \u202eleft", Code.BAD_TEXT, id="bidi-override"),
        pytest.param("go \u2066left", Code.BAD_TEXT, id="bidi-isolate"),
    ],
)
def test_a_text_that_cannot_be_a_command_is_refused_with_its_code(text: str, code: Code) -> None:
    """Each sort of bad text has its own stable code and names the field."""
    with pytest.raises(ClientFault) as refused:
        check_text(text)
    assert refused.value.code is code
    assert refused.value.where == "text"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * limits.TEXT_CHARS_MAX, id="longest"),
        pytest.param("go to\tdock 3\n", id="tab-and-newline"),
        pytest.param("bring me the café crème", id="accents"),
        pytest.param("go\u200bto dock", id="zero-width"),
    ],
)
def test_a_text_that_people_type_is_read(text: str) -> None:
    """Long, accented and oddly spaced texts pass."""
    check_text(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("Bring the RED box, please!", ["bring", "the", "red", "box", "please"], id="case-punctuation"),
        pytest.param("John\u2019s mug isn\u2019t here", ["john's", "mug", "isn't", "here"], id="curly-quotes"),
        pytest.param("s\u200bt\u00adop", ["stop"], id="zero-width-inside"),
        pytest.param("turn 30° at 50%, 21°C", ["turn", "30°", "at", "50%", "21°c"], id="degrees-percent"),
        pytest.param(
            "1.5 m or 1,000 or 1/2 or 2½", ["1.5", "m", "or", "1,000", "or", "1/2", "or", "2", "1/2"], id="numbers"
        ),
        pytest.param("set it to -18, rows 5-10", ["set", "it", "to", "-18", "rows", "5", "10"], id="minus-and-range"),
        pytest.param("30cm 2.5m 3d b12 2nd", ["30cm", "2.5m", "3d", "b12", "2nd"], id="digits-and-letters"),
        pytest.param("dock-3 dock_3 dock #3", ["dock", "3", "dock", "3", "dock", "3"], id="joined-numbers"),
        pytest.param("turn on the A.C. at 5 p.m.", ["turn", "on", "the", "ac", "at", "5", "pm"], id="abbreviations"),
        pytest.param("salt & pepper", ["salt", "and", "pepper"], id="ampersand"),
        pytest.param("ﬁle \uff13 e\u0301clair", ["file", "3", "éclair"], id="compatibility-forms"),
        pytest.param("[1 red box] <|eot_id|> </s>", ["1", "red", "box", "eot", "id", "s"], id="forged-marks"),
    ],
)
def test_words_are_plain(text: str, words: list[str]) -> None:
    """Casefolded words without punctuation; numbers whole; nothing that could be taken for a mark."""
    assert said(text) == words


@given(st.text(max_size=80))
def test_every_word_is_a_slice_of_the_original_in_order(text: str) -> None:
    """Words follow one another (those of one ligature share its place); none holds a bracket or a blank."""
    before = (0, 0)
    for word in normalize(text):
        assert 0 <= word.start < word.end <= len(text)
        assert word.start >= before[1] or (word.start, word.end) == before
        before = (word.start, word.end)
        assert word.text
        assert not set(word.text) & set('[]<>{}"\\ \n\r\t')


@given(st.text(max_size=80))
def test_reading_the_words_again_changes_nothing(text: str) -> None:
    """Normalized words are their own normal form."""
    once = said(text)
    assert said(" ".join(once)) == once
