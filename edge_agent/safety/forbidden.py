"""Which actions of an answer come out of words that forbid them. Pure.

An action is placed in the sentence by its marks, its choices ("left") and its texts; one that leaves none there counts
by the sentence's beginning. A negation among words to be said or written ("say do not touch") forbids nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Final

from edge_agent.grammar.answer import Call
from edge_agent.packs.base import ChoiceSlot, Pack, TextSlot
from edge_agent.safety.negation import Span, negated
from edge_agent.safety.negation_lexicon import BEGINNINGS, TAKES_BACK
from edge_agent.world.mention import Linked, Mention, MentionType

_ON_THE_WAY: Final = frozenset({"without", "rather", "instead", "avoid"})
"""Behind other words they say how something is done, not that it is not."""
_LEADING_WORDS_MAX: Final = 4
"""A negation that begins after at most so many words is the sentence's own."""


def forbidden(pack: Pack, linked: Linked, calls: Sequence[Call]) -> tuple[int, ...]:
    """Places of the answer's actions that the sentence forbids. `calls` is the answer that `linked` got."""
    texts = [run for call in calls for run in said_in(pack, linked, call, TextSlot)]
    spans = [span for span in negated(linked) if not _is_quoted(span, texts)]
    if not spans:
        return ()
    return tuple(
        place
        for place, call in enumerate(calls)
        if call["action"] not in TAKES_BACK and _comes_out_of(pack, linked, spans, call)
    )


def _is_quoted(span: Span, texts: Sequence[tuple[int, int]]) -> bool:
    """Whether the stretch is in words to be said, or only introduces them: "a sign that says do not touch"."""
    return any(first <= span.first < after or first == span.first + span.cue for first, after in texts)


def _comes_out_of(pack: Pack, linked: Linked, spans: Sequence[Span], call: Call) -> bool:
    if _named_only_in(linked, spans, str(call["action"]).split("_", maxsplit=1)[0]):
        return True
    mentions = [mention for mention in linked.mentions if _fills(mention, call)]
    if any(_inside(linked, spans, mention) for mention in mentions):
        outside = {mention.label for mention in mentions if not _inside(linked, spans, mention)}
        spoken_of_again = outside and any(m.label == "it" and not _inside(linked, spans, m) for m in linked.mentions)
        return not spoken_of_again and any(mention.label not in outside for mention in mentions)
    if mentions:
        return False
    if runs := list(said_in(pack, linked, call, TextSlot | ChoiceSlot)):
        return all(any(span.first <= first and after <= span.after for span in spans) for first, after in runs)
    before = [word.text for word in linked.words[: spans[0].first]]
    if before and linked.words[spans[0].first].text in _ON_THE_WAY:
        return False
    leads = len(before) <= _LEADING_WORDS_MAX and BEGINNINGS.isdisjoint(before)
    return leads and spans[-1].after == len(linked.words)


def _named_only_in(linked: Linked, spans: Sequence[Span], verb: str) -> bool:
    """Whether an action's own verb is said, and only in stretches that forbid: "instead of opening the gate go on"."""
    forms = {verb, f"{verb}s", f"{verb}ed", f"{verb}ing", f"{verb.removesuffix('e')}ing", f"{verb}{verb[-1]}ing"}
    said = [place for place, word in enumerate(linked.words) if word.text in forms]
    return bool(said) and all(any(span.first <= place < span.after for span in spans) for place in said)


def _fills(mention: Mention, call: Call) -> bool:
    """Whether the mention fills a slot; who speaks and where decide nothing about what is forbidden."""
    if mention.label in ("me", "here"):
        return False
    label: int | str = int(mention.label) if mention.type is MentionType.ENTITY else mention.label
    return any(value == label and type(value) is type(label) for slot, value in call.items() if slot != "action")


def _inside(linked: Linked, spans: Sequence[Span], mention: Mention) -> bool:
    return any(linked.words[span.first].start <= mention.start < linked.words[span.after - 1].end for span in spans)


def said_in(pack: Pack, linked: Linked, call: Call, kind: type[TextSlot] | UnionType) -> Iterator[tuple[int, int]]:
    """Where the values of an action's slots of this kind stand in the sentence: runs of words after its first one."""
    said = [word.text for word in linked.words]
    spec = pack.action(str(call["action"]))
    for slot in spec.slots if spec else ():
        value = call.get(slot.name)
        if not isinstance(slot.slot, kind) or not isinstance(value, str):
            continue
        words = value.split(" ")
        for first in range(1, len(said) - len(words) + 1):
            if said[first : first + len(words)] == words:
                yield first, first + len(words)
