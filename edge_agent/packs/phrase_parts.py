"""What sentence templates are made of: lists and rules, checked against the pack.

A list is a kind of entity (or "any"), one of me / here / it / there, or one that the files define: numbers with a unit,
quantities in words, values to choose from, or a wildcard. Refuses a list that does not fit the slot it is to fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.packs.base import REJECT, ActionSpec, ChoiceSlot, EntitySlot, Pack, QuantitySlot, Slot, TextSlot
from edge_agent.packs.phrase_file import Located, fault, place_of
from edge_agent.packs.phrase_nodes import UNUSED, Choice, Hole, Node, Quote, Row, SlotPiece, TemplateError
from edge_agent.packs.phrase_tree import ListReader, compile_template
from edge_agent.world.mention import DEICTIC_WORDS, Unit

ANY = "any"
"""The list of entities of every kind that the slot takes."""
_SECONDS = {Unit.SECOND, Unit.MINUTE, Unit.HOUR}


@dataclass(frozen=True, slots=True)
class QuantityList:
    """Numbers that people say in one place, and their unit. `halves`: also x.5. `words`: these instead of numbers."""

    unit: Unit
    minimum: int
    maximum: int
    step: int = 1
    halves: bool = False
    words: tuple[str, ...] = ()


class Lists:
    """The lists that sentences of a pack may use."""

    def __init__(self, pack: Pack, bodies: Mapping[str, Mapping[str, Any]]) -> None:
        self._pack = pack
        self.quantities: dict[str, QuantityList] = {}
        self._wildcards: set[str] = set()
        self._values: dict[str, tuple[tuple[Node, str], ...]] = {}
        for name, body in bodies.items():
            if name in pack.kinds or name in DEICTIC_WORDS or name == ANY:
                fault(place_of(name), f"the list name {str(name)!r} is taken by a kind of entity or a word")
            if "range" in body:
                self.quantities[name] = _quantity(name, body)
            elif isinstance(body.get("values"), list) and "metadata" in body:
                self.quantities[name] = _in_words(name, body["values"], body["metadata"])
            elif body.get("wildcard") is True:
                self._wildcards.add(name)
            elif isinstance(body.get("values"), list):
                self._values[name] = _values(name, body["values"])
            else:
                fault(place_of(name), f"list {name} needs `values:`, `range:` or `wildcard: true`")

    def reader(self, action: ActionSpec | None) -> ListReader:
        """Compiles `{list:slot}` for one action (None: reject, which has no slots to fill)."""
        return lambda name, slot: self._node(name, slot, action)

    def _node(self, name: str, slot_name: str, action: ActionSpec | None) -> Node:
        slot: Slot | None = None
        if slot_name != UNUSED:
            spec = action.slot(slot_name) if action else None
            if spec is None:
                raise TemplateError(f"{{{name}:{slot_name}}}: {action.name if action else REJECT} has no such slot")
            slot = spec.slot
        if name in self._values:
            return self._text_list(name, slot_name, slot)
        fits, known = self._fits(name, slot)
        if not known:
            raise TemplateError(f"unknown list {{{name}}}: no kind of this pack's entities and not under `lists:`")
        if slot is not None and not fits:
            raise TemplateError(f"the list {{{name}}} does not fit the slot {slot_name}")
        return Hole(SlotPiece(name, slot_name))

    def _fits(self, name: str, slot: Slot | None) -> tuple[bool, bool]:
        """Whether the list fits the slot, and whether it is known at all."""
        if name in DEICTIC_WORDS:
            return isinstance(slot, EntitySlot) and name in slot.words, True
        if name == ANY or name in self._pack.kinds:
            fits = isinstance(slot, EntitySlot) and (name == ANY or not slot.kinds or name in slot.kinds)
            return fits, True
        if name in self.quantities:
            unit = self.quantities[name].unit
            if not isinstance(slot, QuantitySlot):
                return False, True
            if unit is Unit.EXTREME:
                return slot.unit is Unit.PERCENT, True
            return unit in (slot.unit, Unit.COUNT) or (slot.unit is Unit.SECOND and unit in _SECONDS), True
        return isinstance(slot, TextSlot), name in self._wildcards

    def _text_list(self, name: str, slot_name: str, slot: Slot | None) -> Node:
        values = self._values[name]
        if isinstance(slot, TextSlot):
            return Quote(name, slot_name, values)
        if slot is not None:
            if not isinstance(slot, ChoiceSlot):
                raise TemplateError(f"the list {{{name}}} does not fit the slot {slot_name}")
            if wrong := sorted({out for _, out in values} - set(slot.values)):
                raise TemplateError(f"list {{{name}}} gives {', '.join(wrong)}, which {slot_name} cannot be")
        return Choice(slot_name, values)


class Rules:
    """Expansion rules, compiled when first used and shared by all sentences.

    A rule is compiled once per action, because the lists in it fill that action's slots.
    """

    def __init__(self, texts: Mapping[str, Located], lists: Lists) -> None:
        self._texts = texts
        self._lists = lists
        self._nodes: dict[tuple[str, str], Node] = {}
        self._open: list[str] = []
        self._used: set[str] = set()

    def node(self, name: str, action: ActionSpec | None) -> Node:
        """The rule's node for an action; TemplateError when it is unknown or uses itself."""
        key = (name, action.name if action else REJECT)
        if key in self._nodes:
            return self._nodes[key]
        if name not in self._texts:
            raise TemplateError(f"unknown rule <{name}>")
        if name in self._open:
            raise TemplateError(f"rule <{name}> uses itself: {' → '.join([*self._open, name])}")
        self._open.append(name)
        self._used.add(name)
        try:
            self._nodes[key] = compile_template(
                self._texts[name], lambda inner: self.node(inner, action), self._lists.reader(action)
            )
        except TemplateError as problem:
            if str(problem).startswith("rule <"):
                raise
            raise TemplateError(f"rule <{name}> ({self._texts[name].where}): {problem}") from problem
        finally:
            self._open.pop()
        return self._nodes[key]

    def check_all(self) -> None:
        """Parse the rules that no sentence uses, so that a slip in one is not found years later."""
        for name in set(self._texts) - self._used:
            try:
                compile_template(self._texts[name], lambda _: Row(()), lambda _list, _slot: Row(()))
            except TemplateError as problem:
                fault(self._texts[name].where, f"rule <{name}>: {problem}")


def _quantity(name: str, body: Mapping[str, Any]) -> QuantityList:
    numbers = body["range"] if isinstance(body["range"], dict) else {}
    unit = _unit(name, body.get("metadata", {}))
    low, high, step = numbers.get("from"), numbers.get("to"), numbers.get("step", 1)
    if not (isinstance(low, int) and isinstance(high, int) and isinstance(step, int) and low <= high and step > 0):
        fault(place_of(name), f"list {name}: range needs whole numbers `from` ≤ `to`, and a `step` above 0")
    return QuantityList(unit, low, high, step, numbers.get("fractions") == "halves")


def _in_words(name: str, values: list[Any], metadata: Any) -> QuantityList:
    """Quantities that are said in words alone: "as bright as it goes"."""
    if not values or any(not isinstance(said, str) or not said.strip() for said in values):
        fault(place_of(name), f"list {name}: the values of a quantity are words in quotes")
    return QuantityList(_unit(name, metadata), 0, 0, words=tuple(str(said) for said in values))


def _unit(name: str, metadata: Any) -> Unit:
    unit = metadata.get("unit", Unit.COUNT) if isinstance(metadata, dict) else None
    if unit not in set(Unit):
        fault(place_of(name), f"list {name}: metadata.unit is one of {', '.join(Unit)}")
    return Unit(unit)


def _values(name: str, entries: list[Any]) -> tuple[tuple[Node, str], ...]:
    """The values of a text list, as hassil writes them: strings, or {in: template, out: text}."""
    values = []
    for entry in entries:
        said, out = (entry.get("in"), entry.get("out")) if isinstance(entry, dict) else (entry, entry)
        if not isinstance(said, Located) or not isinstance(out, str) or not said.strip():
            fault(place_of(name), f"list {name}: {entry!r} is neither a text in quotes nor {{in: template, out: text}}")
        try:
            values.append((compile_template(said, _no_rule, _no_list), str(out)))
        except TemplateError as problem:
            fault(said.where, f"list {name}: {problem}; in {str(said)!r}")
    if not values:
        fault(place_of(name), f"list {name} has no values")
    return tuple(values)


def _no_rule(name: str) -> Node:
    raise TemplateError(f"a list's value cannot hold the rule <{name}>")


def _no_list(name: str, _slot: str) -> Node:
    raise TemplateError(f"a list's value cannot hold the list {{{name}}}")
