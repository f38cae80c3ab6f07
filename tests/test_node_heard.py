"""What was heard has several readings: which one is carried out, and which of them take it back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from pydantic import ValidationError

from edge_agent import limits
from edge_agent.cli.local import engine_of
from edge_agent.clock import ManualClock, SystemClock
from edge_agent.language.decision import Decider, DecideRequest, Decision
from edge_agent.language.scripted import ScriptedDecider
from edge_agent.messages import Command, RejectReason
from edge_agent.messages.codec import encode
from edge_agent.messages.command import Spoken
from edge_agent.node.interpret import Interpretation, Interpreter
from edge_agent.node.orders import body_of
from edge_agent.node.readings import TRIED_MAX, is_spoken_stop, other_readings, sounds_alike
from edge_agent.packs.registry import load_pack
from edge_agent.settings import ModelSettings
from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.store import World

ROBOT = load_pack("robot")
WORLD = World.of(
    [
        *(Entity(name, "place") for name in ("dock 3", "dock 9", "bog 3", "packing")),
        Entity("red box", "item"),
        Entity("Tom", "person"),
    ]
)
FOREVER_MS = 1e15
TTL_MS = 60_000.0


@pytest.fixture(scope="module")
def engine() -> Iterator[Decider]:
    """The shipped model, once for all sentences."""
    with engine_of(ModelSettings(n_threads=1), [ROBOT]) as decider:
        yield decider


def heard(decider: Decider, text: str, *alternatives: str) -> Interpretation:
    """What is made of these readings, the first one first."""
    clock = SystemClock()
    spoken = Spoken(alternatives=alternatives)
    return Interpreter(ROBOT, Linker(WORLD), decider, clock).interpret(
        text, deadline_ms=clock.now_ms() + TTL_MS, spoken=spoken
    )


@pytest.mark.parametrize(
    ("readings", "action", "read"),
    [
        pytest.param(("go to dog three",), {"place": "dock 3"}, 0, id="by-sound-alone"),
        pytest.param(("go to dock three", "go to dock nine"), {"place": "dock 3"}, 0, id="exact-first-wins"),
        pytest.param(("go to puck three", "go to dock three"), {"place": "dock 3"}, 1, id="second-gives-more"),
        pytest.param(("go to the packaging", "go to packing"), {"place": "packing"}, 1, id="one-word"),
        pytest.param(("go to dog three", "go to dock three"), {"place": "dock 3"}, 0, id="second-agrees"),
        pytest.param(("go to puck nine", "go to pack nine", "go to dock nine"), {"place": "dock 9"}, 2, id="third"),
        pytest.param(
            ("go to puck nine", "\x00", "", "go to dock nine"), {"place": "dock 9"}, 3, id="unreadable-left-out"
        ),
    ],
)
def test_a_reading_that_gives_an_action_is_carried_out(
    engine: Decider, readings: tuple[str, ...], action: dict[str, str], read: int
) -> None:
    """With the shipped model. The answer says which reading it was."""
    meaning = heard(engine, *readings)
    assert meaning.actions == ({"action": "go_to"} | action,), meaning.reject
    assert meaning.heard == readings[read]


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param(("go to the moon", "go to the noon"), id="nothing-of-that-name"),
        pytest.param(("bring the dog",), id="thing-that-is-not-here"),
        pytest.param(("what a lovely day", "go to dock three"), id="another-sound-altogether"),
        pytest.param(("do not go to dock three", "do go to dock three"), id="negated-first"),
        pytest.param(("go to dock three", "don't go to dock three"), id="negated-second"),
        pytest.param(("go to puck three", "go to dock three", "don't go to dock three"), id="negated-third"),
        pytest.param(("the red box is empty", "the red box is at dock three"), id="remark"),
        pytest.param(("hit tom with the red box", "give tom the red box"), id="harm"),
    ],
)
def test_no_reading_makes_an_order_of_what_is_none(engine: Decider, readings: tuple[str, ...]) -> None:
    """With the shipped model."""
    meaning = heard(engine, *readings)
    assert meaning.actions == () and meaning.reject is not None


def test_readings_that_disagree_are_asked_about(engine: Decider) -> None:
    """Two readings with different names: the answer holds both, and nothing is done."""
    meaning = heard(engine, "go to puck three", "go to dock three", "go to bog three")
    assert meaning.reject is not None and meaning.reject.reason is RejectReason.AMBIGUOUS
    assert [one.actions[0]["place"] for one in meaning.reject.readings] == ["dock 3", "bog 3"]


def test_a_name_by_sound_is_no_match_for_an_exact_one(engine: Decider) -> None:
    """The first reading names dock 3 by its sound, the second bog 3 exactly: dock 3 is not taken."""
    meaning = heard(engine, "go to dog three", "go to bog three")
    assert meaning.reject is not None and meaning.reject.reason is RejectReason.AMBIGUOUS
    assert [one.actions[0]["place"] for one in meaning.reject.readings] == ["dock 3", "bog 3"]


PLACES = '[{"action":"go_to","place":1}]'
UNKNOWN = '[{"action":"reject","reason":"unknown_entity"}]'


def scripted(answer_of: Callable[[str], str]) -> tuple[Decider, list[str]]:
    """A decider that answers by the marked sentence, and what it was asked."""
    asked: list[str] = []

    def decide(request: DecideRequest) -> str:
        asked.append(request.marked)
        return answer_of(request.marked)

    return ScriptedDecider(decide), asked


class Unsure:
    """Answers that it goes to the first place; sure of itself only where a word stands in the sentence."""

    def __init__(self, sure_of: str) -> None:
        self._sure_of = sure_of

    def decide(self, request: DecideRequest) -> Decision:
        """Decide by the words alone."""
        answer = PLACES if "[1" in request.marked else '[{"action":"pause"}]'
        return Decision(answer, 0.9 if self._sure_of in request.marked else 0.1, 1, 1, 1, 0.0, 0.0)

    def close(self) -> None:
        """Nothing to close."""


def test_a_doubtful_reading_disagrees_only_where_it_names_something() -> None:
    """Doubt about another place is shown; doubt about words that name nothing gives way to a sure reading."""
    meaning = heard(Unsure("dock"), "go at bog three", "go to dock three")
    assert meaning.reject is not None and meaning.reject.reason is RejectReason.AMBIGUOUS
    assert [one.actions[0]["place"] for one in meaning.reject.readings] == ["bog 3", "dock 3"]
    meaning = heard(Unsure("dock"), "go at puck three", "go to dock three")
    assert meaning.actions == ({"action": "go_to", "place": "dock 3"},)


def test_only_so_many_readings_are_tried() -> None:
    """However many a recogniser hands on."""
    decider, asked = scripted(lambda _marked: UNKNOWN)
    heard(decider, "go to puck three", *(f"go to {word} three" for word in ("pack", "peck", "pick", "pock", "poke")))
    assert len(asked) == 1 + TRIED_MAX


def test_a_sure_first_reading_is_asked_alone() -> None:
    """Exact names need no second opinion, and cost none."""
    decider, asked = scripted(lambda _marked: PLACES)
    meaning = heard(decider, "go to dock three", "go to bog three", "go to packing")
    assert asked == ["go to [1 dock three]"]
    assert meaning.actions == ({"action": "go_to", "place": "dock 3"},)


def test_a_stop_in_any_tried_reading_is_the_answer() -> None:
    """Even where another reading would do something else."""
    decider, _ = scripted(
        lambda marked: '[{"action":"stop"}]' if "cease" in marked else PLACES if "[1" in marked else UNKNOWN
    )
    meaning = heard(decider, "seize at puck three", "seize at dock three", "cease at puck three")
    assert meaning.actions == ({"action": "stop"},)


def test_no_further_reading_is_begun_that_would_come_too_late() -> None:
    """A reading that took 40 of 100 ms leaves time for one more, not for two."""
    clock = ManualClock()

    def slow(_marked: str) -> str:
        clock.advance(40.0)
        return UNKNOWN

    decider, asked = scripted(slow)
    interpreter = Interpreter(ROBOT, Linker(WORLD), _Untimed(decider), clock)
    spoken = Spoken(alternatives=("go to pick three", "go to peck three"))
    meaning = interpreter.interpret("go to puck three", deadline_ms=clock.now_ms() + 100.0, spoken=spoken)
    assert meaning.reject is not None
    assert len(asked) == 2


class _Untimed:
    """A decider on a clock of its own: the scripted one looks at the real one."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider

    def decide(self, request: DecideRequest) -> Decision:
        """Decide without a deadline."""
        return self._decider.decide(DecideRequest(request.pack, request.marked, request.grammar, FOREVER_MS))

    def close(self) -> None:
        """Nothing to close."""


def test_what_is_typed_goes_the_way_it_went() -> None:
    """Without `spoken` nothing is known by sound, and nothing but the text is read."""
    decider, asked = scripted(lambda _marked: UNKNOWN)
    interpreter = Interpreter(ROBOT, Linker(WORLD), decider, SystemClock())
    meaning = interpreter.interpret("go to duck three", deadline_ms=FOREVER_MS)
    assert asked == ["go to duck [a three]"]
    assert meaning.heard == "go to duck three"


@pytest.mark.parametrize(
    ("text", "alternatives", "stops"),
    [
        ("top", ("stop",), True),
        ("stop", ("top",), True),
        ("shop the box", ("drop the box", "stop the box"), True),
        ("go on", ("don't stop",), False),
        ("go to dock three", ("go to dog three",), False),
        ("go to dock three", ("\x00", ""), False),
    ],
)
def test_a_stop_in_any_reading_is_a_stop(text: str, alternatives: tuple[str, ...], stops: bool) -> None:
    """Before any model is asked."""
    assert is_spoken_stop(text, Spoken(alternatives=alternatives), prefix=True) is stops
    assert is_spoken_stop(text, None, prefix=True) is (text == "stop")


def test_readings_are_taken_once_and_in_order() -> None:
    """Nor is the text itself read again, or what no text may be."""
    spoken = Spoken(alternatives=("Go to dock three!", "go to bog three", "a\u202eb", "go to  bog three", "halt"))
    assert other_readings("go to dock three", spoken.model_copy()) == ("go to bog three", "halt")


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("go to dog three", "go to dock three", True),
        ("open the gate", "hope in the gate", True),
        ("what a lovely day", "go to dock three", False),
        ("go to dock three", "go to dock three and then to dock nine", False),
        ("go", "go", True),
    ],
)
def test_readings_of_one_sound(one: str, other: str, alike: bool) -> None:
    """What differs is small beside what was said; in either direction."""
    assert sounds_alike(one, other) is alike
    assert sounds_alike(other, one) is alike


def test_what_was_heard_is_part_of_what_was_asked() -> None:
    """The same id with other alternatives is another command; a typed command's bytes have not changed."""
    typed = Command(request_id="r-1", text="go to dock 3")
    spoken = typed.model_copy(update={"spoken": Spoken(alternatives=("go to dog 3",), confidence=0.5)})
    assert body_of(typed) != body_of(spoken)
    assert "spoken" not in json.loads(encode(typed))
    assert json.loads(encode(spoken))["spoken"] == {"alternatives": ["go to dog 3"], "confidence": 0.5}


@pytest.mark.parametrize(
    "spoken",
    [
        {"alternatives": ["go"] * (limits.ALTERNATIVES_MAX + 1)},
        {"alternatives": ["x" * (limits.TEXT_CHARS_MAX + 1)]},
        {"confidence": 1.1},
        {"confidence": -0.1},
        {"words": []},
    ],
)
def test_readings_beyond_the_limits_are_refused(spoken: dict[str, object]) -> None:
    """As any field of a message."""
    with pytest.raises(ValidationError):
        Spoken.model_validate_json(json.dumps(spoken))


def test_warming_up_for_speech_changes_no_reading() -> None:
    """It only takes the time beforehand."""
    decider, asked = scripted(lambda _marked: PLACES)
    interpreter = Interpreter(ROBOT, Linker(WORLD), decider, SystemClock())
    for _ in range(2):
        interpreter.interpret("go to duck three", deadline_ms=FOREVER_MS, spoken=Spoken())
        interpreter.warm_up(spoken=True)
    assert asked == ["go to [1 duck three]"] * 2
