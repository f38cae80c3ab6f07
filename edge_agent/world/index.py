"""Every way in which the world's entities may be named, for looking up.

Decides which entities a run of keys names: as said, by an everyday synonym, or by the last word alone. A value:
`changed` gives the index of another world and shares what did not change.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.world.closeness import Vocabulary
from edge_agent.world.entities import Entity
from edge_agent.world.lexicon import COMPOUND_SYNONYMS, FUNCTION_WORDS, NAMELIKE_MODALS, PLAIN_HEADS, SYNONYMS
from edge_agent.world.text import words_of
from edge_agent.world.tokens import is_label, key_of, merged, named_by

NAME_TOKENS_MAX: Final = 12
"""A longer name is found by no sentence people say."""
_COMPOUND_TOKENS_MAX: Final = 3
_GRAMMAR: Final = FUNCTION_WORDS - NAMELIKE_MODALS
_NO_HEAD_KINDS: Final = frozenset({"area", "floor"})


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
    synonyms: Table
    """By merged keys after exchanging a word for a synonym."""
    heads: Table
    """By the surface of the head."""
    families: dict[str, int]
    """Merged keys before a number or letter ("dock" of "dock 3"), and how many names begin so."""
    sorts: dict[str, int]
    """Keys of kinds and device classes; as a head such a word says the sort and not the thing."""
    vocabulary: Vocabulary
    longest: int
    """Tokens of the longest name."""

    @classmethod
    def of(cls, entities: Iterable[Entity]) -> Index:
        """The index of these entities."""
        entries = [entry for entity in entities for entry in entries_of(entity)]
        vocabulary = Vocabulary(word for entry in entries for word in vocabulary_of(entry))
        index = cls({}, {}, {}, {}, {}, vocabulary, max((len(entry.keys) for entry in entries), default=0))
        for entry in entries:
            _note(index, entry, 1)
            index.names.setdefault(merged(entry.keys), []).append(entry)
            for key in variants(entry.keys):
                index.synonyms.setdefault(key, []).append(entry)
            if entry.head:
                index.heads.setdefault(entry.head, []).append(entry)
        return index

    def changed(self, remove: Iterable[Entity], add: Iterable[Entity]) -> Index:
        """The index without some entities and with others."""
        gone = [entry for entity in remove for entry in entries_of(entity)]
        new = [entry for entity in add for entry in entries_of(entity)]
        changed = Index(
            dict(self.names),
            dict(self.synonyms),
            dict(self.heads),
            dict(self.families),
            dict(self.sorts),
            self.vocabulary.changed(
                (word for entry in gone for word in vocabulary_of(entry)),
                (word for entry in new for word in vocabulary_of(entry)),
            ),
            max(self.longest, max((len(entry.keys) for entry in new), default=0)),
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


def variants(keys: tuple[str, ...]) -> list[str]:
    """Merged keys of a name with one word exchanged for an everyday synonym."""
    found = []
    for at, key in enumerate(keys):
        for term, others in _SYNONYM_TERMS.get(key, ()):
            alone = term in _COMPOUND_TERMS and len(keys) == 1
            if keys[at : at + len(term)] == term and not alone:
                found += [merged((*keys[:at], *other, *keys[at + len(term) :])) for other in others]
    return found


def vocabulary_of(entry: Entry) -> list[str]:
    """The words that a misspelt one may stand for: each of the name's, and the name as one compound."""
    words = [key for key in entry.keys if not is_label(key)]
    if 1 < len(words) == len(entry.keys) <= _COMPOUND_TOKENS_MAX:
        words.append("".join(words))
    return words


def _head_of(entity: Entity, keys: tuple[str, ...], surface: str) -> str:
    """What may stand for the whole name; "" where nothing may."""
    if len(keys) < 2 or entity.kind in _NO_HEAD_KINDS:
        return ""
    words = surface.split()
    if entity.kind == "person":
        return words[0]
    last = len(words) - 1
    while last > 0 and is_label(keys[last]):
        last -= 1
    head = words[last]
    return "" if is_label(head) or head in PLAIN_HEADS or head in FUNCTION_WORDS else head


def _note(index: Index, entry: Entry, by: int) -> None:
    """Count an entry's family and its entity's sorts in or out."""
    for at, key in enumerate(entry.keys):
        if at and is_label(key):
            _count(index.families, merged(entry.keys[:at]), by)
    for key in _sorts_of(entry.entity.kind, entry.entity.device_class):
        _count(index.sorts, key, by)


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
    places: list[tuple[Table, str]] = [(index.names, merged(entry.keys))]
    places += [(index.synonyms, key) for key in variants(entry.keys)]
    if entry.head:
        places.append((index.heads, entry.head))
    for table, key in places:
        before = table.get(key, [])
        after = [kept for kept in before if kept != entry] if drop else [*before, entry]
        if after:
            table[key] = after
        else:
            table.pop(key, None)


def _synonym_terms() -> dict[str, list[tuple[tuple[str, ...], list[tuple[str, ...]]]]]:
    """First key of a term → the term's keys and the keys of the terms that mean the same."""
    terms: dict[str, list[tuple[tuple[str, ...], list[tuple[str, ...]]]]] = {}
    for group in (*SYNONYMS, *COMPOUND_SYNONYMS):
        keyed: Sequence[tuple[str, ...]] = [named_by(term.split())[0] for term in group]
        for term in keyed:
            terms.setdefault(term[0], []).append((term, [other for other in keyed if other != term]))
    return terms


_SYNONYM_TERMS: Final = _synonym_terms()
_COMPOUND_TERMS: Final = frozenset(named_by((term,))[0] for group in COMPOUND_SYNONYMS for term in group)
