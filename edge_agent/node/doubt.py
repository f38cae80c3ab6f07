"""What is said instead of acting on an answer that is not sure enough. Pure.

Decides which readings are named: the answer itself first, then what else the sentence may mean, as actions; those that
would be refused and those that come to the same actions are left out.
"""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.grammar.resolve import Resolution
from edge_agent.language.decision import Decision
from edge_agent.limits import READINGS_MAX
from edge_agent.messages import JsonAction, Reading, Rejection, RejectReason

Meaning = Callable[[str], Resolution]
"""What an answer of the model's means in the world of the sentence."""


def doubtful(decision: Decision, actions: tuple[JsonAction, ...], confidence_min: float, meaning: Meaning) -> Rejection:
    """The rejection of `actions`, which is what `decision` means, with its readings."""
    readings = [Reading(actions=actions, confidence=decision.confidence)]
    for other in decision.readings:
        meant = meaning(other.answer).actions
        if meant and all(meant != reading.actions for reading in readings):
            readings.append(Reading(actions=meant, confidence=other.confidence))
    return Rejection(
        reason=RejectReason.AMBIGUOUS,
        detail=f"not sure enough what is meant ({decision.confidence:.2f} of at least {confidence_min:.2f})",
        readings=tuple(readings[:READINGS_MAX]),
    )
