"""A time said in several units, for an action with one slot for it: "wait an hour and a half" is 90 minutes.

Hours, minutes and seconds are mentions of their own, because a timer has a slot for each. Decides which of them belong
together: those side by side, each in a finer unit than the one before, at most "and" between them. Refuses to add up
where the action has slots for several of the units, and times that are apart ("wait 5 minutes and turn for 10
seconds").
"""

from __future__ import annotations

import itertools
from typing import Final

from edge_agent.world.mention import Linked, Mention, Quantity, Unit
from edge_agent.world.units import convert

_FINENESS: Final = {Unit.HOUR: 0, Unit.MINUTE: 1, Unit.SECOND: 2}


def whole_time(linked: Linked, mention: Mention, units: frozenset[Unit]) -> Quantity | None:
    """The mention's quantity, in seconds with the times beside it where they are one; `units`: those of all slots."""
    said = mention.quantity
    if said is None or said.unit not in _FINENESS or len(units & _FINENESS.keys()) != 1:
        return said
    run = next(run for run in _runs(linked) if mention in run)
    if len(run) == 1:
        return said
    parts = [convert(one.quantity, Unit.SECOND) for one in run if one.quantity is not None]
    return Quantity(sum(part for part in parts if part is not None), Unit.SECOND)


def _runs(linked: Linked) -> list[list[Mention]]:
    """The sentence's times, those together that are one."""
    times = [one for one in linked.mentions if one.quantity is not None and one.quantity.unit in _FINENESS]
    runs = [[one] for one in times[:1]]
    for before, one in itertools.pairwise(times):
        if _finer(before, one) and linked.text[before.end : one.start].casefold().strip(" ,") in ("", "and"):
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _finer(before: Mention, one: Mention) -> bool:
    assert before.quantity is not None  # both are times
    assert one.quantity is not None
    return _FINENESS[before.quantity.unit] < _FINENESS[one.quantity.unit]
