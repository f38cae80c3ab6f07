"""Clauses put together to one sentence, read by the real linker, with the answer that is right for it.

The sentence that the model learns from is the linker's own output. Where the linker reads it otherwise than it was
meant (a name swallowed by a longer one, a number that is none), there is no example: the answer could not be right.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_agent.packs.base import REJECT, ActionSpec, EntitySlot
from edge_agent.training.clauses import UNUSED, Clause, Part, Said
from edge_agent.training.joining import arranged
from edge_agent.training.noise import disturbed
from edge_agent.training.unknown import AROUND, modifiers
from edge_agent.training.worlds import Place
from edge_agent.world.linker import Linker
from edge_agent.world.mention import Linked, Mention, MentionType
from edge_agent.world.text import words_of

MODIFIED = ("the", "a", "an", "my", "that", "this", "your", "our", "his", "her")
MODIFIERS_SHARE = 0.14
"""How often words stand between an article and a name: "my coffee [1 mug]"."""
NOISY_PART_SHARE = 0.6


_CLASS = frozenset({"domain", "device_class"})
"""Slots that mean things by their class, and then not by a name."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where in the text something was said, and by which clause."""

    start: int
    end: int
    clause: int
    said: Said


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text and what was said where."""

    text: str
    spans: tuple[Span, ...]


def sentence(rng: random.Random, clauses: Sequence[Clause], pack: str, *, noisy: bool) -> Sentence:
    """The clauses joined, with words that may stand between an article and a name."""
    text, spans = "", []
    for turn in arranged(rng, clauses):
        text = f"{text} {turn.before}".strip()
        if turn.clause is None:
            continue
        for part in _with_modifiers(rng, clauses[turn.clause].parts, pack):
            if isinstance(part, str):
                text = f"{text} {disturbed(rng, part) if noisy and rng.random() < NOISY_PART_SHARE else part}".strip()
                continue
            start = len(text) + 1 if text else 0
            text = f"{text} {part.words}".strip()
            spans.append(Span(start, len(text), turn.clause, part))
    return Sentence(text, tuple(spans))


def _with_modifiers(rng: random.Random, parts: Sequence[Part], pack: str) -> Iterator[Part]:
    """The parts, now and then with words between an article and a name that is known without them."""
    for at, part in enumerate(parts):
        yield part
        following = parts[at + 1] if at + 1 < len(parts) else None
        named = isinstance(following, Said) and (following.absent or following.entity is not None)
        if named and isinstance(part, str) and part.rsplit(" ", 1)[-1] in MODIFIED and rng.random() < MODIFIERS_SHARE:
            yield Said(modifiers(rng, pack), UNUSED, None, AROUND)


def read(linker: Linker, said: Sentence) -> tuple[Linked, tuple[Mention | None, ...]] | None:
    """The sentence as the linker reads it, with each span's mention; None where it was read otherwise than meant."""
    linked = linker.link(said.text)
    found = tuple(_mention(linked, span) for span in said.spans)
    for span, mention in zip(said.spans, found, strict=True):
        if span.said.absent or span.said.list_name == AROUND:
            if mention is not None:
                return None
        elif span.said.type is not None and not _as_meant(span, mention):
            return None
    return linked, found


def misled(place: Place, clauses: Sequence[Clause], linked: Linked, found: Sequence[Mention | None]) -> bool:
    """Whether the linker read a name that nobody meant and that the answer could as well have used.

    "Pause the speakers" where something is called Speakers, "my shopping list" where that is a list's name: what is
    said of a class of things then means the thing, and no answer to it would be right.
    """
    stray = [mention for mention in linked.mentions if mention.type is MentionType.ENTITY and mention not in found]
    return bool(stray) and any(_could_mean(place, clause, mention) for clause in clauses for mention in stray)


def _could_mean(place: Place, clause: Clause, mention: Mention) -> bool:
    action = place.pack.action(clause.intent)
    if action is None:
        return False
    if _CLASS & clause.fixed.keys():
        return True
    said = {part.slot for part in clause.parts if isinstance(part, Said)}
    slots = [spec for spec in action.slots if isinstance(spec.slot, EntitySlot)]
    kinds = {entity.kind for entity in mention.candidates}
    return not slots or any(
        spec.name not in said and kinds & set(spec.slot.kinds) for spec in slots if isinstance(spec.slot, EntitySlot)
    )


def _mention(linked: Linked, span: Span) -> Mention | None:
    return next((each for each in linked.mentions if each.start < span.end and span.start < each.end), None)


def _as_meant(span: Span, mention: Mention | None) -> bool:
    said = span.said
    if mention is None or mention.type is not said.type:
        return False
    if said.type is MentionType.QUANTITY:
        return span.start <= mention.start and mention.end <= span.end  # no unit of the words around it
    if said.type is MentionType.ENTITY:
        return said.entity in mention.candidates
    return mention.label == said.list_name


def answer(place: Place, clauses: Sequence[Clause], said: Sentence, found: Sequence[Mention | None]) -> str:
    """The model's answer: the clauses' actions in order, or one reject."""
    if any(span.said.absent for span in said.spans):
        return refusal("unknown_entity")
    actions: list[dict[str, str | int]] = []
    for number, clause in enumerate(clauses):
        if clause.intent == REJECT:
            return refusal(clause.fixed["reason"])
        action = place.pack.action(clause.intent)
        if action is None:
            raise ValueError(clause.intent)
        pairs = [pair for pair in zip(said.spans, found, strict=True) if pair[0].clause == number]
        actions.extend(_action(action, clause, pairs, turn) for turn in range(clause.turns))
    return json.dumps(actions, ensure_ascii=False, separators=(",", ":"))


def _action(
    action: ActionSpec, clause: Clause, pairs: Sequence[tuple[Span, Mention | None]], turn: int
) -> dict[str, str | int]:
    filled: dict[str, str | int] = dict(clause.fixed)
    for span, mention in pairs:
        said = span.said
        if said.slot == UNUSED or said.turn not in (None, turn):
            continue
        if said.type is None:
            filled[said.slot] = " ".join(words_of(said.words))
        elif mention is not None:
            filled[said.slot] = int(mention.label) if mention.type is MentionType.ENTITY else mention.label
    ordered = {spec.name: filled[spec.name] for spec in action.slots if spec.name in filled}
    return {"action": action.name, **ordered}


def refusal(reason: str) -> str:
    """The answer that refuses."""
    return json.dumps([{"action": REJECT, "reason": reason}], separators=(",", ":"))
