"""What goes wrong between a mind and a text: dropped articles, fillers, repeated words, slips of the keyboard.

Only words outside names, numbers and texts are touched, so the right answer stays the same.
"""

from __future__ import annotations

import random

_ARTICLES = ("the", "a", "an")
_FILLERS = ("uh", "um", "er", "erm", "well", "so", "okay", "like", "you know")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def disturbed(rng: random.Random, words: str) -> str:
    """Some words of a sentence outside its names, disturbed in one or two ways."""
    row = words.split()
    draw = rng.random()
    if draw < 0.45:
        row = [word for word in row if word not in _ARTICLES]
    elif draw < 0.65:
        row.insert(rng.randint(0, len(row)), rng.choice(_FILLERS))
    elif draw < 0.75 and row:
        place = rng.randrange(len(row))
        row.insert(place, row[place])
    else:
        row = [_slip(rng, word) if len(word) > 3 and rng.random() < 0.35 else word for word in row]
    return " ".join(row)


def _slip(rng: random.Random, word: str) -> str:
    """A word with a letter swapped, lost, doubled or wrong."""
    place = rng.randrange(1, len(word) - 1)
    match rng.randrange(4):
        case 0:
            return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        case 1:
            return word[:place] + word[place + 1 :]
        case 2:
            return word[:place] + word[place] + word[place:]
        case _:
            return word[:place] + rng.choice(_LETTERS) + word[place + 1 :]
