"""English letters as sounds, roughly: how a written word is most likely said.

Decides one pronunciation for a word, by rules of spelling and a short list of words that follow none. It is for
comparing what was heard with what things are called, both read by the same rules, so that most of its mistakes cancel
out; it is no dictionary, and knows neither stress nor where an e is mute inside a compound. It refuses nothing: what is
not a letter has no sound. Pure.
"""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import Final

VOWELS: Final = frozenset("aeiouAEIOUWY@")
"""bat bet bit lot but · bait beat bite boat boot · bout boy · the vowel of bird."""
CONSONANTS: Final = frozenset("pbtdkgfvTszSCJmnNlrwyh")
"""As the letters say; T of thin, S of shin, C of chin, J of gin, N of sing."""

_TABLE: Final = "pronunciation.txt"
_BEFORE_IT: Final = re.compile(r"^(?:\^|\(\?<=[^)]*\))*")
"""What a spelling may begin with besides its first letter."""
_TWICE: Final = re.compile(rf"([{''.join(sorted(CONSONANTS))}])\1+")

_Rules = dict[str, list[tuple[re.Pattern[str], str]]]


@functools.cache
def _tables() -> tuple[dict[str, str], _Rules]:
    """Words that follow no rule, and the rules by the letter that they take."""
    text = resources.files("edge_agent.world").joinpath(_TABLE).read_text(encoding="utf-8")
    words: dict[str, str] = {}
    rules: _Rules = {}
    for line in text.splitlines():
        fields = () if line.startswith("#") else line.split()
        if fields and fields[0].partition("=")[0].isalpha() and "=" in fields[0]:
            words.update((word, sounds) for word, _, sounds in (field.partition("=") for field in fields))
            continue
        for spelling, sounds in zip(fields[::2], fields[1::2], strict=True):
            letter = _BEFORE_IT.sub("", spelling)[0]
            rules.setdefault(letter, []).append((re.compile(spelling), sounds.strip("-")))
    return words, rules


@functools.lru_cache(maxsize=65_536)
def sounds_of(word: str) -> str:
    """The sounds of a word in lower case, one character each of VOWELS and CONSONANTS; "" for a number."""
    words, rules = _tables()
    if word in words:
        return words[word]
    sounds = ""
    at = 0
    while at < len(word):
        said = ((spelling.match(word, at), as_sounds) for spelling, as_sounds in rules.get(word[at], ()))
        found, as_sounds = next(((match, as_sounds) for match, as_sounds in said if match), (None, ""))
        sounds += as_sounds
        at = max(at + 1, found.end() if found else 0)
    return _TWICE.sub(r"\1", sounds)
