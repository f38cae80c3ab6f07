"""A pack's phrases: sentence templates checked against the pack, and sampled at random with a seeded generator.

The one source for training sentences, the speech grammar, the prompt's examples and the documentation. Refuses, with
file, line and sentence: an unknown action, slot, list or rule, a list that does not fit its slot, a slot filled
twice, a required slot left empty. The format is in docs/packs.md.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Any

from edge_agent.packs.base import REJECT, ActionSpec, ChoiceSlot, Pack
from edge_agent.packs.phrase_file import Block, Located, PhraseFile, fault, place_of, read_phrase_file
from edge_agent.packs.phrase_nodes import Node, SlotPiece, TemplateError, say, variety
from edge_agent.packs.phrase_parts import Lists, QuantityList, Rules
from edge_agent.packs.phrase_tree import compile_template

__all__ = ["REJECT_REASONS", "Phrases", "QuantityList", "Sample", "SlotPiece", "compile_phrases", "load_phrases"]

REJECT_REASONS = ("unknown_entity", "not_a_command", "ambiguous", "unsupported")


@dataclass(frozen=True, slots=True)
class Sample:
    """One sentence: its action, the slots already decided, and its words with the places that values fill.

    `fixed` holds the block's `slots:` and the outputs of the lists that were said (a direction, a colour); what
    stands in `pieces` as a SlotPiece is still to be filled.
    """

    intent: str
    fixed: Mapping[str, str]
    pieces: tuple[str | SlotPiece, ...]
    template: int = 0
    """The template's place among those of its intent, so that training can hold some back."""


@dataclass(frozen=True, slots=True)
class _Weighted:
    """Templates of one intent with running sums of their weights."""

    templates: tuple[tuple[Node, Mapping[str, str]], ...]
    sums: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Phrases:
    """All templates of a pack."""

    intents: tuple[str, ...]
    quantities: Mapping[str, QuantityList]
    """Quantity lists by name: the unit and the numbers that people say."""
    _by_intent: Mapping[str, _Weighted]
    _sums: tuple[float, ...]

    def sample(self, rng: random.Random, intent: str | None = None, template: int | None = None) -> Sample:
        """A random sentence, of one intent or of any (then likelier the more templates an intent has).

        `template` asks for one of an intent's templates by its place.
        """
        name = intent or self.intents[bisect(self._sums, rng.random() * self._sums[-1])]
        weighted = self._by_intent[name]
        place = bisect(weighted.sums, rng.random() * weighted.sums[-1]) if template is None else template
        node, fixed = weighted.templates[place]
        pieces, chosen = say(node, rng)
        return Sample(name, {**fixed, **chosen} if chosen else fixed, pieces, place)

    def blocks(self, intent: str) -> dict[tuple[tuple[str, str], ...], tuple[int, ...]]:
        """The fixed choices of an intent's blocks, sorted, and the places of the templates that have them."""
        places: dict[tuple[tuple[str, str], ...], list[int]] = {}
        for place, (_, fixed) in enumerate(self._by_intent[intent].templates):
            places.setdefault(tuple(sorted(fixed.items())), []).append(place)
        return {fixed: tuple(block) for fixed, block in places.items()}

    def variety(self, intent: str, template: int) -> int:
        """The most values that any one list of a template can give, by the template's place."""
        return variety(self._by_intent[intent].templates[template][0])

    def templates(self, intent: str) -> int:
        """How many templates an intent has."""
        return len(self._by_intent[intent].templates)


def load_phrases(pack: Pack) -> Phrases:
    """The pack's phrase files, merged and checked.

    Raises:
        ConfigurationFault: PHRASES_INVALID, naming file, line and sentence.
    """
    return compile_phrases(pack, [read_phrase_file(path) for path in pack.phrases])


def compile_phrases(pack: Pack, files: Sequence[PhraseFile]) -> Phrases:
    """Files that were read, merged and checked. Templates of an intent are numbered in the files' order.

    Raises:
        ConfigurationFault: PHRASES_INVALID, naming file, line and sentence.
    """
    lists = Lists(pack, _merged({}, *(file.lists for file in files)))
    rules = Rules(_merged({}, *(file.rules for file in files)), lists)
    grouped: dict[str, list[tuple[Node, Mapping[str, str], float]]] = {}
    for block in (block for file in files for block in file.blocks):
        action = _action_of(pack, block)
        fixed = _fixed(block, action)
        for sentence in block.sentences:
            node = _template(sentence, action, fixed, rules, lists)
            grouped.setdefault(block.intent, []).append((node, fixed, block.weight))
    rules.check_all()
    if not grouped:
        fault(", ".join(str(path) for path in pack.phrases) or pack.name, "the pack has no phrases")
    by_intent = {
        intent: _Weighted(tuple((node, fixed) for node, fixed, _ in rows), tuple(accumulate(row[2] for row in rows)))
        for intent, rows in grouped.items()
    }
    sums = tuple(accumulate(weighted.sums[-1] for weighted in by_intent.values()))
    return Phrases(tuple(by_intent), MappingProxyType(lists.quantities), MappingProxyType(by_intent), sums)


def _merged(into: dict[str, Any], *maps: Mapping[str, Any]) -> dict[str, Any]:
    for mapping in maps:
        for name, value in mapping.items():
            if name in into:
                fault(place_of(name), f"{str(name)!r} is defined twice in this pack's files")
            into[name] = value
    return into


def _action_of(pack: Pack, block: Block) -> ActionSpec | None:
    """The block's action; None for reject."""
    if block.intent == REJECT:
        return None
    action = pack.action(block.intent)
    if action is None:
        known = ", ".join([*(spec.name for spec in pack.actions), REJECT])
        fault(block.where, f"pack {pack.name} has no action {block.intent!r}; it has {known}")
    return action


def _fixed(block: Block, action: ActionSpec | None) -> Mapping[str, str]:
    """The block's `slots:`, each a choice of the action (or reject's reason)."""
    if action is None and set(block.fixed) != {"reason"}:
        fault(block.where, "a reject block needs `slots: {reason: …}` and no other slot")
    for name, value in block.fixed.items():
        spec = action.slot(name) if action else None
        if action is not None and spec is None:
            fault(block.where, f"{block.intent} has no slot {str(name)!r}")
        if spec is not None and not isinstance(spec.slot, ChoiceSlot):
            fault(block.where, f"{block.intent}.{name} is no choice; only choices can be fixed")
        values = spec.slot.values if spec is not None and isinstance(spec.slot, ChoiceSlot) else REJECT_REASONS
        if value not in values or not isinstance(value, str):
            fault(block.where, f"{block.intent}.{name} cannot be {value!r} (is it in quotes?)")
    return MappingProxyType({str(name): str(value) for name, value in block.fixed.items()})


def _template(
    sentence: Located, action: ActionSpec | None, fixed: Mapping[str, str], rules: Rules, lists: Lists
) -> Node:
    """A sentence, compiled and checked against its action."""
    try:
        node = compile_template(sentence, lambda name: rules.node(name, action), lists.reader(action))
        filled = node.filled
        if twice := filled.sometimes & set(fixed):
            raise TemplateError(f"{', '.join(sorted(twice))} is fixed by the block already")  # noqa: TRY301
        required = {spec.name for spec in action.slots if spec.required} if action else set()
        if missing := required - filled.always - set(fixed):
            raise TemplateError(f"does not always fill {', '.join(sorted(missing))}")  # noqa: TRY301
    except TemplateError as problem:
        fault(sentence.where, f"{problem}; in the sentence {str(sentence)!r}")
    return node
