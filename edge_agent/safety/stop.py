"""Whether a sentence is a stop. Pure, without the model, in microseconds, before anything else looks at the sentence.

A sentence is a stop when nothing but stop phrases and fillers stand in it ("whoa, please stop right there"). For packs
that move (`prefix`), it is also one when it *begins* with a stop word, whatever follows.

"Whatever follows" has no exception, not even "stop at the door" or "stop by the kitchen", which could mean a place to
go to: a speech recogniser writes the same words for "stop! at the door!", and reading a motion into a sentence that
begins with "stop" is the one mistake that cannot be taken back. A stop too many costs a resume; who wants the place
says "go to".

What is negated is not a stop ("don't stop", "never stop", "non-stop"), and neither is a sentence that only speaks of
one ("go to the bus stop"). "Don't move" is one: it asks for stillness. "Wait", "hold on", "pause" and "cancel" are not:
they are actions of packs, or small talk.

Refuses nothing: any string has an answer, however it is disguised or damaged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from edge_agent.safety.lookalike import plain_letters

Phrase = tuple[str, ...]


def _phrases(text: str) -> frozenset[Phrase]:
    """Phrases from a text with one on each line or between commas."""
    return frozenset(tuple(part.split()) for part in re.split(r"[,\n]", text) if part.strip())


BEGINS = _phrases("""
    stop, halt, freeze, whoa, abort, cease, desist, estop, stahp, hault, freese, frieze, emergency stop
    emergency halt, emergency shutdown, e stop, s t o p, full stop, all stop, dead stop, stand still, stay still
    hold still, keep still, stay where you are, stay right where you are, remain where you are, remain still
    quit moving, cut the motors, hit the brakes, slam the brakes, hit the emergency stop, do not move a muscle
    dont move a muscle, do not move any further, dont move any further, do not move any closer, dont move any closer
    do not move another inch, dont move another inch, do not move an inch, dont move an inch, come to a stop
    come to a halt, bring it to a stop, bring it to a halt
""")
"""A sentence of a moving pack that begins with one of these is a stop."""

ALONE = BEGINS | _phrases("""
    hold it, hold everything, hold your position, hold position, stay put, stay there, stay right there, nobody move
    no one move, nobody moves, do not move, dont move, do not you move, dont you move, no moving, quit it
    cut it out, knock it off, brake, brakes, break, breaks, hands off, stand down, stopp, stops, kill switch
    cut the power, no more moving
""")
"""These are stops where only fillers stand beside them."""

OPENERS = _phrases("""
    can you, could you, would you, will you, wont you, cant you, can we, you can, you may, you must, you should
    you need to, you have to, you better, you had better, youd better, you got to, you gotta, i said, i say
    i told you to, i tell you to, i want you to, i need you to, i would like you to, id like you to, i order you to
    i command you to, i am telling you to, im telling you to, i want to, just, do, let us, lets, make it, make him
    make her, make them, make everything, make everyone, make the robot, have it, have the robot, tell it to
    tell the robot to, tell him to, tell them to, get it to, get the robot to, time to, it has to, it must
    the robot has to, the robot must, go ahead and, try to, all robots, all units, all machines, everyone, everybody
    everything, no, wait, hold on, hang on, look out, watch out, careful, be careful, danger, help, emergency
    attention, warning, for gods sake, for the love of god, i repeat, repeat, command, say again, the command is
    the word is, would you mind, do you mind, how about you, why dont you, i beg you, i beg you to, please can you
""")
"""What may stand before a stop."""

CLOSERS = _phrases("""
    it, that, this, there, here, him, her, them, us, everything, everybody, everyone, all, all of it, all of them
    all robots, all units, all machines, all motion, all movement, all motors, all actions, all of that
    all activity, any motion, any movement, at once, the robot, the robots, the arm, the arms, the machine
    the machines, the motors, the motor, the base, the gripper, the drive, the wheels, the motion, the movement
    the vehicle, the truck, the cart, robots, motion, movement, motors, moving, driving, going, rolling, turning
    spinning, walking, running, working, acting, doing, doing it, doing that, doing this, doing so
    what you are doing, what youre doing, whatever you are doing, whatever youre doing, where you are
    right where you are, where youre, for a moment, for a second, for a minute, a moment, a second, a minute
    for a bit, for now, the fuck, moving around, moving forward
    and wait, and hold, or i will pull the plug, before you hit something, before something happens
    before someone gets hurt, before somebody gets hurt, before it is too late, if you can, any further, any closer
    yourself, operation, operations, execution, the operation, the program, the task, the mission, mission, program
    task, dead, cold, thank you, thanks, would you, will you, could you, can you, wont you, i said, i say, i mean it
    immediately now, this instant, this minute, this second, this very moment, on the spot, in your tracks, in place
    your engines, the engines, engines, fire
""")
"""What may stand after a stop."""

FILLERS = _phrases("""
    please, pls, plz, pretty please, now, right now, right away, immediately, instantly, quick, quickly, fast, asap
    at once, hey, hi, hello, ok, okay, alright, all right, yo, oi, oh, ah, aah, argh, uh, um, er, eh, hm, hmm, mm
    well, so, and, but, then, just, simply, really, robot, the robot, mister robot, mr robot, robo, machine, buddy
    man, dude, guys, sir, boy, computer, system, agent, you, you there, god, my god, oh my god, omg, jesus, christ
    damn, damn it, dammit, goddamn, goddammit, fuck, fucking, for fucks sake, shit, crap, hell, bloody
    for heavens sake, for goodness sake, no no, nope, right there, right here, there, i said, i repeat, already
    completely, totally, altogether, absolutely, dear, love, again, once more, yes, yeah, thanks, thank you, sorry
    excuse me, listen, look, urgent, urgently
""")
"""What changes nothing wherever it stands."""

_AFTER_WORDS_OF_STOP = FILLERS | CLOSERS
_BEFORE_WORDS_OF_STOP = FILLERS | OPENERS
_STRETCHED = (
    (re.compile(r"st+o+p+"), "stop"),
    (re.compile(r"h+a+l+t+"), "halt"),
    (re.compile(r"fr+e{2,}z+e+"), "freeze"),
    (re.compile(r"w+h*o+h*a+h*|w+o+a+h*|w+o+h+|w+h+o+a+h*"), "whoa"),
    (re.compile(r"n+o+"), "no"),
)
"""Cries as people and recognisers write them: "stoooop", "woah"."""
_APOSTROPHES = str.maketrans("", "", "'`\u00b4\u02bc\u2018\u2019\uff07")
_STOP_SIGN = "\N{OCTAGONAL SIGN}"
_VOCATIVE = re.compile(r"^\s*(?:(?:hey|hi|hello|ok|okay|yo|please)\s+)?\w+(?:\s*[,:;.!\u2013\u2014]|\s-\s)\s*(?=\w)")
"""One word set off by a comma or the like: a name called before the stop."""


def is_stop(text: str, *, prefix: bool) -> bool:
    """Whether this sentence asks for a stop.

    `prefix` is the pack's `stop_prefix`: whether a sentence that only begins with a stop is one.
    """
    plain = plain_letters(text.replace(_STOP_SIGN, " stop ").translate(_APOSTROPHES))
    return any(_reads_as_stop(_words(reading), prefix) for reading in (plain, _VOCATIVE.sub("", plain, count=1)))


def _reads_as_stop(words: Phrase, prefix: bool) -> bool:
    return _is_only_stop(words) or (prefix and _begins_with_stop(words))


def _words(plain: str) -> Phrase:
    return tuple(_unstretched(word) for word in re.findall(r"[^\W_]+", plain))


def _unstretched(word: str) -> str:
    return next((said for cry, said in _STRETCHED if cry.fullmatch(word)), word)


def _is_only_stop(words: Phrase) -> bool:
    """Whether the words can be cut into phrases of the lists, at least one of them a stop."""
    before, after = {0}, set[int]()
    for place in range(len(words)):
        if place in before:
            before |= _ends(words, place, _BEFORE_WORDS_OF_STOP)
            after |= _ends(words, place, ALONE)
        if place in after:
            after |= _ends(words, place, _AFTER_WORDS_OF_STOP) | _ends(words, place, ALONE)
    return len(words) in after


def _begins_with_stop(words: Phrase) -> bool:
    """Whether a stop stands first, or after openers and fillers only."""
    reached = {0}
    for place in range(len(words)):
        if place in reached:
            if _ends(words, place, BEGINS):
                return True
            reached |= _ends(words, place, _BEFORE_WORDS_OF_STOP)
    return False


def _ends(words: Phrase, place: int, phrases: frozenset[Phrase]) -> set[int]:
    """Where a phrase of the list that begins at `place` can end."""
    return {place + count for count in range(1, _PHRASE_WORDS_MAX + 1) if words[place : place + count] in phrases}


def _longest(lists: Iterable[frozenset[Phrase]]) -> int:
    return max(len(phrase) for phrases in lists for phrase in phrases)


_PHRASE_WORDS_MAX = _longest((BEGINS, ALONE, OPENERS, CLOSERS, FILLERS))
