"""A sentence's JSON Schema as servers elsewhere read it, for those that read no GBNF. Pure.

Decides two forms. The plain one says `anyOf` for `oneOf` and writes out the runs of words that a text may be; servers
hold to it as a grammar. The strict one is what OpenAI's structured outputs ask for: an object at the root, a type
everywhere, every key required, a key that is left out given as null. A span of a long sentence becomes a pattern
that is wider than the span: what comes back is judged against the sentence's own grammar in any case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.schema import JsonSchema

SPAN_RUNS_MAX: Final = 120
"""Runs of words written out one by one: those of 15 words."""
_WRAPPED: Final = "actions"
"""The one key of the strict form's object."""
_META: Final = re.compile(r"([\\^$.|?*+()\[\]{}])")


def plain_schema(schema: JsonSchema) -> JsonSchema:
    """The schema in keywords that servers know."""
    return {key: _plain(value) for key, value in _keywords(schema).items()}


def strict_schema(schema: JsonSchema) -> JsonSchema:
    """The plain schema as OpenAI's strict mode takes it; answers to it are `unwrapped`.

    Source: https://platform.openai.com/docs/guides/structured-outputs, supported schemas.
    """
    plain = plain_schema(schema)
    definitions = plain.pop("$defs", None)
    root = {
        "type": "object",
        "properties": {_WRAPPED: _strict(plain)},
        "required": [_WRAPPED],
        "additionalProperties": False,
    }
    return root | ({"$defs": {name: _strict(inner) for name, inner in definitions.items()}} if definitions else {})


def wrapped(answer: str) -> str:
    """An answer's JSON text in the strict form, for a prompt's examples."""
    return f'{{"{_WRAPPED}":{answer}}}'


def unwrapped(value: Any) -> Any:
    """The list inside an answer of the strict form, without its nulls.

    Raises:
        NodeFault: OUTPUT_INVALID when there is no such list.
    """
    match value:
        case {"actions": [*calls], **rest} if not rest:
            return [_said(call) for call in calls]
    raise NodeFault(Code.OUTPUT_INVALID, f"the remote engine's answer is no object with {_WRAPPED}")


def _said(call: Any) -> Any:
    return {key: slot for key, slot in call.items() if slot is not None} if isinstance(call, dict) else call


def _keywords(schema: JsonSchema) -> JsonSchema:
    """One level of a schema with its own keywords replaced."""
    match schema:
        case {"oneOf": [*branches], **rest}:
            return {"anyOf": branches, **rest}
        case {"x-words": [*words], **rest}:
            return {**rest, **_span([str(word) for word in words])}
    return schema


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return plain_schema(value)
        case list():
            return [_plain(item) for item in value]
    return value


def _span(words: Sequence[str]) -> JsonSchema:
    """Every run of the words, or, of many, any words of the sentence: a JSON Schema cannot count along a list."""
    if len(words) * (len(words) + 1) // 2 <= SPAN_RUNS_MAX:
        runs = (" ".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, len(words) + 1))
        return {"enum": list(dict.fromkeys(runs))}
    any_word = "|".join(dict.fromkeys(_META.sub(r"\\\1", word) for word in words))
    return {"pattern": f"^({any_word})( ({any_word})){{0,{len(words) - 1}}}$"}


def _strict(schema: JsonSchema) -> JsonSchema:
    match schema:
        case {"const": value}:
            return {"type": "string", "const": value}
        case {"enum": [*values], **rest}:
            types = sorted({"integer" if isinstance(value, int) else "string" for value in values})
            return {**rest, "type": types[0] if len(types) == 1 else types, "enum": values}
        case {"anyOf": [*branches]}:
            return {"anyOf": [_strict(branch) for branch in branches]}
        case {"type": "array", "items": items, **rest}:
            return {"type": "array", "items": _strict(items), **rest}
        case {"type": "object", "properties": properties, "required": required, **rest}:
            slots = {
                name: _strict(slot) if name in required else {"anyOf": [_strict(slot), {"type": "null"}]}
                for name, slot in properties.items()
            }
            return {"type": "object", "properties": slots, "required": list(slots), **rest}
    return schema
