"""Sentences to measure with: a pack's own phrases filled from a world, equal for equal seeds.

Decides what is said and nothing of what it means. A stop is never among them (it would latch), nor what the phrases
give for refusing; words that only people can choose, such as a timer's name, are left out with their sentence.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.packs.base import REJECT, EntitySlot, Pack
from edge_agent.packs.phrase_parts import ANY
from edge_agent.packs.phrases import Phrases, QuantityList, Sample, SlotPiece, load_phrases
from edge_agent.safety.stop import is_stop
from edge_agent.world.entities import Entity
from edge_agent.world.mention import DEICTIC_WORDS, Unit

WORDS_MAX = 16
"""Longer ones are rarely said."""
DRAWS_MAX = 200
"""Draws for one sentence; where so many lead nowhere the world has nothing to speak of."""
_UNIT_WORDS: Mapping[Unit, str] = {
    Unit.METRE: "metres",
    Unit.DEGREE: "degrees",
    Unit.SECOND: "seconds",
    Unit.MINUTE: "minutes",
    Unit.HOUR: "hours",
    Unit.PERCENT: "percent",
    Unit.TEMPERATURE: "degrees",
    Unit.OUNCE: "ounces",
}


def sentences(pack: Pack, entities: Sequence[Entity], count: int, seed: int) -> list[str]:
    """So many different sentences about these entities; the actions of the pack are equally likely.

    Raises:
        ConfigurationFault: PHRASES_INVALID, or WORLD_INVALID where the world gives too few.
    """
    phrases = load_phrases(pack)
    intents = [intent for intent in phrases.intents if intent != REJECT and not _is_stop_action(pack, intent)]
    chance = random.Random(seed)
    filler = _Filler(chance, pack, phrases, entities)
    found: dict[str, None] = {}
    for _ in range(DRAWS_MAX * count):
        if len(found) == count:
            break
        said = filler.said(phrases.sample(chance, chance.choice(intents)))
        if said is not None and len(said.split()) <= WORDS_MAX and not is_stop(said, prefix=pack.stop_prefix):
            found[said] = None
    if len(found) < count:
        why = f"its phrases and this world give {len(found)} different sentences, not {count}"
        raise ConfigurationFault(Code.WORLD_INVALID, why, where=pack.name)
    return list(found)


def _is_stop_action(pack: Pack, intent: str) -> bool:
    action = pack.action(intent)
    return action is not None and action.hazard == "stop"


class _Filler:
    """Fills the places of a pack's sentences from one world."""

    def __init__(self, chance: random.Random, pack: Pack, phrases: Phrases, entities: Sequence[Entity]) -> None:
        self._chance = chance
        self._pack = pack
        self._phrases = phrases
        self._by_kind: dict[str, list[str]] = {}
        for entity in entities:
            self._by_kind.setdefault(entity.kind, []).append(entity.name)

    def said(self, sample: Sample) -> str | None:
        """The sentence, or None where something in it cannot be filled."""
        words: list[str] = []
        for piece in sample.pieces:
            part = piece if isinstance(piece, str) else self._filled(sample.intent, piece, words)
            if part is None:
                return None
            words.append(part)
        return " ".join(words)

    def _filled(self, intent: str, piece: SlotPiece, before: Sequence[str]) -> str | None:
        """What is said in a place; a name that stands before it already is not said again."""
        if piece.text or piece.list_name in DEICTIC_WORDS:
            return piece.text or piece.list_name
        if piece.list_name in self._phrases.quantities:
            return _quantity(self._chance, self._phrases.quantities[piece.list_name])
        kinds = self._kinds(intent, piece)
        names = [name for kind in kinds for name in self._by_kind.get(kind, ()) if name not in before]
        return self._chance.choice(names) if names else None

    def _kinds(self, intent: str, piece: SlotPiece) -> Sequence[str]:
        if piece.list_name != ANY:
            return (piece.list_name,)
        action = self._pack.action(intent)
        spec = action.slot(piece.slot) if action else None
        kinds = spec.slot.kinds if spec and isinstance(spec.slot, EntitySlot) else ()
        return kinds or sorted(self._by_kind)


def _quantity(chance: random.Random, numbers: QuantityList) -> str:
    """A number of the list in digits, with its unit."""
    if numbers.words:
        return chance.choice(numbers.words)
    value = chance.randrange(numbers.minimum, numbers.maximum + 1, numbers.step)
    return f"{value} {_UNIT_WORDS.get(numbers.unit, '')}".strip()
