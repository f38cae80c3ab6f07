"""A pack told to a general model in words: its actions with their slots, and the form of an answer.

Decides the wording only; it reads nothing but the pack. Long lists of choices are written once.
"""

from __future__ import annotations

from edge_agent.language.examples import examples_of
from edge_agent.language.prompt import Prompt, Style, bundled_prompt, llama3_prompt
from edge_agent.messages import limits
from edge_agent.messages.answer import RejectReason
from edge_agent.packs.base import ActionSpec, ChoiceSlot, EntitySlot, Pack, QuantitySlot, Slot

_LONG_CHOICE = 6
"""A choice of more values than this is written once and referred to afterwards."""


def pack_prompt(pack: Pack, style: Style) -> Prompt:
    """The prompt of a pack; equal packs give equal prompts."""
    if style is Style.BUNDLED:
        return bundled_prompt(pack.name)
    return llama3_prompt(instruction(pack), examples_of(pack))


def instruction(pack: Pack) -> str:
    """The system text of a pack."""
    named: dict[tuple[str, ...], str] = {}
    actions = [_action_line(spec, named) for spec in pack.actions]
    reasons = "|".join(RejectReason)
    return "\n".join(
        [
            f"You turn one sentence into actions. {pack.doc.strip().splitlines()[0]}",
            f"Answer with a compact JSON list of 1 to {limits.ACTIONS_MAX} actions in the order they are asked for, "
            f'or with [{{"action":"reject","reason":R}}], R one of {reasons}.',
            "The sentence marks what is known: [1 name] is a thing, [a number] a quantity, "
            "and [me], [here], [it], [there] "
            'are themselves. In a slot write the mark\'s label: 1, "a", "me". Leave out slots that are not said; '
            "a slot with ? may be left out. A thing that is named but not marked is not known: unknown_entity.",
            "Actions:",
            *actions,
            *(f"{name} is one of: {', '.join(values)}" for values, name in named.items()),
        ]
    )


def _action_line(spec: ActionSpec, named: dict[tuple[str, ...], str]) -> str:
    slots = ", ".join(
        f"{slot.name}{'' if slot.required else '?'}: {_slot_text(slot.name, slot.slot, named)}" for slot in spec.slots
    )
    return f"{spec.name}({slots}) {spec.doc}"


def _slot_text(name: str, slot: Slot, named: dict[tuple[str, ...], str]) -> str:
    match slot:
        case EntitySlot(kinds=kinds, words=words):
            return "|".join([*(kinds or ("thing",)), *words])
        case QuantitySlot(unit=unit):
            return f"quantity in {unit}"
        case ChoiceSlot(values=values) if len(values) > _LONG_CHOICE:
            if values not in named:
                taken = name.upper() in named.values()
                named[values] = f"{name.upper()}{len(named)}" if taken else name.upper()
            return named[values]
        case ChoiceSlot(values=values):
            return "|".join(values)
        case _:
            return "words of the sentence"
