"""The small nodes that a sentence template is compiled to, and the random walk over them.

A walk takes a few microseconds whatever the number of sentences a template stands for: nothing is enumerated. Pure.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Protocol

OPTIONAL_TAKEN = 0.4
"""How often `[an optional part]` is said; alternatives are equally likely."""
UNUSED = "_"
"""The slot of a mention that fills none: "by the door" that only says where."""


class TemplateError(Exception):
    """A template that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class SlotPiece:
    """A place in a sentence that a value fills.

    `list_name` says what: a kind of entity or "any", a quantity list, me / here / it / there, or a text list. `slot`
    is the action's slot, or "_" for a mention that fills none. `text`: for a text slot, words picked from the list,
    "" where the list is a wildcard.
    """

    list_name: str
    slot: str
    text: str = ""


Piece = str | SlotPiece


@dataclass(frozen=True, slots=True)
class Filled:
    """Which slots a part of a template fills: on every way through it, and on some."""

    always: frozenset[str]
    sometimes: frozenset[str]


_NO_SLOTS: frozenset[str] = frozenset()
NOTHING = Filled(_NO_SLOTS, _NO_SLOTS)


class Node(Protocol):
    """A part of a template. Making one that can fill a slot twice is a TemplateError."""

    def walk(self, rng: random.Random, out: list[Piece], chosen: dict[str, str]) -> None:
        """Say it: words and slot pieces go to `out`, the outputs of list values to `chosen`."""

    @property
    def filled(self) -> Filled:
        """Which slots it fills."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words as they stand, with their blanks."""

    text: str
    filled: Filled = field(init=False, default=NOTHING)

    def walk(self, _rng: random.Random, out: list[Piece], _chosen: dict[str, str]) -> None:
        out.append(self.text)


@dataclass(frozen=True, slots=True)
class Row:
    """Parts one after another."""

    parts: tuple[Node, ...]
    filled: Filled = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "filled", _filled_together(self.parts))

    def walk(self, rng: random.Random, out: list[Piece], chosen: dict[str, str]) -> None:
        for part in self.parts:
            part.walk(rng, out, chosen)


@dataclass(frozen=True, slots=True)
class Shuffle:
    """All parts, in any order."""

    parts: tuple[Node, ...]
    filled: Filled = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "filled", _filled_together(self.parts))

    def walk(self, rng: random.Random, out: list[Piece], chosen: dict[str, str]) -> None:
        for part in rng.sample(self.parts, len(self.parts)):
            part.walk(rng, out, chosen)


@dataclass(frozen=True, slots=True)
class Fork:
    """One of several parts; `taken` is the chance that any of them is said at all."""

    parts: tuple[Node, ...]
    taken: float = 1.0
    filled: Filled = field(init=False)

    def __post_init__(self) -> None:
        inner = [part.filled for part in self.parts]
        sometimes = _NO_SLOTS.union(*(part.sometimes for part in inner))
        always = frozenset.intersection(*(part.always for part in inner)) if self.taken >= 1.0 else _NO_SLOTS
        object.__setattr__(self, "filled", Filled(always, sometimes))

    def walk(self, rng: random.Random, out: list[Piece], chosen: dict[str, str]) -> None:
        if self.taken >= 1.0 or rng.random() < self.taken:
            self.parts[int(rng.random() * len(self.parts))].walk(rng, out, chosen)


@dataclass(frozen=True, slots=True)
class Hole:
    """A value of the world, of the speaker or of the moment stands here."""

    piece: SlotPiece
    filled: Filled = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "filled", _filled_slot(self.piece.slot))

    def walk(self, _rng: random.Random, out: list[Piece], _chosen: dict[str, str]) -> None:
        out.append(self.piece)


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a list is said, and its output goes into the slot."""

    slot: str
    values: tuple[tuple[Node, str], ...]
    filled: Filled = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "filled", _filled_slot(self.slot))

    def walk(self, rng: random.Random, out: list[Piece], chosen: dict[str, str]) -> None:
        words, value = self.values[int(rng.random() * len(self.values))]
        words.walk(rng, out, chosen)
        if self.slot != UNUSED:
            chosen[self.slot] = value


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a list are said, and the words themselves go into a text slot."""

    list_name: str
    slot: str
    values: tuple[tuple[Node, str], ...]
    filled: Filled = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "filled", _filled_slot(self.slot))

    def walk(self, rng: random.Random, out: list[Piece], chosen: dict[str, str]) -> None:
        said: list[Piece] = []
        self.values[int(rng.random() * len(self.values))][0].walk(rng, said, chosen)
        text = " ".join("".join(piece for piece in said if isinstance(piece, str)).split())
        out.append(SlotPiece(self.list_name, self.slot, text))


def say(node: Node, rng: random.Random) -> tuple[tuple[Piece, ...], dict[str, str]]:
    """One sentence of a template and the values its lists gave; words are joined, one blank between, none around."""
    said: list[Piece] = []
    chosen: dict[str, str] = {}
    node.walk(rng, said, chosen)
    pieces: list[Piece] = []
    words: list[str] = []
    for piece in said:
        if isinstance(piece, str):
            words.append(piece)
            continue
        if text := " ".join("".join(words).split()):
            pieces.append(text)
        pieces.append(piece)
        words.clear()
    if text := " ".join("".join(words).split()):
        pieces.append(text)
    return tuple(pieces), chosen


def variety(node: Node) -> int:
    """The most values that any one list in a template can give to a slot; 1 without lists."""
    if isinstance(node, Choice):
        return len({value for _, value in node.values}) if node.slot != UNUSED else 1
    parts = node.parts if isinstance(node, Row | Shuffle | Fork) else ()
    return max([variety(part) for part in parts if part.filled.sometimes], default=1)


def _filled_slot(slot: str) -> Filled:
    slots = _NO_SLOTS if slot == UNUSED else frozenset({slot})
    return Filled(slots, slots)


def _filled_together(parts: tuple[Node, ...]) -> Filled:
    """What all parts of a sentence fill.

    Raises:
        TemplateError: Two of them can fill the same slot.
    """
    inner = [part.filled for part in parts if part.filled.sometimes]
    sometimes = _NO_SLOTS.union(*(part.sometimes for part in inner))
    if len(sometimes) < sum(len(part.sometimes) for part in inner):
        twice = sorted(slot for slot in sometimes if sum(slot in part.sometimes for part in inner) > 1)
        raise TemplateError(f"can fill {', '.join(twice)} twice in one sentence")
    return Filled(_NO_SLOTS.union(*(part.always for part in inner)), sometimes)
