"""Names and words for training sentences: composed, English, or made up. Decides nothing about sentences.

English words come from the `wordfreq` package (its 20,000 most frequent); only training needs it. Concrete nouns are
WordNet's (`nouns.toml`).
"""

from __future__ import annotations

import random
import tomllib
from functools import cache
from pathlib import Path

from wordfreq import top_n_list

_FILE = Path(__file__).with_name("names.toml")
_NOUNS = Path(__file__).with_name("nouns.toml")
_ANY_NOUN_SHARE = 0.4
_NOUN_SORTS = ("artifact", "artifact", "artifact", "artifact", "food", "compound", "animal", "plant")


@cache
def english(count: int = 20_000) -> tuple[str, ...]:
    """The most frequent English words of at least three letters, most frequent first."""
    return tuple(word for word in top_n_list("en", count) if word.isascii() and word.isalpha() and len(word) > 2)


@cache
def _names() -> dict[str, dict[str, tuple[str, ...]] | tuple[str, ...]]:
    read = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {
        key: {kind: tuple(text.split()) for kind, text in value.items()}
        if isinstance(value, dict)
        else tuple(value.split())
        for key, value in read.items()
    }


def listed(key: str) -> tuple[str, ...]:
    """A list that belongs to no pack: adjectives, colours, people."""
    found = _names()[key]
    return found if isinstance(found, tuple) else ()


@cache
def _nouns() -> dict[str, tuple[str, ...]]:
    """Nouns by sort; the robot's own things, which are the commonest, are among the artifacts."""
    read = tomllib.loads(_NOUNS.read_text(encoding="utf-8"))
    nouns = {sort: tuple(text.split()) for sort, text in read.items()}
    own = [word for kind in ("item", "container", "device") for word in heads("robot", kind)]
    return nouns | {"artifact": tuple(dict.fromkeys((*own, *nouns["artifact"])))}


def noun(rng: random.Random, sort: str = "") -> str:
    """A concrete thing, common ones likelier: one or two words."""
    words = _nouns()[sort or rng.choice(_NOUN_SORTS)]
    return words[int(len(words) * rng.random() ** 1.7)].replace("-", " ")


_OWN_HEADS: dict[tuple[str, str], tuple[str, ...]] = {}


def call_things(pack: str, kind: str, words: tuple[str, ...]) -> None:
    """Say what things of a kind are called in a pack that does not ship; once, before its first world is made."""
    _OWN_HEADS[pack, kind] = words


@cache
def all_heads() -> frozenset[str]:
    """Every single word that is known to be a thing."""
    lists = [words for part in _names().values() if isinstance(part, dict) for words in part.values()]
    return frozenset(word for words in (*lists, *_nouns().values()) for word in words)


def heads(pack: str, kind: str) -> tuple[str, ...]:
    """What things of a kind are called; people and unknown kinds borrow from the robot's items."""
    if own := _OWN_HEADS.get((pack, kind)):
        return own
    if kind == "person":
        return listed("people")
    of_pack = _names().get(pack, {})
    if isinstance(of_pack, dict) and kind in of_pack:
        return of_pack[kind]
    robot = _names()["robot"]
    return robot["item"] if isinstance(robot, dict) else ()


def made_up(rng: random.Random) -> str:
    """A word that does not exist."""
    while True:
        word = "".join(
            rng.choice(listed("onsets"))
            + rng.choice(listed("vowels"))
            + (rng.choice(listed("codas")) if rng.random() < 0.55 else "")
            for _ in range(rng.choice((1, 2, 2, 3)))
        )
        if len(word) > 2 and word not in _english_set():
            return word


@cache
def _english_set() -> frozenset[str]:
    return frozenset(english())


def english_word(rng: random.Random) -> str:
    """An English word, frequent ones likelier; the thousand most frequent, verbs above all, are left out."""
    words = english()
    return words[1000 + int((len(words) - 1000) * rng.random() ** 2)]


def spelled(number: int) -> str:
    """A whole number from 0 to 9999 in words."""
    if number < 20:
        return listed("units")[number]
    if number < 100:
        tens, units = divmod(number, 10)
        return listed("tens")[tens - 2] + (f" {listed('units')[units]}" if units else "")
    size, word = (1000, "thousand") if number >= 1000 else (100, "hundred")
    many, rest = divmod(number, size)
    return f"{spelled(many)} {word}" + (f" {'and ' if rest < 100 else ''}{spelled(rest)}" if rest else "")


def name(rng: random.Random, pack: str, kind: str) -> str:
    """A name for a thing of a kind, one to four words."""
    draw = rng.random()
    if kind == "person":
        return _person(rng, draw)
    if draw < 0.1:
        return made_up(rng) if rng.random() < 0.7 else f"{made_up(rng)} {made_up(rng)}"
    if draw < 0.25:
        return english_word(rng) if rng.random() < 0.5 else f"{english_word(rng)} {english_word(rng)}"
    head = _head(rng, pack, kind)
    if draw < 0.55:
        return head
    if draw < 0.7:
        return f"{rng.choice(listed('adjectives'))} {head}"
    if draw < 0.8:
        number = rng.choice((rng.randint(1, 12), rng.randint(1, 99)))
        return f"{head} {number}"
    if draw < 0.84:
        return f"{head} {rng.choice('abcdefgh')}"
    if draw < 0.88:
        return f"{rng.choice(listed('people'))}'s {head}"
    if draw < 0.94 and pack == "home":
        return f"{rng.choice(heads('home', 'area')).replace('-', ' ')} {head}"
    first = english_word(rng) if rng.random() < 0.4 else noun(rng)
    return f"{first} {head}"


def _head(rng: random.Random, pack: str, kind: str) -> str:
    """What a thing of this kind is; the robot's things may be anything."""
    if pack == "robot" and kind in ("item", "container", "device") and rng.random() < _ANY_NOUN_SHARE:
        return noun(rng)
    return rng.choice(heads(pack, kind)).replace("-", " ")


def _person(rng: random.Random, draw: float) -> str:
    first = rng.choice(listed("people"))
    if draw < 0.7:
        return first
    if draw < 0.85:
        return made_up(rng)
    return f"{first} {made_up(rng)}" if draw < 0.95 else english_word(rng)
