"""Words that point: here, there, it, me, and the longer ways to say them."""

from __future__ import annotations

import pytest

from edge_agent.world.pointing import read_pointing
from edge_agent.world.text import words_of


def pointed(text: str) -> list[tuple[str, str]]:
    words = words_of(text)
    return [(one.label, " ".join(words[one.first : one.after])) for one in read_pointing(words)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("turn on the lights in here", [("here", "here")], id="in-here"),
        pytest.param("every light in this room", [("here", "this room")], id="this-room"),
        pytest.param("dim the room I'm in", [("here", "the room i'm in")], id="the-room-im-in"),
        pytest.param("lights on where we are", [("here", "where we are")], id="where-we-are"),
        pytest.param("drive to my current location", [("here", "my current location")], id="my-location"),
        pytest.param("put it in that spot", [("it", "it"), ("there", "that spot")], id="that-spot"),
        pytest.param("grab that thing", [("it", "that thing")], id="that-thing"),
        pytest.param("turn those off", [("it", "those")], id="those"),
        pytest.param("open this roomy box", [], id="another-word"),
        pytest.param("go to the room where we met", [], id="where-something-was"),
    ],
)
def test_longer_words_point_too(text: str, expected: list[tuple[str, str]]) -> None:
    """The whole expression is one mention, so that nothing of it is left to look like a name."""
    assert pointed(text) == expected
