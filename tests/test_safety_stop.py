"""What is a stop and what is not, through every disguise that text can wear."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.safety import lexicon
from edge_agent.safety.stop import is_stop

ALWAYS = """
stop
Stop!
STOP
stop.
stop stop stop
stop, stop, stop!!!
please stop
stop please
stop now
now stop
stop it
stop that
stop this
stop right now
stop right there
stop immediately
stop at once
stop everything
everybody stop
all robots stop
all stop
full stop
hey robot, stop
robot stop
the robot, stop
ok stop now thank you
no stop
no no no stop
oh god stop
wait, stop
just stop
can you stop
could you please stop
would you stop that right now
would you please just stop moving
i said stop
i told you to stop
i need you to stop
you need to stop now
you have to stop
make it stop
make the robot stop
tell it to stop
stop the robot
stop the arm
stop the motors now
stop all motion
stop moving
stop moving around
stop what you're doing
stop what you are doing right now
stop where you are
stop in your tracks
stop before someone gets hurt
alfred stop
alfred please stop now
hey alfred stop
would you mind stopping
how about stopping that right now
kill the motors
if you don't mind, stop
stop for a moment
alfred, stop
r2, stop
spot: stop!
forklift - stop
halt
Halt!
halt right there
who goes, halt
freeze
freeze right there
nobody move
whoa
woah
whoa there
whoa whoa whoa
woooah
abort
abort mission
abort the mission now
cease
cease and desist
emergency stop
emergency! stop!
e-stop
E stop
estop
hit the emergency stop
emergency shutdown
stand still
hold still
stay still
stay where you are
stay right where you are
remain where you are
stay put
stay there
hold it
hold it right there
hold everything
hold your position
don't move
Don't move!
do not move
dont move
don\u2019t you move
do not move a muscle
don't move any closer
quit moving
quit it
brake
hit the brakes
hands off
cut the power
kill switch
come to a stop
bring it to a halt
stooooop
STOPPP
sttop
haaalt
stopp
stahp
hault
freese
\N{OCTAGONAL SIGN}
\N{OCTAGONAL SIGN}\N{OCTAGONAL SIGN} robot
"""

DISGUISED = [
    pytest.param("sto\u200bp", id="zero-width-space"),
    pytest.param("s\u200dt\u200co\u2060p\ufeff", id="joiners"),
    pytest.param("st\u00adop", id="soft-hyphen"),
    pytest.param("\u202estop\u202c", id="bidi-override"),
    pytest.param("s\u0336t\u0336o\u0336p\u0336", id="struck-through"),
    pytest.param("st\u00f3p", id="accent"),
    pytest.param("sto\u0301p", id="combining-accent"),
    pytest.param("\uff33\uff34\uff2f\uff30", id="full-width"),
    pytest.param("\U0001d5e6\U0001d601\U0001d5fc\U0001d5fd", id="mathematical-bold"),
    pytest.param("\u24c8\u24c9\u24c4\u24c5", id="circled"),
    pytest.param("\U0001f142\U0001f143\U0001f13e\U0001f13f", id="squared"),
    pytest.param("\U0001f182\U0001f183\U0001f17e\U0001f17f", id="negative-squared"),
    pytest.param("\U0001f1f8\U0001f1f9\U0001f1f4\U0001f1f5", id="regional-indicators"),
    pytest.param("st\u043ep", id="cyrillic-o"),
    pytest.param("\u0455\u0442\u043e\u0440", id="all-cyrillic"),
    pytest.param("\u0405\u0422\u041e\u0420", id="all-cyrillic-capitals"),
    pytest.param("st\u03bfp", id="greek-o"),
    pytest.param("\u041dALT", id="cyrillic-en-for-h"),
    pytest.param("h\u0430lt", id="cyrillic-a"),
    pytest.param("fr\u0435\u0435z\u0435", id="cyrillic-e"),
    pytest.param("\ua731\u1d1b\u1d0f\u1d18", id="small-capitals"),
    pytest.param("st0p", id="zero-for-o"),
    pytest.param("s.t.o.p.", id="dotted"),
    pytest.param("s t o p", id="spelt-out"),
    pytest.param("-=> stop <=-", id="decorated"),
    pytest.param("\n\tstop\r\n", id="white-space"),
    pytest.param("stop\u3000now", id="ideographic-space"),
    pytest.param("st\x00op", id="nul"),
    pytest.param("st\x1b[0mop".replace("[0m", ""), id="escape"),
    pytest.param("s\ud800top", id="lone-surrogate"),
    pytest.param("st\ue000op", id="private-use"),
    pytest.param("st\u3164op", id="hangul-filler"),
    pytest.param("st\U000e0041op", id="tag-character"),
    pytest.param("ple\u0430se st\u043ep", id="filler-disguised-too"),
    pytest.param("\ufeffstop", id="byte-order-mark"),
]

WHERE_IT_MOVES = """
break
enough
that's enough now
look out
cancel everything
stop following me
stop the arm from swinging
stop and turn left
stop at the door
stop by the kitchen
stop near the table and wait
robot, stop following him
please stop turning to the left
could you stop driving towards the wall
hey alfred, stop chasing the cat
hey alfred stop chasing the cat
stop unless the way is free
halt behind the line
freeze the arm over the belt
abort the delivery to packing
emergency stop for bay four
whoa you are going to hit the shelf
stand still until i come back
don't move any closer to the edge
stop don't go there
stop i mean go
St\u043ep \u0441hasing the cat
"""

NEVER = """
alfred don't stop
alfred never stops
does it stop
is there a stop
find stop
would you mind stopping the fan
break the biscuit
don't move that
enough sugar for two
cancel everything i ordered
don't stop
do not stop
please don't stop
never stop
never ever stop
non-stop
nonstop
you must not stop
why did you stop
when will it stop
did you stop
i do not want you to stop
keep going and don't stop
go to the bus stop
where is the stop button
turn off the stop light
the stop sign is red
drive to the next stop
stopwatch
unstoppable
go forward and then stop at the wall
put a stopper on the bottle
tell me about freezers
open the freezer
take a break at noon
hold it in your left hand
hold the door
do not move the red box
don't move the table
stay behind me
wait
wait ten seconds
hold on
pause
cancel
cancel the order
resume
go
please
robot
please now robot
yes
top
pots
shop
step
salt
"""


def lines(block: str) -> list[object]:
    return [pytest.param(line, id=ascii(line)) for line in block.strip().splitlines()]


@pytest.mark.parametrize("text", lines(ALWAYS.replace("who goes, halt\n", "")) + DISGUISED)
def test_a_stop_is_one_for_every_pack(text: str) -> None:
    """Nothing but stop words and fillers: a stop, whatever the pack, however it is written."""
    assert is_stop(text, prefix=False)
    assert is_stop(text, prefix=True)


@pytest.mark.parametrize("text", lines(WHERE_IT_MOVES))
def test_a_beginning_is_enough_where_it_moves(text: str) -> None:
    """A sentence that begins with a stop word is a stop for a moving pack, and an ordinary sentence for the others."""
    assert is_stop(text, prefix=True)
    assert not is_stop(text, prefix=False)


@pytest.mark.parametrize("text", [*lines(NEVER), pytest.param("", id="empty"), pytest.param("...", id="no-words")])
def test_what_is_no_stop(text: str) -> None:
    """Negated stops, sentences about stops, other commands, and words that only look similar."""
    assert not is_stop(text, prefix=False)
    assert not is_stop(text, prefix=True)


@pytest.mark.parametrize("phrase", [pytest.param(p, id=" ".join(p)) for p in sorted(lexicon.VERBS | lexicon.CRIES)])
def test_every_phrase_of_the_lexicon_is_reached(phrase: tuple[str, ...]) -> None:
    """No entry is dead, alone or between fillers."""
    assert is_stop(" ".join(phrase), prefix=False)
    assert is_stop(f"please {' '.join(phrase)} now", prefix=False)


@pytest.mark.parametrize("words", [lexicon.FILLERS, lexicon.OPENERS, lexicon.CLOSERS], ids=["fillers", "open", "close"])
def test_no_filler_is_a_stop_by_itself(words: frozenset[tuple[str, ...]]) -> None:
    """Only a stop phrase makes a stop, and none of them is negated by what it may stand beside."""
    for phrase in words:
        text = " ".join(phrase)
        assert not is_stop(text, prefix=False), text
        assert not {"not", "never", "dont"} & set(phrase) or phrase[0] in ("if", "why"), text


@given(st.text(max_size=80))
def test_every_text_has_an_answer(text: str) -> None:
    """No string raises, and what is a stop for every pack is one for a moving pack too."""
    assert is_stop(text, prefix=True) or not is_stop(text, prefix=False)


INVISIBLE = [chr(code) for code in range(0x20000) if unicodedata.category(chr(code)) in ("Cf", "Mn")]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(INVISIBLE)), max_size=8))
def test_nothing_invisible_hides_a_stop(insertions: list[tuple[int, str]]) -> None:
    """Format characters and combining marks anywhere in the word leave it a stop."""
    word = list("stop")
    for place, char in insertions:
        word.insert(place, char)
    assert is_stop("".join(word), prefix=False)


@given(st.text(max_size=60))
def test_whatever_follows_a_stop_it_stays_one_where_it_moves(rest: str) -> None:
    """The rule has no exception."""
    assert is_stop(f"stop {rest}", prefix=True)


def test_a_text_far_too_long_is_still_looked_at() -> None:
    """Its beginning decides, so a recogniser that loops stops, and nobody can keep the reader busy."""
    assert is_stop("stop " * 13_000, prefix=False)
    assert is_stop("stop " + "and so on " * 6_000, prefix=True)
    assert not is_stop("go " * 20_000, prefix=True)
