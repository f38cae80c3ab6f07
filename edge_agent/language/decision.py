"""What is asked of a model and what it answers; the seam between the node and any engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DecideRequest:
    """One sentence to decide.

    `grammar` is the GBNF text of this very sentence. `deadline_ms` is on CLOCK_BOOTTIME (see `clock`), which every
    process of the machine shares. An answer of less confidence than `sure_enough` comes with other readings.
    """

    pack: str
    marked: str
    grammar: str
    deadline_ms: float
    sure_enough: float = 0.0


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
    answer's tokens, `passes` the forward passes spent on it (the suffix of the prompt included), `choices` the places
    where more than one token was allowed.
    """

    answer: str
    confidence: float
    tokens: int
    passes: int
    choices: int
    prompt_ms: float
    decode_ms: float
    probability: float = 1.0
    readings: tuple[Reading, ...] = ()
    """Likeliest first; only for an answer that was not sure enough, and as many as the time allowed."""


class Decider(Protocol):
    """An engine that decides. Blocking; called from one thread at a time."""

    def decide(self, request: DecideRequest) -> Decision:
        """Decide one sentence.

        Raises:
            ClientFault: EXPIRED when the deadline passes first, PROMPT_TOO_LONG.
            NodeFault: ENGINE_CRASHED, ENGINE_UNAVAILABLE, GRAMMAR_INVALID or OUTPUT_INVALID.
        """

    def close(self) -> None:
        """Release the model; further calls raise ENGINE_UNAVAILABLE."""
