"""GBNF: what is written, what is read, and what no native parser ever gets to see."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_models import BRING, FORWARD, ROOT, SAY, sentence

from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.gbnf import quoted, to_gbnf
from edge_agent.grammar.general import general_gbnf
from edge_agent.grammar.lark import gbnf_to_lark
from edge_agent.grammar.limits import check_gbnf
from edge_agent.grammar.notation import read_gbnf
from edge_agent.grammar.schema import answer_schema
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.packs.registry import SHIPPED, load_pack

ROBOT = load_pack("robot")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_generated_grammars_are_up_to_date(name: str) -> None:
    """grammars/*.gbnf are what the packs give now; `make generated` writes them again."""
    assert (ROOT / "grammars" / f"{name}.gbnf").read_text(encoding="utf-8") == general_gbnf(load_pack(name))


def test_there_is_a_generated_grammar_for_every_shipped_pack_and_no_other() -> None:
    assert {path.stem for path in Path(ROOT / "grammars").glob("*.gbnf")} == set(SHIPPED)


def test_an_optional_slot_may_be_left_out_and_keys_keep_their_order() -> None:
    text = to_gbnf(answer_schema(ROBOT, FORWARD))
    assert r'action-move ::= "{\"action\":\"move\"" ",\"direction\":"' in text
    assert r'(",\"distance_m\":" "\"a\"")? "}"' in text


def test_text_becomes_one_rule_a_word() -> None:
    """A span begins and ends at a word's edge, by the rules' own shape."""
    text = to_gbnf(answer_schema(ROBOT, SAY))
    assert r'span ::= "\"" (span-1 | span-2 | span-3 | span-4) "\""' in text
    assert 'span-1 ::= "say" (" " span-2)?' in text
    assert text.endswith('span-4 ::= "john"\n')


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        pytest.param('say "hi"', r'"say \"hi\""', id="quotation marks"),
        pytest.param("back\\slash", r'"back\\slash"', id="backslash"),
        pytest.param("für 中", '"für 中"', id="letters beyond ASCII stay as they are"),
        pytest.param("two\nlines", r'"two\nlines"', id="line break"),
    ],
)
def test_literals_are_escaped_and_read_back(text: str, literal: str) -> None:
    assert quoted(text) == literal
    rule = read_gbnf(f"root ::= {literal}")["root"]
    assert rule.body.alternatives[0][0].text == text  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "number", "minimum": 3}, id="bounds"),
        pytest.param({"type": "array", "items": {"const": 1}}, id="an array without bounds"),
        pytest.param({"$ref": "https://example.org/schema.json"}, id="a reference elsewhere"),
        pytest.param({"enum": []}, id="an empty choice"),
        pytest.param({"const": 1, "minimum": 0}, id="a keyword more"),
    ],
)
def test_a_keyword_outside_the_subset_is_refused_not_dropped(schema: dict[str, object]) -> None:
    with pytest.raises(NodeFault) as refused:
        to_gbnf(schema)
    assert refused.value.code is Code.GRAMMAR_INVALID


def test_equal_mentions_share_a_grammar_and_other_words_do_not() -> None:
    grammars = SentenceGrammars(ROBOT)
    one = grammars.for_sentence(BRING)
    assert grammars.for_sentence(BRING) == one == to_gbnf(answer_schema(ROBOT, BRING))
    other = grammars.for_sentence(sentence("go on"))
    assert other != one


def test_the_cache_gives_what_a_fresh_grammar_gives() -> None:
    """Every sentence, cached or not, has the grammar of its own schema."""
    grammars = SentenceGrammars(ROBOT)
    for linked in (BRING, SAY, FORWARD, BRING, SAY):
        assert grammars.for_sentence(linked) == to_gbnf(answer_schema(ROBOT, linked))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("root ::= " + "(" * 60_000 + '"a"' + ")" * 60_000, "nested deeper", id="60,000 nested groups"),
        pytest.param('root ::= "a"{5,0}', "at most fewer", id="at most fewer than at least"),
        pytest.param('root ::= "a"{1,100000000}', "repeats more", id="a huge repetition"),
        pytest.param('root ::= (("a"{900}){900}){900}', "written out", id="repetitions of repetitions"),
        pytest.param('root ::= "a" nowhere', "not defined", id="an undefined rule"),
        pytest.param('start ::= "a"', "no rule named root", id="no root"),
        pytest.param("", "no rule named root", id="empty"),
        pytest.param('root ::= root "a"', "begins with itself", id="left recursion"),
        pytest.param('root ::= a\na ::= "x"? b\nb ::= a "y"', "begins with itself", id="left recursion in a circle"),
        pytest.param('root ::= "a"\nroot ::= "b"', "defined twice", id="a rule twice"),
        pytest.param('root ::= "a', "cannot be read", id="an open literal"),
        pytest.param('root ::= ("a"', "never closed", id="an open group"),
        pytest.param('root ::= "a")', "without its", id="a group that never began"),
        pytest.param('root ::= * "a"', "nothing stands before", id="a repetition of nothing"),
        pytest.param('root ::= "a"' + "*" * 60_000, "nothing stands before", id="a repetition of a repetition"),
        pytest.param("root ::= [z-a]", "backwards", id="a backward range"),
        pytest.param(r'root ::= "\q"', "escape", id="an unknown escape"),
        pytest.param("root ::= <think>", "cannot be read", id="a token by name"),
        pytest.param("rubbish\nroot ::= x", "expected NAME", id="rubbish before"),
        pytest.param("# " + "x" * 200_000, "characters", id="too long"),
        pytest.param("\n".join(f'r{n} ::= "a"' for n in range(5_000)), "rules", id="too many rules"),
    ],
)
def test_a_dangerous_grammar_is_refused_before_a_native_parser_sees_it(text: str, why: str) -> None:
    """Each of these has crashed, hung or silently misled a parser."""
    with pytest.raises(NodeFault) as refused:
        check_gbnf(text)
    assert refused.value.code is Code.GRAMMAR_INVALID
    assert why in str(refused.value)


def test_the_line_of_a_mistake_is_named() -> None:
    with pytest.raises(NodeFault) as refused:
        check_gbnf('# a comment\nroot ::= thing\n\nthing ::= "a" |\n  ("b" ]\n')
    assert refused.value.where == "line 5"


def test_right_recursion_is_allowed() -> None:
    check_gbnf('root ::= "a" root | "b"')


def test_rule_names_stay_apart_in_lark() -> None:
    """Names that differ only in case or in a hyphen are three rules, not one."""
    lark = gbnf_to_lark('root ::= ab aB a-b\nab ::= "1"\naB ::= "2"\na-b ::= "3"')
    names = [line.split(":")[0] for line in lark.splitlines()[1:]]
    assert len(set(names)) == 4


def test_escapes_are_resolved_before_lark_sees_them() -> None:
    r"""`\u044f` is one Cyrillic letter, wherever it stands."""
    lark = gbnf_to_lark('root ::= "\\u044f\\x41" [\\u044f]')
    assert '"яA"' in lark
    assert "\\x{44F}" in lark
