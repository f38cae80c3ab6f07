"""Texts with a language of their own: grammars, and what people say."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from edge_agent import limits
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.grammar.accepts import accepts
from edge_agent.grammar.limits import check_gbnf
from edge_agent.safety.stop import is_stop
from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.mention import Linked, MentionType
from edge_agent.world.store import World
from edge_agent.world.text import check_text, normalize
from fuzz.target import Target, refused_well

TRIED_CHARS_MAX = 64

_HARD_NAMES = (
    Entity("red box", "item", ("the red one", "box red")),
    Entity("box", "item"),
    Entity("box 3", "item", ("third box", "box three")),
    Entity("the a b c", "place"),
    Entity("1", "place"),
    Entity("33 1/2", "place", ("thirty three and a half",)),
    Entity("it", "item", ("there", "here", "me")),
    Entity("a", "item"),
    Entity("door", "door", area="hall"),
    Entity("door", "lock", area="hall"),
    Entity("John's office", "area"),
    Entity("Jörg", "person", ("joerg", "Йорг")),
    Entity("ten metres", "place"),
    Entity("dock " * 15 + "dock", "place"),
    Entity("x" * limits.NAME_CHARS_MAX, "item"),
    Entity("kitchen light", "light", ("light in the kitchen",), "kitchen"),
    Entity("kitchen", "area"),
)
_LINKER = Linker(World.of(_HARD_NAMES))


SENTENCES = (
    "box ",
    "a ",
    "1 ",
    "the red box and ",
    "dock ",
    "ten metres ",
    "half ",
    "John's office ",
    "33 1/2 and ",
    "x",
)
"""Words of which a long sentence is hardest to read in this world."""


def check_grammar(data: bytes) -> None:
    """A grammar may be handed to a native parser, and is asked about a text, or is refused before either.

    The text that it is asked about is what stands after the last NUL.
    """
    source, _, tried = data.decode("utf-8", "replace").rpartition("\0")
    try:
        check_gbnf(source)
        accepts(source, tried[:TRIED_CHARS_MAX])
    except NodeFault as problem:
        refused_well(problem, Code.GRAMMAR_INVALID)


def check_sentence(data: bytes) -> None:
    """Mentions lie in the text, in order and apart, each label once."""
    text = data.decode("utf-8", "replace")[: limits.TEXT_CHARS_MAX]
    for prefix in (False, True):
        is_stop(text, prefix=prefix)
    try:
        check_text(text)
    except ClientFault as problem:
        refused_well(problem, Code.EMPTY_TEXT, Code.TOO_LONG, Code.BAD_TEXT)
        return
    for spoken in (False, True):
        _check_linked(_LINKER.link(text, spoken=spoken), text)


def calls_of(text: str) -> int:
    """How many functions of ours are called to link a text: a measure of time that is the same everywhere."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        _LINKER.link(text, spoken=True)
    finally:
        sys.setprofile(before)
    return calls


def _check_linked(linked: Linked, text: str) -> None:
    assert linked.text == text
    assert linked.words == normalize(text)
    end = 0
    for mention in linked.mentions:
        assert end <= mention.start < mention.end <= len(text)
        assert text[mention.start : mention.end] == mention.text
        end = mention.end
    labels = [mention.label for mention in linked.mentions if mention.type is not MentionType.WORD]
    assert len(set(labels)) == len(labels)
    assert linked.marked.count("[") == linked.marked.count("]") == len(linked.mentions)
    assert linked.marked.isprintable()


_GBNF = (
    b"root ::= ", b"\na ::= ", b"root", b"a", b'"a"', b'"\\""', b"[a-z]", b"[^a]", b"[", b"]", b"(", b")", b"|", b"*",
    b"+", b"?", b"{5,0}", b"{0,}", b"{1000}", b"{9999999999999}", b"{" + b"9" * 5_000 + b"}", b".", b"\\x41",
    b"\\u0041", b"\\U0010ffff", b"\\ud800", b"#", b"\n", b"\r", b"\x0b", b"\0", b"(" * 40, b")" * 40, b"aaaa",
)  # fmt: skip
_SPOKEN = tuple(
    f" {word} ".encode()
    for word in (
        "box", "red", "three", "third", "half", "a", "and", "the", "it", "there", "dock", "ten", "metres", "John's",
        "Jörg", "33", "1/2", "1,000", "-18°c", "50%", "light", "in", "kitchen", "stop", "don't", "of", "from",
        "minutes", "\u200b", "\u202e", "s t o p",
    )
)  # fmt: skip

TARGETS = (Target("grammar", check_grammar, _GBNF), Target("sentence", check_sentence, _SPOKEN, limits.TEXT_CHARS_MAX))
