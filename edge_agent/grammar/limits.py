"""Whether a whole grammar may be handed to a native parser: defined, bounded, and not recursive to its left.

Refuses (GRAMMAR_INVALID) what `notation` can read but llama.cpp or llguidance cannot bear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.notation import ELEMENTS_MAX, ROOT, CharClass, Group, Literal, Node, Reference, Rule, read_gbnf


def check_gbnf(text: str) -> None:
    """Return when a grammar text may be used.

    Raises:
        NodeFault: GRAMMAR_INVALID, naming the line or the rule.
    """
    check_rules(read_gbnf(text))


def check_rules(rules: Mapping[str, Rule]) -> None:
    """The same for rules already read."""
    if ROOT not in rules:
        raise NodeFault(Code.GRAMMAR_INVALID, f"there is no rule named {ROOT}")
    for rule in rules.values():
        for name in rule.references:
            if name not in rules:
                raise NodeFault(Code.GRAMMAR_INVALID, f"the rule {name} is not defined", where=rule.name)
    if sum(_size_of(rule) for rule in rules.values()) > ELEMENTS_MAX:
        raise NodeFault(Code.GRAMMAR_INVALID, f"more than {ELEMENTS_MAX} elements once repetitions are written out")
    _check_left_recursion(rules)


@lru_cache(maxsize=8_192)
def _size_of(rule: Rule) -> int:
    return _size(rule.body)


def _size(node: Node) -> int:
    match node:
        case Literal(text):
            return len(text) or 1
        case CharClass() | Reference():
            return 1
        case Group(alternatives):
            return sum(_size(part) for sequence in alternatives for part in sequence) + len(alternatives)
        case _:
            return _size(node.node) * max(node.low, node.high or 1, 1)


def _check_left_recursion(rules: Mapping[str, Rule]) -> None:
    """No rule may reach itself before it has read a character."""
    empty = _empty_rules(rules)
    first = {name: _first(rule, empty) for name, rule in rules.items()}
    done: set[str] = set()
    for start in rules:
        path: list[tuple[str, Iterator[str]]] = [(start, iter(first[start]))]
        open_names = {start}
        while path:
            name, left = path[-1]
            following = next((other for other in left if other not in done), None)
            if following is None:
                path.pop()
                open_names.discard(name)
                done.add(name)
            elif following in open_names:
                raise NodeFault(Code.GRAMMAR_INVALID, "the rule begins with itself", where=following)
            else:
                path.append((following, iter(first[following])))
                open_names.add(following)


def _empty_rules(rules: Mapping[str, Rule]) -> frozenset[str]:
    """Rules that can read nothing."""
    empty: frozenset[str] = frozenset()
    while True:
        found = {name for name, rule in rules.items() if name not in empty and _rule_can_be_empty(rule, empty)}
        if not found:
            return empty
        empty |= found


@lru_cache(maxsize=8_192)
def _rule_can_be_empty(rule: Rule, empty: frozenset[str]) -> bool:
    return _can_be_empty(rule.body, empty)


@lru_cache(maxsize=8_192)
def _first(rule: Rule, empty: frozenset[str]) -> frozenset[str]:
    return frozenset(_leading(rule.body, empty))


def _can_be_empty(node: Node, empty: frozenset[str]) -> bool:
    match node:
        case Literal(text):
            return not text
        case CharClass():
            return False
        case Reference(name):
            return name in empty
        case Group(alternatives):
            return any(all(_can_be_empty(part, empty) for part in sequence) for sequence in alternatives)
        case _:
            return node.low == 0 or _can_be_empty(node.node, empty)


def _leading(node: Node, empty: frozenset[str]) -> Iterator[str]:
    """Rules that can stand at the very beginning."""
    match node:
        case Reference(name):
            yield name
        case Group(alternatives):
            for sequence in alternatives:
                for part in sequence:
                    yield from _leading(part, empty)
                    if not _can_be_empty(part, empty):
                        break
        case Literal() | CharClass():
            return
        case _:
            yield from _leading(node.node, empty)
