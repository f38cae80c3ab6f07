"""Words for text slots: what people put on lists, search for, name timers after and let a machine say.

One to eight words, with verbs, articles and names of things in them, so that where a text begins and ends has to be
learnt from the words around it.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from edge_agent.training.words import english_word, listed, made_up, name, noun

_TASKS = (
    "call", "pay", "book", "fix", "clean", "wash", "return", "order", "collect", "buy", "renew", "pick up", "water",
    "email", "paint", "feed", "visit", "repair", "send", "print", "write to", "sign up for", "take out", "ask about",
    "replace", "sort out", "drop off", "look for", "cancel", "check", "measure", "finish", "iron", "walk", "sell",
)  # fmt: skip
_TASK_TAILS = ("", "", "", "", "tomorrow", "for mum", "before the weekend", "at work", "for the party", "next week")
_AMOUNTS = ("some", "more", "a bag of", "a bottle of", "a dozen", "two", "three packs of", "fresh", "frozen", "organic")
_GENRES = (
    "jazz", "rock", "classical music", "hip hop", "country", "soul", "techno", "ambient", "blues", "folk", "opera",
    "piano music", "christmas songs", "reggae", "heavy metal", "white noise", "rain sounds", "some old songs", "disco",
    "workout music", "dinner music", "the news", "the radio", "film music", "lullabies", "the top forty", "salsa",
)  # fmt: skip
_TITLES = (
    "the {noun}", "{adjective} {noun}", "{word} {word}", "{name} and the {noun}", "the {adjective} {noun}", "{word}",
    "{noun} of {word}", "a {noun} for {name}", "{word} in the {noun}", "my {adjective} {noun}", "where the {noun} is",
    "{name} {made}", "{made}", "the {made} {noun}", "{word} my {noun}", "{name}", "dr {made}", "{made} and the {word}",
    "how to {word} a {noun}", "waiting for {name}", "{name} {made} live", "you and the {noun}", "{word} tonight",
)  # fmt: skip
_MESSAGES = (
    "dinner is ready", "we are leaving in five minutes", "good morning everyone", "the {noun} is {adjective}", "hello",
    "please bring the {noun}", "somebody is at the door", "i will be late", "the {noun} has arrived", "time for bed",
    "welcome to our {noun}", "{name} is waiting for you", "come and help me with the {noun}", "happy birthday {name}",
    "do not touch the {noun}", "it is time to go to school", "the {noun} is in the {noun}", "thank you {name}",
    "turn off the {noun} please", "lunch is served", "i found your {noun}", "put your {noun} away", "goodbye",
    "where is the {noun}", "i am here", "we need a {noun}", "excuse me", "{name} should call {name}", "watch out",
    "the meeting starts at nine", "your {noun} is ready", "i have lost my {noun}", "good night", "stop it",
)  # fmt: skip
_TIMERS = (
    "{noun}", "{noun}", "pizza", "pasta", "eggs", "laundry", "workout", "nap", "oven", "homework", "rice", "bread",
    "{adjective} {noun}", "{name}'s {noun}", "{noun} break", "meeting", "reading", "yoga", "tea", "chicken", "parking",
    "kids {noun}", "screen time", "{word}", "my {noun}", "coffee", "shower", "piano practice", "meditation",
)  # fmt: skip


def text_for(rng: random.Random, list_name: str) -> str:
    """Words for a wildcard list of this name; of a name that says nothing, words of any sort."""
    if rng.random() < 0.12:
        return name(rng, "robot", rng.choice(("item", "place", "person")))
    if rng.random() < 0.08:
        return " ".join(english_word(rng) for _ in range(rng.choice((1, 2, 2, 3, 4))))
    sort = next((sort for part, sort in _SORTS if part in list_name), None)
    return (sort or rng.choice(_SORTS)[1])(rng)


def _item(rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.35:
        tail = rng.choice(_TASK_TAILS)
        return f"{rng.choice(_TASKS)} {rng.choice(('the', 'the', 'a', 'my', ''))} {noun(rng)} {tail}"
    if draw < 0.5:
        return f"{rng.choice(_AMOUNTS)} {noun(rng, 'food')}"
    if draw < 0.75:
        return noun(rng, "food")
    return noun(rng) if draw < 0.9 else f"{noun(rng)} for {rng.choice(listed('people'))}"


def _query(rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.2:
        return rng.choice(_GENRES)
    title = _filled(rng, rng.choice(_TITLES))
    return title if draw < 0.85 else f"{title} by {rng.choice(listed('people'))} {made_up(rng)}"


def _message(rng: random.Random) -> str:
    return _filled(rng, rng.choice(_MESSAGES))


def _timer(rng: random.Random) -> str:
    return _filled(rng, rng.choice(_TIMERS))


_SORTS: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    ("buy", _item),
    ("item", _item),
    ("task", _item),
    ("query", _query),
    ("media", _query),
    ("message", _message),
    ("words", _message),
    ("timer", _timer),
    ("label", _timer),
)
"""Parts of list names, and what such a list holds."""


def _filled(rng: random.Random, template: str) -> str:
    """A template with its words drawn, each anew."""
    said = []
    for part in template.split():
        stem = part.removesuffix("'s")
        drawn = {
            "{noun}": lambda: noun(rng),
            "{adjective}": lambda: rng.choice(listed("adjectives")),
            "{word}": lambda: english_word(rng),
            "{name}": lambda: rng.choice(listed("people")),
            "{made}": lambda: made_up(rng),
        }.get(stem)
        said.append(drawn() + part[len(stem) :] if drawn else part)
    return " ".join(said)
