"""In which order and with which words between them the clauses of a sentence are said.

People say what is to be done first last, too: "before you open the gate go to dock 3". The answer keeps the order in
which things are done.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.training.clauses import Clause, Said
from edge_agent.training.words import listed, noun
from edge_agent.world import lexicon
from edge_agent.world.mention import MentionType

_CONNECTORS = (
    "and", "and", "and", "and", "and", "then", "then", "and then", "and then", "after that", "and after that", "", "",
    "also", "and also", "next", "afterwards", "and afterwards", "and next", "finally", "and finally", "plus", "and now",
    "now", "and please", "then please", "but also", "once you are done", "when that's done",
    "once that is done", "and when you're done", "when you are finished", "after doing that", "after this",
    "and once you've done that", "in addition", "and while you're at it", "at the same time", "lastly",
    "and then finally", "then also", "okay then", "and besides that", "oh and", "and just",
)  # fmt: skip
_PARTING = ("and", "then", "and then", "and then", "after that", "and after that", "and also", "and please")
_BEFORE = (
    ("before you", ""), ("before you", "first"), ("before you", "please"), ("right before you", ""),
    ("just before you", ""), ("before you go and", ""), ("", "before you"), ("", "before you"), ("", "and only then"),
)  # fmt: skip
_BUT_FIRST = (
    "but first", "but first", "but before that", "but before you do that", "but first of all", "but beforehand",
    "but to begin with", "but not before you", "only after you", "after you", "as soon as you", "once you",
)  # fmt: skip
_IN_ORDER = (
    ("first", "then"), ("first", "and then"), ("first of all", "then"), ("to begin with", "then"),
    ("first", "after that"),
    ("first", "next"), ("first", ""),
)  # fmt: skip
_AFTER = ("after you", "once you", "as soon as you", "when you")
_STATEMENTS = (
    "i lost my {noun}", "the {noun} is broken", "my {noun} is gone", "there is no {noun} left", "i like {noun}",
    "somebody left the {noun} outside", "we just bought a {noun}", "the {noun} looks nice", "i am tired", "it is late",
    "i have no time", "my {noun} is dirty", "i was thinking about the {noun}", "the {noun} is not here",
    "i have a plan",
    "{name} is coming", "{name} wants a {noun}", "we are in a hurry", "there is a problem with the {noun}",
    "i am back",
    "the {noun} arrived today", "{name} has forgotten the {noun}", "my {noun} smells bad", "i feel sick",
    "it's my birthday",
)  # fmt: skip
_VERBS = frozenset(
    lexicon.listed(
        "go drive move head come get walk bring take fetch carry deliver put place set drop lay leave pick grab "
        "lift collect find search look locate seek check inspect examine open close shut turn switch follow guide "
        "lead escort wait say tell announce pause resume continue dock charge return navigate travel enter hand "
        "give pass transport transfer push pull start stop begin activate deactivate enable disable power lock "
        "unlock raise lower dim brighten play skip mute unmute add remove cancel make change adjust increase "
        "decrease run clean vacuum mow mark cross tick broadcast reach approach visit store stack load unload plug "
        "unplug toggle order step back spin rotate face watch show help retrieve gather accompany scan monitor "
        "hold release roll run hurry light kill put"
    )
)
STATEMENT_SHARE = 0.03
REVERSED_SHARE = 0.16
ORDERED_SHARE = 0.06


@dataclass(frozen=True, slots=True)
class Turn:
    """What is said next: words between the clauses, then a clause by its place in the order of doing (None: none)."""

    before: str
    clause: int | None


def arranged(rng: random.Random, clauses: Sequence[Clause]) -> tuple[Turn, ...]:
    """The clauses in the order of saying. `clauses` are in the order of doing."""
    turns = _pair(rng) if len(clauses) == 2 and all(is_imperative(clause) for clause in clauses) else None
    if turns is None or any(_points_back(clause) for clause in clauses):
        turns = tuple(Turn(_connector(rng, clauses, at), at) for at in range(len(clauses)))
    if rng.random() < STATEMENT_SHARE:
        said = rng.choice(_STATEMENTS).replace("{noun}", noun(rng)).replace("{name}", rng.choice(listed("people")))
        return (Turn(f"{said} {rng.choice(('', '', 'so', 'please'))}".strip(), None), *turns)
    return turns


def _connector(rng: random.Random, clauses: Sequence[Clause], at: int) -> str:
    """Words before a clause; after words that could go on for ever something must part it from them."""
    if not at:
        return ""
    last = clauses[at - 1].parts[-1] if clauses[at - 1].parts else ""
    return rng.choice(_PARTING if isinstance(last, Said) and last.type is None else _CONNECTORS)


def _pair(rng: random.Random) -> tuple[Turn, ...] | None:
    """Two commands in an order of their own: 0 is to be done before 1."""
    draw = rng.random()
    if draw < REVERSED_SHARE:
        way = rng.random()
        if way < 0.55:
            before, between = rng.choice(_BEFORE)
            if before:
                return Turn(before, 1), Turn(between, 0)
            return Turn(before, 0), Turn(between, 1)
        if way < 0.85:
            return Turn("", 1), Turn(rng.choice(_BUT_FIRST), 0)
        return Turn(rng.choice(_AFTER), 0), Turn(rng.choice(("", "", "then", "please")), 1)
    if draw < REVERSED_SHARE + ORDERED_SHARE:
        first, then = rng.choice(_IN_ORDER)
        return Turn(first, 0), Turn(then, 1)
    return None


def is_imperative(clause: Clause) -> bool:
    """Whether the clause begins with its verb, so that "before you" can stand before it."""
    first = clause.parts[0] if clause.parts else ""
    return isinstance(first, str) and first.split(" ", 1)[0] in _VERBS


def _points_back(clause: Clause) -> bool:
    return any(
        isinstance(part, Said) and part.type is MentionType.WORD and part.list_name != "me" for part in clause.parts
    )
