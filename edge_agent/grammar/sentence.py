"""The grammar of one sentence, remembered by what can change it.

Two sentences share all rules but those of their own words when their mentions offer the same labels to every slot.
Decides nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from edge_agent.grammar.gbnf import body_rules, definition_rules
from edge_agent.grammar.schema import answer_schema, entity_labels, quantity_labels, quantity_units, span_schema
from edge_agent.packs.base import EntitySlot, Pack, QuantitySlot, TextSlot
from edge_agent.world.mention import Linked

GRAMMARS_MAX = 512
"""Grammars remembered for one pack; the least recently used goes first."""


class SentenceGrammars:
    """Grammars of one pack. Not for several threads at once."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        slots = [spec.slot for action in pack.actions for spec in action.slots]
        self._entity_slots = tuple({slot: None for slot in slots if isinstance(slot, EntitySlot)})
        self._quantity_slots = tuple(
            {
                (spec.slot, quantity_units(action)): None
                for action in pack.actions
                for spec in action.slots
                if isinstance(spec.slot, QuantitySlot)
            }
        )
        self._has_text = any(isinstance(slot, TextSlot) for slot in slots)
        self._kept: OrderedDict[Hashable, str] = OrderedDict()

    def for_sentence(self, linked: Linked) -> str:
        """GBNF text of this sentence's answers; the pack's own grammar when it brings one."""
        if self._pack.grammar is not None:
            return self._pack.grammar
        key = self._key(linked)
        rules = self._kept.get(key)
        if rules is None:
            schema = answer_schema(self._pack, linked)
            rules = body_rules({name: value for name, value in schema.items() if name != "$defs"})
            self._kept[key] = rules
            if len(self._kept) > GRAMMARS_MAX:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return rules + definition_rules("span", span_schema(linked)) if self._has_text else rules

    def _key(self, linked: Linked) -> Hashable:
        entities = tuple(tuple(entity_labels(self._pack, slot, linked.mentions)) for slot in self._entity_slots)
        quantities = tuple(tuple(quantity_labels(slot, units, linked.mentions)) for slot, units in self._quantity_slots)
        return entities, quantities
