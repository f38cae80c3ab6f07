"""Every way in which the world's entities may be named, for looking up.

Decides which entities a run of keys names: as said, by the last word alone, by a word that only they have, or by what
they make. A value: `changed` gives the index of another world and shares what did not change.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edge_agent.world.closeness import Vocabulary
from edge_agent.world.entities import Entity
from edge_agent.world.lexicon import (
    AREA_KINDS,
    FUNCTION_WORDS,
    MAKERS,
    NAMELIKE_MODALS,
    PLAIN_HEADS,
    PRODUCTS,
    common_words,
)
from edge_agent.world.synonyms import Synonyms, everyday
from edge_agent.world.text import words_of
from edge_agent.world.tokens import is_label, key_of, merged, named_by

NAME_TOKENS_MAX: Final = 12
"""A longer name is found by no sentence people say."""
_COMPOUND_TOKENS_MAX: Final = 3
_PART_LETTERS_MIN: Final = 4
_GRAMMAR: Final = FUNCTION_WORDS - NAMELIKE_MODALS


@dataclass(frozen=True, slots=True)
class Entry:
    """One name or alias of one entity, as keys (for comparing) and as surface (for preferring what was said)."""

    entity: Entity
    keys: tuple[str, ...]
    surface: str
    head: str = ""
    """The surface of the word that names the sort of thing: "box" of "big red box", "dock" of "dock 3"."""
    owned: bool = False
    """The name says whose it is, as "John's mug" does."""


Table = dict[str, list[Entry]]


@dataclass(frozen=True, slots=True)
class Index:
    """Lookup tables. Lists in them are never changed once the index stands."""

    names: Table
    """By merged keys."""
    heads: Table
    """By the surface of the head."""
    parts: Table
    """By each other word that is no common English one: "zarkon" of "zarkon heater"."""
    makers: Table
    """By merged keys of what a thing makes: "cocoa" of "cocoa maker"."""
    families: dict[str, int]
    """Merged keys before a number or letter ("dock" of "dock 3"), and how many names begin so."""
    sorts: dict[str, int]
    """Keys of kinds and device classes, and how many names of things called otherwise belong to each.

    As a head such a word says the sort and not the thing.
    """
    kinds: dict[str, int]
    """Of these, the kinds alone."""
    vocabulary: Vocabulary
    longest: int
    """Tokens of the longest name."""
    synonyms: Synonyms

    @classmethod
    def of(cls, entities: Iterable[Entity], synonyms: Synonyms | None = None) -> Index:
        """The index of these entities; without `synonyms`, with the everyday ones."""
        entries = [entry for entity in entities for entry in entries_of(entity)]
        vocabulary = Vocabulary(word for entry in entries for word in vocabulary_of(entry))
        longest = max((len(entry.keys) for entry in entries), default=0)
        index = cls({}, {}, {}, {}, {}, {}, {}, vocabulary, longest, everyday() if synonyms is None else synonyms)
        for entry in entries:
            _note(index, entry, 1)
            for table, key in _places(index, entry):
                table.setdefault(key, []).append(entry)
        return index

    def changed(self, remove: Iterable[Entity], add: Iterable[Entity]) -> Index:
        """The index without some entities and with others."""
        gone = [entry for entity in remove for entry in entries_of(entity)]
        new = [entry for entity in add for entry in entries_of(entity)]
        changed = Index(
            dict(self.names),
            dict(self.heads),
            dict(self.parts),
            dict(self.makers),
            dict(self.families),
            dict(self.sorts),
            dict(self.kinds),
            self.vocabulary.changed(
                (word for entry in gone for word in vocabulary_of(entry)),
                (word for entry in new for word in vocabulary_of(entry)),
            ),
            max(self.longest, max((len(entry.keys) for entry in new), default=0)),
            self.synonyms,
        )
        for entry in gone:
            _exchange(changed, entry, drop=True)
        for entry in new:
            _exchange(changed, entry, drop=False)
        return changed


def entries_of(entity: Entity) -> list[Entry]:
    """The entries of an entity's name and aliases; names of function words alone are left out, they are grammar."""
    entries: dict[str, Entry] = {}
    for name in (entity.name, *entity.aliases):
        words = words_of(name)
        keys, surface = named_by(words)
        if not keys or len(keys) > NAME_TOKENS_MAX or surface in _GRAMMAR or surface in entries:
            continue
        owned = any(word.endswith("'s") for word in words)
        entries[surface] = Entry(entity, keys, surface, _head_of(entity, keys, surface), owned)
    return list(entries.values())


def vocabulary_of(entry: Entry) -> list[str]:
    """The words that a misspelt one may stand for: each of the name's, and the name as one compound."""
    words = [key for key in entry.keys if not is_label(key)]
    if 1 < len(words) == len(entry.keys) <= _COMPOUND_TOKENS_MAX:
        words.append("".join(words))
    return words


def _head_of(entity: Entity, keys: tuple[str, ...], surface: str) -> str:
    """What may stand for the whole name; "" where nothing may."""
    if len(keys) < 2 or entity.kind in AREA_KINDS:
        return ""
    words = surface.split()
    if entity.kind == "person":
        return words[0]
    last = len(words) - 1
    while last > 0 and is_label(keys[last]):
        last -= 1
    head = words[last]
    return "" if is_label(head) or head in PLAIN_HEADS or head in FUNCTION_WORDS else head


def _parts_of(entry: Entry) -> list[str]:
    """The words of a name of several that may stand for it where no other thing has them; all but the head.

    Of a person any name will do; of a thing none that is English, as "red" and "kitchen" say how it is and where.
    """
    if not entry.head or any(map(is_label, entry.keys)):
        return []
    words = [word for word in entry.surface.split() if word != entry.head and len(word) >= _PART_LETTERS_MIN]
    barred = FUNCTION_WORDS if entry.entity.kind == "person" else common_words()
    return [word for word in words if word not in barred and word.isalpha()]


def _products_of(entry: Entry) -> list[str]:
    """Merged keys of what the thing is asked for by what it makes; none for any other thing."""
    products = list(PRODUCTS.get(entry.keys, ()))
    if len(entry.keys) > 1 and entry.keys[-1] in MAKERS:
        products.append(merged(entry.keys[:-1]))
    return products


def _places(index: Index, entry: Entry) -> list[tuple[Table, str]]:
    """Where an entry stands in the tables."""
    places = [(index.names, merged(entry.keys))]
    if entry.head:
        places.append((index.heads, entry.head))
    places += [(index.parts, word) for word in _parts_of(entry)]
    places += [(index.makers, product) for product in _products_of(entry)]
    return places


def _note(index: Index, entry: Entry, by: int) -> None:
    """Count an entry's family and its entity's sorts in or out; a thing called just as its sort says no sort."""
    for at, key in enumerate(entry.keys):
        if at and is_label(key):
            _count(index.families, merged(entry.keys[:at]), by)
    for key in _sorts_of(entry.entity.kind, entry.entity.device_class):
        if not names_itself(entry.entity, key):
            _count(index.sorts, key, by)
    _count(index.kinds, entry.entity.kind, by)


def names_itself(entity: Entity, sort: str) -> bool:
    """Whether the entity's whole name is the word (a key) for its sort."""
    return " " not in entity.name and key_of(entity.name.casefold()) == sort


@functools.lru_cache(maxsize=256)
def _sorts_of(kind: str, device_class: str) -> tuple[str, ...]:
    return tuple(key_of(word) for name in (kind, device_class) for word in words_of(name))


def _count(table: dict[str, int], key: str, by: int) -> None:
    count = table.get(key, 0) + by
    if count:
        table[key] = count
    else:
        table.pop(key, None)


def _exchange(index: Index, entry: Entry, *, drop: bool) -> None:
    """Put an entry into an index that is being changed, or take it out; lists are replaced, as they are shared."""
    _note(index, entry, -1 if drop else 1)
    for table, key in _places(index, entry):
        before = table.get(key, [])
        after = [kept for kept in before if kept != entry] if drop else [*before, entry]
        if after:
            table[key] = after
        else:
            table.pop(key, None)
