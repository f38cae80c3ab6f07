"""What the tests' own recogniser is taught to hear: short robot commands over few words and one warehouse's names.

Decides its vocabulary: the names of the robot pack's example world, numbers, and the words that short sentences of the
robot pack's phrases need most. A sentence with any other word is left out. Templates are held back as they are for the
bundled model.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.packs.base import Pack
from edge_agent.training.clauses import fill
from edge_agent.training.corpus import is_held_back, material
from edge_agent.training.words import spelled
from edge_agent.training.worlds import Place
from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.loading import load_world
from edge_agent.world.store import World
from edge_agent.world.text import words_of

PACK = "robot"
WORDS_TOTAL = 220
SENTENCE_WORDS_MAX = 7
NUMBERS = tuple(range(1, 11))
"""Numbers that are heard whether they are needed or not."""
DRAWN = 120_000
"""Sentences drawn to choose words and to keep what they suffice for."""
_SPELLED = {
    "mins": "minutes", "min": "minute", "secs": "seconds", "sec": "second", "hrs": "hours", "m": "meters",
    "metres": "meters", "metre": "meter", "cm": "centimeters", "centimetres": "centimeters",
    "centimetre": "centimeter", "tyre": "tire", "ok": "okay",
}  # fmt: skip
"""Words that sound as another does, or are written short and spoken long: one spelling of each is heard."""
_LETTERS = frozenset(" 'abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence as it is to be written down: lower case, numbers in words. `held_back`: its template never trains."""

    text: str
    held_back: bool


@dataclass(frozen=True, slots=True)
class Repertoire:
    """All sentences, each once, and their words, most needed first."""

    words: tuple[str, ...]
    trained: tuple[str, ...]
    held_back: tuple[str, ...]


def repertoire(seed: int, drawn: int = DRAWN) -> Repertoire:
    """The sentences of a seed. No sentence of a held-back template is among those that train, whatever drew it."""
    heard_of = list(_sentences(random.Random(f"{seed}/sentences"), drawn))
    needed = Counter(word for heard in heard_of if not heard.held_back for word in heard.text.split())
    always = tuple(dict.fromkeys((*_names(), *map(spelled, NUMBERS))))
    chosen = [word for word, _ in needed.most_common() if word not in always][: WORDS_TOTAL - len(always)]
    words = (*always, *chosen)
    known = frozenset(words)
    kept = [heard for heard in heard_of if known.issuperset(heard.text.split())]
    held_back = dict.fromkeys(heard.text for heard in kept if heard.held_back)
    trained = dict.fromkeys(heard.text for heard in kept if heard.text not in held_back)
    return Repertoire(words, tuple(trained), tuple(held_back))


def example_world(pack: Pack) -> World:
    """The pack's example world, whose names are the only ones that are learnt."""
    if pack.example_world is None:
        raise ValueError(f"{pack.name} has no example world")
    return load_world(pack.example_world)


def spoken(text: str) -> str:
    """A sentence as it is said: words only, whole numbers and units spelled out."""
    words = (_SPELLED.get(word, word) for word in words_of(text))
    return " ".join(spelled(int(word)) if word.isdecimal() and len(word) < 5 else word for word in words)


def _names() -> tuple[str, ...]:
    """The words of the world's names and aliases, sorted."""
    world = example_world(material(PACK).pack)
    return tuple(sorted({word for thing in world.entities for called in (thing.name, *thing.aliases)
                         for word in spoken(called).split()}))  # fmt: skip


def _sentences(rng: random.Random, drawn: int) -> Iterator[Heard]:
    """Short sentences, every action as often, with the example world's things in them."""
    chosen = material(PACK)
    world = example_world(chosen.pack)
    by_kind: dict[str, list[Entity]] = {}
    for thing in world.entities:
        by_kind.setdefault(thing.kind, []).append(thing)
    place = Place(chosen.pack, Linker(world), {kind: tuple(things) for kind, things in by_kind.items()})
    for _ in range(drawn):
        sample = chosen.phrases.sample(rng, rng.choice(chosen.actions))
        clause = fill(rng, place, chosen.phrases, sample)
        if clause is None:
            continue
        text = spoken(" ".join(part if isinstance(part, str) else part.words for part in clause.parts))
        if 0 < len(text.split()) <= SENTENCE_WORDS_MAX and not set(text) - _LETTERS:
            yield Heard(text, is_held_back(clause.group))
