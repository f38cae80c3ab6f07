"""Finds the test that shows what comes of a bad input, reads the code out of it, makes the table. Holds no test."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from bad_inputs import SECTIONS, BadInput

from edge_agent.errors import Code
from edge_agent.messages import Outcome, RejectReason

_WORDS = frozenset((*Code, *Outcome, *RejectReason))
_PROOF = re.compile(r"(\w+)::(?:(\w+)::)?(\w+)(?:\[(.+)\])?")


def table() -> str:
    """The table as the page shows it."""
    lines = ["| what comes in | code | what comes of it | shown by |", "|---|---|---|---|"]
    for section, rows in SECTIONS.items():
        lines.append(f"| **{section}** | | | |")
        for row in rows:
            code = " ".join(f"`{word}`" for word in told_by(row))
            lines.append(
                f"| {row.what.replace('|', chr(92) + '|')} | {code} | {row.then or 'refused'} | {_shown(row.proof)} |"
            )
    return "\n".join(lines)


def told_by(row: BadInput) -> tuple[str, ...]:
    """The code that the row's test asserts.

    Raises:
        LookupError: there is no such test or case, or it says nothing of the row's code.
    """
    test, case = _found(row.proof)
    in_case = [str(value) for value in case if isinstance(value, str) and value in _WORDS]
    known = set(in_case) | set(_said_in(test))
    if row.told:
        if row.told not in known:
            raise LookupError(f"{row.proof} says nothing of {row.told}")
        return (row.told,)
    return tuple(in_case)


def _found(proof: str) -> tuple[FunctionType, tuple[Any, ...]]:
    """The test, and the values of its case."""
    match = _PROOF.fullmatch(proof)
    if match is None:
        raise LookupError(f"{proof} names no test")
    module, inside, name, case = match.groups()
    place = importlib.import_module(module)
    test = getattr(getattr(place, inside) if inside else place, name, None)
    if test is None:
        raise LookupError(f"there is no {proof}")
    if case is None:
        return test, ()
    for values, named in _cases(test):
        if named == case:
            return test, values
    raise LookupError(f"{name} has no case {case!r}")


def _cases(test: FunctionType) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every case of a parametrised test, and what it is called."""
    for mark in getattr(test, "pytestmark", ()):
        if mark.name == "parametrize":
            for one in mark.args[1]:
                values = one.values if hasattr(one, "values") and hasattr(one, "id") else (one,)
                yield values, getattr(one, "id", None) or str(values[0])


def _said_in(test: FunctionType) -> Iterator[str]:
    """Every code and outcome that stands in a test's lines."""
    lines = inspect.getsource(test)
    yield from re.findall(r"Code\.([A-Z_]+)", lines)
    yield from (word.lower() for word in re.findall(r"(?:Outcome|RejectReason)\.([A-Z_]+)", lines))
    yield from re.findall(r"\b[A-Z]{2,}[A-Z0-9]*(?:_[A-Z0-9]+)+\b", lines)
    yield from (word for word in re.findall(r'"([a-z_]+)"', lines) if word in _WORDS)


def _shown(proof: str) -> str:
    match = _PROOF.fullmatch(proof)
    assert match is not None
    module, _, name, _ = match.groups()
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../tests/{module}.py)"
