"""A pack's trials put to both readers of its grammar: llama.cpp's own sampler and llguidance.

Refuses (GRAMMAR_INVALID) a grammar that either of them reads otherwise than it is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.limits import check_gbnf
from edge_agent.language.constraint import Constraints
from edge_agent.language.engine import Weights
from edge_agent.language.wire import JsonObject


def run_trials(trials: Iterable[JsonObject], constraints: Constraints, weights: Weights, ends: frozenset[int]) -> int:
    """The number of answers tried; each trial is {name, grammar, valid, invalid}.

    Raises:
        NodeFault: GRAMMAR_INVALID, naming the trial.
    """
    count = 0
    for trial in trials:
        check_gbnf(trial["grammar"])
        sampler = weights.sampler(trial["grammar"])
        try:
            for answer, wanted in _answers(trial):
                count += 1
                fast = constraints.accepts(trial["grammar"], answer)
                own = sampler.takes([*weights.tokenize(answer), min(ends)])
                if fast is not wanted or own is not wanted:
                    said = f"llguidance {_says(fast)}, llama.cpp {_says(own)}"
                    raise NodeFault(Code.GRAMMAR_INVALID, f"{answer[:200]}: {said}", where=trial["name"])
        finally:
            sampler.close()
    return count


def _answers(trial: JsonObject) -> Iterator[tuple[str, bool]]:
    yield from ((answer, True) for answer in trial["valid"])
    yield from ((answer, False) for answer in trial["invalid"])


def _says(taken: bool) -> str:
    return "takes it" if taken else "refuses it"
