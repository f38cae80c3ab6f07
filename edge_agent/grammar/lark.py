"""GBNF to the Lark dialect that llguidance reads, from our own reading of it.

llguidance's own converter reads character by character (a tenth of a second for a large pack), mangles \\u escapes and
folds rule names together. Decides nothing about what is allowed: the language stays the same.
"""

from __future__ import annotations

import json
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
    lines = [_line(rule) for rule in rules.values()]
    return "%llguidance {}\n" + "\n".join(lines) + "\n"


@lru_cache(maxsize=8_192)
def _line(rule: Rule) -> str:
    return f"{_name(rule.name)}: {_alternatives(rule.body)}"


def _name(name: str) -> str:
    # every upper-case letter is marked, so that no two names fold together and none is taken for a terminal
    folded = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).replace("-", "__")
    return "start" if name == ROOT else f"r_{folded}"


def _alternatives(group: Group) -> str:
    return " | ".join(" ".join(_node(part) for part in sequence) or '""' for sequence in group.alternatives)


def _node(node: Node) -> str:
    match node:
        case Literal(text):
            return json.dumps(text, ensure_ascii=False)
        case CharClass(ranges, negated):
            return _regex(ranges, negated)
        case Reference(name):
            return _name(name)
        case Group():
            return f"({_alternatives(node)})"
        case _:
            return _node(node.node) + _times(node.low, node.high)


def _times(low: int, high: int | None) -> str:
    short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
    return short or f"{{{low},{'' if high is None else high}}}"


def _regex(ranges: tuple[tuple[str, str], ...], negated: bool) -> str:
    if not ranges:
        return "/(?s:.)/"
    inner = "".join(_char(first) if first == last else f"{_char(first)}-{_char(last)}" for first, last in ranges)
    return f"/[{'^' if negated else ''}{inner}]/"


def _char(char: str) -> str:
    return char if char.isalnum() and char.isascii() else f"\\x{{{ord(char):X}}}"
