# ruff: noqa: RUF001 - IPA has letters that look like others
"""How words sound, in the phones that the acoustic model knows.

Decides which pronunciations a word has: those of the recogniser's dictionary, else what `sounds` (espeak-ng's rules)
makes of its letters. Refuses nothing: a word that cannot be said has no pronunciation, and nobody listens for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Final

Phones = tuple[str, ...]
"""ARPAbet without stress: ("G", "OW")."""
SAID_ALONE_MAX: Final = 4
"""Pronunciations of one word that are kept."""
SAID_TOGETHER_MAX: Final = 6
"""Pronunciations of one name of several words."""
PAUSE: Final = "SIL"

_ARPABET: Final[Mapping[str, Phones]] = {
    sound: tuple(phones.split())
    for sound, phones in {
        "n": "N", "s": "S", "ɪ": "IH", "l": "L", "k": "K", "t": "T", "ə": "AH", "ɹ": "R", "r": "R", "d": "D", "m": "M",
        "æ": "AE", "z": "Z", "ɛ": "EH", "ɚ": "ER", "b": "B", "p": "P", "ɑː": "AA", "ɑ": "AA", "oʊ": "OW", "i": "IY",
        "iː": "IY", "eɪ": "EY", "f": "F", "ɡ": "G", "g": "G", "ŋ": "NG", "v": "V", "aɪ": "AY", "uː": "UW", "u": "UW",
        "ʌ": "AH", "h": "HH", "ʃ": "SH", "w": "W", "ᵻ": "IH", "ɾ": "T", "dʒ": "JH", "ɜː": "ER", "əl": "AH L",
        "ɑːɹ": "AA R", "ɐ": "AH", "j": "Y", "tʃ": "CH", "ɔː": "AO", "ɔːɹ": "AO R", "aʊ": "AW", "θ": "TH", "ʊ": "UH",
        "ɔ": "AO", "iə": "IY AH", "ɔɪ": "OY", "ɛɹ": "EH R", "aɪɚ": "AY ER", "ʊɹ": "UH R", "ɪɹ": "IH R", "ð": "DH",
        "ʒ": "ZH", "aɪə": "AY AH", "ʔ": "T", "n̩": "AH N", "l̩": "AH L", "x": "K", "a": "AE", "aː": "AA", "e": "EH",
        "o": "OW", "oː": "AO", "ɜ": "ER", "ɒ": "AA", "ɬ": "L", "ç": "HH", "m̩": "AH M", "əʊ": "OW", "eə": "EH R",
        "ɪə": "IH R", "ʊə": "UH R", "ts": "T S",
    }.items()
}  # fmt: skip
_BETWEEN_VOWELS: Final = frozenset(
    "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split()  # noqa: SIM905 - a list of short words reads best so
)


def arpabet(sounds: Iterable[str]) -> Phones:
    """IPA sounds as the acoustic model's phones; a sound that English lacks is left out."""
    phones = [phone for sound in sounds for phone in _ARPABET.get(sound, ())]
    return tuple(
        phone
        for at, phone in enumerate(phones)
        if at == 0 or phone != phones[at - 1] or phone in _BETWEEN_VOWELS  # "rr" is one sound
    )


class Pronouncing:
    """Pronunciations of words and of names."""

    def __init__(self, known: Mapping[str, tuple[Phones, ...]], sounds: Callable[[str], Iterable[str]]) -> None:
        """`known`: the dictionary; `sounds`: IPA sounds of a word that it lacks."""
        self._known = known
        self._sounds = sounds
        self._made: dict[str, tuple[Phones, ...]] = {}

    def of_word(self, word: str) -> tuple[Phones, ...]:
        """A word's pronunciations, likeliest first."""
        if found := self._known.get(word):
            return found[:SAID_ALONE_MAX]
        if word not in self._made:
            self._made[word] = self._of_unknown(word)
        return self._made[word]

    def of_name(self, words: Iterable[str]) -> tuple[Phones, ...]:
        """Pronunciations of words said in one go, the last with a pause between each two; none if a word has none."""
        each = [self.of_word(word) for word in words]
        if not each or not all(each):
            return ()
        joined = [sum(parts, ()) for parts in product(*(said[:2] for said in each))][:SAID_TOGETHER_MAX]
        if len(each) > 1:
            first, *rest = (said[0] for said in each)
            joined.append(sum(((PAUSE, *said) for said in rest), first))
        return tuple(dict.fromkeys(joined))

    def _of_unknown(self, word: str) -> tuple[Phones, ...]:
        """A possessive is its owner and an "s"; anything else goes by its letters."""
        if word.endswith("'s") and (owner := self.of_word(word[:-2])):
            return tuple((*said, "IH", "Z") if said[-1] in ("S", "Z", "SH", "CH") else (*said, "Z") for said in owner)
        phones = arpabet(self._sounds(word))
        return (phones,) if phones else ()
