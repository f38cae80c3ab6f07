"""What went wrong with an answer, as one of a few kinds that say where to look: the linker, the model, doubt. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from edge_agent.evaluation.comparing import Comparison, action_name, executes, is_reject
from edge_agent.evaluation.examples import Example
from edge_agent.evaluation.prediction import Prediction, Refusal
from edge_agent.messages import JsonAction


class Kind(StrEnum):
    """A kind of failure, in words; the order is that of the table."""

    CARRIED_OUT = "carried out, though it must be refused"
    OTHER_ACTION = "another action"
    ACTION_MISSING = "an action missing"
    ACTION_TOO_MANY = "an action too many"
    OTHER_ORDER = "the right actions in another order"
    VALUE_UNMARKED = "a slot with another thing: the right one was not marked"
    VALUE = "a slot with another value"
    SLOT_MISSING = "a slot missing"
    SLOT_TOO_MANY = "a slot too many"
    SLOTS = "several slots wrong"
    UNHEARD = "refused: no words were heard, or none to rely on"
    UNMARKED = "refused: a name that was needed was not marked"
    BY_MODEL = "refused by the model, though every name was marked"
    DOUBT_RIGHT = "refused as doubtful, and would have been right"
    DOUBT_WRONG = "refused as doubtful, and would have been wrong"
    BY_CODE = "refused by the code: several fit, out of bounds, negated"
    OTHER_REASON = "rightly refused, for another reason"
    NO_ANSWER = "no answer"


def failure(example: Example, prediction: Prediction | None, comparison: Comparison) -> Kind:
    """The kind of an answer that is not right."""
    if prediction is None or not prediction.actions:
        return Kind.NO_ANSWER
    got = prediction.actions
    if is_reject(example.expected):
        return Kind.CARRIED_OUT if executes(got) else Kind.OTHER_REASON
    want, _ = comparison.nearest(example.accept, got)
    if not is_reject(got):
        return _wrong(prediction, want, comparison)
    if prediction.refusal is Refusal.UNHEARD:
        return Kind.UNHEARD
    if prediction.refusal is Refusal.DOUBT:
        _, would = comparison.nearest(example.accept, prediction.proposed)
        return Kind.DOUBT_RIGHT if would.exact else Kind.DOUBT_WRONG
    if all(_unmarked(reading, prediction, comparison) for reading in example.accept):
        return Kind.UNMARKED
    return Kind.BY_MODEL if prediction.refusal is Refusal.MODEL else Kind.BY_CODE


def _wrong(prediction: Prediction, want: Sequence[JsonAction], comparison: Comparison) -> Kind:
    got = prediction.actions
    wanted, given = Counter(map(action_name, want)), Counter(map(action_name, got))
    if wanted == given:
        if [action_name(action) for action in want] != [action_name(action) for action in got]:
            return Kind.OTHER_ORDER
        return _slots(prediction, want, comparison)
    if given < wanted:
        return Kind.ACTION_MISSING
    return Kind.ACTION_TOO_MANY if wanted < given else Kind.OTHER_ACTION


def _slots(prediction: Prediction, want: Sequence[JsonAction], comparison: Comparison) -> Kind:
    kinds: Counter[Kind] = Counter()
    for expected, predicted in zip(want, prediction.actions, strict=True):
        wanted, given = comparison.slots(expected), comparison.slots(predicted)
        kinds[Kind.SLOT_MISSING] += len(wanted.keys() - given.keys())
        kinds[Kind.SLOT_TOO_MANY] += len(given.keys() - wanted.keys())
        for slot in wanted.keys() & given.keys():
            if not comparison.same(wanted[slot], given[slot]):
                meant = comparison.entities(wanted[slot])
                unmarked = meant and meant.isdisjoint(prediction.named)
                kinds[Kind.VALUE_UNMARKED if unmarked else Kind.VALUE] += 1
    found = [kind for kind, count in kinds.items() if count]
    return found[0] if len(found) == 1 else Kind.SLOTS


def _unmarked(reading: Sequence[JsonAction], prediction: Prediction, comparison: Comparison) -> bool:
    """Whether a reading needs an entity that no mention of the sentence was linked to."""
    needed = [comparison.entities(value) for action in reading for value in comparison.slots(action).values()]
    return any(meant and meant.isdisjoint(prediction.named) for meant in needed)
