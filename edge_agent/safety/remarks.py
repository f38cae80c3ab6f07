"""Sentences that ask for nothing though a model may hear an order in them, and those that would hurt somebody. Pure.

"The gate is open" names a gate and holds the word of an action; so do "i love green tea" and "did you open the gate".
Only plain forms are read here, from the sentence's first word to its last: whatever goes on after a remark ("the gate
is open, close it") is the model's to read.
"""

from __future__ import annotations

from typing import Final

from edge_agent.safety.negation import negated
from edge_agent.world.lexicon import DETERMINERS, listed
from edge_agent.world.mention import Linked, Mention, MentionType, Unit

_SPEAKERS: Final = frozenset(listed("i we he she they"))
_LIKES: Final = frozenset(listed("love loves like likes hate hates enjoy enjoys miss misses adore adores"))
_WAS: Final = frozenset({"was", "were"})
_IS: Final = frozenset({"is", "are"})
_WANTED: Final = frozenset(listed("to too needed wanted required missing expected due needs not never"))
"""Behind "is" they make an order of it: "the box is needed at packing", "the gate is to be opened"."""
_PAST: Final = frozenset(listed("did have has had"))
_REMARK_WORDS_MAX: Final = 2
_SUPPOSED: Final = frozenset({"was", "were", "had"})
_SELF: Final = frozenset({"myself", "ourselves"})
_COURTESIES: Final = frozenset(listed("please thanks thank you now today"))
_HARM: Final = frozenset(
    listed(
        """kill hit hurt harm attack stab shoot punch kick slap strangle choke injure wound crush murder poison smash
        beat bite burn run ram throw fling hurl"""
    )
)
_AT: Final = frozenset(listed("at over down into"))
_NEED_AT: Final = frozenset(listed("run ram throw fling hurl crush burn"))
"""They hurt somebody only with a word like "at" or "over" before the person."""


def remark(linked: Linked, *, moves: bool) -> str:
    """Why the sentence is no order, or "". `moves`: the answer would move, unlock or heat something, or cost money."""
    words = [word.text for word in linked.words]
    if not any("a" <= letter <= "z" for word in words for letter in word) and not _has_digits(words):
        return "no word of it is English"
    if linked.mentions and all(_is_count(mention) for mention in linked.mentions) and _all_marked(linked):
        return "a number alone asks for nothing"
    if _declines(linked, words):
        return "this is declined, not asked for"
    if words[0] in _SPEAKERS and len(words) > 2 and words[1] in _LIKES and _is_one_thing(linked, 2):
        return "this says what somebody likes"
    if words[0] == "if" and len(words) > 2 and words[1] in _SPEAKERS and _is_supposed(words[2]):
        return "this only supposes something"
    return _told(linked, words, moves)


def harms(linked: Linked) -> str:
    """The word that would hurt a person who is named here, or "". A negation before it takes it back."""
    people = [mention for mention in linked.mentions if any(thing.kind == "person" for thing in mention.candidates)]
    spans = negated(linked) if people else ()
    for place, word in enumerate(linked.words):
        if word.text not in _HARM or linked.is_marked(word) or any(span.first <= place < span.after for span in spans):
            continue
        for person in people:
            between = [each.text for each in linked.words if word.end <= each.start < person.start]
            near = person.start > word.start and len(between) <= 4
            against = not _AT.isdisjoint(between) and "to" not in between  # "run over to tom" is kind
            if near and (word.text not in _NEED_AT or against):
                return word.text
    return ""


def _told(linked: Linked, words: list[str], moves: bool) -> str:
    """What is told about a thing, the past or the speaker."""
    subject = _subject(linked, words)
    if subject is not None:
        after = next((place for place, word in enumerate(linked.words) if word.start >= subject.end), len(words))
        rest = words[after + 1 :]
        if words[after : after + 1] and words[after] in _WAS and len(rest) <= _REMARK_WORDS_MAX:
            return "this says what was"
        short = 0 < len(rest) <= _REMARK_WORDS_MAX and _WANTED.isdisjoint(rest)
        unmarked = not any(linked.is_marked(word) for word in linked.words[after + 1 :])
        if moves and words[after : after + 1] and words[after] in _IS and short and unmarked:
            return "this says how a thing is"
    if moves and words[0] in _PAST and len(words) > 1 and words[1] in {*_SPEAKERS, "you"}:
        return "this asks what was done"
    if words[0] in {"i", "we", "i'll", "we'll"} and words[-1] in _SELF:
        return "the speaker will do this"
    return ""


def _subject(linked: Linked, words: list[str]) -> Mention | None:
    """The thing that the sentence begins with, behind an article or none."""
    first = 1 if words[0] in DETERMINERS and len(words) > 1 else 0
    starts = linked.words[first].start
    return next((each for each in linked.mentions if each.start == starts and each.type is MentionType.ENTITY), None)


def _declines(linked: Linked, words: list[str]) -> bool:
    """Whether the whole sentence is "no X": a comma ("no, dock 3") or an article corrects instead."""
    if words[0] != "no" or len(words) < 2:
        return False
    first = linked.words[1]
    declined = next((mention for mention in linked.mentions if mention.start == first.start), None)
    if declined is None or "," in linked.text[linked.words[0].end : first.start]:
        return False
    return all(word.text in _COURTESIES for word in linked.words if word.start >= declined.end)


def _is_one_thing(linked: Linked, first: int) -> bool:
    """Whether nothing but one thing is named from a word on, with or without an article."""
    rest = [word for word in linked.words[first:] if word.text not in DETERMINERS or linked.is_marked(word)]
    return any(all(each.start <= word.start < each.end for word in rest) for each in linked.mentions) and bool(rest)


def _is_supposed(verb: str) -> bool:
    return verb in _SUPPOSED or (verb.endswith("ed") and verb != "need")


def _is_count(mention: Mention) -> bool:
    return mention.quantity is not None and mention.quantity.unit is Unit.COUNT


def _all_marked(linked: Linked) -> bool:
    return all(linked.is_marked(word) for word in linked.words)


def _has_digits(words: list[str]) -> bool:
    return any(letter.isdecimal() for word in words for letter in word)
