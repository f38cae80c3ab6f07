"""The model's answer, read strictly: a JSON list of flat objects, each with an `action`.

Refuses (OUTPUT_INVALID) what is cut off, has a key twice, a number that is no label, or anything nested: the grammar
allows none of it, so it means that the engine did not keep to the grammar.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from edge_agent import limits
from edge_agent.errors import Code, NodeFault
from edge_agent.packs.base import REJECT

ANSWER_CHARS_MAX = 8_192
"""Characters of one answer; six actions with whole sentences to say stay far below."""

Call = Mapping[str, int | str]
"""One action as the model wrote it: labels, choices and spans, not yet resolved."""


def parse_answer(answer: str) -> tuple[Call, ...]:
    """The actions of an answer, in order.

    Raises:
        NodeFault: OUTPUT_INVALID.
    """
    if len(answer) > ANSWER_CHARS_MAX:
        raise invalid(f"{len(answer)} characters")
    try:
        calls = json.loads(answer, object_pairs_hook=_unique, parse_float=_no_number, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise invalid(f"not JSON: {problem}") from problem
    if not isinstance(calls, list) or not 1 <= len(calls) <= limits.ACTIONS_MAX:
        raise invalid(f"an answer is a list of 1 to {limits.ACTIONS_MAX} actions")
    for call in calls:
        if not isinstance(call, dict) or not isinstance(call.get("action"), str):
            raise invalid("an item is no action")
        if any(isinstance(value, bool) or not isinstance(value, int | str) for value in call.values()):
            raise invalid("a slot holds neither a label nor a string")
    if len(calls) > 1 and any(call["action"] == REJECT for call in calls):
        raise invalid("a reject stands alone")
    return tuple(calls)


def invalid(why: str) -> NodeFault:
    """The engine's answer is not one that its grammar allows."""
    return NodeFault(Code.OUTPUT_INVALID, f"the model's answer is not valid: {why}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise invalid("a key stands twice")
    return result


def _no_number(text: str) -> NoReturn:
    raise invalid(f"{text[:16]} is no label")
