"""Which entity is meant when the words leave it open: "it", "there", and names that several things share.

Decides from the answer so far, the sentence and the dialogue. Refuses to guess: None means that a person must say more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge_agent.packs.base import ActionSpec, EntitySlot, Pack, SlotSpec
from edge_agent.world.entities import Entity
from edge_agent.world.mention import Dialogue, Linked, MentionType
from edge_agent.world.store import World


def choose(fitting: Sequence[Entity], named: Sequence[str], area: str | None) -> Entity | None:
    """The one of several namesakes that stands where the action says, else where the speaker stands; or None."""
    for places in ({name.casefold() for name in named}, {area.casefold()} if area else set()):
        there = [one for one in fitting if one.area.casefold() in places or one.floor.casefold() in places]
        if len(there) == 1:
            return there[0]
    return None


class Referents:
    """What "it" and "there" can stand for, nearest first: earlier actions, the sentence before the word, the dialogue.

    Among the entities of earlier actions, those that stood in a slot of the same name come first, then those in a slot
    which itself takes the word; within one action the first slot counts as nearest: "it" is rather the box that was
    picked than the shelf it was picked from.
    """

    def __init__(self, pack: Pack, linked: Linked, world: World, dialogue: Dialogue) -> None:
        self._pack = pack
        self._linked = linked
        self._used: list[tuple[SlotSpec, Entity]] = []
        """Nearest first."""
        self._recent = [entity for name in dialogue.recent if (entity := world.entity(name)) is not None]

    def remember(self, spec: ActionSpec, entities: Mapping[str, Entity]) -> None:
        """An action has been resolved with these entities, by slot name."""
        used = [(slot, entities[slot.name]) for slot in spec.slots if slot.name in entities]
        self._used = used + self._used

    def latest(self, name: str, slot: EntitySlot, word: str) -> Entity | None:
        """The nearest entity that fits the slot of this name, or None."""
        same = [entity for used, entity in self._used if used.name == name]
        kin = [entity for used, entity in self._used if isinstance(used.slot, EntitySlot) and word in used.slot.words]
        others = [entity for _, entity in self._used]
        for entity in (*same, *kin, *others, *self._before(word), *self._recent):
            if self._pack.fits(slot, entity):
                return entity
        return None

    def _before(self, word: str) -> list[Entity]:
        """Entities named in the sentence before the word, nearest first; only those whose name means one thing."""
        place = next((one.start for one in self._linked.mentions if one.label == word), 0)
        return [
            mention.candidates[0]
            for mention in reversed(self._linked.mentions)
            if mention.type is MentionType.ENTITY and mention.end <= place and len(mention.candidates) == 1
        ]
