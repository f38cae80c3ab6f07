"""When a predicted action counts as the expected one. Pure.

Strings are equal whatever their case and spacing, numbers by value ("50" is 50), null and "" mean that a slot is
absent. Two names are equal when they mean the same entity; a value that is some entity's own name means that entity
only, even where it is another one's alias too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from edge_agent.messages import JsonAction
from edge_agent.world.entities import Entity

REJECT = "reject"
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Tally:
    """How near a prediction came to one reading: whole, by its actions' names, and by its slots."""

    exact: bool = True
    names: bool = True
    hits: int = 0
    wanted: int = 0
    predicted: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.exact and other.exact,
            self.names and other.names,
            self.hits + other.hits,
            self.wanted + other.wanted,
            self.predicted + other.predicted,
        )

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Nearer readings rank higher."""
        return self.exact, self.names, f1(self.hits, self.wanted, self.predicted)


class Comparison:
    """Compares actions within one world, some slots left out."""

    def __init__(self, world: Iterable[Entity], ignored: Set[str] = frozenset()) -> None:
        self._names = _Names(world)
        self._ignored = ignored

    def nearest(
        self, readings: Sequence[Sequence[JsonAction]], got: Sequence[JsonAction]
    ) -> tuple[Sequence[JsonAction], Tally]:
        """The reading that the prediction comes nearest to (the first of equals), and how near."""
        scored = [(reading, self.compare(reading, got)) for reading in readings]
        return max(scored, key=lambda pair: pair[1].rank)

    def compare(self, want: Sequence[JsonAction], got: Sequence[JsonAction]) -> Tally:
        """Two lists of actions, in order; what one has more than the other is wrong."""
        total = Tally()
        for expected, predicted in zip(want, got, strict=False):
            total += self.compare_one(expected, predicted)
        for missed in want[len(got) :]:
            total += Tally(exact=False, names=False, wanted=len(self.slots(missed)))
        for surplus in got[len(want) :]:
            total += Tally(exact=False, names=False, predicted=len(self.slots(surplus)))
        return total

    def compare_one(self, want: JsonAction, got: JsonAction) -> Tally:
        """One action against another; slots count only where the name is right."""
        wanted, predicted = self.slots(want), self.slots(got)
        if action_name(want) != action_name(got):
            return Tally(exact=False, names=False, wanted=len(wanted), predicted=len(predicted))
        hits = sum(slot in predicted and self._names.same(value, predicted[slot]) for slot, value in wanted.items())
        return Tally(hits == len(wanted) == len(predicted), True, hits, len(wanted), len(predicted))

    def same(self, left: Any, right: Any) -> bool:
        """Whether two values of a slot mean the same."""
        return self._names.same(left, right)

    def entities(self, value: Any) -> frozenset[str]:
        """The names of the entities that a slot's value means; none for a number or a choice."""
        return self._names.names(value)

    def slots(self, action: JsonAction) -> dict[str, Any]:
        """The slots of an action that are compared and not empty."""
        return {
            slot: value
            for slot, value in action.items()
            if slot != "action" and slot not in self._ignored and value is not None and value != ""
        }


@dataclass(slots=True)
class _Names:
    """Which entities a written value means, by their places in the world."""

    world: Iterable[Entity]
    _own: dict[str, set[int]] = field(default_factory=dict)
    _aliases: dict[str, set[int]] = field(default_factory=dict)
    _called: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for index, entity in enumerate(self.world):
            self._called.append(entity.name)
            self._own.setdefault(_fold(entity.name), set()).add(index)
            for alias in entity.aliases:
                self._aliases.setdefault(_fold(alias), set()).add(index)

    def same(self, left: Any, right: Any) -> bool:
        first, second = _number(left), _number(right)
        if first is not None and second is not None:
            return abs(first - second) <= _TOLERANCE
        one, other = _fold(left), _fold(right)
        return one == other or not self._meant(one).isdisjoint(self._meant(other))

    def names(self, value: Any) -> frozenset[str]:
        return frozenset(self._called[index] for index in self._meant(_fold(value)))

    def _meant(self, words: str) -> set[int]:
        return self._own.get(words) or self._aliases.get(words) or set()


def action_name(action: JsonAction) -> str:
    """The action's name as it is compared."""
    return _fold(action.get("action", ""))


def is_reject(actions: Sequence[JsonAction]) -> bool:
    """Whether a prediction refuses: some action, and nothing but rejects."""
    return bool(actions) and all(action_name(action) == REJECT for action in actions)


def executes(actions: Sequence[JsonAction]) -> bool:
    """Whether a prediction would make something happen."""
    return any(action_name(action) != REJECT for action in actions)


def f1(hits: int, wanted: int, predicted: int) -> float:
    """Harmonic mean of precision and recall; 1 where there is nothing to find and nothing found."""
    return 1.0 if wanted + predicted == 0 else 2.0 * hits / (wanted + predicted)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _fold(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return " ".join(text.casefold().split())
