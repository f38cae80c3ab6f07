"""The words that a pack's orders are made of, names apart: what its phrases say, and the courtesies around them.

A noun outside these words is one that the pack knows nothing to do with, unless it names a thing of the world.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from edge_agent.packs.base import REJECT
from edge_agent.packs.phrase_file import PhraseFile, read_phrase_file

_COURTESIES: Final = Path(__file__).with_name("phrases") / "shared.yaml"
_SENTENCES_A_MENTION: Final = 300
"""A word of sentences counts when one sentence in so many says it: a noun in one example is no word of the pack."""
_SENTENCES_MIN: Final = 250
"""Fewer are examples of how people speak, no account of it; nothing is called strange by them."""
_PLACE: Final = re.compile(r"\{[^}]*\}|<[^>]*>")
_RULE: Final = re.compile(r"<([^>]*)>")
_LIST: Final = re.compile(r"\{([^}:]*)")
_WORD: Final = re.compile(r"[a-z']+")


@cache
def familiar_words(phrases: tuple[Path, ...]) -> frozenset[str]:
    """The familiar words of a pack with these phrase files; none for a pack with few phrases.

    Raises:
        ConfigurationFault: PHRASES_INVALID, naming file and line.
    """
    files = [read_phrase_file(path) for path in phrases]
    sentences = [text for file in files for block in file.blocks if block.intent != REJECT for text in block.sentences]
    if len(sentences) < _SENTENCES_MIN:
        return frozenset()
    counted = Counter(word for text in sentences for word in set(_words(text)))
    least = 1 + len(sentences) // _SENTENCES_A_MENTION
    said = {word for word, times in counted.items() if times >= least}
    said.update(_words(*_built_from(sentences, files)), _words(*read_phrase_file(_COURTESIES).rules.values()))
    return frozenset(said)


def _words(*texts: str) -> Iterator[str]:
    """The words of templates, without their places for names, rules and lists."""
    for text in texts:
        yield from _WORD.findall(_PLACE.sub(" ", text.casefold()))


def _built_from(sentences: Iterable[str], files: Iterable[PhraseFile]) -> Iterator[str]:
    """The texts of every rule and list that sentences are built from, through other rules too."""
    rules = {str(name): text for file in files for name, text in file.rules.items()}
    lists = {str(name): body for file in files for name, body in file.lists.items()}
    left, done = list(sentences), set[str]()
    while left:
        text = left.pop()
        for name in set(_LIST.findall(text)) & lists.keys() - done:
            done.add(name)
            yield from _texts(lists[name])
        for name in set(_RULE.findall(text)) & rules.keys() - done:
            done.add(name)
            left.append(rules[name])
            yield rules[name]


def _texts(body: Any) -> Iterator[str]:
    """Every text in a list's definition."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, dict):
        for value in body.values():
            yield from _texts(value)
    elif isinstance(body, list):
        for value in body:
            yield from _texts(value)
