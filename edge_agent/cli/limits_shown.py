"""Every limit with its value and its words, read from the file that names them: for `doctor` and docs/limits.md."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass

from edge_agent import limits


@dataclass(frozen=True, slots=True)
class Limit:
    """One named limit; its unit is the name's last word."""

    name: str
    value: int
    words: str


def every_limit() -> tuple[Limit, ...]:
    """All of them, in the file's order. A limit without words of its own shares those of the next one."""
    found: list[Limit] = []
    waiting: list[str] = []
    for node in ast.parse(inspect.getsource(limits)).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            waiting.append(node.target.id)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and waiting:
            words = " ".join(str(node.value.value).split())
            found += [Limit(name, getattr(limits, name), words) for name in waiting]
            waiting.clear()
    return tuple(found)


def markdown() -> str:
    """The table of docs/limits.md."""
    rows = [f"| `{one.name}` | {one.value} | {one.words} |" for one in every_limit()]
    return "\n".join(["| limit | value | of what |", "|---|---|---|", *rows])
