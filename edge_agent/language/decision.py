"""What is asked of a model and what it answers; the seam between the node and any engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DecideRequest:
    """One sentence to decide.

    `grammar` is the GBNF text of this very sentence. `deadline_ms` is on CLOCK_BOOTTIME (see `clock`), which every
    process of the machine shares. An answer of less confidence than `sure_enough` comes with other readings. `draft` is
    what the answer may be, by another model's word: checked, never trusted. `ticket` names who waits for the answer, so
    that it can be withdrawn.
    """

    pack: str
    marked: str
    grammar: str
    deadline_ms: float
    sure_enough: float = 0.0
    draft: str = ""
    ticket: str = ""
    schema: str = ""
    """The same answers as a JSON Schema's text, for an engine elsewhere; empty where none is asked."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Another answer to the same sentence, less likely than the one given; JSON text that the grammar accepts."""

    answer: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The model's answer: JSON text that the grammar accepts, not yet resolved.

    `probability` is the product, over the real choices, of the chosen token's probability among the tokens that the
    grammar allowed there; `confidence` is what that is worth by the model's own calibration. `tokens` counts the
    answer's tokens, `passes` the forward passes in which something of it was read (the suffix of the prompt
    included), `choices` the places where more than one token was allowed, `supposed` the tokens that were read ahead
    and `right` those of them that the answer holds.
    """

    answer: str
    confidence: float
    tokens: int
    passes: int
    choices: int
    prompt_ms: float
    decode_ms: float
    probability: float = 1.0
    supposed: int = 0
    right: int = 0
    readings: tuple[Reading, ...] = ()
    """Likeliest first; only for an answer that was not sure enough, and as many as the time allowed."""


class Decider(Protocol):
    """An engine that decides. Blocking."""

    def decide(self, request: DecideRequest) -> Decision:
        """Decide one sentence.

        Raises:
            ClientFault: EXPIRED when the deadline passes first, PROMPT_TOO_LONG, STOPPED when it was withdrawn.
            NodeFault: ENGINE_CRASHED, ENGINE_UNAVAILABLE, GRAMMAR_INVALID or OUTPUT_INVALID.
        """

    def close(self) -> None:
        """Release the model; further calls raise ENGINE_UNAVAILABLE."""
