"""How near two sequences of sounds are, as ears and recognisers confuse them.

Decides a closeness from 0 to 1: what it costs to make the one of the other, each exchange by how easily it is
misheard (a voiced consonant for its voiceless twin, one nasal for another, a vowel for its neighbour), in relation to
the longer one; and which of many words are near to what was heard. It knows no sentence and no names. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from edge_agent.world.pronunciation import CONSONANTS, VOWELS, sounds_of

_EXCHANGES: Final = """
    0.2  pb td kg fv sz SJ CJ SC mn nN fT
    0.3  vT sS zS sT zT tT dT vb mN fs CS sC zJ
    0.4  pt tk pk bd dg bg vw tC dJ wl rw fp hf
    0.5  lr mb nd Ng yJ hk hp ln vm
    0.2  ie iE ea au uo eA iu u@ uU Oo WO Wo Aa @o Ao eu
    0.3  ao Au eE aW Ie UO IA Iu IY Ou @u @e @i YI
"""
"""Costs, and the pairs that have them in either direction; any other vowel for a vowel costs 0.5, all else 1."""
_OTHER_VOWEL: Final = 0.5
_OTHER: Final = 1.0
_DROPPED: Final = {"h": 0.3, "r": 0.4, "y": 0.4, "w": 0.5, "t": 0.6, "d": 0.6, "u": 0.4, "i": 0.5, "@": 0.4}
"""What it costs to lose or gain these sounds."""
_DROPPED_VOWEL: Final = 0.6
_DROPPED_CONSONANT: Final = 0.8
_CLUSTERED: Final = frozenset("ptkbdgfvsz")
_LOST_AT_THE_END: Final = 0.4
"""A stop or a hiss at the end behind another consonant is hardly heard: shelf and shell, vent and ven."""


def _table() -> Mapping[tuple[str, str], float]:
    costs = {(one, other): _OTHER_VOWEL for one in VOWELS for other in VOWELS}
    for line in _EXCHANGES.split("\n"):
        cost, *pairs = line.split() or ("0",)
        for one, other in map(tuple, pairs):
            costs[one, other] = costs[other, one] = min(float(cost), costs.get((one, other), _OTHER))
    return costs | {(sound, sound): 0.0 for sound in VOWELS | CONSONANTS}


_COSTS: Final = _table()
_KINDS: Final = str.maketrans(
    dict.fromkeys((*VOWELS, "h", "y"), "") | dict(zip("bdgvTzSCJnN", "ptkffssssmm", strict=True))
)
NEAR_MIN: Final = 0.85
"""Words less close than this are never taken for each other."""


def closeness(heard: str, meant: str) -> float:
    """How near two sequences of sounds are: 1 for the same, 0 for nothing in common. Symmetric."""
    longer = max(len(heard), len(meant))
    return max(0.0, 1.0 - distance(heard, meant) / longer) if longer else 1.0


def distance(heard: str, meant: str) -> float:
    """The least that the exchanges, losses and gains of sounds between two sequences cost."""
    row = [0.0]
    for at in range(len(meant)):
        row.append(row[-1] + _lost(meant, at))
    for said in range(len(heard)):
        before, row = row, [row[0] + _lost(heard, said)]
        for at, sound in enumerate(meant):
            row.append(
                min(
                    before[at] + _COSTS.get((heard[said], sound), _OTHER),
                    before[at + 1] + _lost(heard, said),
                    row[at] + _lost(meant, at),
                )
            )
    return row[-1]


def _lost(sounds: str, at: int) -> float:
    """What it costs to lose the sound at a place."""
    sound = sounds[at]
    if at == len(sounds) - 1 and at and sound in _CLUSTERED and sounds[at - 1] in CONSONANTS:
        return _LOST_AT_THE_END
    return _DROPPED.get(sound, _DROPPED_VOWEL if sound in VOWELS else _DROPPED_CONSONANT)


def _skeleton(sounds: str) -> str:
    """The consonants, each for its kind: what words taken for each other have in common, but for one lost or gained."""
    return sounds.translate(_KINDS)


def _shorter(skeleton: str) -> Iterator[str]:
    """The skeleton without one of its consonants, one after the other."""
    return (skeleton[:at] + skeleton[at + 1 :] for at in range(len(skeleton)))


_Buckets = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SoundTable:
    """Words by their consonants, so that the near ones among 100,000 are found without comparing with each. A value."""

    _whole: _Buckets
    _less_one: _Buckets
    """By what is left when one consonant is lost."""

    @classmethod
    def of(cls, words: Iterable[str]) -> SoundTable:
        """The table of these words."""
        whole: dict[str, list[str]] = {}
        less_one: dict[str, list[str]] = {}
        for word in words:
            skeleton = _skeleton(sounds_of(word))
            whole.setdefault(skeleton, []).append(word)
            for shorter in set(_shorter(skeleton)):
                less_one.setdefault(shorter, []).append(word)
        return cls(_frozen(whole), _frozen(less_one))

    def changed(self, remove: Iterable[str], add: Iterable[str]) -> SoundTable:
        """The table without some words and with others."""
        table = SoundTable(dict(self._whole), dict(self._less_one))
        for words, kept in ((remove, False), (add, True)):
            for word in words:
                skeleton = _skeleton(sounds_of(word))
                _put(table._whole, skeleton, word, kept)
                for shorter in set(_shorter(skeleton)):
                    _put(table._less_one, shorter, word, kept)
        return table

    def near(self, sounds: str) -> tuple[tuple[str, float], ...]:
        """The words at least NEAR_MIN close to these sounds, the nearest first, each with its closeness."""
        skeleton = _skeleton(sounds)
        words = {*self._whole.get(skeleton, ()), *self._less_one.get(skeleton, ())}
        for shorter in set(_shorter(skeleton)):
            words.update(self._whole.get(shorter, ()))
        scored = [(word, closeness(sounds, sounds_of(word))) for word in words]
        return tuple(sorted((one for one in scored if one[1] >= NEAR_MIN), key=lambda one: (-one[1], one[0])))


def _frozen(buckets: Mapping[str, list[str]]) -> _Buckets:
    return {key: tuple(words) for key, words in buckets.items()}


def _put(buckets: _Buckets, key: str, word: str, kept: bool) -> None:
    words = (*(other for other in buckets.get(key, ()) if other != word), *((word,) if kept else ()))
    if words:
        buckets[key] = words
    else:
        buckets.pop(key, None)
