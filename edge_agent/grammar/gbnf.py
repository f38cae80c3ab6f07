"""JSON Schema to GBNF, for the subset that `schema` produces; llama.cpp and llguidance take the same text.

Compact JSON only (no whitespace), keys in schema order, raw UTF-8. Every alternative is tried in the schema's order.
Refuses (GRAMMAR_INVALID) any keyword outside the subset rather than dropping it, which is why the binding's own
converter is not used: it drops bounds silently and mis-escapes enum values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.schema import JsonSchema

TEXT_CHARS_MAX = 200
"""Characters of a free string in the general grammar; a sentence's own grammar bounds text by its words."""

_CHAR = r'[^"\\\x00-\x1F\x7F]'
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_LONG_ENUM = 6
"""From so many values on, an enum is a rule of its own, written once."""


def to_gbnf(schema: JsonSchema) -> str:
    """The grammar of a schema's compact JSON texts.

    Raises:
        NodeFault: GRAMMAR_INVALID for a keyword outside the subset.
    """
    definitions = schema.get("$defs", {})
    body = {key: value for key, value in schema.items() if key != "$defs"}
    return body_rules(body) + "".join(definition_rules(name, inner) for name, inner in definitions.items())


def body_rules(schema: JsonSchema) -> str:
    """The rules of a schema without its definitions; a `$ref` stands for a rule that the caller adds."""
    emitter = _Emitter()
    root = emitter.expression(schema)
    return "\n".join([f"root ::= {root}", *emitter.rules.values()]) + "\n"


def definition_rules(name: str, schema: JsonSchema) -> str:
    """The rules of one definition: free text, or a run of whole words of a list (one rule a word)."""
    match schema:
        case {"type": "string", "x-words": [*words], **rest} if words and not rest:
            starts = [f"{name}-{place + 1}" for place in range(len(words))]
            rules = [rf'{name} ::= "\"" ({" | ".join(starts)}) "\""']
            for place, word in enumerate(words):
                after = f' (" " {starts[place + 1]})?' if place + 1 < len(words) else ""
                rules.append(f"{starts[place]} ::= {quoted(json_text(word)[1:-1])}{after}")
            return "\n".join(rules) + "\n"
        case {"type": "string", **rest} if not rest:
            return rf'{name} ::= "\"" {_CHAR}{{1,{TEXT_CHARS_MAX}}} "\""' + "\n"
    raise NodeFault(Code.GRAMMAR_INVALID, f"no grammar for a definition with {sorted(schema)}")


def quoted(text: str) -> str:
    """A GBNF literal of exactly this text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def json_text(value: Any) -> str:
    """Compact JSON, as the answers are written."""
    return _ENCODER.encode(value)


@lru_cache(maxsize=4_096, typed=True)
def _literal(value: str | int) -> str:
    """A GBNF literal of a value's JSON. The same few hundred stand in every sentence's grammar."""
    return quoted(json_text(value))


@lru_cache(maxsize=1_024)
def _key(name: str) -> str:
    """A GBNF literal of a slot's key and what stands around it."""
    return quoted(f",{json_text(name)}:")


class _Emitter:
    """Collects rules; each distinct schema becomes one rule at most."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self.rules: dict[str, str] = {}

    def expression(self, schema: JsonSchema, wish: str = "values") -> str:
        """What stands for a schema inside another rule; `wish` names the rule it may become."""
        match schema:
            case {"$ref": str(reference), **rest} if not rest:
                return self._reference(reference)
            case {"const": value, **rest} if not rest:
                return _literal(value)
            case {"enum": [*values], **rest} if values and not rest:
                return self._enum(values, wish)
            case {"oneOf": [*branches], **rest} if branches and not rest:
                return f"({' | '.join(self.expression(branch) for branch in branches)})"
            case {"type": "array", "items": items, "minItems": int(low), "maxItems": int(high), **rest} if not rest:
                return self._array(items, low, high)
            case {"type": "object"}:
                return self._object(schema)
        raise NodeFault(Code.GRAMMAR_INVALID, f"no grammar for a schema with {sorted(schema)}")

    def _reference(self, reference: str) -> str:
        name = reference.removeprefix("#/$defs/")
        if name == reference or not name.isalpha() or not name.islower():
            raise NodeFault(Code.GRAMMAR_INVALID, f"only #/$defs/… of the same schema can be referred to: {reference}")
        return name

    def _enum(self, values: Sequence[Any], wish: str) -> str:
        body = " | ".join([_literal(value) for value in values])
        if len(values) < _LONG_ENUM:
            return f"({body})" if len(values) > 1 else body
        return self._rule(wish, {"enum": list(values)}, lambda: body)

    def _array(self, items: JsonSchema, low: int, high: int) -> str:
        if low != 1 or high < 1:
            raise NodeFault(Code.GRAMMAR_INVALID, "an array has at least one item here")
        if high == 1:
            return f'"[" {self.expression(items)} "]"'
        item = self._rule("item", items, lambda: self.expression(items))
        return f'"[" {item} ("," {item}){{0,{high - 1}}} "]"'

    def _object(self, schema: JsonSchema) -> str:
        extra = set(schema) - {"type", "properties", "required", "additionalProperties"}
        (first, opening), *slots = schema["properties"].items()
        required = schema["required"]
        if extra or schema.get("additionalProperties") is not False or first not in required:
            raise NodeFault(Code.GRAMMAR_INVALID, "an object here is closed, and its first key is required")

        def body() -> str:
            # the constant first key and its neighbours are one literal: fewer terminals, and readable
            parts = [quoted("{" + json_text(first) + ":" + json_text(opening["const"]))]
            for name, value in slots:
                pair = f"{_key(name)} {self.expression(value, name)}"
                parts.append(pair if name in required else f"({pair})?")
            return " ".join([*parts, '"}"'])

        return self._rule(f"{first}-{opening['const']}", schema, body)

    def _rule(self, wish: str, schema: JsonSchema, body: Callable[[], str]) -> str:
        """The name of the rule for a schema, written when first asked for."""
        key = json_text(schema)
        if key not in self._names:
            # lower case, digits and hyphens only: llama.cpp knows no underscore, the other reader folds case
            base = re.sub(r"[^a-z0-9]+", "-", wish.lower()).strip("-") or "rule"
            taken = set(self._names.values())
            name, count = base, 2
            while name in taken:
                name, count = f"{base}-{count}", count + 1
            self._names[key] = name
            self.rules[name] = f"{name} ::= {body()}"
        return self._names[key]
