"""The model's labels become names and values, and the result is checked twice before anybody acts on it.

Decides: which entity a label, "it" or "there" stands for; units; whether a number is within the slot's bounds. What
the speaker asked for and cannot have becomes a reject: several things of that name (ambiguous), "it" without anything
before it (ambiguous), what the pack finds doubtful (ambiguous), a number out of bounds or a text too long
(unsupported). Refuses (OUTPUT_INVALID) an answer that its grammar could not have given: that is the engine's fault,
not the speaker's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent import limits
from edge_agent.grammar.answer import Call, invalid, parse_answer
from edge_agent.grammar.check import check_action
from edge_agent.grammar.durations import whole_time
from edge_agent.grammar.reference import Referents, choose
from edge_agent.grammar.schema import quantity_units
from edge_agent.messages.answer import Rejection, RejectReason
from edge_agent.messages.base import JsonAction
from edge_agent.packs.base import (
    REJECT,
    ActionSpec,
    ChoiceSlot,
    Doubt,
    EntitySlot,
    Pack,
    QuantitySlot,
    SlotSpec,
    Surroundings,
    TextSlot,
)
from edge_agent.world.entities import Entity
from edge_agent.world.mention import Dialogue, Linked, Mention, MentionType, Word
from edge_agent.world.store import World

_DETAILS = {
    RejectReason.UNKNOWN_ENTITY: "something was named that is not known here",
    RejectReason.NOT_A_COMMAND: "this does not ask for anything to be done",
    RejectReason.AMBIGUOUS: "this can be meant in more than one way",
    RejectReason.UNSUPPORTED: "this is not among the actions known here",
}


@dataclass(frozen=True, slots=True)
class Resolution:
    """Checked actions in order, or the reason for none; exactly one of both."""

    actions: tuple[JsonAction, ...]
    reject: Rejection | None


class _Refused(Exception):
    """The sentence is understood and refused; unwinds to `resolve` and never leaves this file."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.detail)
        self.rejection = rejection


def resolve(  # noqa: PLR0917 - one agreed order for all callers
    pack: Pack,
    answer: str,
    linked: Linked,
    world: World,
    dialogue: Dialogue,
    area: str | None,
    speaker: str | None,
) -> Resolution:
    """What the model's answer to `linked` means here.

    `dialogue` holds the entities spoken of before; `area` and `speaker` are where and who the words came from.

    Raises:
        NodeFault: OUTPUT_INVALID.
    """
    calls = parse_answer(answer)
    if calls[0]["action"] == REJECT:
        return Resolution((), _rejection(calls[0], linked))
    surroundings = Surroundings(
        text=linked.text,
        area=area,
        speaker=speaker,
        entity=world.entity,
        of_kind=lambda kind: [entity for entity in world.entities if entity.kind == kind],
    )
    resolver = _Resolver(pack, linked, surroundings, Referents(pack, linked, world, dialogue))
    try:
        return Resolution(tuple(resolver.action(call) for call in calls), None)
    except _Refused as refused:
        return Resolution((), refused.rejection)


def _rejection(call: Call, linked: Linked) -> Rejection:
    if set(call) != {"action", "reason"} or call["reason"] not in set(RejectReason):
        raise invalid("a reject has a reason and nothing else")
    reason = RejectReason(call["reason"])
    candidates: tuple[str, ...] = ()
    if reason is RejectReason.AMBIGUOUS:
        doubtful = (mention for mention in linked.mentions if len(mention.candidates) > 1)
        candidates = _names(next(doubtful).candidates) if any(len(m.candidates) > 1 for m in linked.mentions) else ()
    return Rejection(reason=reason, detail=_DETAILS[reason], candidates=candidates)


def _names(entities: Sequence[Entity]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entity.name for entity in entities))[: limits.CANDIDATES_MAX]


class _Resolver:
    """Resolves one answer's actions in order, remembering what each one spoke of."""

    def __init__(self, pack: Pack, linked: Linked, surroundings: Surroundings, referents: Referents) -> None:
        self._pack = pack
        self._linked = linked
        self._surroundings = surroundings
        self._referents = referents
        self._mentions = {mention.label: mention for mention in linked.mentions}

    def action(self, call: Call) -> JsonAction:
        spec = self._pack.action(str(call["action"]))
        if spec is None:
            raise invalid(f"no action {str(call['action'])[:48]!r}")
        if extra := set(call) - {"action", *(slot.name for slot in spec.slots)}:
            raise invalid(f"{spec.name} has no slot {sorted(extra)[0][:48]!r}")
        entities = self._entities(spec, call)
        action: JsonAction = {"action": spec.name}
        for slot_spec in spec.slots:
            if slot_spec.name in entities:
                action[slot_spec.name] = entities[slot_spec.name]
            elif slot_spec.name in call:
                action[slot_spec.name] = self._value(spec, slot_spec, call[slot_spec.name])
        completed = self._pack.complete(action, self._surroundings)
        if isinstance(completed, Doubt):
            candidates = completed.candidates[: limits.CANDIDATES_MAX]
            raise _Refused(Rejection(reason=RejectReason.AMBIGUOUS, detail=completed.detail, candidates=candidates))
        check_action(spec, completed)
        return completed

    def _value(self, action: ActionSpec, spec: SlotSpec, given: int | str) -> int | float | str:
        match spec.slot:
            case QuantitySlot():
                return self._quantity(action, spec.name, spec.slot, given)
            case TextSlot():
                return self._text(spec.slot, given)
            case ChoiceSlot(values) if given in values:
                return given
        raise invalid(f"{given!r} does not fit {spec.name}")

    def _quantity(self, action: ActionSpec, name: str, slot: QuantitySlot, label: int | str) -> int | float:
        mention = self._mention(label, MentionType.QUANTITY)
        said = whole_time(self._linked, mention, quantity_units(action))
        value = slot.value_of(said) if said is not None else None
        if value is None:
            raise invalid(f"the quantity {label!r} does not fit {name}")
        value = round(value, 6)
        if not slot.minimum <= value <= slot.maximum:
            bounds = f"{slot.minimum:g} to {slot.maximum:g}"
            raise _refusal(RejectReason.UNSUPPORTED, f"{name} is {value:g}; {bounds} is possible")
        if value == int(value):
            return int(value)
        if slot.integer:
            raise _refusal(RejectReason.UNSUPPORTED, f"{name} is {value:g}; only whole numbers are possible")
        return value

    def _text(self, slot: TextSlot, given: int | str) -> str:
        words = str(given).split(" ")
        said = _original(self._linked, words)
        if said is None:
            raise invalid("a text is no part of the sentence")
        if len(said) > slot.chars_max:
            raise _refusal(RejectReason.UNSUPPORTED, f"the text has more than {slot.chars_max} characters")
        return said

    def _entities(self, spec: ActionSpec, call: Call) -> dict[str, str]:
        """Names for this action's entity slots: plain ones first, they help to choose among several of one name."""
        found: dict[str, Entity] = {}
        names: dict[str, str] = {}
        doubtful: list[tuple[SlotSpec, EntitySlot, Mention]] = []
        for slot_spec in spec.slots:
            slot, given = slot_spec.slot, call.get(slot_spec.name)
            if not isinstance(slot, EntitySlot) or given is None:
                continue
            if isinstance(given, str):
                entity = self._deictic(slot_spec.name, slot, given, names)
                if entity is not None:
                    found[slot_spec.name] = entity
                continue
            mention = self._mention(given, MentionType.ENTITY)
            fitting = [entity for entity in mention.candidates if self._pack.fits(slot, entity)]
            if not fitting:
                raise invalid(f"the mention {given} does not fit {slot_spec.name}")
            if len(fitting) == 1:
                found[slot_spec.name] = fitting[0]
            else:
                doubtful.append((slot_spec, slot, mention))
        for slot_spec, slot, mention in doubtful:
            fitting = [entity for entity in mention.candidates if self._pack.fits(slot, entity)]
            chosen = choose(fitting, [entity.name for entity in found.values()], self._surroundings.area)
            if chosen is None:
                raise _refusal(RejectReason.AMBIGUOUS, f"several things are called {mention.text!r}", fitting)
            found[slot_spec.name] = chosen
        self._referents.remember(spec, found)
        return names | {name: entity.name for name, entity in found.items()}

    def _deictic(self, name: str, slot: EntitySlot, word: str, names: dict[str, str]) -> Entity | None:
        """The entity that a word points at; None when it is written into `names` as it is (me, here)."""
        if word not in slot.words or word not in self._mentions:
            raise invalid(f"{word[:16]!r} does not fit {name}")
        if word == "me":
            names[name] = self._surroundings.speaker or word
            return None
        if word == "here":
            names[name] = self._surroundings.area or word
            return None
        entity = self._referents.latest(name, slot, word)
        if entity is None:
            question = "where is there?" if word == "there" else "what is it?"
            raise _refusal(RejectReason.AMBIGUOUS, f"nothing was named that {word!r} can stand for: {question}")
        return entity

    def _mention(self, label: int | str, sort: MentionType) -> Mention:
        mention = self._mentions.get(str(label))
        if mention is None or mention.type is not sort or isinstance(label, int) != (sort is MentionType.ENTITY):
            raise invalid(f"no {sort} mention has the label {str(label)[:16]!r}")
        return mention


def _refusal(reason: RejectReason, detail: str, candidates: Sequence[Entity] = ()) -> _Refused:
    return _Refused(Rejection(reason=reason, detail=detail, candidates=_names(candidates)))


def _original(linked: Linked, words: Sequence[str]) -> str | None:
    """The sentence's own spelling of a run of its normalized words; the first run that matches."""
    texts: tuple[Word, ...] = linked.words
    for start in range(len(texts) - len(words) + 1):
        run = texts[start : start + len(words)]
        if [word.text for word in run] == list(words):
            return linked.text[run[0].start : run[-1].end]
    return None
