"""The words of a negation, and of what forbids nothing. Data only; how they are read is in `negation`.

In small letters, apostrophes left out ("dont"). A word too many in `HARMLESS` lets a forbidden action through to the
model's own judgement; one too few refuses a sentence that was meant well.
"""

from __future__ import annotations

import re
from typing import Final

from edge_agent.world.lexicon import listed

TAKES_BACK: Final = frozenset({"stop", "pause", "wait", "remove", "cancel", "HassNevermind", "HassStopMoving"})
"""Actions that a negation may ask for: "i don't want that latte" removes it, "don't go for a minute" waits."""


def _phrases(text: str) -> tuple[tuple[str, ...], ...]:
    """Phrases between commas, longest first; apostrophes left out as in `lexicon`."""
    phrases = {tuple(part.split()) for part in re.split(r"[,\n]", text) if part.strip()}
    return tuple(sorted(phrases, key=len, reverse=True))


PLAIN: Final = _phrases("dont, do not, never, not to, you will not, you wont")
"""They negate the verb that follows, unless that verb is one of `HARMLESS`."""
ALWAYS: Final = _phrases("""
    no need to, no reason to, no need for you to, not allowed to, not supposed to, forbidden to, refrain from
    abstain from, hold off on, stop yourself from, you must not, you mustnt, you should not, you shouldnt
    you may not, you cannot, you can not, you cant, you need not, you neednt, you are not to
    dont have to, dont need to, do not have to, do not need to, dont want you to, do not want you to, dont need you to
    do not need you to, didnt ask you to, didnt tell you to, did not ask you to, did not tell you to
    nobody asked you to, rather you didnt, rather you did not, dont want to, do not want to, dont bother, do not bother
    dont you dare, hands off, i never said, i didnt say, lets not, let us not
""")
BEFORE_A_GERUND: Final = _phrases("instead of, rather than, without, avoid")
"""They negate a verb in -ing, and nothing else: "without opening the gate"."""
NO_GERUNDS: Final = frozenset(listed("bring nothing anything something everything ceiling building morning evening"))
NOT_ASKED: Final = _phrases("""
    if i asked you to, if i told you to, if i ordered you to, if i wanted you to, imagine you, imagine that you
    suppose you, suppose that you, what if you, what if i, what happens if you, what would happen if you
    they say, told me to, told him to, told her to, told them to, told us to
    asked him to, asked her to, asked them to, ordered him to, ordered her to, ordered them to
""")
"""Hearsay and suppositions: what follows is somebody else's, or nobody's."""
SAYS: Final = frozenset({"said", "says"})
SPEAKERS: Final = frozenset(listed("i we you who what as like"))
"""Before "said" they make no hearsay: "i said open it", "do as she said"."""
HARMLESS: Final = frozenset(
    listed("""forget hesitate worry fail mind leave keep let wait delay be stop halt pause cease just ask argue talk
    know think want need have like care see understand feel remember hear work tell stand sit miss lose waste ever
    only believe recall mean love hate trust rush hurry panic dawdle suppose sweat""")
)
"""After "don't" they forbid no action: "don't forget to close it", "don't keep it open", "i don't know"."""
AFTER_YOU: Final = frozenset(listed("think want know see have like agree remember"))
""" "Don't you think you should …" asks; "don't you open it" forbids."""
ASKING: Final = frozenset(
    listed(
        "why if when because since unless case whether reason hurt as like dont not have has had ive weve youve theyve"
    )
)
"""Before a negation they make it a question, a suggestion, a condition or a story."""
ADVERBS: Final = frozenset(listed("ever even please really just also you"))
CONTRASTS: Final = frozenset(listed("but instead rather however just otherwise finally lastly afterwards"))
SEQUELS: Final = _phrases(
    """after that, after this, after doing that, in addition, then also, once you, once that, when you are done
    when youre done, when you are finished, when youre finished, at the same time, besides that
    when thats done, once thats done"""
)
"""A new clause begins here, commas or not."""
BEGINNINGS: Final = frozenset(
    listed("""bring take carry fetch get give hand go drive come return move turn rotate spin open close shut follow
    find look search inspect check pick grab lift put place set drop switch start lead guide say play add make order
    dim raise lower lock unlock activate deactivate pause resume use clean load dock charge walk head
    step reverse wait chase track pursue trail deliver collect retrieve escort show send pass push pull press join visit
    enter approach reach face unload flip examine survey scan monitor view locate seek spot grip hoist haul ferry
    deposit store dump usher accompany tail boot brighten skip mute tidy""")
)
"""Verbs that begin another clause right after a thing was named: "don't close the gate open the door"."""
CAUSES: Final = frozenset(listed("help make watch see hear have ask tell"))
"""After these a named person does what the next verb says: "don't help tom open the gate"."""
BETWEEN: Final = frozenset(listed("on off up down in out away here there please again instead now over"))
"""What may stand between a thing's name and the next clause."""
DIRECTIONS: Final = frozenset(
    listed("""left right forward forwards backward backwards back around up down
    upward upwards downward downwards rearward rearwards leftward leftwards rightward rightwards ahead straight""")
)
"""They end a clause of moving or turning as a thing's name ends another: "don't turn left go right"."""
AFTERTHOUGHTS: Final = frozenset(listed("please robot now okay ok thanks sorry no you dear again"))
"""Nothing but these behind a "don't", and it takes back what was said before it: "open it, no, don't"."""
LEFT_ALONE: Final = _phrases(
    "alone, as it is, as they are, where it is, where they are, untouched, in peace, the way it is, the way they are"
)
