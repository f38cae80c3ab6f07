"""A few marked sentences with their answers, for a general model's prompt; drawn from the pack's phrases, seeded.

Decides nothing about the pack: the same pack gives the same examples. A pack without phrases, or without anything in
its example world to fill them, has fewer examples or none.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path

from edge_agent.packs.base import REJECT, ActionSpec, EntitySlot, Pack, QuantitySlot
from edge_agent.packs.phrases import Sample, SlotPiece, load_phrases
from edge_agent.world.loading import load_world
from edge_agent.world.mention import DEICTIC_WORDS, Unit

EXAMPLES = 7
_SEED = 20_240_418
_TRIES = 60
_SAID = {
    Unit.METRE: "two metres",
    Unit.DEGREE: "ninety degrees",
    Unit.SECOND: "ten seconds",
    Unit.MINUTE: "five minutes",
    Unit.HOUR: "two hours",
    Unit.PERCENT: "forty percent",
    Unit.TEMPERATURE: "twenty degrees",
    Unit.OUNCE: "twelve ounces",
    Unit.COUNT: "two",
}

Example = tuple[str, str]
"""A marked sentence and its answer."""


def examples_of(pack: Pack, count: int = EXAMPLES) -> tuple[Example, ...]:
    """Examples spread over the pack's actions, a reject among them where the phrases have one."""
    if not pack.phrases:
        return ()
    phrases = load_phrases(pack)
    names = _names_by_kind(pack.example_world)
    rng = random.Random(_SEED)
    intents = [intent for intent in phrases.intents if intent != REJECT]
    chosen = rng.sample(intents, min(count - 1, len(intents)))
    if REJECT in phrases.intents:
        chosen.append(REJECT)
    found: list[Example] = []
    for intent in chosen:
        for _ in range(_TRIES):
            example = _written(pack, phrases.sample(rng, intent), names, rng)
            if example is not None:
                found.append(example)
                break
    return tuple(found)


def _names_by_kind(world: Path | None) -> Mapping[str, list[str]]:
    names: dict[str, list[str]] = {}
    for entity in load_world(world).entities if world else ():
        names.setdefault(entity.kind, []).append(entity.name.casefold())
    return names


def _written(pack: Pack, sample: Sample, names: Mapping[str, list[str]], rng: random.Random) -> Example | None:
    """The sample with names and labels filled in, or None when something in it cannot be filled."""
    spec = pack.action(sample.intent)
    words: list[str] = []
    values: dict[str, int | str] = {}
    values.update(sample.fixed)
    entities = quantities = 0
    for piece in sample.pieces:
        if isinstance(piece, str):
            words.append(piece)
            continue
        slot_spec = spec.slot(piece.slot) if spec else None
        slot = slot_spec.slot if slot_spec else EntitySlot()
        if piece.list_name in DEICTIC_WORDS:
            words.append(f"[{piece.list_name}]")
            label: int | str = piece.list_name
        elif isinstance(slot, EntitySlot):
            name = _a_name(slot, piece, names, rng)
            if name is None:
                return None
            entities += 1
            words.append(f"[{entities} {name}]")
            label = entities
        elif isinstance(slot, QuantitySlot):
            label = chr(ord("a") + quantities)
            quantities += 1
            words.append(f"[{label} {_SAID[slot.unit]}]")
        else:
            return None
        if slot_spec is not None:
            values[piece.slot] = label
    answer = _ordered(spec, values)
    return (" ".join(" ".join(words).split()), answer) if answer else None


def _a_name(slot: EntitySlot, piece: SlotPiece, names: Mapping[str, list[str]], rng: random.Random) -> str | None:
    kinds = [piece.list_name] if piece.list_name in names else [kind for kind in slot.kinds if kind in names]
    known = names.get(rng.choice(kinds)) if kinds else [name for group in names.values() for name in group]
    return rng.choice(known) if known else None


def _ordered(spec: ActionSpec | None, values: Mapping[str, int | str]) -> str | None:
    """The answer with its keys in schema order; None when a required slot is empty."""
    if spec is None:
        call: dict[str, int | str] = {"action": REJECT, **values}
    else:
        if any(slot.required and slot.name not in values for slot in spec.slots):
            return None
        call = {"action": spec.name}
        call.update({slot.name: values[slot.name] for slot in spec.slots if slot.name in values})
    return json.dumps([call], ensure_ascii=False, separators=(",", ":"))
