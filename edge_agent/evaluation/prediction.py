"""What was answered to one example, with what is needed to say why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge_agent.evaluation.heard import Heard
from edge_agent.messages import JsonAction


class Refusal(StrEnum):
    """Who refused."""

    MODEL = "model"
    """Its own answer was a reject."""
    DOUBT = "doubt"
    """It was not sure enough."""
    CODE = "code"
    """What it answered cannot be done: several things fit, a number is out of bounds."""
    UNHEARD = "unheard"
    """The ear or the recogniser: there were no words, or none to rely on."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was answered to one example. No actions means no answer: always wrong; `error` then holds the code.

    `proposed`: the actions that the model's answer came to, whether it was sure enough of them or not. `named`: the
    names of the entities that the sentence's mentions were linked to. `heard`: what came of its sound; `latency_ms`
    then counts from the last sample.
    """

    id: str
    actions: tuple[JsonAction, ...]
    latency_ms: float | None = None
    error: str = ""
    confidence: float | None = None
    proposed: tuple[JsonAction, ...] = ()
    refusal: Refusal | None = None
    named: frozenset[str] = frozenset()
    heard: Heard | None = None
