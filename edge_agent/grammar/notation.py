"""GBNF read into a tree, with every limit checked before any native parser sees the text.

Decides what a grammar may be: at most so long, so deeply nested, so often repeated; every rule defined once, `root`
among them, none recursive to its left. Refuses (GRAMMAR_INVALID, with the line) everything else: llama.cpp's own reader
recurses once per nested group and expands every repetition, and has crashed on both.
The notation: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NoReturn

from edge_agent.errors import Code, NodeFault

TEXT_CHARS_MAX = 200_000
RULES_MAX = 4_096
NESTING_MAX = 32
"""Groups inside one another."""
REPEAT_MAX = 1_000
"""The larger number of `{m,n}`."""
_REPEAT_DIGITS_MAX = 18
"""Digits of one of them, leading zeros included; Python reads no number of thousands."""
ELEMENTS_MAX = 100_000
"""Elements of all rules once every repetition is written out."""

ROOT = "root"


@dataclass(frozen=True, slots=True)
class Literal:
    """Exactly this text, its escapes resolved."""

    text: str


@dataclass(frozen=True, slots=True)
class CharClass:
    """One character of these ranges, or of none of them."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """Another rule."""

    name: str


@dataclass(frozen=True, slots=True)
class Group:
    """One of several sequences."""

    alternatives: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A node `low` to `high` times; no upper bound when `high` is None."""

    node: Node
    low: int
    high: int | None


Node = Literal | CharClass | Reference | Group | Repeat


@dataclass(frozen=True, eq=False)
class Rule:
    """A named group. Equal only to itself, so that what is worked out for it can be remembered cheaply."""

    name: str
    body: Group

    @cached_property
    def references(self) -> frozenset[str]:
        """The names of the rules that it mentions."""
        return frozenset(_references(self.body))


def _references(node: Node) -> Iterator[str]:
    match node:
        case Reference(name):
            yield name
        case Group(alternatives):
            for sequence in alternatives:
                for part in sequence:
                    yield from _references(part)
        case Repeat(inner):
            yield from _references(inner)


_TOKEN = re.compile(
    r"""(?P<space>[ \t]+|\#[^\r\n]*)
      | (?P<newline>[\r\n]+)
      | (?P<define>::=)
      | (?P<literal>"(?:[^"\\\r\n]|\\.)*")
      | (?P<class>\[(?:[^\]\\\r\n]|\\.)*\])
      | (?P<name>[A-Za-z0-9][A-Za-z0-9\-]*)
      | (?P<repeat>[*+?]|\{[ ]*[0-9]+[ ]*(?:,[ ]*[0-9]*[ ]*)?\})
      | (?P<mark>[()|.])
    """,
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_Token = tuple[str, str, int]
"""Its sort, its text and its line."""


def read_gbnf(text: str) -> dict[str, Rule]:
    """The rules by name, in the text's order.

    Raises:
        NodeFault: GRAMMAR_INVALID; `where` is the line.
    """
    if len(text) > TEXT_CHARS_MAX:
        _refuse(f"{len(text)} characters; at most {TEXT_CHARS_MAX} are read", 0)
    rules: dict[str, Rule] = {}
    for line, part in _statements(text):
        rule = _rule(part, line)
        if rule.name in rules:
            _refuse(f"the rule {rule.name} is defined twice", line)
        rules[rule.name] = rule
        if len(rules) > RULES_MAX:
            _refuse(f"more than {RULES_MAX} rules", line)
    return rules


_START = re.compile(r"^[ \t]*[A-Za-z0-9][A-Za-z0-9\-]*[ \t]*::=", re.MULTILINE)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each rule's text with the line it starts in."""
    starts = [match.start() for match in _START.finditer(text)]
    before = text[: starts[0]] if starts else text
    if any(line.strip() and not line.lstrip().startswith("#") for line in before.splitlines()):
        _refuse("expected NAME ::= …", 1)
    line = 1 + before.count("\n")
    for start, end in pairwise([*starts, len(text)]):
        yield line, text[start:end]
        line += text.count("\n", start, end)


@lru_cache(maxsize=8_192)
def _parsed(part: str) -> Rule:
    """One rule; remembered, as the grammars of two sentences share most of their rules."""
    return _Parser(list(_tokens(part))).rule()


def _rule(part: str, line: int) -> Rule:
    try:
        return _parsed(part)
    except NodeFault as problem:
        inner = int(problem.where.removeprefix("line ") or 1)
        raise NodeFault(problem.code, problem.message, where=f"line {line + inner - 1}") from problem


def _tokens(part: str) -> Iterator[_Token]:
    place, line = 0, 1
    while place < len(part):
        match = _TOKEN.match(part, place)
        if match is None or match.lastgroup is None:
            _refuse(f"cannot be read from {part[place : place + 20]!r} on", line)
        if match.lastgroup != "space":
            yield match.lastgroup, match.group(), line
        line += match.group().count("\n")
        place = match.end()


class _Parser:
    """One rule's tokens to a tree, with a stack of its own instead of the interpreter's."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = [token for token in tokens if token[0] != "newline"]
        self._stack: list[list[list[Node]]] = [[[]]]
        """Open groups, each a list of alternatives, each a list of nodes."""

    def rule(self) -> Rule:
        (_, name, _), (sort, _, line), *rest = self._tokens
        if sort != "define":
            _refuse("expected ::=", line)
        for sort, text, line in rest:
            if sort == "mark":
                self._structure(text, line)
            else:
                self._element(sort, text, line)
        if len(self._stack) > 1:
            _refuse("a ( is never closed", line)
        return Rule(name, _group(self._stack[0]))

    def _structure(self, mark: str, line: int) -> None:
        match mark:
            case "(":
                if len(self._stack) > NESTING_MAX:
                    _refuse(f"groups nested deeper than {NESTING_MAX}", line)
                self._stack.append([[]])
            case ")":
                if len(self._stack) == 1:
                    _refuse("a ) without its (", line)
                group = _group(self._stack.pop())
                self._stack[-1][-1].append(group)
            case "|":
                self._stack[-1].append([])
            case _:
                self._stack[-1][-1].append(CharClass((), negated=True))

    def _element(self, sort: str, text: str, line: int) -> None:
        sequence = self._stack[-1][-1]
        match sort:
            case "repeat":
                if not sequence or isinstance(sequence[-1], Repeat):
                    _refuse(f"nothing stands before {text}", line)
                sequence.append(_repeat(sequence.pop(), text, line))
            case "name":
                sequence.append(Reference(text))
            case "literal":
                sequence.append(Literal("".join(_characters(text[1:-1], line))))
            case "class":
                sequence.append(_char_class(text, line))
            case _:
                _refuse(f"{text!r} cannot stand here", line)


def _group(alternatives: list[list[Node]]) -> Group:
    return Group(tuple(tuple(sequence) for sequence in alternatives))


def _repeat(node: Node, text: str, line: int) -> Repeat:
    plain = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(text)
    if plain:
        return Repeat(node, *plain)
    low_text, comma, high_text = text.strip("{} ").partition(",")
    if max(len(low_text.strip()), len(high_text.strip())) > _REPEAT_DIGITS_MAX:
        _refuse(f"{text[:20]}… repeats more than {REPEAT_MAX} times", line)
    low = int(low_text)
    high = (int(high_text) if high_text.strip() else None) if comma else low
    if max(low, high or 0) > REPEAT_MAX:
        _refuse(f"{text} repeats more than {REPEAT_MAX} times", line)
    if high is not None and high < max(low, 1):
        _refuse(f"{text} repeats at most fewer times than at least", line)
    return Repeat(node, low, high)


def _characters(text: str, line: int) -> Iterator[str]:
    place = 0
    while place < len(text):
        if text[place] != "\\":
            yield text[place]
            place += 1
            continue
        match = _ESCAPE.match(text, place)
        assert match is not None  # the tokens' own pattern pairs every backslash
        code = match.group(1) or match.group(2) or match.group(3)
        if code is None:
            short = match.group(4)
            if short not in 'nrt"\\[]':
                _refuse(f"the escape \\{short} is not known", line)
            yield _ESCAPES.get(short, short)
        else:
            if int(code, 16) > 0x10FFFF or 0xD800 <= int(code, 16) <= 0xDFFF:
                _refuse(f"no character has the number {code}", line)
            yield chr(int(code, 16))
        place = match.end()


def _char_class(text: str, line: int) -> CharClass:
    inner = text[1:-1]
    negated = inner.startswith("^")
    raw = inner[1:] if negated else inner
    # an escaped hyphen does not exist in GBNF: every hyphen between two characters is a range
    characters = list(_characters(raw, line))
    ranges: list[tuple[str, str]] = []
    place = 0
    while place < len(characters):
        if place + 2 < len(characters) and characters[place + 1] == "-":
            if characters[place + 2] < characters[place]:
                _refuse(f"the range {characters[place]}-{characters[place + 2]} runs backwards", line)
            ranges.append((characters[place], characters[place + 2]))
            place += 3
        else:
            ranges.append((characters[place], characters[place]))
            place += 1
    if not ranges:
        _refuse("an empty character class", line)
    return CharClass(tuple(ranges), negated)


def _refuse(why: str, line: int) -> NoReturn:
    raise NodeFault(Code.GRAMMAR_INVALID, why, where=f"line {line}" if line else "")
