"""What goes wrong between a mind and a text: dropped articles, fillers, repeated words, slips of the keyboard, words
that a recogniser splits, joins or takes for others that sound alike.

Only words outside names, numbers and texts are touched, so the right answer stays the same.
"""

from __future__ import annotations

import random

_ARTICLES = ("the", "a", "an")
_FILLERS = ("uh", "um", "er", "erm", "well", "so", "okay", "like", "you know", "hmm", "ah", "i mean", "let's see", "oh")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALIKE = {
    "to": ("too", "two"), "too": ("to",), "by": ("buy", "bye"), "right": ("write",), "for": ("four", "fore"),
    "off": ("of",), "of": ("off",), "you": ("u",), "your": ("you're", "ur"), "are": ("our", "r"), "please": ("pleas",),
    "know": ("no",), "their": ("there's",), "through": ("threw", "thru"), "some": ("sum",), "would": ("wood",),
    "in": ("inn",), "be": ("bee",), "it's": ("its",), "let's": ("lets",), "i'd": ("id",), "don't": ("dont",),
    "i'm": ("im",), "that's": ("thats",), "what's": ("whats",), "where's": ("wheres",), "bring": ("bringing", "brin"),
    "find": ("fined",), "close": ("clothes",), "wait": ("weight",), "see": ("sea",), "want": ("wan",),
    "and": ("an", "end"),
    "on": ("own",), "then": ("than",), "can": ("con",), "need": ("knead",), "meet": ("meat",), "here": ("hear",),
    "could": ("cud",), "toward": ("towards",), "towards": ("toward",), "going": ("goin",), "want to": ("wanna",),
    "have to": ("half to",), "turn": ("tern",), "turn on": ("turnon", "turn own"), "turn off": ("turnoff", "turn of"),
    "switch on": ("switchon",), "switch off": ("switchoff",), "pick up": ("pickup",), "put down": ("putdown",),
    "set up": ("setup",), "go to": ("goto", "go too"), "into": ("in to",), "onto": ("on to",), "in to": ("into",),
    "on to": ("onto",), "inside": ("in side",), "upstairs": ("up stairs",), "going to": ("gonna",),
    "got to": ("gotta",),
    "give me": ("gimme",), "let me": ("lemme",), "colour": ("color",), "favourite": ("favorite",), "grey": ("gray",),
    "metre": ("meter",), "centre": ("center",), "color": ("colour",), "favorite": ("favourite",),
    "all right": ("alright",),
    "follow": ("follo",), "near": ("neer",), "look for": ("lookfor",), "shut down": ("shutdown",),
    "beside": ("be side",),
}  # fmt: skip
"""Words of the closed classes and common verbs that are heard or written otherwise."""


def disturbed(rng: random.Random, words: str) -> str:
    """Some words of a sentence outside its names, disturbed in one or two ways."""
    row = words.split()
    draw = rng.random()
    if draw < 0.36:
        row = [word for word in row if word not in _ARTICLES]
    elif draw < 0.52:
        row.insert(rng.randint(0, len(row)), rng.choice(_FILLERS))
    elif draw < 0.6 and row:
        place = rng.randrange(len(row))
        row.insert(place, row[place])
    elif draw < 0.8:
        return _misheard(rng, words)
    else:
        row = [_slip(rng, word) if len(word) > 3 and rng.random() < 0.35 else word for word in row]
    return " ".join(row)


def _misheard(rng: random.Random, words: str) -> str:
    """The words with one of them, or two together, heard as something else."""
    padded = f" {words} "
    heard = [said for said in _ALIKE if f" {said} " in padded]
    if not heard:
        return words
    said = rng.choice(heard)
    return padded.replace(f" {said} ", f" {rng.choice(_ALIKE[said])} ", 1).strip()


def _slip(rng: random.Random, word: str) -> str:
    """A word with a letter swapped, lost, doubled or wrong, or without its last s."""
    if word.endswith("s") and rng.random() < 0.3:
        return word[:-1]
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
