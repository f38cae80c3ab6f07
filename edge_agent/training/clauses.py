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
from edge_agent.training.words import english, heads, name
from edge_agent.training.worlds import Place, kinds_of
from edge_agent.world.entities import Entity
from edge_agent.world.mention import DEICTIC_WORDS, MentionType

UNUSED = "_"
_HERE = ("here", "here", "this room", "this room", "this area", "this place", "the room i'm in", "the room where i am")
"""Ways to say where one stands, after "in"."""
_SAYS = {"me": ("me",), "it": ("it", "it", "it", "them"), "here": ("here",), "there": ("there",)}


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
        return Said(free_text(rng), piece.slot, None, piece.list_name)
    entity = place.thing(rng, kinds_of(place.pack, piece.list_name, slot))
    if entity is None:
        return None
    words = rng.choice((entity.name, *entity.aliases))
    return Said(words, piece.slot, MentionType.ENTITY, piece.list_name, entity)


def _entity_slot(action: ActionSpec | None, name_: str) -> EntitySlot | None:
    spec = action.slot(name_) if action else None
    return spec.slot if spec is not None and isinstance(spec.slot, EntitySlot) else None


def free_text(rng: random.Random) -> str:
    """Words for a text slot: a thing's name, or a few words of any sort."""
    if rng.random() < 0.5:
        return name(rng, "robot", rng.choice(("item", "place", "person")))
    words = english(4000)
    return " ".join(words[int(len(words) * rng.random() ** 2)] for _ in range(rng.choice((1, 2, 2, 3, 3, 4, 5, 7))))


def with_absent(rng: random.Random, clause: Clause, place: Place) -> Clause | None:
    """The clause with one of its named things replaced by something that does not exist here."""
    named = [index for index, part in enumerate(clause.parts) if isinstance(part, Said) and part.entity]
    if not named:
        return None
    index = rng.choice(named)
    part = clause.parts[index]
    if not isinstance(part, Said) or part.entity is None:
        return None
    words = place.absent(rng, part.entity.kind)
    return _replaced(clause, index, replace(part, words=words, entity=None, absent=True)) if words else None


def with_head_unmarked(rng: random.Random, clause: Clause) -> Clause | None:
    """A known name before a noun that makes it another, unknown thing: "kitchen table" where "kitchen" is known."""
    named = [index for index, part in enumerate(clause.parts) if isinstance(part, Said) and part.entity]
    if not named:
        return None
    index = rng.choice(named)
    noun = rng.choice(heads("robot", rng.choice(("item", "container", "device")))).replace("-", " ")
    part = clause.parts[index]
    if not isinstance(part, Said):
        return None
    parts = (*clause.parts[: index + 1], Said(noun, UNUSED, None, absent=True), *clause.parts[index + 1 :])
    return replace(clause, parts=parts)


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


def with_pronoun(clause: Clause, earlier: Clause, pack: Pack) -> Clause | None:
    """The clause speaking of something of an earlier clause as "it", where its slot can take that word."""
    kinds = {part.entity.kind for part in earlier.parts if isinstance(part, Said) and part.entity}
    action = pack.action(clause.intent)
    for index, part in enumerate(clause.parts):
        if not isinstance(part, Said) or part.entity is None or part.entity.kind not in kinds:
            continue
        slot = _entity_slot(action, part.slot)
        if slot is None or "it" not in slot.words:
            continue
        said = _replaced(clause, index, Said("it", part.slot, MentionType.WORD, "it"))
        before = said.parts[index - 1] if index else None
        if isinstance(before, str) and before.rsplit(" ", 1)[-1] in ("the", "a", "an", "my", "that", "this", "some"):
            shorter = before.rsplit(" ", 1)[0] if " " in before else ""
            return replace(said, parts=(*said.parts[: index - 1], shorter, *said.parts[index:]))
        return said
    return None


def _replaced(clause: Clause, index: int, part: Part) -> Clause:
    return replace(clause, parts=(*clause.parts[:index], part, *clause.parts[index + 1 :]))
