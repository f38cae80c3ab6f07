"""A few marked sentences with their answers, for a general model's prompt; drawn from the pack's phrases, seeded.

Decides nothing about the pack: the same pack gives the same examples. A pack without phrases, or without anything in
its example world to fill them, has fewer examples or none.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edge_agent.packs.base import REJECT, ActionSpec, EntitySlot, Pack, QuantitySlot
from edge_agent.packs.phrases import Sample, SlotPiece, load_phrases
from edge_agent.world.loading import load_world
from edge_agent.world.mention import DEICTIC_WORDS, Unit

EXAMPLES = 7
_SEED = 20_240_418
_DRAWS = 12
"""Sentences drawn for one example; the one that fills the most slots is taken."""
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
    rng.shuffle(intents)
    # actions with many slots first: they show the most about the form
    intents.sort(key=lambda intent: -len(spec.slots) if (spec := pack.action(intent)) else 0)
    telling = intents[: max(count - 1, len(intents) // 2)]
    chosen = rng.sample(telling, min(count - 1, len(telling)))
    if REJECT in phrases.intents:
        chosen.append(REJECT)
    found: list[Example] = []
    for intent in chosen:
        samples = sorted((phrases.sample(rng, intent) for _ in range(_DRAWS)), key=_wordiness)
        written = (_written(pack, sample, names, rng) for sample in samples)
        found += [example for example in written if example is not None][:1]
    return tuple(found)


def random_examples(pack: Pack, count: int) -> Iterator[Example]:
    """Sentences of the pack's phrases with their answers, at random; up to `count` of them."""
    if not pack.phrases:
        return
    phrases = load_phrases(pack)
    names = _names_by_kind(pack.example_world)
    rng = random.Random(_SEED)
    intents = sorted(phrases.intents)
    for _ in range(count):
        example = _written(pack, phrases.sample(rng, rng.choice(intents)), names, rng)
        if example is not None:
            yield example


def _wordiness(sample: Sample) -> tuple[int, int]:
    """Sorts sentences that fill many slots, and short ones among equals, to the front."""
    slots = sum(not isinstance(piece, str) and piece.slot != "_" for piece in sample.pieces)
    return -slots, len(sample.pieces)


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
    said: list[str] = []
    quantities = 0
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
            name = _a_name(slot, piece, names, said, rng)
            if name is None:
                return None
            said.append(name)
            words.append(f"[{len(said)} {name}]")
            label = len(said)
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


def _a_name(
    slot: EntitySlot, piece: SlotPiece, names: Mapping[str, list[str]], said: Sequence[str], rng: random.Random
) -> str | None:
    """A name of a fitting kind that the sentence has not said yet."""
    kinds = [piece.list_name] if piece.list_name in names else [kind for kind in slot.kinds if kind in names]
    known = [name for kind in (kinds or names) for name in names[kind] if name not in said]
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
