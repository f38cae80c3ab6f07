"""What speaks against carrying out a model's answer, found in the sentence itself. Pure.

Doubts that code can settle without trusting the model: the words were written for a model, somebody would be hurt,
nothing was asked for, a thing is done that the sentence forbids, a thing was said that is nowhere, a number makes a
known name another ("dock 9"), a number that was said is left out, or can be read in two ways or in none. Each becomes
a typed refusal; nothing is repaired, for whoever misreads one half of a sentence may have misread the other.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Final

from edge_agent.grammar.answer import Call, parse_answer
from edge_agent.messages import Rejection, RejectReason
from edge_agent.packs.base import Pack, QuantitySlot, TextSlot
from edge_agent.safety.forbidden import forbidden, said_in
from edge_agent.safety.injection import is_injected
from edge_agent.safety.remarks import harms, remark
from edge_agent.safety.stop import forbids_a_stop
from edge_agent.safety.unknown_things import strange_thing, unknown_thing
from edge_agent.world.lexicon import FUNCTION_WORDS
from edge_agent.world.mention import Linked, Mention, MentionType, Unit
from edge_agent.world.numerals import ONES, TENS
from edge_agent.world.units import FOREIGN, MEASURES, convert

_COMMA_IN_A_NUMBER: Final = re.compile(r"(?<![\d,.])\d+,\d{1,2}(?![\d,])")
"""1,5 is one and a half for half the world, and two numbers for the other; 1,000 is a thousand."""
_NUMBER_WORDS: Final = (ONES.keys() | TENS.keys()) - {"one"}
_MEASURES: Final = (Unit.METRE, Unit.DEGREE)
"""What says how far a motion goes. Elsewhere a number may rightly be left out: "a little brighter, by ten percent"."""


def objection(pack: Pack, linked: Linked, answer: str, familiar: frozenset[str] = frozenset()) -> Rejection | None:
    """Why this answer to the sentence must not be carried out; None when nothing speaks against it.

    `familiar`: the words that the pack's orders are made of (`packs.familiar`); without them no thing is strange.

    Raises:
        NodeFault: OUTPUT_INVALID when the answer is none.
    """
    calls = parse_answer(answer)
    if is_injected(linked.text):
        return _refusal(RejectReason.NOT_A_COMMAND, "this is addressed to a language model")
    if verb := harms(linked):
        return _refusal(RejectReason.UNSUPPORTED, f"{verb!r}: nobody is hurt here")
    if forbids_a_stop(linked.text) and _moves(pack, calls):
        return _refusal(RejectReason.NOT_A_COMMAND, "not to stop is no order to move")
    if why := remark(linked, moves=_moves(pack, calls)):
        return _refusal(RejectReason.NOT_A_COMMAND, why)
    if places := forbidden(pack, linked, calls):
        name = calls[places[0]]["action"]
        if len(places) == len(calls):
            return _refusal(RejectReason.NOT_A_COMMAND, f"{name} is forbidden here, or not asked for")
        return _refusal(RejectReason.AMBIGUOUS, f"it is not clear whether {name} is wanted or forbidden")
    if number := _COMMA_IN_A_NUMBER.search(linked.text):
        return _refusal(RejectReason.AMBIGUOUS, f"{number.group()!r} can be read in two ways")
    quoted = [run for call in calls for run in said_in(pack, linked, call, TextSlot)]
    if stranger := _stranger(linked, quoted) or unknown_thing(linked, familiar, quoted):
        return _unknown(stranger)
    if garbled := _garbled(linked):
        return _refusal(RejectReason.AMBIGUOUS, f"{garbled!r} cannot be read as a number")
    if left := _left_out(pack, linked, calls):
        return _refusal(RejectReason.AMBIGUOUS, f"{left.text!r} was said, and it is not clear what for")
    return None


def sharpened(linked: Linked, rejection: Rejection, familiar: frozenset[str]) -> Rejection:
    """The model's `unsupported` as `unknown_entity`, where all that is strange in the sentence is a thing."""
    if rejection.reason is RejectReason.UNSUPPORTED and (thing := strange_thing(linked, familiar)):
        return _unknown(thing)
    return rejection


def _moves(pack: Pack, calls: Sequence[Call]) -> bool:
    """Whether an action moves, unlocks or heats something, or costs money."""
    specs = [pack.action(str(call["action"])) for call in calls]
    return any(spec is not None and spec.hazard not in ("none", "stop") for spec in specs)


def _stranger(linked: Linked, quoted: Sequence[tuple[int, int]]) -> str:
    """A word and the number behind it that the linker took for a name and found nowhere: "dock 9"; or ""."""
    words = linked.words
    for at in range(1, len(words)):
        name, number = words[at - 1].text, words[at]
        if (
            not (number.text.isdecimal() or number.text in _NUMBER_WORDS)
            or not name.isalpha()
            or name in FUNCTION_WORDS
        ):
            continue
        if at + 1 < len(words) and words[at + 1].text in FOREIGN:
            continue
        if any(first <= at < after for first, after in quoted):
            continue
        if not linked.is_marked(number):
            return f"{name} {number.text}"
    return ""


def _garbled(linked: Linked) -> str:
    """A number before a unit that the linker could not read ("1e9 degrees"), or ""."""
    for before, unit in itertools.pairwise(linked.words):
        unread = before.text[0].isdigit() and not before.text.isdecimal() and not linked.is_marked(before)
        if unread and unit.text in MEASURES:
            return f"{before.text} {unit.text}"
    return ""


def _left_out(pack: Pack, linked: Linked, calls: Sequence[Call]) -> Mention | None:
    """A length or an angle that no action uses, though one of them leaves a slot open that it fits.

    "Move forward 500 metres" must not become "move forward"; "a half turn" is a direction as well.
    """
    used = {value for call in calls for slot, value in call.items() if slot != "action"}
    for mention in linked.mentions:
        if mention.type is not MentionType.QUANTITY or mention.label in used or mention.text.endswith("turn"):
            continue
        if mention.quantity is None or mention.quantity.unit not in _MEASURES:
            continue
        for call in calls:
            spec = pack.action(str(call["action"]))
            for slot in spec.slots if spec else ():
                if slot.name in call or not isinstance(slot.slot, QuantitySlot):
                    continue
                if convert(mention.quantity, slot.slot.unit) is not None:
                    return mention
    return None


def _unknown(thing: str) -> Rejection:
    return _refusal(RejectReason.UNKNOWN_ENTITY, f"nothing is known here that is called {thing!r}")


def _refusal(reason: RejectReason, detail: str) -> Rejection:
    return Rejection(reason=reason, detail=detail)
