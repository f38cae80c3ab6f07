"""What the model reads around a marked sentence: a fixed text per pack before it, a fixed text after it.

Decides the two styles: the bundled model's own (pack name, sentence, answer) and the Llama 3 instruct template, which
is ours and never the file's. Every special token is named here as one; everything else, the user's words above all, is
tokenized with special tokens off, so no text can forge a role.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_HEADER = "<|start_header_id|>"
_END = "<|eot_id|>"
STYLE_TOKENS = (_HEADER,)


class Style(StrEnum):
    """How a prompt is written."""

    BUNDLED = "bundled"
    LLAMA3 = "llama3"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of prompt: the name of one special token, or plain text."""

    text: str
    special: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """`before` + marked sentence + `after`, then the answer. `before` never changes: it is computed once."""

    before: tuple[Piece, ...]
    after: tuple[Piece, ...]

    def to_object(self) -> dict[str, Any]:
        return {side: [[piece.text, piece.special] for piece in getattr(self, side)] for side in ("before", "after")}

    @classmethod
    def of_object(cls, fields: dict[str, Any]) -> Prompt:
        return cls(
            *(tuple(Piece(text, special) for text, special in fields[side]) for side in ("before", "after")),
        )


def style_of(has_token: dict[str, bool]) -> Style:
    """The style that a vocabulary suggests, from which of `STYLE_TOKENS` it has."""
    return Style.LLAMA3 if has_token.get(_HEADER, False) else Style.BUNDLED


def bundled_prompt(pack: str) -> Prompt:
    """The bundled model's prompt: it knows the shipped packs by name."""
    return Prompt(before=(Piece("<s>", special=True), Piece(f"{pack}\n")), after=(Piece("\n"),))


def llama3_prompt(system: str, examples: Iterable[tuple[str, str]]) -> Prompt:
    """The Llama 3 instruct template: the system's turn, each example as two turns, and an open user's turn."""
    turns = [*_turn("system", system)]
    for marked, answer in examples:
        turns += [*_turn("user", marked), *_turn("assistant", answer)]
    return Prompt(
        before=(Piece("<|begin_of_text|>", special=True), *turns, *_header("user")),
        after=(Piece(_END, special=True), *_header("assistant")),
    )


def _header(role: str) -> tuple[Piece, ...]:
    return Piece(_HEADER, special=True), Piece(role), Piece("<|end_header_id|>", special=True), Piece("\n\n")


def _turn(role: str, text: str) -> tuple[Piece, ...]:
    return (*_header(role), Piece(text), Piece(_END, special=True))
