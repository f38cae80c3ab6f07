"""Compiles sentence templates to nodes. hassil is imported here only.

hassil parses a template; its own sampler enumerates every sentence, which never ends for templates as wide as ours,
so the parsed tree becomes nodes to walk at random. Refuses what hassil cannot read and what has no meaning in a
phrase.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from hassil.expression import Alternative, Expression, Group, ListReference, Permutation, RuleReference, TextChunk
from hassil.parse_expression import parse_sentence
from hassil.parser import ParseError

from edge_agent.packs.phrase_nodes import OPTIONAL_TAKEN, Fork, Node, Row, Shuffle, TemplateError, Words

RuleReader = Callable[[str], Node]
"""Rule name → its node; raises TemplateError."""
ListReader = Callable[[str, str], Node]
"""(list name, slot) → its node; raises TemplateError."""
_PUNCTUATION = str.maketrans("", "", ',.!?;:"')


def compile_template(text: str, rules: RuleReader, lists: ListReader) -> Node:
    """Parse a template and compile it.

    Raises:
        TemplateError: what is wrong with it.
    """
    return _compile(_parsed(str(text)), rules, lists)


@functools.lru_cache(maxsize=4_096)
def _parsed(text: str) -> Expression:
    """hassil's tree of a template; kept, because a rule is compiled once for each action that uses it."""
    try:
        return parse_sentence(text).expression
    except (ParseError, AssertionError, RecursionError) as problem:
        raise TemplateError(f"hassil cannot read it ({problem or 'are the brackets balanced?'})") from problem


def _compile(expression: Expression, rules: RuleReader, lists: ListReader) -> Node:
    if isinstance(expression, TextChunk):
        return Words(str(expression.text).translate(_PUNCTUATION).lower())
    if isinstance(expression, RuleReference):
        return rules(expression.rule_name)
    if isinstance(expression, ListReference):
        if expression.is_inline_range or expression.is_capture:
            raise TemplateError(f"{{{expression.list_name}}}: inline ranges and captures are not for phrases")
        return lists(expression.list_name, expression.slot_name)
    if not isinstance(expression, Group):
        raise TemplateError(f"{type(expression).__name__} is not for phrases")
    optional = isinstance(expression, Alternative) and expression.is_optional
    items = expression.items[:-1] if optional else expression.items
    parts = tuple(_compile(item, rules, lists) for item in items)
    if isinstance(expression, Alternative):
        return Fork(parts, OPTIONAL_TAKEN if optional else 1.0)
    if isinstance(expression, Permutation):
        return Shuffle(parts)
    return parts[0] if len(parts) == 1 else Row(parts)
