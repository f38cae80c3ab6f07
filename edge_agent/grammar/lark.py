"""GBNF to the Lark dialect that llguidance reads, from our own reading of it.

llguidance's own converter reads character by character (a tenth of a second for a large pack), mangles \\u escapes and
folds rule names together. Decides nothing about what is allowed: the language stays the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

from edge_agent.grammar.limits import check_rules
from edge_agent.grammar.notation import ROOT, CharClass, Group, Literal, Node, Reference, Rule, read_gbnf


def gbnf_to_lark(text: str) -> str:
    """The same language in Lark.

    Raises:
        NodeFault: GRAMMAR_INVALID.
    """
    rules = read_gbnf(text)
    check_rules(rules)
    open_rules = frozenset({ROOT} | _recursive(rules))
    lines = [_line(rule, open_rules) for rule in rules.values()]
    return "%llguidance {}\n" + "\n".join(lines) + "\n"


def _recursive(rules: Mapping[str, Rule]) -> set[str]:
    """Rules that lead back to themselves, or to such a rule; all others can be terminals, which compile fastest."""
    flat: set[str] = set()
    grown = True
    while grown:
        found = {name for name, rule in rules.items() if name not in flat and flat.issuperset(rule.references)}
        grown = bool(found)
        flat |= found
    return set(rules) - flat


@lru_cache(maxsize=8_192)
def _line(rule: Rule, open_rules: frozenset[str]) -> str:
    return f"{_name(rule.name, open_rules)}: {_Writer(open_rules).alternatives(rule.body)}"


def _name(name: str, open_rules: frozenset[str]) -> str:
    """A terminal's name is upper case. Every capital is marked, so that no two names fold together."""
    if name == ROOT:
        return "start"
    folded = "r_" + "".join(f"_{letter}" if letter.isupper() else letter for letter in name).replace("-", "__")
    return folded.lower() if name in open_rules else folded.upper()


class _Writer:
    def __init__(self, open_rules: frozenset[str]) -> None:
        self._open_rules = open_rules

    def alternatives(self, group: Group) -> str:
        return " | ".join(" ".join(self.node(part) for part in parts) or '""' for parts in group.alternatives)

    def node(self, node: Node) -> str:
        match node:
            case Literal(text):
                return "".join(_string_char(char) for char in json.dumps(text, ensure_ascii=False))
            case CharClass(ranges, negated):
                return _regex(ranges, negated)
            case Reference(name):
                return _name(name, self._open_rules)
            case Group():
                return f"({self.alternatives(node)})"
            case _:
                return self.node(node.node) + _times(node.low, node.high)


def _times(low: int, high: int | None) -> str:
    short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
    return short or f"{{{low},{'' if high is None else high}}}"


def _regex(ranges: tuple[tuple[str, str], ...], negated: bool) -> str:
    if not ranges:
        return "/(?s:.)/"
    inner = "".join(_char(first) if first == last else f"{_char(first)}-{_char(last)}" for first, last in ranges)
    return f"/[{'^' if negated else ''}{inner}]/"


def _string_char(char: str) -> str:
    """A character of a string literal; the reader takes no raw control characters beyond those that JSON escapes."""
    return f"\\u{ord(char):04x}" if "\x7f" <= char <= "\x9f" else char


def _char(char: str) -> str:
    return char if char.isalnum() and char.isascii() else f"\\x{{{ord(char):X}}}"
