"""The grammar as a constraint: what is kept of one sentence for the next changes no mask."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from engine_models import JOHN, sentence, write_tiny

from edge_agent.clock import SystemClock
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.constraint import TokenConstraint
from edge_agent.language.local import LocalEngine
from edge_agent.language.options import EngineOptions
from edge_agent.packs.registry import load_pack

ROBOT = SentenceGrammars(load_pack("robot"))
LINKED = sentence("say hello to John", ("1", "John", JOHN))


@pytest.fixture(scope="module", params=[0, 200], ids=["bytes", "merges"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    made = LocalEngine(
        EngineOptions(model=write_tiny(tmp_path_factory.mktemp("models") / "tiny.gguf", merges=request.param)),
        SystemClock(),
    )
    yield made
    made.close()


def masks(engine: LocalEngine, constraint: TokenConstraint, answer: str) -> list[tuple[list[int], list[int]]]:
    """What is forced and what is allowed before each token of an answer."""
    seen = []
    for token in engine.weights.tokenize(answer):
        seen.append((list(constraint.forced()), constraint.allowed().tolist()))
        constraint.take(token)
    return seen


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([{"action": "say", "text": "hello to"}], id="words"),
        pytest.param([{"action": "go_to", "place": 1}, {"action": "say", "text": "john"}], id="words later"),
        pytest.param([{"action": "follow", "target": 1}], id="no words"),
        pytest.param([{"action": "reject", "reason": "ambiguous"}], id="reject"),
    ],
)
def test_the_outline_allows_and_forces_what_the_whole_grammar_does(engine: LocalEngine, answer: object) -> None:
    """Token by token, whether the sentence's words are compiled at once or only when the answer goes into them."""
    grammar = ROBOT.for_sentence(LINKED)
    written = json.dumps(answer, separators=(",", ":"))
    parted = masks(engine, engine.constraints.begin(grammar), written)
    commented = f"# read as it stands\n{grammar}# no part of a sentence's grammar\n"
    assert parted == masks(engine, engine.constraints.begin(commented), written)


def test_a_rule_of_ones_own_may_be_called_span(engine: LocalEngine) -> None:
    """Only the rules that stand for a sentence's words are parted from the rest."""
    grammar = 'root ::= "[" span "]"\nspan ::= "1" tail\ntail ::= "2" | "3"\n'
    assert engine.constraints.accepts(grammar, "[13]")
    constraint = engine.constraints.begin(grammar)
    for token in engine.weights.tokenize("[12]"):
        constraint.take(token)
    assert constraint.finished()
