"""A model's vocabulary as plain values, so that a constraint needs nothing of the engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every token's bytes and what the special ones are for.

    `pointer` and `tokenize_pointer` are the engine's own vocabulary and tokenizer in memory; they stay valid as long as
    the engine does.
    """

    pieces: tuple[bytes, ...]
    controls: frozenset[int]
    ends: frozenset[int]
    """Tokens that end an answer."""
    pointer: int
    tokenize_pointer: int
