"""What the linker found in a sentence. Values only; how they are found is in `linker`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge_agent.world.entities import Entity


class Unit(StrEnum):
    """Units a quantity is kept in, after conversion.

    COUNT is a bare number: it fits a slot of any unit. EXTREME is an end of whatever range the slot has: 0 the lowest,
    1 the highest.
    """

    METRE = "m"
    DEGREE = "deg"
    SECOND = "s"
    MINUTE = "min"
    HOUR = "h"
    PERCENT = "percent"
    TEMPERATURE = "temperature"
    OUNCE = "oz"
    COUNT = "count"
    EXTREME = "extreme"


class MentionType(StrEnum):
    """Three sorts of mention; each has labels of its own, so an answer cannot mix them up."""

    ENTITY = "entity"
    """Labels "1", "2", … in order of appearance."""
    QUANTITY = "quantity"
    """Labels "a", "b", …"""
    WORD = "word"
    """The label is the word itself: me, here, it, there."""


DEICTIC_WORDS = ("me", "here", "it", "there")


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What was talked about last. `recent` are entity names, most recent first; "it" and "there" mean one of them."""

    recent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with the unit it was said in (metric after conversion; minutes stay minutes)."""

    value: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class Mention:
    """A stretch of the sentence that the code has read.

    `start` and `end` are character offsets into the original text. An entity mention has one candidate, or several when
    the words fit several entities (then the slot's kinds may still decide; if not, the answer is reject(ambiguous)).
    `score` is 1.0 for an exact name or alias and lower for a close spelling or sound.
    """

    type: MentionType
    label: str
    start: int
    end: int
    text: str
    candidates: tuple[Entity, ...] = ()
    quantity: Quantity | None = None
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the sentence as the model and the text slots see it: normalized, with its place in the original."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Linked:
    """A sentence and everything the code has read in it.

    `marked` is what the model sees: the normalized words, each mention as `[LABEL words]` (a deictic as `[me]`, or
    `[it them]` when another word was said): `bring the [1 red box] from [2 dock three] to [me]`,
    `move forward [a two metres]`. No other bracket can stand in it.
    """

    text: str
    words: tuple[Word, ...]
    mentions: tuple[Mention, ...]
    marked: str

    def is_marked(self, word: Word) -> bool:
        """Whether a word of the sentence stands in a mention."""
        return any(mention.start <= word.start < mention.end for mention in self.mentions)
