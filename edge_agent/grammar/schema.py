"""What the model may answer to one sentence, as JSON Schema; and what a resolved action must look like.

Decides: which actions and slots are on offer, given the mentions that the code has read. An action whose required slot
no mention fits is not offered; an optional slot that no mention fits is left out of its action; refusing is always
offered, alone in its list. Refuses nothing: every sentence has a schema. Mentions stand in it as labels (entities 1, 2,
…; quantities "a", "b", …; me, here, it, there as themselves), so a name or a number that was not said has no way out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edge_agent import limits
from edge_agent.limits import ENTITY_MENTIONS_MAX, QUANTITY_MENTIONS_MAX
from edge_agent.messages.answer import RejectReason
from edge_agent.packs.base import REJECT, ActionSpec, ChoiceSlot, EntitySlot, Pack, QuantitySlot, Slot, TextSlot
from edge_agent.world.mention import (
    Linked,
    Mention,
    MentionType,
    Unit,
)

JsonSchema = dict[str, Any]

SPAN_WORDS = "x-words"
"""Schema keyword of ours: the string is a run of whole words of this list, joined by one space."""

_SPAN = {"$ref": "#/$defs/span"}

Offer = Callable[[ActionSpec, Slot], JsonSchema | None]
"""The schema of the values on offer for an action's slot, or None when there are none."""


def answer_schema(pack: Pack, linked: Linked) -> JsonSchema:
    """The answers possible to this sentence: one reject, or 1 to ACTIONS_MAX actions."""

    def offer(spec: ActionSpec, slot: Slot) -> JsonSchema | None:
        match slot:
            case EntitySlot():
                return _enum(entity_labels(pack, slot, linked.mentions))
            case QuantitySlot():
                return _enum(quantity_labels(slot, quantity_units(spec), linked.mentions))
            case TextSlot():
                return _SPAN if linked.words else None
            case ChoiceSlot():
                return _enum(slot.values)

    return _answer(pack, offer, span_schema(linked))


def span_schema(linked: Linked) -> JsonSchema:
    """What a text slot may hold: a run of the sentence's normalized words."""
    return {"type": "string", SPAN_WORDS: [word.text for word in linked.words]}


def general_schema(pack: Pack) -> JsonSchema:
    """Every answer this pack can ever give, whatever the sentence: all labels, any text."""

    def offer(_spec: ActionSpec, slot: Slot) -> JsonSchema | None:
        match slot:
            case EntitySlot():
                return _enum([*range(1, ENTITY_MENTIONS_MAX + 1), *slot.words])
            case QuantitySlot():
                return _enum([chr(ord("a") + place) for place in range(QUANTITY_MENTIONS_MAX)])
            case TextSlot():
                return _SPAN
            case ChoiceSlot():
                return _enum(slot.values)

    return _answer(pack, offer, {"type": "string"})


def entity_labels(pack: Pack, slot: EntitySlot, mentions: Sequence[Mention]) -> list[int | str]:
    """Labels that fit an entity slot: mentions with a fitting candidate, and the deictic words the slot takes."""
    labels: list[int | str] = []
    for mention in mentions:
        if mention.type is MentionType.ENTITY and any(pack.fits(slot, entity) for entity in mention.candidates):
            labels.append(int(mention.label))
    said = {mention.label for mention in mentions if mention.type is MentionType.WORD}
    return labels + [word for word in slot.words if word in said]


def quantity_units(spec: ActionSpec) -> frozenset[Unit]:
    """The units that an action has slots for."""
    return frozenset(slot_spec.slot.unit for slot_spec in spec.slots if isinstance(slot_spec.slot, QuantitySlot))


def quantity_labels(slot: QuantitySlot, units: frozenset[Unit], mentions: Sequence[Mention]) -> list[str]:
    """Labels of the quantities whose unit is the slot's or converts to it.

    `units` are those of all the action's slots: a quantity said in one of them goes to no slot of another, so that "one
    hour and 15 minutes" fills a timer's hours and minutes and never 60 of its minutes.
    """
    return [
        mention.label
        for mention in mentions
        if (said := mention.quantity) is not None
        and slot.value_of(said) is not None
        and (said.unit is slot.unit or said.unit not in units)
    ]


def resolved_schema(spec: ActionSpec) -> JsonSchema:
    """What an action must look like once names and values stand in it; checked next to its own class."""
    properties: JsonSchema = {"action": {"const": spec.name}}
    for slot_spec in spec.slots:
        properties[slot_spec.name] = _resolved_value(slot_spec.slot)
    required = ["action", *(slot_spec.name for slot_spec in spec.slots if slot_spec.required)]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _resolved_value(slot: Slot) -> JsonSchema:
    match slot:
        case EntitySlot():
            return {"type": "string", "minLength": 1, "maxLength": limits.NAME_CHARS_MAX}
        case QuantitySlot():
            kind = "integer" if slot.integer else "number"
            return {"type": kind, "minimum": slot.minimum, "maximum": slot.maximum}
        case TextSlot():
            return {"type": "string", "minLength": 1, "maxLength": slot.chars_max}
        case ChoiceSlot():
            return {"enum": list(slot.values)}


def _enum(values: Sequence[int | str]) -> JsonSchema | None:
    return {"enum": list(values)} if values else None


def _answer(pack: Pack, offer: Offer, span: JsonSchema) -> JsonSchema:
    offered = [schema for spec in pack.actions if (schema := _action(spec, offer)) is not None]
    refusal = _object(REJECT, {"reason": {"enum": [reason.value for reason in RejectReason]}}, ["reason"])
    alone = {"type": "array", "items": refusal, "minItems": 1, "maxItems": 1}
    several = {"type": "array", "items": {"oneOf": offered}, "minItems": 1, "maxItems": limits.ACTIONS_MAX}
    branches = [several, alone] if offered else [alone]
    has_text = any(_SPAN in action["properties"].values() for action in offered)
    return {"oneOf": branches} | ({"$defs": {"span": span}} if has_text else {})


def _action(spec: ActionSpec, offer: Offer) -> JsonSchema | None:
    properties: JsonSchema = {}
    for slot_spec in spec.slots:
        schema = offer(spec, slot_spec.slot)
        if schema is not None:
            properties[slot_spec.name] = schema
        elif slot_spec.required:
            return None
    return _object(spec.name, properties, [slot.name for slot in spec.slots if slot.required])


def _object(name: str, properties: JsonSchema, required: list[str]) -> JsonSchema:
    return {
        "type": "object",
        "properties": {"action": {"const": name}, **properties},
        "required": ["action", *required],
        "additionalProperties": False,
    }
