"""What a pack's grammar must take and must refuse, made from the pack itself and tried before the pack is used.

Decides the trials: for each action a sentence that names something for every slot, its answers, and the same answers
broken in every way that matters. `self_test` puts them to resolving, jsonschema and the pack's classes; the engine puts
the same trials to llama.cpp's sampler and to llguidance (see `language.trial`). Refuses (GRAMMAR_INVALID) a pack whose
trials come out wrong; it is never used then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edge_agent import limits
from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.check import check_action
from edge_agent.grammar.gbnf import json_text
from edge_agent.grammar.resolve import resolve
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.limits import ENTITY_MENTIONS_MAX
from edge_agent.messages.answer import RejectReason
from edge_agent.packs.base import (
    REJECT,
    ActionSpec,
    ChoiceSlot,
    EntitySlot,
    Pack,
    QuantitySlot,
    SlotSpec,
    TextSlot,
)
from edge_agent.world.entities import Entity
from edge_agent.world.mention import (
    Dialogue,
    Linked,
    Mention,
    MentionType,
    Quantity,
    Word,
)
from edge_agent.world.store import World

_WORDS = ("do", "something", '"nice"', "für", "them")
"""The sentence around the mentions: a quotation mark and a letter beyond ASCII have broken grammars before."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One sentence's grammar, the answers it must take and those it must refuse."""

    name: str
    linked: Linked
    grammar: str
    valid: tuple[str, ...]
    invalid: tuple[str, ...]
    """Refused by the grammar; what is wrong in meaning as well is refused by resolving too."""


def self_test(pack: Pack, world: World) -> None:
    """Return when every trial of the pack comes out right without an engine.

    Raises:
        NodeFault: GRAMMAR_INVALID, naming the pack and the action.
    """
    for spec, trial in zip(pack.actions, trials(pack), strict=True):
        for answer in trial.valid:
            try:
                resolution = resolve(pack, answer, trial.linked, world, Dialogue(), None, None)
            except NodeFault as problem:
                raise _wrong(pack, trial, f"{answer} is refused: {problem.message}") from problem
            for action in resolution.actions:
                _refuses_broken(pack, trial, action)
        if not any(json_text(spec.name) in answer for answer in trial.valid):
            raise _wrong(pack, trial, "no sentence offers this action")


def trials(pack: Pack) -> Iterator[Trial]:
    """One trial for each action of the pack, in order."""
    grammars = SentenceGrammars(pack)
    for spec in pack.actions:
        linked, call = _sentence(spec, pack.grammar is not None)
        first = spec is pack.actions[0]
        valid = (*_valid(spec, call), *(_valid_lists(call) if first else ()))
        invalid = (*_broken(spec, call, pack.grammar is not None), *(_broken_lists(call) if first else ()))
        yield Trial(
            name=f"{pack.name}.{spec.name}",
            linked=linked,
            grammar=grammars.for_sentence(linked),
            valid=valid,
            invalid=tuple(dict.fromkeys(answer for answer in invalid if answer not in valid)),
        )


def _sentence(spec: ActionSpec, own: bool) -> tuple[Linked, dict[str, Any]]:
    """A sentence with something to say for every slot, and the action that says it all.

    A grammar of the owner's `own` need not take quotation marks: no normalized sentence holds one.
    """
    mentions: list[Mention] = []
    call: dict[str, Any] = {"action": spec.name}
    entities = quantities = 0
    for slot_spec in spec.slots:
        name = slot_spec.name
        match slot_spec.slot:
            case EntitySlot(kinds=kinds):
                entities += 1
                entity = Entity(f"{kinds[0] if kinds else 'thing'} {entities}", kind=kinds[0] if kinds else "")
                mentions.append(Mention(MentionType.ENTITY, str(entities), 0, 0, entity.name, candidates=(entity,)))
                call[name] = entities
            case QuantitySlot(unit=unit, minimum=low, maximum=high):
                label = chr(ord("a") + quantities)
                quantities += 1
                said = Quantity(float(int(low + (high - low) / 2) or high), unit)
                mentions.append(Mention(MentionType.QUANTITY, label, 0, 0, label, quantity=said))
                call[name] = label
            case ChoiceSlot(values=values):
                call[name] = values[0]
            case TextSlot():
                call[name] = " ".join(_WORDS[3:] if own else _WORDS[1:4])
    text, words = "", []
    for word in _WORDS:
        words.append(Word(word, len(text), len(text) + len(word)))
        text += word + " "
    return Linked(text=text, words=tuple(words), mentions=tuple(mentions), marked=text), call


def _valid(spec: ActionSpec, call: dict[str, Any]) -> tuple[str, ...]:
    least = {name: call[name] for name in ("action", *(slot.name for slot in spec.slots if slot.required))}
    choices = [
        call | {slot.name: value}
        for slot in spec.slots
        if isinstance(slot.slot, ChoiceSlot)
        for value in (slot.slot.values[0], slot.slot.values[-1])
    ]
    return tuple(dict.fromkeys(json_text([one]) for one in (call, least, *choices)))


def _valid_lists(call: dict[str, Any]) -> Iterator[str]:
    """What a list may be, whatever its actions; tried once for a pack."""
    yield json_text([call] * limits.ACTIONS_MAX)
    for reason in RejectReason:
        yield json_text([{"action": REJECT, "reason": reason.value}])


def _broken_lists(call: dict[str, Any]) -> Iterator[str]:
    """What no list may be."""
    whole = json_text([call])
    yield "[]"
    yield whole[:-1]
    yield whole + "]"
    yield " " + whole
    yield json_text(call)
    yield json_text([call] * (limits.ACTIONS_MAX + 1))
    yield json_text([call, {"action": REJECT, "reason": RejectReason.AMBIGUOUS.value}])
    yield json_text([{"action": REJECT, "reason": "tired"}])


def _broken(spec: ActionSpec, call: dict[str, Any], own: bool) -> Iterator[str]:
    """Ways to spoil one action that no grammar may let pass; one of the owner's `own` cannot know the sentence."""
    yield json_text([call | {"action": spec.name + "x"}])
    yield json_text([call | {"extra": 1}])
    for slot_spec in spec.slots:
        wrong = _wrong_value(slot_spec, own)
        if wrong is not None:
            yield json_text([call | {slot_spec.name: wrong}])
        if slot_spec.required:
            yield json_text([{name: value for name, value in call.items() if name != slot_spec.name}])
    if len(call) > 2:
        yield json_text([dict(reversed(call.items()))])


def _wrong_value(slot_spec: SlotSpec, own: bool) -> int | str | None:
    match slot_spec.slot:
        case EntitySlot():
            return ENTITY_MENTIONS_MAX + own
        case QuantitySlot():
            return "k"
        case TextSlot():
            return None if own else "something them"
        case _:
            return "no such choice"


def _refuses_broken(pack: Pack, trial: Trial, action: dict[str, Any]) -> None:
    """The resolved action's own checks refuse it once it is spoilt."""
    spec = pack.action(action["action"])
    if spec is None:
        raise _wrong(pack, trial, f"resolving gave an unknown action {action['action']!r}")
    spoilt = [action | {"extra": 1}, action | {"action": "x"}]
    for slot_spec in spec.slots:
        if slot_spec.required:
            spoilt.append({name: value for name, value in action.items() if name != slot_spec.name})
        if isinstance(slot_spec.slot, QuantitySlot):
            spoilt.append(action | {slot_spec.name: slot_spec.slot.maximum + 1})
            spoilt.append(action | {slot_spec.name: slot_spec.slot.minimum - 1})
        spoilt.append(action | {slot_spec.name: ["list"]})
    for broken in spoilt:
        try:
            check_action(spec, broken)
        except NodeFault:
            continue
        raise _wrong(pack, trial, f"a broken action passes: {json_text(broken)}")


def _wrong(pack: Pack, trial: Trial, why: str) -> NodeFault:
    return NodeFault(Code.GRAMMAR_INVALID, f"the pack's self-test failed: {why[:300]}", where=trial.name or pack.name)
