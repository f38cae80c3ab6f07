"""Names of things that are not there, and words around a name that make it another thing or leave it as it is.

Both sides are made in like numbers, so that neither refusing all nor tolerating all would pay: "the blue [1 mug]" is
the mug, "the [1 kitchen] table" is no kitchen.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from edge_agent.packs.base import TextSlot
from edge_agent.training.clauses import UNUSED, Clause, Part, Said, ends_phrase
from edge_agent.training.words import all_heads, heads, listed, name, noun
from edge_agent.training.worlds import Place
from edge_agent.world.entities import Entity

FRESH_TRIES = 12
AROUND = "around"
"""The list name of words that stand next to a name and must stay unmarked."""
_COMPOSED = frozenset(
    {"person", "area", "floor", "drink", "size", "roast", "shots", "milk", "sugar", "scene", "script"}
)
"""Kinds whose names are rather composed of their own words than drawn from all nouns."""
_PRAISE = ("nice", "lovely", "delicious", "good", "fresh", "proper", "tasty", "wonderful", "famous", "usual", "perfect")
_HOME_KINDS = (
    "light", "switch", "fan", "cover", "lock", "media_player", "climate", "vacuum", "valve", "sensor", "binary_sensor",
    "todo", "weather", "lawn_mower", "humidifier", "water_heater", "floor",
)  # fmt: skip
_CATEGORIES = {
    "item": ("thing", "item"),
    "device": ("device", "machine", "unit"),
    "place": ("room", "area", "station", "zone"),
    "container": ("box", "bin", "container"),
    "light": ("light", "lamp"),
    "switch": ("switch", "plug"),
    "cover": ("blind", "shutter", "curtain"),
    "media_player": ("speaker", "player", "tv"),
    "climate": ("thermostat", "heater"),
    "vacuum": ("vacuum", "robot", "cleaner"),
    "scene": ("scene", "mode"),
    "script": ("script", "routine"),
    "sensor": ("sensor", "reading"),
    "drink": ("drink",),
    "lock": ("lock",),
    "fan": ("fan",),
}


def with_absent(rng: random.Random, clause: Clause, place: Place) -> Clause | None:
    """The clause with one of its named things replaced by something that does not exist here."""
    named = [at for at, part in enumerate(clause.parts) if isinstance(part, Said) and part.entity]
    if _takes_any_name(clause, place):
        return None
    wanted = [at for at in named if _said(clause, at).slot != UNUSED]
    if not named:
        return None
    at = rng.choice(wanted if wanted and rng.random() < 0.85 else named)
    part = _said(clause, at)
    if part.entity is None:
        return None
    words = absent_name(rng, place, part.entity)
    if not words:
        return None
    changed = replace(part, words=words, entity=None, absent=True, list_name=part.entity.kind)
    return replace(clause, parts=(*clause.parts[:at], changed, *clause.parts[at + 1 :]))


def _takes_any_name(clause: Clause, place: Place) -> bool:
    """Whether the action would take an unknown name as a text: "the attic timer" is a timer of that name."""
    action = place.pack.action(clause.intent)
    spec = action.slot("name") if action else None
    return spec is not None and isinstance(spec.slot, TextSlot)


def absent_name(rng: random.Random, place: Place, instead_of: Entity) -> str:
    """A name such as this thing might have, in which this world's linker sees nothing; "" when none was found."""
    for _ in range(FRESH_TRIES):
        words = _candidate(rng, place.pack.name, instead_of)
        if not words or (place.pack.name == "home" and is_sort(words)):
            continue
        if not place.linker.link(f"the {words}").mentions:
            return words
    return ""


@cache
def is_sort(words: str) -> bool:
    """Whether a home would take the words for all things of a sort, as "the lights" or "garage doors"."""
    if words in _home_sorts():
        return True
    return words.endswith("s") and words.rsplit(" ", 1)[-1] in _home_sorts()


@cache
def _home_sorts() -> frozenset[str]:
    said = [word.replace("-", " ") for kind in _HOME_KINDS for word in heads("home", kind)]
    return frozenset(form for word in said for form in (word, f"{word}s", word.removesuffix("s")))


def _candidate(rng: random.Random, pack: str, instead_of: Entity) -> str:
    draw = rng.random()
    if draw < 0.25:
        return _sibling(rng, pack, instead_of)
    if draw < 0.65 and instead_of.kind not in _COMPOSED:
        before = rng.choice(("", "", "", rng.choice(listed("adjectives")), noun(rng)))
        return f"{before} {noun(rng)}{rng.choice(('', '', '', '', 's'))}".strip()
    return name(rng, pack, instead_of.kind)


def _sibling(rng: random.Random, pack: str, known: Entity) -> str:
    """A name that shares a word or a number's place with a known one: the blue box of a world with a red one."""
    words = known.name.split()
    if words[-1].isdigit():
        return " ".join([*words[:-1], str(rng.randint(1, 99))])
    if len(words) == 1:
        return f"{rng.choice(listed('adjectives'))} {rng.choice(heads(pack, known.kind)).replace('-', ' ')}"
    if rng.random() < 0.5:
        return " ".join([rng.choice(listed("adjectives")), *words[1:]])
    return " ".join([*words[:-1], rng.choice(heads(pack, known.kind)).replace("-", " ")])


def with_head_unmarked(rng: random.Random, clause: Clause, place: Place) -> Clause | None:
    """A known name before a noun that makes it another, unknown thing: "kitchen table" where "kitchen" is known."""
    named = [
        at
        for at, part in enumerate(clause.parts)
        if isinstance(part, Said) and part.entity and ends_phrase(clause, at) and _is_common(part.words.split()[-1])
    ]
    if not named:
        return None
    word = noun(rng) if rng.random() < 0.5 else rng.choice(heads("robot", rng.choice(("item", "container", "device"))))
    word = word.replace("-", " ")
    if place.pack.name == "home" and is_sort(word):
        return None
    return _after(clause, rng.choice(named), Said(word, UNUSED, None, absent=True))


def with_category(rng: random.Random, clause: Clause) -> Clause:
    """A name of no meaning before the word for its sort: "[1 nova] lamp" is Nova."""
    named = [
        at
        for at, part in enumerate(clause.parts)
        if isinstance(part, Said)
        and part.entity
        and part.entity.kind in _CATEGORIES
        and ends_phrase(clause, at)
        and not _is_common(part.words.split()[-1])
    ]
    if not named:
        return clause
    at = rng.choice(named)
    entity = _said(clause, at).entity
    return _after(clause, at, Said(rng.choice(_CATEGORIES[entity.kind if entity else ""]), UNUSED, None, AROUND))


def modifiers(rng: random.Random, pack: str) -> str:
    """Words before a name that is known without them: an adjective, a noun, or two of them.

    A kiosk's adjectives are sizes and sorts, which must be on its menu, so that only praise is left there.
    """
    if pack == "kiosk":
        return rng.choice(_PRAISE)
    draw = rng.random()
    if draw < 0.45:
        return rng.choice(listed("adjectives"))
    if draw < 0.85:
        return noun(rng)
    first = rng.choice(listed("adjectives"))
    return f"{first} {noun(rng) if draw < 0.95 else rng.choice(listed('adjectives'))}"


@cache
def _is_common(word: str) -> bool:
    """Whether a word is a noun that people know, so that another noun after it makes another thing."""
    return word in all_heads() or word.removesuffix("s") in all_heads()


def _said(clause: Clause, at: int) -> Said:
    part = clause.parts[at]
    if not isinstance(part, Said):
        raise TypeError(part)
    return part


def _after(clause: Clause, at: int, part: Part) -> Clause:
    return replace(clause, parts=(*clause.parts[: at + 1], part, *clause.parts[at + 1 :]))
