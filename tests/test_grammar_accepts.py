"""The reader of grammars in Python alone: it takes what the others take, and refuses what they refuse."""

from __future__ import annotations

import pytest

from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.accepts import accepts
from edge_agent.grammar.selftest import trials
from edge_agent.packs.registry import load_pack


@pytest.mark.parametrize("name", ["robot", "home", "kiosk"])
def test_it_judges_the_trials_of_a_pack_as_the_engine_does(name: str) -> None:
    """The same trials are put to llama.cpp's sampler and to llguidance when the engine starts."""
    tried = 0
    for trial in trials(load_pack(name)):
        for answer in trial.valid:
            assert accepts(trial.grammar, answer), (trial.name, answer)
            assert not accepts(trial.grammar, answer[:-1]), (trial.name, answer)
        for answer in trial.invalid:
            assert not accepts(trial.grammar, answer), (trial.name, answer)
        tried += len(trial.valid) + len(trial.invalid)
    assert tried > 40


@pytest.mark.parametrize(
    ("grammar", "taken", "refused"),
    [
        pytest.param('root ::= "ab"', ["ab"], ["a", "abb", ""], id="a literal"),
        pytest.param("root ::= [a-c] [^a-c]", ["ax", "c-"], ["aa", "x", "ax "], id="classes"),
        pytest.param("root ::= .", ["x", "\n"], ["", "xx"], id="any character"),
        pytest.param('root ::= "a"{2,3}', ["aa", "aaa"], ["a", "aaaa"], id="a bounded repetition"),
        pytest.param('root ::= ("a" | "ab") ("bc" | "c")', ["abc", "abbc", "ac"], ["ab"], id="ways that overlap"),
        pytest.param('root ::= "a"? "a"', ["a", "aa"], ["", "aaa"], id="the greedy way is not the only one"),
        pytest.param('root ::= ("a"*)*', ["", "aaaa"], ["b"], id="nothing, repeated"),
        pytest.param('root ::= ("a"?){3}', ["", "aaa"], ["aaaa"], id="nothing, so many times"),
        pytest.param('root ::= "(" root? ")"', ["()", "((()))"], ["(()", "())"], id="recursion"),
    ],
)
def test_every_form_of_the_notation_is_read(grammar: str, taken: list[str], refused: list[str]) -> None:
    assert [text for text in taken if not accepts(grammar, text)] == []
    assert [text for text in refused if accepts(grammar, text)] == []


def test_a_text_too_deep_to_follow_is_not_taken() -> None:
    """A grammar of the owner's own may recurse; what cannot be followed to its end is refused, not trusted."""
    assert not accepts('root ::= "a" root?', "a" * 100_000)


def test_a_grammar_that_no_reader_takes_is_refused() -> None:
    with pytest.raises(NodeFault) as refused:
        accepts('root ::= root "a" | "b"', "ba")
    assert refused.value.code is Code.GRAMMAR_INVALID


def test_repetitions_within_repetitions_are_walked_once() -> None:
    """There are more ways through these than anybody could wait for."""
    grammar = "root ::= " + "(" * 20 + '"a"*' + ")*" * 20
    assert accepts(grammar, "a" * 60)
    assert not accepts(grammar, "a" * 60 + "b")
