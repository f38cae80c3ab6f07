"""As much or as little as a thing can: "maximum", "the lowest setting", "all the way up", "as bright as it goes".

Decides which words say an end of a range without saying a number. The sentence does not know the range; the slot puts
its own bound in. Refuses the same words where they describe a thing ("the lowest shelf", "a full bottle", "all the way
down the hall") or a person's effort ("as soon as you can").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edge_agent.world.lexicon import ARTICLES, DETERMINERS, FUNCTION_WORDS, listed
from edge_agent.world.mention import Quantity, Unit

Extreme = tuple[int, Quantity]
"""The place after the last word, and which end is meant."""

LOWEST: Final = Quantity(0.0, Unit.EXTREME)
HIGHEST: Final = Quantity(1.0, Unit.EXTREME)

LEVELS: Final = frozenset(
    listed("volume brightness speed power strength intensity level setting position loudness sound humidity")
)
"""What has a most and a least."""
_ENDS: Final = dict.fromkeys(listed("maximum max highest brightest loudest fullest strongest fastest"), HIGHEST) | (
    dict.fromkeys(listed("minimum min lowest dimmest darkest quietest softest faintest weakest slowest"), LOWEST)
)
_DEGREES: Final = dict.fromkeys(listed("bright loud high strong fast far"), HIGHEST) | (
    dict.fromkeys(listed("dim dark low quiet soft faint weak slow"), LOWEST)
)
_EFFORTS: Final = frozenset(listed("fast far slow quiet soft"))
"""Also said of how somebody does something: "as fast as possible"; a level only in "as fast as it goes"."""
_WHOLE: Final = {("full", "blast"), ("full", "throttle"), ("full", "tilt")}
_ALL_THE_WAY: Final = ("all", "the", "way")
_WAYS: Final = {"up": HIGHEST, "down": LOWEST}
_GOES: Final = frozenset(listed("goes go gets get"))
_ABLE: Final = frozenset(listed("can will could it'll they'll"))
_MAY_FOLLOW: Final = frozenset(listed("possible available"))
_NO_END: Final = ARTICLES | frozenset(listed("to into onto there here with of"))
"""What may not follow "all the way up": then a way is meant."""

STARTERS: Final = _ENDS.keys() | frozenset(listed("as all full"))
"""Words with which an extreme begins."""


def read_extreme(words: Sequence[str], at: int) -> Extreme | None:
    """The extreme that starts at this word, or None."""
    for read in (_full_blast, _all_the_way, _as_far_as_it_goes, _end):
        if found := read(words, at):
            return found
    return None


def _full_blast(words: Sequence[str], at: int) -> Extreme | None:
    return (at + 2, HIGHEST) if tuple(words[at : at + 2]) in _WHOLE else None


def _all_the_way(words: Sequence[str], at: int) -> Extreme | None:
    """ "(turn it) all the way up", "(turn it up) all the way"."""
    after = at + len(_ALL_THE_WAY)
    if tuple(words[at:after]) != _ALL_THE_WAY:
        return None
    following, preceding = _word(words, after), _word(words, at - 1)
    if following in _WAYS and _word(words, after + 1) not in _NO_END:
        return after + 1, _WAYS[following]
    if preceding in _WAYS and following not in _NO_END and (not following or following in FUNCTION_WORDS):
        return after, _WAYS[preceding]
    return None


def _as_far_as_it_goes(words: Sequence[str], at: int) -> Extreme | None:
    """ "as bright as it goes", "as low as they can go", "as loud as possible"."""
    degree = _word(words, at + 1)
    if words[at] != "as" or degree not in _DEGREES or _word(words, at + 2) != "as":
        return None
    if degree not in _EFFORTS:
        if _word(words, at + 3) == "possible":
            return at + 4, _DEGREES[degree]
        if tuple(words[at + 3 : at + 5]) == ("you", "can"):
            return at + 5, _DEGREES[degree]
    after = _after_it_goes(words, at + 3)
    return (after, _DEGREES[degree]) if after else None


def _end(words: Sequence[str], at: int) -> Extreme | None:
    """ "maximum brightness", "to the lowest", "on its lowest possible setting", "the loudest it goes"."""
    end = _ENDS.get(words[at])
    if end is None:
        return None
    after = at + 2 if _word(words, at + 1) in _MAY_FOLLOW else at + 1
    following = _word(words, after)
    if following in LEVELS:
        return after, end
    if goes := _after_it_goes(words, after):
        return goes, end
    before = at - 2 if _word(words, at - 1) in DETERMINERS else at - 1
    preceding = _word(words, before)
    closes = not following or (following in FUNCTION_WORDS and following != "of")
    if closes and (preceding in ("to", "at", "on") or preceding in LEVELS):
        return after, end
    return None


def _after_it_goes(words: Sequence[str], at: int) -> int | None:
    """The place after "it goes", "they can go", "it will get", "you can"."""
    if _word(words, at) in ("it'll", "they'll"):
        return at + 2 if _word(words, at + 1) in _GOES | {"be"} else None
    if _word(words, at) not in ("it", "they", "this", "that"):
        return None
    if _word(words, at + 1) in _GOES:
        return at + 2
    if _word(words, at + 1) in _ABLE:
        return at + 3 if _word(words, at + 2) in _GOES | {"be"} else at + 2
    return None


def _word(words: Sequence[str], at: int) -> str:
    return words[at] if 0 <= at < len(words) else ""
