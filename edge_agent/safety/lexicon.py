"""The words of a stop, and the words that may stand around one. Data only; how they are read is in `stop`.

In small letters, apostrophes left out ("dont"), between commas. To add a phrase, put it into the narrowest list that
makes it work: a filler too many hides nothing, but a verb too many stops a robot that nobody wanted to stop.
"""

from __future__ import annotations

import re

Phrase = tuple[str, ...]


def _phrases(text: str) -> frozenset[Phrase]:
    """Phrases from a text with one on each line or between commas."""
    return frozenset(tuple(part.split()) for part in re.split(r"[,\n]", text) if part.strip())


VERBS = _phrases("""
    stop, halt, freeze, whoa, abort, cease, desist, estop, stahp, hault, freese, frieze, emergency stop
    emergency halt, emergency shutdown, e stop, s t o p, full stop, all stop, dead stop, stand still, stay still
    hold still, keep still, stay where you are, stay right where you are, remain where you are, remain still
    quit moving, cut the motors, hit the brakes, slam the brakes, hit the emergency stop, do not move a muscle
    dont move a muscle, do not move any further, dont move any further, do not move any closer, dont move any closer
    do not move another inch, dont move another inch, do not move an inch, dont move an inch, come to a stop
    come to a halt, bring it to a stop, bring it to a halt, cut all motors, cut all power
    kill the motors, kill all motors, kill the motor, kill the power, cut the motor
""")
"""They say stop whatever stands after them, where something moves; elsewhere with an object from CLOSERS."""

GERUNDS = _phrases("stopping, halting, freezing, aborting, ceasing")
"""As VERBS, but they begin other sentences too: "would you mind stopping the fan"."""

CRIES = _phrases("""
    hold it, hold everything, hold your position, hold position, stay put, stay there, stay right there, nobody move
    no one move, nobody moves, do not move, dont move, do not you move, dont you move, no moving, quit it
    cut it out, knock it off, brake, brakes, hands off, stand down, stopp, stops, kill switch, cut the power
    no more moving, cut the engine, cut the engines, kill the engine
""")
"""They say stop where only fillers stand beside them: "don't move", but not "don't move the box"."""

CRIES_WHERE_IT_MOVES = _phrases("""
    break, breaks, enough, that is enough, thats enough, enough of that, enough already, cancel everything
    cancel all actions, cancel the mission, cancel mission, cancel all motion, look out, watch out
""")
"""Cries that mean something else at a counter or in a living room."""

NOT = _phrases("dont, do not, dont you, do not you, dont ever, do not ever, never, no, you must not, you should not")
"""What turns a stop into its opposite, which is no order to move."""

OPENERS = _phrases("""
    can you, could you, cant you, can we, you can, you may, you must, you should, you need to, you have to
    you better, you had better, youd better, you got to, you gotta, i say, i told you to, i tell you to
    i want you to, i need you to, i would like you to, id like you to, i order you to, i command you to
    i am telling you to, im telling you to, i want to, do, let us, lets, make it, make him, make her, make them
    make everything, make everyone, make the robot, have it, have the robot, tell it to, tell the robot to
    tell him to, tell them to, get it to, get the robot to, time to, it has to, it must, the robot has to
    the robot must, go ahead and, try to, all robots, all units, all machines, everyone, everybody, everything, no
    wait, hold on, hang on, careful, be careful, danger, help, emergency, attention, warning, for gods sake
    for the love of god, repeat, command, say again, the command is, the word is, would you mind, do you mind
    how about you, why dont you, i beg you to, please can you, are you able to, would you be able to
    may i ask you to, can i ask you to, could i ask you to, i ask you to, i am asking you to, im asking you to
    i would appreciate you, id appreciate you, i would appreciate it if you, i suggest you, id suggest
    i would suggest, i hope you can, i hope you, if you could, at your earliest convenience, be so kind as to
    be so kind and, be a dear and, be nice and, do me a favor and, do me a favour and, do us a favor and, how about
    what about, it is time to, its time to, you ought to, you are to, youre to, we need to, we have to, we must
    you might want to, make sure you, make sure to, see to it that you, why not, i am telling you, im telling you
    i am begging you, im begging you, i am begging you to, im begging you to, i beg of you, would it be possible to
    is it possible to, please just
""")
"""What may stand before a stop."""

CLOSERS = _phrases("""
    it, that, this, here, him, her, them, us, everything, everybody, everyone, all, all of it, all of them
    all robots, all units, all machines, all motion, all movement, all motors, all actions, all of that
    all activity, any motion, any movement, the robots, the arm, the arms, the machine, the machines, the motors
    the motor, the base, the gripper, the drive, the wheels, the motion, the movement, the vehicle, the truck
    the cart, robots, motion, movement, motors, moving, driving, going, rolling, turning, spinning, walking, running
    working, acting, doing, doing it, doing that, doing this, doing so, what you are doing, what youre doing
    whatever you are doing, whatever youre doing, where you are, right where you are, where youre, for a moment
    for a second, for a minute, a moment, a second, a minute, for a bit, for now, the fuck, moving around
    moving forward, and wait, and hold, or i will pull the plug, before you hit something, before something happens
    before someone gets hurt, before somebody gets hurt, before it is too late, any further, any closer, yourself
    operation, operations, execution, the operation, the program, the task, the mission, mission, program, task
    dead, cold, could you, can you, i say, i mean it, immediately now, this instant, this minute, this second
    this very moment, in your tracks, in place, your engines, the engines, engines, driving around, what it is doing
    what he is doing, what she is doing, what they are doing, whatever it is doing, whatever it is youre doing
    this thing, that thing, the thing, this robot, that robot, this machine, that machine, this madness
    this nonsense, all of this, all tasks, moving forwards, moving backwards, moving away, this right now
    if youre able to, when you can, if it is possible, if possible
""")
"""What may stand after a verb."""

FILLERS = _phrases("""
    please, pls, plz, pretty please, now, right now, right away, immediately, instantly, quick, quickly, fast, asap
    at once, hey, hi, hello, ok, okay, alright, all right, yo, oi, oh, ah, aah, argh, uh, um, er, eh, hm, hmm, mm
    well, so, and, but, then, just, simply, really, robot, the robot, mister robot, mr robot, robo, machine, buddy
    man, dude, guys, sir, boy, computer, system, agent, you, you there, god, my god, oh my god, omg, jesus, christ
    damn, damn it, dammit, goddamn, goddammit, fuck, fucking, for fucks sake, shit, crap, hell, bloody
    for heavens sake, for goodness sake, no no, nope, right there, right here, there, i said, i repeat, already
    completely, totally, altogether, absolutely, dear, love, again, once more, yes, yeah, thanks, thank you, sorry
    excuse me, listen, look, urgent, urgently, at all, kindly, maybe, perhaps, possibly, gently, carefully, slowly
    safely, mate, bot, friend, my friend, pal, partner, helper, assistant, mister, miss, madam, maam, dear robot
    little robot, kid, bro, brother, dummy, stupid, idiot, you idiot, you stupid robot, you stupid machine
    stupid robot, chief, boss, honey, buddy boy, good robot, old friend, as soon as possible, as fast as you can
    as quickly as you can, as quick as you can, as soon as you can, as quickly as possible, as fast as possible
    straight away, straightaway, on the double, this time, first of all, first, be quick, and be quick, hurry
    hurry up, and hurry, if you please, if you can, if you would, if you dont mind, if its not too much trouble
    if it is not too much trouble, will you, would you, will ya, wont you, okay then, too, also, today, tonight
    sharp, on the spot, pronto, there now, for real, seriously, literally, i beg you, im serious, i am serious
    do it, do it now, thank you very much, thanks a lot, many thanks, cheers, like, you know, i mean, i think
    i guess, whatever
""")
"""What changes nothing wherever it stands."""

NEVER_A_NAME = frozenset(
    word
    for (word,) in _phrases("""
    dont, do, not, never, non, no, cannot, cant, wont, doesnt, didnt, isnt, without, until, unless, before, after
    when, if, why, where, how, a, an, the, this, that, my, your, his, her, our, their, its, some, any, every, each
    next, last, first, second, third, final, only, one, two, three, four, five, six, seven, eight, nine, ten, bus
    tram, train, truck, taxi, pit, rest, door, end, short, back, front, left, right, to, at, by, near, from, of, on
    in, with, i, you, he, she, it, we, they, who, what, which, is, was, will, would, could, can, should, must, may
    might, and, or, but, then, also, go, find, get, bring, take, put, place, move, turn, see, say, tell, think, hear
    know, want, did, does, are, am, has, have, had, were, been, shall, doing, done, being, shouldnt, wouldnt
    couldnt, havent, hasnt, arent, wasnt, werent, nothing, nobody, nowhere, there, here
""")
)
"""First words that are no name called before a stop: "never stop", "bus stop", "did you stop", "find stop"."""
