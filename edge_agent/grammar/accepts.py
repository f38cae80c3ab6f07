"""Whether a grammar takes a text, in Python alone: for a process that loads no native reader.

Decides by walking our own reading of the GBNF: from each place in the text, every place where a part of the grammar can
end. Refuses (GRAMMAR_INVALID) the grammars that `limits` refuses. A grammar that nests deeper in a text than Python
recurses takes nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from edge_agent.grammar.limits import check_rules
from edge_agent.grammar.notation import ROOT, CharClass, Group, Literal, Node, Reference, Repeat, Rule, read_gbnf

_GRAMMARS_MAX = 64
"""Grammars kept as trees; a sentence's own is asked about once or twice."""

_Places = frozenset[int]
_NOWHERE: _Places = frozenset()


def accepts(grammar: str, text: str) -> bool:
    """Whether `text`, from its first character to its last, is of the grammar's language.

    Raises:
        NodeFault: GRAMMAR_INVALID.
    """
    try:
        return len(text) in _Walk(_rules(grammar), text).ends(Reference(ROOT), 0)
    except RecursionError:
        return False


@lru_cache(maxsize=_GRAMMARS_MAX)
def _rules(grammar: str) -> Mapping[str, Rule]:
    rules = read_gbnf(grammar)
    check_rules(rules)
    return rules


class _Walk:
    """One text against one grammar. What is known of a node at a place is known once.

    Repetitions within repetitions would else be walked as often as there are ways through them.
    """

    def __init__(self, rules: Mapping[str, Rule], text: str) -> None:
        self._rules = rules
        self._text = text
        self._known: dict[tuple[int, int], _Places] = {}
        """By the node's own id, for nodes are alike in many places, and the place."""

    def ends(self, node: Node, place: int) -> _Places:
        """Every place where the node can end that begins at `place`."""
        match node:
            case Literal(text):
                return frozenset({place + len(text)}) if self._text.startswith(text, place) else _NOWHERE
            case CharClass():
                return frozenset({place + 1}) if self._is_of(node, place) else _NOWHERE
            case Reference(name):
                return self.ends(self._rules[name].body, place)
        key = (id(node), place)
        if key not in self._known:
            self._known[key] = self._walked(node, place)
        return self._known[key]

    def _walked(self, node: Group | Repeat, place: int) -> _Places:
        if isinstance(node, Repeat):
            return self._repeated(node, place)
        return frozenset().union(*(self._sequence(parts, place) for parts in node.alternatives))

    def _is_of(self, node: CharClass, place: int) -> bool:
        if place >= len(self._text):
            return False
        char = self._text[place]
        return any(first <= char <= last for first, last in node.ranges) is not node.negated

    def _sequence(self, parts: tuple[Node, ...], place: int) -> _Places:
        places = frozenset({place})
        for part in parts:
            places = self._all(part, places)
            if not places:
                break
        return places

    def _repeated(self, node: Repeat, place: int) -> _Places:
        places = frozenset({place})
        for _ in range(node.low):
            places = self._all(node.node, places)
        found, count = places, node.low
        # a place reached again with more repetitions leads nowhere new
        while places and (node.high is None or count < node.high):
            places = self._all(node.node, places) - found
            found |= places
            count += 1
        return found

    def _all(self, node: Node, places: _Places) -> _Places:
        return frozenset().union(*(self.ends(node, place) for place in places))
