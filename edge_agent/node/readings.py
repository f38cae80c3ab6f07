"""What a recogniser heard, as several readings of one sentence, and when another one may stand for the first. Pure.

The first reading is what was said until it means nothing here. Another one is carried out only where it sounds like
the first, is sure by itself, and no other disagrees. A reading can always forbid: one that is a stop is a stop, and one
that negates more than the reading that would be carried out takes its actions back. So the alternatives of a sentence
can add an action only where the words alone gave none, and can take one away anywhere.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Sequence
from typing import Final

from edge_agent.errors import ClientFault
from edge_agent.limits import READINGS_MAX
from edge_agent.messages import JsonAction, Reading, Rejection, RejectReason
from edge_agent.messages.command import Spoken
from edge_agent.safety.injection import is_injected
from edge_agent.safety.negation import negated
from edge_agent.safety.remarks import harms, remark
from edge_agent.safety.stop import is_stop
from edge_agent.world.lexicon import FUNCTION_WORDS
from edge_agent.world.mention import Linked, MentionType
from edge_agent.world.misheard import SCORE_MAX
from edge_agent.world.pronunciation import sounds_of
from edge_agent.world.sounding import distance
from edge_agent.world.text import check_text, words_of

TRIED_MAX: Final = 3
"""Readings besides the first that the model is asked about."""
SURE_MIN: Final = 0.9
"""Confidence that another reading than the first must have: where the first means nothing here, it is likelier
that nobody spoke to the node at all. Words that were misheard entirely reached 0.8."""
_ALIKE_MIN: Final = 0.7
"""Closeness in sound to the first reading, of a reading that may be carried out in its place."""
_OVERTURNED: Final = frozenset({RejectReason.UNKNOWN_ENTITY, RejectReason.NOT_A_COMMAND, RejectReason.UNSUPPORTED})
_QUOTED_CHARS_MAX: Final = 200


def is_spoken_stop(text: str, spoken: Spoken | None, *, prefix: bool) -> bool:
    """Whether any reading of what was heard is a stop, or what was typed is one. `prefix` as in `is_stop`."""
    others = spoken.alternatives if spoken else ()
    return any(is_stop(reading, prefix=prefix) for reading in (text, *others))


def other_readings(text: str, spoken: Spoken) -> tuple[str, ...]:
    """The alternatives that may be read, likeliest first: none twice, none that `check_text` refuses."""
    readings = {words_of(text): text}
    for other in spoken.alternatives:
        try:
            check_text(other)
        except ClientFault:
            continue
        readings.setdefault(words_of(other), other)
    return tuple(readings.values())[1:]


def sounds_alike(text: str, other: str) -> bool:
    """Whether two readings may be of one sound. Of long ones, only what differs is compared."""
    one, two = words_of(text), words_of(other)
    same = sum(1 for _ in itertools.takewhile(operator.truth, map(operator.eq, one, two)))
    rest = min(len(one), len(two)) - same
    tail = sum(1 for _ in itertools.takewhile(operator.truth, map(operator.eq, one[::-1], two[::-1])))
    behind = min(rest, tail)
    apart = distance(_sounds(one[same : len(one) - behind]), _sounds(two[same : len(two) - behind]))
    return apart <= (1.0 - _ALIKE_MIN) * max(len(_sounds(one)), len(_sounds(two)))


def forbidding(linked: Linked, others: Iterable[Linked]) -> Rejection | None:
    """Why the reading must not be carried out: another one forbids the same thing.

    The same: every word with a meaning of its own stands in it. A recogniser's tail is full of a "don't" that sounds
    like "go to"; only one that is said of what would be done is a reason to ask.
    """
    least = len(negated(linked))
    meant = set(words_of(linked.text)) - FUNCTION_WORDS
    other = next((each for each in others if len(negated(each)) > least and meant <= set(words_of(each.text))), None)
    if other is None:
        return None
    return Rejection(
        reason=RejectReason.AMBIGUOUS,
        detail=f"this may have been {other.text[:_QUOTED_CHARS_MAX]!r}, which forbids something; say it again",
    )


def may_be_overturned(linked: Linked, reject: Rejection) -> bool:
    """Whether another reading may stand for one that was refused for this.

    Not where the words themselves say that nothing is wanted, or nothing good: a remark, a negation, harm, words for a
    language model. Nor where a name that was said fits several things; where it only sounds like several, it may.
    """
    if reject.reason not in _OVERTURNED and not reject.readings and not rests_on_sound(linked):
        return False
    return not (is_injected(linked.text) or negated(linked) or harms(linked) or remark(linked, moves=True))


def names_something(linked: Linked) -> bool:
    """Whether anything of the world is named; a doubtful reading without a name is a misheard one, and says nothing."""
    return any(mention.type is MentionType.ENTITY for mention in linked.mentions)


def rests_on_sound(linked: Linked) -> bool:
    """Whether a name in the sentence is known by its sound alone."""
    return any(mention.type is MentionType.ENTITY and mention.score <= SCORE_MAX for mention in linked.mentions)


def disagreement(meanings: Sequence[tuple[tuple[JsonAction, ...], float]]) -> Rejection | None:
    """Why nothing is done when readings come to different actions; None when they agree.

    `meanings`: actions and their confidence, likeliest first.
    """
    different: list[Reading] = []
    for actions, confidence in meanings:
        if all(actions != known.actions for known in different):
            different.append(Reading(actions=actions, confidence=min(1.0, max(0.0, confidence))))
    if len(different) < 2:
        return None
    return Rejection(
        reason=RejectReason.AMBIGUOUS,
        detail="what was heard can be read in more than one way",
        readings=tuple(different[:READINGS_MAX]),
    )


def _sounds(words: Sequence[str]) -> str:
    return "".join(map(sounds_of, words))
