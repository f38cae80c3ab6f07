"""The English that the linker knows: small closed classes of words, listed once.

It decides nothing. Open classes (verbs, adjectives, names) are the model's and the world's business; only the words
that are needed to tell a name from an ordinary word stand here, and the dictionary of common words next to this file.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Final


def listed(words: str) -> tuple[str, ...]:
    """The words of a list written as one string."""
    return tuple(words.split())


ARTICLES: Final = frozenset(listed("the a an"))
DETERMINERS: Final = frozenset(
    listed("the a an this that these those my your his her its our their some any every each another both all")
)
POSSESSORS: Final = frozenset(listed("my your his her its our their"))
PREPOSITIONS: Final = frozenset(
    listed(
        "about above across after against along alongside around aside at away back before behind below beneath beside "
        "between beyond by down for forward from in inside into left near next of off on onto opposite out outside "
        "over past right round straight through to toward towards under until up upon via with within without"
    )
)
PRONOUNS: Final = frozenset(listed("i you he she we they me him us them it who which what where when how"))
AUXILIARIES: Final = frozenset(
    listed(
        "is are was were be been am do does did don't can could can't will won't would should shall may might must has "
        "have had isn't aren't that's it's there's what's where's i'm i'd i'll you're you'll let's"
    )
)
FILLERS: Final = frozenset(
    listed(
        "and or then but so because while if as than too also please now again quickly slowly carefully gently just "
        "quick fast immediately first later soon once twice together here there not no yes ok okay thanks thank hey hi "
        "hello well actually maybe ahead still only already today tonight tomorrow sideways upward upwards downward "
        "downwards backward backwards forwards leftward leftwards rightward rightwards"
    )
)
FUNCTION_WORDS: Final = DETERMINERS | PREPOSITIONS | PRONOUNS | AUXILIARIES | FILLERS
"""Words that end a noun phrase on either side; none of them is part of what somebody calls a thing."""

MODALS: Final = frozenset(listed("can could will would may might must should shall"))
NAMELIKE_MODALS: Final = frozenset(listed("can will may"))
"""Modals that are also a thing or a person: names only after an article or a preposition."""
NAME_OPENERS: Final = (DETERMINERS | PREPOSITIONS | frozenset(listed("and or one two three"))) - frozenset(
    listed("that")
)
SUBJECTS: Final = frozenset(listed("i you we he she they it the this that someone somebody anyone anybody"))
OBJECTS: Final = frozenset(listed("me him us them it"))
CLAUSE_OPENERS: Final = frozenset(
    listed(
        "and then please you now just also or robot kindly let's go come uh um uhm hmm er ok okay hey so well yes no"
    )
)
"""A verb may stand right after these, as it may at the start."""
VERB_NAMES: Final = frozenset(listed("charge dock exit halt park pause rest stop"))
"""Names of places and things that are orders where a verb may stand."""
HANDLING_VERBS: Final = frozenset(
    listed(
        "bring carry catch clean close collect deliver drop fetch find follow get give grab grasp guide hand hold "
        "inspect keep leave lift lock lower move open pass pick place put raise return send set shut start stop store "
        "switch take throw transport turn unlock unplug want"
    )
)
"""Verbs after which a lone "this" or "that" is a thing."""

LEVEL_VERBS: Final = frozenset(listed("set dim change adjust raise lower increase decrease brighten"))
"""Verbs that put a thing to a number, so that a bare number after its name need not be part of the name."""
WANTING: Final = frozenset(listed("want need like going have ask asked tell told"))
"""Before "to" and a verb, somebody between them or not."""
PLAIN_HEADS: Final = frozenset(
    listed("area door floor home house light one place room side thing time way window zone")
)
"""Last words of names that alone say no particular thing: "the room" is where one stands, not the living room."""

AREA_KINDS: Final = frozenset({"area", "floor"})
"""Kinds of what other things are in."""
EVERY: Final = frozenset(listed("all any each every which many no"))
"""Before a sort of things: all of it is meant, or any of it."""
ATTRIBUTES: Final = frozenset(
    listed(
        "battery brightness capacity charge charging color colour consumption current direction display distance "
        "duration energy frequency fuel heat height humidity illuminance level location mode moisture name noise "
        "output picture position power pressure price production program programme progress rate reading schedule "
        "screen setpoint setting settings size sound speed state status strength target temp temperature time "
        "usage value voltage volume weight"
    )
)
"""What a thing has and is no thing itself: "the boiler's pressure" is asked of the boiler."""
VERB_PARTICLES: Final = {
    "back": ("up",),
    "bag": ("up",),
    "book": ("in",),
    "box": ("up", "in"),
    "brush": ("off", "up"),
    "clean": ("up", "out"),
    "cool": ("down",),
    "dust": ("off", "down"),
    "fan": ("out",),
    "file": ("away",),
    "fire": ("up",),
    "hammer": ("in", "down", "out"),
    "heat": ("up", "through"),
    "hose": ("down", "out"),
    "ice": ("up", "over"),
    "iron": ("out",),
    "light": ("up",),
    "lock": ("up",),
    "mop": ("up",),
    "pack": ("up", "away", "in"),
    "phone": ("up", "in"),
    "plug": ("in", "up"),
    "power": ("up", "down", "through"),
    "pump": ("up", "out"),
    "rack": ("up",),
    "ring": ("up", "back"),
    "screen": ("out",),
    "screw": ("in", "down", "up"),
    "stack": ("up",),
    "steam": ("up",),
    "store": ("up", "away"),
    "sweep": ("up", "out"),
    "tape": ("up", "over"),
    "vacuum": ("up", "out", "around", "under"),
    "warm": ("up", "through"),
    "water": ("down",),
    "wheel": ("in", "out", "over"),
    "wire": ("up",),
}
"""Nouns that are verbs where a verb may stand and one of these follows: "light up the room"."""
MAKERS: Final = frozenset(
    listed("machine maker brewer cooker washer dryer printer dispenser grinder pot steamer popper")
)
"""Last words of what is asked for by what it makes: "brew some cocoa"."""
PRODUCTS: Final = {
    ("washing", "machine"): ("laundry",),
    ("washer",): ("laundry", "washing"),
    ("dryer",): ("drying",),
    ("dishwasher",): ("dish",),
}
"""Keys of machines that are not named after what they are asked to do, and keys of that."""
MAKING_VERBS: Final = frozenset(
    listed(
        "make making brew brewing prepare preparing cook start run do wash bake dry print dispense grind boil steam "
        "fix begin turn switch"
    )
)
MAKING_PARTICLES: Final = frozenset(listed("of for on off up"))
"""Prepositions that may stand between such a verb and what is made: "turn on the cocoa"."""
WISHING_VERBS: Final = frozenset(listed("want wants need needs like love have fancy craving wanting use get gimme"))
TEXT_WORDS: Final = frozenset(
    listed("list lists add remind reminder say tell announce broadcast buy shopping note write called named play")
)
"""Where one of these stands, other words of the sentence may be a text that names nothing."""

DEICTICS: Final = {
    ("me",): "me",
    ("myself",): "me",
    ("us",): "me",
    ("it",): "it",
    ("them",): "it",
    ("that", "one"): "it",
    ("this", "one"): "it",
    ("these", "ones"): "it",
    ("those", "ones"): "it",
    ("here",): "here",
    ("where", "i", "am"): "here",
    ("where", "i", "stand"): "here",
    ("where", "i", "am", "standing"): "here",
    ("there",): "there",
    ("that", "place"): "there",
}
"""Words that point, and the label they point with."""
DEMONSTRATIVES: Final = frozenset(listed("this that these those"))
EXPLETIVE_VERBS: Final = frozenset(
    listed("is are was were isn't aren't wasn't weren't 's will would should has have seems")
)

SPELLINGS: Final = {
    "gray": "grey",
    "color": "colour",
    "center": "centre",
    "theater": "theatre",
    "meter": "metre",
    "liter": "litre",
    "aluminum": "aluminium",
    "catalog": "catalogue",
    "donut": "doughnut",
    "pajamas": "pyjamas",
    "plow": "plough",
    "tire": "tyre",
    "yogurt": "yoghurt",
    "whiskey": "whisky",
}
"""American spellings and the British ones they are read as."""


@functools.cache
def common_words() -> frozenset[str]:
    """English words that people use; a word among them is never taken for a misspelt name."""
    text = resources.files("edge_agent.world").joinpath("common_words.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
