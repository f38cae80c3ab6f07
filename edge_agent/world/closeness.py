"""Which words of the world a misspelt or misheard word may stand for.

Decides close spelling (one slip of the finger, two in a long word), close sound as spelling shows it (the same
Metaphone code) and, for what a recogniser heard, close sound as ears take it (`sounding`). It refuses anything short or
with a digit, and for typed words anything that is an English word itself: a false link moves a robot to the wrong
place, a missed one asks again.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Final, TypeVar

from jellyfish import metaphone
from rapidfuzz import process
from rapidfuzz.distance import OSA, JaroWinkler

from edge_agent.world.lexicon import FUNCTION_WORDS, common_words
from edge_agent.world.sounding import SoundTable

LETTERS_MIN: Final = 4
"""Shorter words are too near to too many others."""
TWO_SLIPS_LETTERS_MIN: Final = 8
OPTIONS_MAX: Final = 4
_SOUND_LIKENESS_MIN: Final = 0.75
_VOWELS: Final = "aeiouy"


class Vocabulary:
    """The words of a world's names, bucketed by first letter and length and by sound. A value."""

    __slots__ = ("_by_sound", "_by_start", "_counts", "_heard")

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._counts: dict[str, int] = Counter(words)
        self._by_start: dict[tuple[str, int], list[str]] = {}
        self._by_sound: dict[str, list[str]] = {}
        self._heard: SoundTable | None = None
        """Made when something spoken is read first; who only types never pays for it."""
        for word in self._counts:
            if _comparable(word):
                self._by_start.setdefault((word[0], len(word)), []).append(word)
                self._by_sound.setdefault(metaphone(word), []).append(word)

    def changed(self, remove: Iterable[str], add: Iterable[str]) -> Vocabulary:
        """The vocabulary with some words fewer and some more; the untouched buckets are shared."""
        changed = Vocabulary()
        changed._counts = dict(self._counts)
        changed._by_start = dict(self._by_start)
        changed._by_sound = dict(self._by_sound)
        heard = self._heard
        new, gone = [], []
        for word in add:
            count = changed._counts.get(word, 0)
            changed._counts[word] = count + 1
            if not count and _comparable(word):
                _exchange(changed._by_start, (word[0], len(word)), add=word)
                _exchange(changed._by_sound, metaphone(word), add=word)
                new.append(word)
        for word in remove:
            changed._counts[word] -= 1
            if not changed._counts[word]:
                del changed._counts[word]
                if _comparable(word):
                    _exchange(changed._by_start, (word[0], len(word)), remove=word)
                    _exchange(changed._by_sound, metaphone(word), remove=word)
                    gone.append(word)
        changed._heard = heard.changed(gone, new) if heard else None
        return changed

    def __contains__(self, word: str) -> bool:
        return word in self._counts

    def options(self, key: str, surface: str) -> tuple[tuple[str, float], ...]:
        """Words that a word which is none of them may stand for, the likeliest first, each with its likeness."""
        if not _comparable(key) or key in self._counts or _is_english(key, surface):
            return ()
        near = self._spelt_like(key) | self._sounding_like(key) | self._sounding_like(surface)
        ranked = sorted(((word, JaroWinkler.similarity(key, word)) for word in near), key=lambda one: (-one[1], one[0]))
        return tuple((word, 0.95 * likeness) for word, likeness in ranked[:OPTIONS_MAX])

    def homophones(self, key: str) -> tuple[str, ...]:
        """Words that sound the same with the same vowels, for a word that a speech recognizer may have put in place."""
        if len(key) < 3 or not key.isascii() or not key.isalpha() or key in self._counts:
            return ()
        alike = self._by_sound.get(metaphone(key), ())
        return tuple(
            sorted(word for word in alike if word[0] == key[0] and _vowels(word) == _vowels(key) and word != key)
        )[:OPTIONS_MAX]

    def sounding(self, sounds: str) -> tuple[tuple[str, float], ...]:
        """Words of the world that may have been said where these sounds were heard, the nearest first, with closeness.

        `sounds` as `pronunciation` writes them. Words of the world that sound so themselves are among them.
        """
        if self._heard is None:
            self._heard = SoundTable.of(word for word in self._counts if _comparable(word))
        return self._heard.near(sounds)

    def doubled(self, key: str) -> tuple[str, ...]:
        """Words that differ from this one only in letters written once or twice: "dinning" for dining."""
        if len(key) <= LETTERS_MIN or not _comparable(key) or key in self._counts:
            return ()
        squeezed = _squeezed(key)
        alike = self._by_sound.get(metaphone(key), ())
        return tuple(
            sorted(word for word in alike if word[:2] == key[:2] and _squeezed(word) == squeezed)[:OPTIONS_MAX]
        )

    def _spelt_like(self, key: str) -> set[str]:
        slips = 2 if len(key) >= TWO_SLIPS_LETTERS_MIN else 1
        near: set[str] = set()
        for length in range(max(LETTERS_MIN, len(key) - slips), len(key) + slips + 1):
            bucket = self._by_start.get((key[0], length), ())
            found = process.extract(key, bucket, scorer=OSA.distance, score_cutoff=slips, limit=None)
            near.update(word for word, _, _ in found if _may_be_slip(key, word))
        return near

    def _sounding_like(self, key: str) -> set[str]:
        return {
            word
            for word in self._by_sound.get(metaphone(key), ())
            if JaroWinkler.similarity(key, word) >= _SOUND_LIKENESS_MIN and _may_be_slip(key, word)
        }


def _comparable(word: str) -> bool:
    return len(word) >= 3 and word.isascii() and word.isalpha()


def _is_english(key: str, surface: str) -> bool:
    if len(surface) < LETTERS_MIN or surface in FUNCTION_WORDS:
        return True
    return not common_words().isdisjoint((surface, surface[:-1] if surface[-1] == "s" else surface, key, f"{key}e"))


def _may_be_slip(said: str, meant: str) -> bool:
    """Whether a slip may make the one of the other; short words and endings (Mario, Maria) mean another thing."""
    if said[-1] != meant[-1] and (said[-1] in "aio" or meant[-1] in "aio"):
        return False
    if min(len(said), len(meant)) > LETTERS_MIN or metaphone(said) == metaphone(meant):
        return True
    return sorted(said) == sorted(meant)  # a transposition: lmap


def _vowels(word: str) -> str:
    return "".join(char for char in word if char in _VOWELS)


def _squeezed(word: str) -> str:
    return "".join(char for char, _ in itertools.groupby(word))


_Key = TypeVar("_Key")


def _exchange(buckets: dict[_Key, list[str]], key: _Key, *, add: str = "", remove: str = "") -> None:
    """Put a word into a bucket or take it out; the list is replaced, as it is shared."""
    kept = [word for word in buckets.get(key, ()) if word != remove] + ([add] if add else [])
    if kept:
        buckets[key] = kept
    else:
        buckets.pop(key, None)
