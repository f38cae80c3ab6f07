"""Which stretches of a sentence say what must not be done, and whether an action comes out of one. Pure.

The model is trained to leave negated things alone; here the same is held without trusting it. Read are plain forms
("don't open the gate", "you must not", "no need to", "leave the box alone"), to the end of their clause. Negations that
forbid nothing ("don't forget to", "why don't you", "don't keep the door open") are let through, and so is one that
stands in words to be said or written ("say do not touch").

Decides too little rather than too much: a contrast ("not the red box") or a condition is the model's to read. A
sentence without commas hides where its negation ends; then all that follows counts as negated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.grammar.answer import Call
from edge_agent.world.lexicon import listed
from edge_agent.world.mention import Linked, Mention, MentionType

TAKES_BACK: Final = frozenset({"stop", "pause", "wait", "remove", "cancel", "HassNevermind", "HassStopMoving"})
"""Actions that a negation may ask for: "i don't want that latte" removes it, "don't go for a minute" waits."""


def _phrases(text: str) -> tuple[tuple[str, ...], ...]:
    """Phrases between commas, longest first; apostrophes left out as in `lexicon`."""
    phrases = {tuple(part.split()) for part in re.split(r"[,\n]", text) if part.strip()}
    return tuple(sorted(phrases, key=len, reverse=True))


_PLAIN: Final = _phrases("dont, do not, never, not to")
"""They negate the verb that follows, unless that verb is one of `_HARMLESS`."""
_ALWAYS: Final = _phrases("""
    no need to, no reason to, no need for you to, not allowed to, not supposed to, forbidden to, refrain from
    abstain from, hold off on, stop yourself from, you must not, you mustnt, you should not, you shouldnt
    you may not, you cannot, you can not, you cant, you need not, you neednt, you will not, you wont, you are not to
    dont have to, dont need to, do not have to, do not need to, dont want you to, do not want you to, dont need you to
    do not need you to, didnt ask you to, didnt tell you to, did not ask you to, did not tell you to
    nobody asked you to, rather you didnt, rather you did not, dont want to, do not want to, dont bother, do not bother
    dont you dare, hands off, i never said, i didnt say, lets not, let us not
""")
_HARMLESS: Final = frozenset(
    listed("""forget hesitate worry fail mind leave keep let wait delay be stop halt pause cease just ask argue talk
    know think want need have like care see understand feel remember hear work tell stand sit miss lose waste ever
    only believe recall mean love hate trust rush
    hurry panic dawdle suppose sweat""")
)
"""After "don't" they forbid no action: "don't forget to close it", "don't keep it open", "i don't know"."""
_AFTER_YOU: Final = frozenset(listed("think want know see have like agree remember"))
""" "Don't you think you should …" asks; "don't you open it" forbids."""
_ASKING: Final = frozenset(
    listed("why if when because since unless case whether reason hurt have has had ive weve youve theyve")
)
"""Before a negation they make it a question, a suggestion, a condition or a story."""
_ADVERBS: Final = frozenset(listed("ever even please really just also you"))
_CONTRASTS: Final = frozenset(listed("but instead rather however just otherwise finally lastly"))
"""A new clause begins here, commas or not."""
_BEGINNINGS: Final = frozenset(
    listed("""bring take carry fetch get give hand go drive come return move turn rotate spin open close shut follow
    find look search inspect check pick grab lift put place set drop switch start lead guide say play add make order
    dim raise lower lock unlock activate deactivate pause resume use clean load""")
)
"""Verbs that begin another clause right after a thing was named: "don't close the gate open the door"."""
_CAUSES: Final = frozenset(listed("help make watch see hear have ask tell"))
"""After these a named person does what the next verb says: "don't help tom open the gate"."""
_BETWEEN: Final = frozenset(listed("on off up down in out away here there please again instead now over"))
"""What may stand between a thing's name and the next clause."""
_DIRECTIONS: Final = frozenset(listed("left right forward forwards backward backwards back around"))
"""They end a clause of moving or turning as a thing's name ends another: "don't turn left go right"."""
_AFTERTHOUGHTS: Final = frozenset(listed("please robot now okay ok thanks sorry no you dear again"))
_LEFT_ALONE: Final = _phrases(
    "alone, as it is, as they are, where it is, where they are, untouched, in peace, the way it is, the way they are"
)
_LEFT_ALONE_WORDS_MAX: Final = 9
_LEADING_WORDS_MAX: Final = 4
"""A negation that begins after at most so many words is the sentence's own."""


@dataclass(frozen=True, slots=True)
class Span:
    """Words `first` up to but not including `after` say what must not be done; `cue` words of them only negate."""

    first: int
    after: int
    cue: int


def negated(linked: Linked) -> tuple[Span, ...]:
    """The stretches of a sentence that forbid something, in order."""
    words = [word.text.replace("'", "") for word in linked.words]
    found: list[Span] = []
    at = 0
    while at < len(words):
        span = _left_alone(words, at) or _forbidding(linked, words, at)
        if span is None:
            at += 1
            continue
        found.append(span)
        at = max(span.after, at + 1)
    return tuple(found)


def forbidden(linked: Linked, calls: Sequence[Call]) -> tuple[int, ...]:
    """Places of the answer's actions that the sentence forbids. `calls` is the answer that `linked` got."""
    texts = [run for call in calls for run in texts_of(linked, call)]
    spans = [span for span in negated(linked) if not any(first <= span.first < after for first, after in texts)]
    if not spans:
        return ()
    return tuple(
        place
        for place, call in enumerate(calls)
        if call["action"] not in TAKES_BACK and _comes_out_of(linked, spans, call)
    )


def _comes_out_of(linked: Linked, spans: Sequence[Span], call: Call) -> bool:
    mentions = [mention for mention in linked.mentions if _fills(mention, call)]
    if any(_inside(linked, spans, mention) for mention in mentions):
        outside = {mention.label for mention in mentions if not _inside(linked, spans, mention)}
        return any(mention.label not in outside for mention in mentions)
    if mentions:
        return False
    for first, after in texts_of(linked, call):
        return any(span.first <= first and after <= span.after for span in spans)
    return spans[0].first <= _LEADING_WORDS_MAX and spans[-1].after == len(linked.words)


def _fills(mention: Mention, call: Call) -> bool:
    """Whether the mention fills a slot; who speaks and where decide nothing about what is forbidden."""
    if mention.label in ("me", "here"):
        return False
    label: int | str = int(mention.label) if mention.type is MentionType.ENTITY else mention.label
    return any(value == label and type(value) is type(label) for slot, value in call.items() if slot != "action")


def _inside(linked: Linked, spans: Sequence[Span], mention: Mention) -> bool:
    return any(linked.words[span.first].start <= mention.start < linked.words[span.after - 1].end for span in spans)


def texts_of(linked: Linked, call: Call) -> Iterator[tuple[int, int]]:
    """Where the answer's text slots stand in the sentence, as runs of words after its first one."""
    said = [word.text for word in linked.words]
    for slot, value in call.items():
        words = value.split(" ") if isinstance(value, str) and slot != "action" else []
        for first in range(1, len(said) - len(words) + 1 if words else 0):
            if said[first : first + len(words)] == words:
                yield first, first + len(words)
                break


def _forbidding(linked: Linked, words: Sequence[str], at: int) -> Span | None:
    """The negation whose cue begins at word `at`, to the end of its clause."""
    if at and words[at - 1] in _ASKING:
        return None
    cue = _starting(words, at, _ALWAYS)
    if cue == 0:
        cue = _starting(words, at, _PLAIN)
        if cue == 0 or _is_harmless(words, at + cue):
            return None
    rest = at + cue
    if all(word in _AFTERTHOUGHTS for word in words[rest:]):
        return Span(0, len(words), cue) if words[at] in ("dont", "do") else None
    return Span(at, _clause_end(linked, words, rest), cue)


def _is_harmless(words: Sequence[str], at: int) -> bool:
    """Whether what follows a plain negation forbids nothing."""
    asked = False
    while at < len(words) and words[at] in _ADVERBS:
        asked = asked or words[at] == "you"
        if words[at] == "just" and at + 1 < len(words) and words[at + 1] in _HARMLESS:
            return True
        at += 1
    return at < len(words) and words[at] in (_AFTER_YOU if asked else _HARMLESS)


def _clause_end(linked: Linked, words: Sequence[str], first: int) -> int:
    """Where the clause that goes on at word `first` ends: a contrast, a full stop, a comma, another verb's clause."""
    cut_in = first < len(words) and "," in _between(linked, first)
    for at in range(first + 1, len(words)):
        gap = _between(linked, at)
        if re.search(r"[.;!?\n\u2013\u2014]", gap) or ("," in gap and not cut_in):
            return at
        if words[at] in _CONTRASTS or words[at] == words[first] or _begins_another(linked, words, first, at):
            return at
    return len(words)


def _begins_another(linked: Linked, words: Sequence[str], first: int, at: int) -> bool:
    """Whether word `at` is a verb right behind a thing that was named, with nothing but particles between them."""
    if words[at] not in _BEGINNINGS or words[first] in _CAUSES:
        return False
    before = at - 1
    while before > first and words[before] in _BETWEEN:
        before -= 1
    return before > first and (words[before] in _DIRECTIONS or _is_named(linked, before))


def _is_named(linked: Linked, at: int) -> bool:
    """Whether word `at` is part of a thing's name or points at one."""
    word = linked.words[at]
    return any(
        mention.type is not MentionType.QUANTITY and mention.start <= word.start < mention.end
        for mention in linked.mentions
    )


def _between(linked: Linked, at: int) -> str:
    """What stands between a word and the one before it."""
    return linked.text[linked.words[at - 1].end : linked.words[at].start]


def _left_alone(words: Sequence[str], at: int) -> Span | None:
    """ "Leave the box alone", from its verb to its end."""
    if words[at] not in ("leave", "let"):
        return None
    for after in range(at + 2, min(len(words), at + _LEFT_ALONE_WORDS_MAX)):
        length = _starting(words, after, _LEFT_ALONE)
        if length:
            return Span(at, after + length, 1)
    return None


def _starting(words: Sequence[str], at: int, phrases: Sequence[tuple[str, ...]]) -> int:
    """How many words the longest of the phrases that stands at `at` has."""
    return next((len(phrase) for phrase in phrases if tuple(words[at : at + len(phrase)]) == phrase), 0)
