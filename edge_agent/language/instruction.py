"""A pack told to a general model in words: its actions with their slots, and the form of an answer.

Decides the wording only; it reads nothing but the pack. Long lists of choices are written once.
"""

from __future__ import annotations

from edge_agent import limits
from edge_agent.language.examples import examples_of
from edge_agent.language.prompt import Prompt, Style, bundled_prompt, llama3_prompt
from edge_agent.messages.answer import RejectReason
from edge_agent.packs.base import ActionSpec, ChoiceSlot, EntitySlot, Pack, QuantitySlot, Slot

_LONG_LIST = 6
"""A list of more values than this is written once and referred to afterwards."""
_SHOWN_VALUES_MAX = 32
"""Values of one list that are written out."""


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
            *(f"{name} is one of: {_listed(values)}" for values, name in named.items()),
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
            return "|".join([_values(f"{name}_kind", kinds or ("thing",), named), *words])
        case QuantitySlot(unit=unit):
            return f"quantity in {unit}"
        case ChoiceSlot(values=values):
            return _values(name, values, named)
        case _:
            return "words of the sentence"


def _values(name: str, values: tuple[str, ...], named: dict[tuple[str, ...], str]) -> str:
    """The values themselves, or the name under which a long list of them stands below."""
    if len(values) <= _LONG_LIST:
        return "|".join(values)
    if values not in named:
        wish = name.upper()
        named[values] = f"{wish}_{len(named)}" if wish in named.values() else wish
    return named[values]


def _listed(values: tuple[str, ...]) -> str:
    """A list below; of a very long one only the beginning, as the grammar knows the rest."""
    shown = ", ".join(values[:_SHOWN_VALUES_MAX])
    return shown if len(values) <= _SHOWN_VALUES_MAX else f"{shown} and others like them"
