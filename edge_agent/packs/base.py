"""What a pack is: a vocabulary of actions, one pydantic class an action, and four types of slot.

    class Bring(Action):
        \"\"\"Fetch an object and hand it over.\"\"\"

        action: Literal["bring"] = "bring"
        object: Annotated[str, EntitySlot("item", words=("it",))]
        destination: Annotated[str, EntitySlot("place", "person", words=("me", "here", "there"))] | None = None

Slots stand in schema order; the model answers in that order. A slot with a default of None may be left out.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.messages.base import JsonAction
from edge_agent.world.entities import Entity
from edge_agent.world.mention import DEICTIC_WORDS, Quantity, Unit
from edge_agent.world.units import convert

Hazard = Literal["stop", "none", "motion", "lock", "heat", "money"]
"""What an action can do to people and things. stop is tier 0, none tier 1, the others tier 2."""

REJECT = "reject"
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,47}$")


@dataclass(frozen=True, slots=True, init=False)
class EntitySlot:
    """A reference to a thing of the world. No kinds: any entity fits. `words`: which of me/here/it/there also fit."""

    kinds: tuple[str, ...]
    words: tuple[str, ...]

    def __init__(self, *kinds: str, words: Sequence[str] = ()) -> None:
        unknown = set(words) - set(DEICTIC_WORDS)
        if unknown:
            raise ValueError(f"an entity slot's words are among {DEICTIC_WORDS}, not {sorted(unknown)}")
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "words", tuple(words))


@dataclass(frozen=True, slots=True)
class QuantitySlot:
    """A number with a unit. A bare number fits too; any other unit does not, unless it converts.

    A percentage may also be said by its ends ("maximum", "the lowest"). `lowest` is what the least then means where it
    is not the minimum: a lamp at 0 percent is off. Bounds of other units are no ends that anybody means.
    """

    unit: Unit
    minimum: float
    maximum: float
    integer: bool = False
    lowest: float | None = None

    def value_of(self, said: Quantity) -> float | None:
        """What a quantity says in this slot's unit, or None where it does not fit. Bounds are checked elsewhere."""
        if said.unit is not Unit.EXTREME:
            return convert(said, self.unit)
        if self.unit is not Unit.PERCENT:
            return None
        least = self.minimum if self.lowest is None else self.lowest
        return self.maximum if said.value else least

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """The class that is annotated with this slot checks its bounds."""
        return {**handler(source), "ge": self.minimum, "le": self.maximum}


@dataclass(frozen=True, slots=True)
class TextSlot:
    """A span of the sentence's own words."""

    chars_max: int = 200


@dataclass(frozen=True, slots=True)
class ChoiceSlot:
    """One of a few fixed values; in a model class simply `Literal["a", "b"]`."""

    values: tuple[str, ...]


Slot = EntitySlot | QuantitySlot | TextSlot | ChoiceSlot


class Action(BaseModel):
    """Base of every action class. The docstring's first line tells the model what it does."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class SlotSpec:
    """One slot of one action."""

    name: str
    slot: Slot
    required: bool


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action: its name, slots in order, the class that checks it and what it can do to people."""

    name: str
    doc: str
    slots: tuple[SlotSpec, ...]
    model: type[Action]
    hazard: Hazard = "none"

    def slot(self, name: str) -> SlotSpec | None:
        """The slot of this name, or None."""
        return next((spec for spec in self.slots if spec.name == name), None)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pack may look at when it completes an action: the sentence, the speaker's place, the world's lookup."""

    text: str
    area: str | None
    speaker: str | None
    entity: Callable[[str], Entity | None]
    """The entity of exactly this name, or None."""
    of_kind: Callable[[str], Sequence[Entity]] = lambda _kind: ()
    """All entities of a kind. Looks through the whole world: ask only where it decides something."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an action cannot be completed: it may be meant of several things, `candidates` by name. Becomes a reject."""

    detail: str
    candidates: tuple[str, ...] = ()


def _unchanged(action: JsonAction, _surroundings: Surroundings) -> JsonAction | Doubt:
    return action


@dataclass(frozen=True, slots=True)
class Pack:
    """A vocabulary of actions and everything that goes with it.

    `grammar` is a GBNF text of the owner's own in place of the grammars made for each sentence; it is held to the same
    self-test (see `grammar.own`). `complete` fills in what the sentence leaves to the place ("the lights" where the
    speaker stands), or says why nobody can; pure, called on each resolved action before it is checked. `hazard_of` may
    sharpen an action's hazard from its values (turning off a lock unlocks it). `stop_prefix`: a sentence that begins
    with a stop word is a stop, whatever follows. `confidence_min`: below it the answer is reject(ambiguous) with
    what may be meant. Where refusing what was right costs c times as much as doing what was wrong, it is 1 / (1 + c).
    """

    name: str
    doc: str
    actions: tuple[ActionSpec, ...]
    phrases: tuple[Path, ...] = ()
    example_world: Path | None = None
    ttl_ms: int = 2_000
    confidence_min: float = 0.0
    stop_prefix: bool = False
    grammar: str | None = None
    complete: Callable[[JsonAction, Surroundings], JsonAction | Doubt] = _unchanged
    hazard_of: Callable[[JsonAction, Hazard, Surroundings], Hazard] | None = None
    kinds: frozenset[str] = field(init=False)
    """Every kind that some slot names. An entity of another kind fits any entity slot, as one without a kind does."""

    def __post_init__(self) -> None:
        kinds = {
            kind
            for action in self.actions
            for spec in action.slots
            if isinstance(spec.slot, EntitySlot)
            for kind in spec.slot.kinds
        }
        object.__setattr__(self, "kinds", frozenset(kinds))

    def action(self, name: str) -> ActionSpec | None:
        """The action of this name, or None."""
        return next((spec for spec in self.actions if spec.name == name), None)

    def fits(self, slot: EntitySlot, entity: Entity) -> bool:
        """Whether an entity may stand in a slot."""
        return not slot.kinds or entity.kind in slot.kinds or entity.kind not in self.kinds


def action_spec(model: type[Action], hazard: Hazard = "none") -> ActionSpec:
    """Read an action class.

    Raises:
        ConfigurationFault: PACK_INVALID, naming the class and the field that is no slot.
    """
    hints = typing.get_type_hints(model, include_extras=True)
    name = model.model_fields["action"].default if "action" in model.model_fields else None
    if not isinstance(name, str) or not _NAME.match(name):
        raise ConfigurationFault(
            Code.PACK_INVALID, 'needs `action: Literal["name"] = "name"` with a plain name', where=model.__name__
        )
    slots = []
    for field_name, info in model.model_fields.items():
        if field_name == "action":
            continue
        slot = _slot_of(hints[field_name])
        if slot is None or not _NAME.match(field_name):
            raise ConfigurationFault(
                Code.PACK_INVALID,
                "is no slot: annotate it with EntitySlot, QuantitySlot or TextSlot, or make it a Literal of strings",
                where=f"{model.__name__}.{field_name}",
            )
        slots.append(SlotSpec(field_name, slot, info.is_required()))
    doc = (model.__doc__ or name).strip().splitlines()[0]
    return ActionSpec(name, doc, tuple(slots), model, hazard)


def _slot_of(hint: Any) -> Slot | None:
    """The slot in an annotation, looking through `| None` and Annotated."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        values = typing.get_args(hint)
        return ChoiceSlot(values) if all(isinstance(value, str) for value in values) else None
    if origin in (Union, types.UnionType):
        inner = [part for part in typing.get_args(hint) if part is not type(None)]
        return _slot_of(inner[0]) if len(inner) == 1 else None
    if hasattr(hint, "__metadata__"):
        for mark in hint.__metadata__:
            if isinstance(mark, EntitySlot | QuantitySlot | TextSlot):
                return mark
        return _slot_of(hint.__origin__)
    return None


def make_pack(name: str, doc: str, models: Mapping[type[Action], Hazard], **options: Any) -> Pack:
    """A pack from action classes and their hazards; `options` are Pack's own fields.

    Raises:
        ConfigurationFault: PACK_INVALID for a bad class, a name used twice, or an action named `reject`.
    """
    specs = tuple(action_spec(model, hazard) for model, hazard in models.items())
    names = [spec.name for spec in specs]
    for taken in names:
        if taken == REJECT or names.count(taken) > 1:
            raise ConfigurationFault(Code.PACK_INVALID, f"the action name {taken!r} is taken", where=name)
    if not specs:
        raise ConfigurationFault(Code.PACK_INVALID, "a pack needs at least one action", where=name)
    return Pack(name=name, doc=doc, actions=specs, **options)
