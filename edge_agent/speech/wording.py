"""What may be said where a pack is spoken: its phrases as sentences, with the world's names beside them.

Decides which sentences stand for a pack, how its names and quantities are said, and how many of them a recogniser is
told. What people say that is no command stands among the sentences too, so that chat is not bent into an order.
Refuses nothing of the world: names beyond SPOKEN_NAMES_MAX are left out, and `names_left_out` tells which. Pure.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import Final

from edge_agent.limits import SPOKEN_NAMES_MAX
from edge_agent.packs.base import REJECT, EntitySlot, Pack
from edge_agent.packs.phrases import Phrases, Sample, load_phrases
from edge_agent.speech.recognition import Lexicon
from edge_agent.speech.wording_numbers import spoken, spoken_quantities
from edge_agent.world.entities import Entity
from edge_agent.world.mention import DEICTIC_WORDS
from edge_agent.world.store import World

SENTENCES: Final = 30_000
"""Sentences drawn from a pack's phrases."""
REJECTS_KEPT: Final = 0.1
"""Of the sentences that are no command, how many are kept: enough to hear chat as chat."""
JOINED_SHARE: Final = 0.08
"""How many of them are two commands in one."""
ANY_NAME: Final = "any"
"""The class of every name, for slots that take any kind."""
_JOINTS: Final = ("and", "and", "and then", "then")
_SEED: Final = 7


def lexicon_of(pack: Pack, world: World) -> Lexicon:
    """The pack's sentences and the world's names by class, as they are spoken.

    A class without names is free text: any words may stand there. Sentences about kinds of which this world has nothing
    are left out.

    Raises:
        ConfigurationFault: PHRASES_INVALID.
    """
    sentences, quantities = _spoken_pack(pack)
    by_kind = _names_by_kind(_entities(world.entities))
    names: dict[str, tuple[str, ...]] = {}
    for name in sorted({name for sentence in sentences for name in classes_in(sentence)}):
        if name in quantities:
            names[name] = quantities[name]
        elif _is_kinds(name, pack):
            names[name] = _names_of(name, by_kind, pack.kinds)
        else:
            names[name] = ()
    unsayable = {name for name, said in names.items() if not said and _is_kinds(name, pack)}
    sentences = tuple(said for said in sentences if unsayable.isdisjoint(classes_in(said)))
    names = {name: said for name, said in names.items() if name not in unsayable}
    body = json.dumps([pack.name, sentences, names], ensure_ascii=False)
    digest = hashlib.sha256(body.encode()).hexdigest()
    return Lexicon(pack.name, sentences, MappingProxyType(names), digest)


def names_left_out(world: World) -> tuple[str, ...]:
    """The names of a world that nobody listens for, because there are more than SPOKEN_NAMES_MAX."""
    kept = {name for _, name in _entities(world.entities)}
    return tuple(entity.name for entity in world.entities if entity.name not in kept)


def _entities(entities: Iterable[Entity]) -> list[tuple[Entity, str]]:
    """Names in the owner's order, then aliases, up to the limit."""
    kept = list(entities)
    named = chain(
        ((entity, entity.name) for entity in kept),
        ((entity, alias) for entity in kept for alias in entity.aliases),
    )
    return [pair for pair, _ in zip(named, range(SPOKEN_NAMES_MAX), strict=False)]


def _names_by_kind(named: Iterable[tuple[Entity, str]]) -> dict[str, list[str]]:
    by_kind: dict[str, list[str]] = {}
    for entity, name in named:
        by_kind.setdefault(entity.kind, []).extend(spoken(name))
    return by_kind


def classes_in(sentence: str) -> tuple[str, ...]:
    """The classes that stand in a sentence, without their braces."""
    return tuple(word[1:-1] for word in sentence.split() if word.startswith("{"))


def _is_kinds(name: str, pack: Pack) -> bool:
    return name == ANY_NAME or set(name.split("|")) <= pack.kinds


def _names_of(wanted: str, by_kind: dict[str, list[str]], known: frozenset[str]) -> tuple[str, ...]:
    """The names of a class: of its kinds, and of kinds that no slot knows, which fit everywhere."""
    kinds = set(wanted.split("|"))
    fitting = (by_kind[kind] for kind in by_kind if wanted == ANY_NAME or kind in kinds or kind not in known)
    return tuple(dict.fromkeys(chain.from_iterable(fitting)))


@lru_cache(maxsize=8)
def _spoken_pack(pack: Pack) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """A pack's sentences, and its quantities as they are said; the same whenever it is asked."""
    rng = random.Random(_SEED)
    phrases = load_phrases(pack)
    quantities = {name: spoken_quantities(numbers) for name, numbers in phrases.quantities.items()}
    return tuple(_sentences(rng, pack, phrases)), quantities


def _sentences(rng: random.Random, pack: Pack, phrases: Phrases) -> Iterator[str]:
    actions = tuple(intent for intent in phrases.intents if intent != REJECT)
    for _ in range(SENTENCES):
        sample = phrases.sample(rng)
        while actions and sample.intent == REJECT and rng.random() >= REJECTS_KEPT:
            sample = phrases.sample(rng)
        said = _said(pack, sample)
        if actions and rng.random() < JOINED_SHARE:
            said = f"{said} {rng.choice(_JOINTS)} {_said(pack, phrases.sample(rng, rng.choice(actions)))}"
        if said.strip():
            yield " ".join(said.split())


def _said(pack: Pack, sample: Sample) -> str:
    """A sample's words, with classes in braces."""
    words: list[str] = []
    for piece in sample.pieces:
        if isinstance(piece, str):
            words.extend(spoken(piece)[:1])
        elif piece.text:
            words.extend(spoken(piece.text)[:1])
        elif piece.list_name in DEICTIC_WORDS:
            words.append(piece.list_name)
        else:
            words.append("{" + _class(pack, sample.intent, piece.list_name, piece.slot) + "}")
    return " ".join(words)


def _class(pack: Pack, intent: str, list_name: str, slot_name: str) -> str:
    """The class of a slot: its list, or for a name of any kind the kinds that the slot takes."""
    if list_name != ANY_NAME:
        return list_name
    action = pack.action(intent)
    spec = action.slot(slot_name) if action else None
    kinds = spec.slot.kinds if spec is not None and isinstance(spec.slot, EntitySlot) else ()
    return "|".join(sorted(kinds)) or ANY_NAME
