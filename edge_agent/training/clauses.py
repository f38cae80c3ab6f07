"""One clause of a sentence: a phrase of a pack with its places filled, and what is then the case.

A clause knows the words it says, which of them name something, and the actions it stands for. Nothing is marked here:
that is the linker's work on the finished sentence.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge_agent.packs.base import ActionSpec, EntitySlot, Pack
from edge_agent.packs.phrases import Phrases, Sample, SlotPiece
from edge_agent.training.quantities import said_quantity
from edge_agent.training.texts import text_for
from edge_agent.training.words import noun
from edge_agent.training.worlds import Place, kinds_of
from edge_agent.world.entities import Entity
from edge_agent.world.lexicon import FUNCTION_WORDS
from edge_agent.world.mention import DEICTIC_WORDS, MentionType

UNUSED = "_"
_HERE = ("here", "here", "this room", "this room", "this area", "this place", "the room i'm in", "the room where i am")
"""Ways to say where one stands, after "in"."""
UNKNOWN_IN_REJECT_SHARE = 0.3
"""What is no command stays none whether its things are known or not."""
NAME_IN_TEXT_SHARE = 0.12
_SAYS = {"me": ("me",), "it": ("it", "it", "it", "them"), "here": ("here",), "there": ("there",)}
_DETERMINERS = frozenset({"the", "a", "an", "my", "that", "this", "some", "your", "our", "his", "her", "their"})
_TO_PLACES = frozenset({"to", "on", "in", "at", "into", "onto", "inside", "over", "back", "towards", "up", "down"})


@dataclass(frozen=True, slots=True)
class Said:
    """Words that fill a slot (or `_`, none). `type` is None for a text. `turn`: for which of the clause's actions."""

    words: str
    slot: str
    type: MentionType | None
    list_name: str = ""
    entity: Entity | None = None
    absent: bool = False
    turn: int | None = None


Part = str | Said


@dataclass(frozen=True, slots=True)
class Clause:
    """A filled phrase. `turns` is how many actions it stands for ("the cup and the plate": two)."""

    intent: str
    fixed: Mapping[str, str]
    parts: tuple[Part, ...]
    group: str
    turns: int = 1


def fill(rng: random.Random, place: Place, phrases: Phrases, sample: Sample) -> Clause | None:
    """A sample with its places filled from a world; None when the world has nothing that fits."""
    action = place.pack.action(sample.intent)
    parts: list[Part] = []
    for piece in sample.pieces:
        part = piece if isinstance(piece, str) else _said(rng, place, phrases, action, piece)
        if part is None:
            return None
        if isinstance(part, Said) and part.list_name == "here" and parts and str(parts[-1]).endswith(" in"):
            part = replace(part, words=rng.choice(_HERE))
        parts.append(part)
    return Clause(sample.intent, sample.fixed, tuple(parts), f"{place.pack.name}/{sample.intent}/{sample.template}")


def _said(
    rng: random.Random, place: Place, phrases: Phrases, action: ActionSpec | None, piece: SlotPiece
) -> Said | None:
    if piece.text:
        return Said(piece.text, piece.slot, None, piece.list_name)
    if piece.list_name in DEICTIC_WORDS:
        return Said(rng.choice(_SAYS[piece.list_name]), piece.slot, MentionType.WORD, piece.list_name)
    if piece.list_name in phrases.quantities:
        words = said_quantity(rng, phrases.quantities[piece.list_name])
        return Said(words, piece.slot, MentionType.QUANTITY, piece.list_name)
    slot = _entity_slot(action, piece.slot)
    if slot is None and piece.list_name not in place.pack.kinds and piece.list_name != "any":
        return Said(_text(rng, place, piece.list_name), piece.slot, None, piece.list_name)
    if action is None and rng.random() < UNKNOWN_IN_REJECT_SHARE:
        return Said(noun(rng), UNUSED, None, piece.list_name)
    entity = place.thing(rng, kinds_of(place.pack, piece.list_name, slot))
    if entity is None:
        return None
    words = rng.choice((entity.name, *entity.aliases))
    return Said(words, piece.slot, MentionType.ENTITY, piece.list_name, entity)


def _text(rng: random.Random, place: Place, list_name: str) -> str:
    """Words for a text slot; now and then they hold the name of a thing, which is then marked and no less a text."""
    words = text_for(rng, list_name)
    if rng.random() >= NAME_IN_TEXT_SHARE or (thing := place.thing(rng, ())) is None:
        return words
    return thing.name if rng.random() < 0.4 else f"{words} {rng.choice(('', 'for', 'in', 'the'))} {thing.name}"


def _entity_slot(action: ActionSpec | None, name_: str) -> EntitySlot | None:
    spec = action.slot(name_) if action else None
    return spec.slot if spec is not None and isinstance(spec.slot, EntitySlot) else None


def coordinated(rng: random.Random, clause: Clause, place: Place) -> Clause | None:
    """The clause with one slot said of two or three things: "bring me the cup and the plate" is two actions."""
    named = [
        index
        for index, part in enumerate(clause.parts)
        if isinstance(part, Said) and part.entity and part.slot != UNUSED
    ]
    if not named or clause.turns > 1:
        return None
    index = rng.choice(named)
    first = clause.parts[index]
    if not isinstance(first, Said) or first.entity is None:
        return None
    before = clause.parts[index - 1] if index else ""
    article = before.rsplit(" ", 1)[-1] if isinstance(before, str) else ""
    again = (
        f" {article}"
        if article in ("the", "a", "an", "my", "that", "this", "some", "your") and rng.random() < 0.7
        else ""
    )
    row: list[Part] = [replace(first, turn=0)]
    turns = rng.choice((2, 2, 2, 3))
    for turn in range(1, turns):
        other = place.thing(rng, (first.entity.kind,))
        if other is None or any(isinstance(part, Said) and part.entity == other for part in (*row, *clause.parts)):
            return None
        link = "and" if turn == turns - 1 else ""
        row.append(f"{link}{again}".strip())
        row.append(replace(first, words=rng.choice((other.name, *other.aliases)), entity=other, turn=turn))
    return replace(clause, parts=(*clause.parts[:index], *row, *clause.parts[index + 1 :]), turns=turns)


def with_pronoun(rng: random.Random, clause: Clause, earlier: Clause, pack: Pack) -> Clause | None:
    """The clause speaking of something of an earlier clause as "it", "them" or "there", where its slot takes that."""
    kinds = {part.entity.kind for part in earlier.parts if isinstance(part, Said) and part.entity}
    action = pack.action(clause.intent)
    for index, part in enumerate(clause.parts):
        if not isinstance(part, Said) or part.entity is None or part.entity.kind not in kinds:
            continue
        slot = _entity_slot(action, part.slot)
        if slot is None:
            continue
        if "there" in slot.words and part.entity.kind == "place":
            word = "there"
        elif "it" in slot.words:
            word = "it"
        else:
            continue
        before = clause.parts[index - 1] if index else ""
        if not isinstance(before, str):
            continue
        said = Said(rng.choice(_SAYS[word]), part.slot, MentionType.WORD, word)
        shorter = _without_article(before, word)
        return replace(clause, parts=(*clause.parts[: max(index - 1, 0)], shorter, said, *clause.parts[index + 1 :]))
    return None


def _without_article(before: str, pronoun: str) -> str:
    """Words before a name without those that a pronoun drops: "on the" before "there"."""
    row = before.split()
    while row and row[-1] in _DETERMINERS:
        row.pop()
    while pronoun == "there" and row and row[-1] in _TO_PLACES:
        row.pop()
    return " ".join(row)


def ends_phrase(clause: Clause, at: int) -> bool:
    """Whether no noun or ending follows this part, so that words about it can be put there."""
    following = clause.parts[at + 1] if at + 1 < len(clause.parts) else ""
    return isinstance(following, str) and (not following or following.split(" ", 1)[0] in FUNCTION_WORDS)
