"""What the decoder is told to expect: from another model, from answers given before, from a pack's phrases."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edge_agent.language.drafts import Drafts, marks_of
from edge_agent.language.phrase_answers import usual_answers
from edge_agent.language.usual import FEW, Usual
from edge_agent.packs.registry import SHIPPED, load_pack

ANSWER = b'[{"action":"HassTurnOn","name":1,"area":2}]'
OTHER = b'[{"action":"HassTurnOff","name":1,"area":2}]'


def learnt() -> Drafts:
    drafts = Drafts()
    drafts.learn("home", "turn on the [1 lamp] in the [2 hall]", ANSWER)
    return drafts


def test_a_sentence_of_the_same_shape_is_drafted_whole() -> None:
    """Only the words inside the marks differ."""
    draft = learnt().of("home", "turn on the [1 old desk light] in the [2 study]")
    assert draft.after(b"") == ANSWER
    assert draft.after(ANSWER[:9]) == ANSWER[9:]
    assert draft.after(ANSWER) == b""


def test_another_pack_knows_nothing_of_it() -> None:
    assert learnt().of("robot", "turn on the [1 lamp] in the [2 hall]").after(b"") == b""


def test_another_models_answer_comes_first_and_memory_where_it_is_wrong() -> None:
    draft = learnt().of("home", "turn on the [1 lamp] in the [2 hall]", OTHER.decode())
    assert draft.after(b"") == OTHER
    begun = b'[{"action":"HassTurnOn'
    assert draft.after(begun) == ANSWER[len(begun) :]


def test_the_latest_answer_to_a_shape_counts() -> None:
    drafts = learnt()
    drafts.learn("home", "turn on the [1 fan] in the [2 attic]", OTHER)
    assert drafts.of("home", "turn on the [1 lamp] in the [2 hall]").after(b"") == OTHER


def usual(share_min: float = 0.5) -> Usual:
    counted = Usual(share_min)
    counted.count("home", ("1", "2"), ANSWER, 3 * FEW)
    counted.count("home", ("1", "2"), OTHER, 2 * FEW)
    counted.count("home", ("1",), b'[{"action":"HassTurnOn","name":1}]', FEW)
    return counted


def test_what_is_usual_is_drafted_as_far_as_enough_answers_go_that_way() -> None:
    """Three of five turn on: with a half asked for that is drafted to the end, with two thirds only what all share."""
    assert usual(0.5).after("home", ("1", "2"), b"[{") == ANSWER[2:]
    assert usual(0.67).after("home", ("1", "2"), b"[{") == b'"action":"HassTurn'


def test_a_draft_ends_where_a_token_may() -> None:
    """What On and Off share within a word is no token of its own."""
    assert not usual(0.67).after("home", ("1", "2"), b"[{").endswith(b"O")


def test_the_marks_of_a_sentence_say_which_answers_are_like_it() -> None:
    begun = b'[{"action":"HassTurnOn","name":1'
    assert usual().after("home", ("1",), begun) == b"}]"
    assert usual().after("home", ("1", "2"), begun) == b',"area":2}]'


def test_new_marks_are_answered_by_the_packs_other_answers() -> None:
    assert usual().after("home", ("1", "a"), b'[{"action":"HassTurnOff"') == b',"name":1,"area":2}]'
    assert usual().after("robot", ("1",), b"[{") == b""


def test_a_later_action_goes_on_as_a_first_one_does() -> None:
    begun = b'[{"action":"HassLightSet","name":1},{"action":"HassTurnOff"'
    assert usual().after("home", ("1", "2"), begun) == b',"name":1,"area":2}]'


def test_marks_are_the_labels_in_order() -> None:
    assert marks_of("put [1 it] on the [2 shelf] for [a two minutes] and tell [me]") == ("1", "2", "a", "me")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_counts_are_those_of_the_phrases(name: str) -> None:
    """`make generated` has been run since phrases, actions or the example world changed."""
    script = (
        "import sys; from edge_agent.language import phrase_answers as p;"
        "from edge_agent.packs.registry import load_pack;"
        "pack = load_pack(sys.argv[1]); assert p.usual_answers(pack) == p._counted(pack); print(len(p._counted(pack)))"
    )
    done = subprocess.run([sys.executable, "-c", script, name], capture_output=True, text=True, check=True)
    assert int(done.stdout) == len(usual_answers(load_pack(name))) > 100


def test_a_pack_without_phrases_has_no_usual_answers() -> None:
    from dataclasses import replace

    assert usual_answers(replace(load_pack("kiosk"), phrases=())) == []
