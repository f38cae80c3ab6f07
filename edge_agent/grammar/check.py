"""The last word on one resolved action: its schema (jsonschema) and its class (pydantic), each on its own.

Refuses (OUTPUT_INVALID) what either refuses. Both are asked because they were written apart: the schema from the
slots' bounds, the class by the pack's author.
"""

from __future__ import annotations

from functools import lru_cache

import jsonschema
from pydantic import ValidationError

from edge_agent.grammar.answer import invalid
from edge_agent.grammar.schema import resolved_schema
from edge_agent.messages.base import JsonAction
from edge_agent.packs.base import ActionSpec


def check_action(spec: ActionSpec, action: JsonAction) -> None:
    """Return when the action is a valid one of its class.

    Raises:
        NodeFault: OUTPUT_INVALID, naming the slot.
    """
    problem = jsonschema.exceptions.best_match(_validator(spec).iter_errors(action))
    if problem is not None:
        raise invalid(f"{spec.name}.{'.'.join(str(step) for step in problem.path)}: {problem.message[:200]}")
    try:
        spec.model.model_validate(action)
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_input=False)[0]
        slot = ".".join(str(step) for step in first["loc"])
        raise invalid(f"{spec.name}.{slot}: {first['msg']}") from failure


@lru_cache(maxsize=1024)
def _validator(spec: ActionSpec) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(resolved_schema(spec))
