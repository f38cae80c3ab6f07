"""One text for one action, and its sha256: what a confirmation is bound to.

The text is the JSON Canonicalization Scheme of RFC 8785 (sorted keys, no spaces, shortest numbers, so that 2 and 2.0
are one value), which exists in every language a client may be written in. Refuses whatever JSON cannot say: NaN,
infinities, lone surrogates, other types.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from edge_agent.errors import Code, NodeFault
from edge_agent.messages.base import JsonAction

_INTEGER_EXACT_MAX = 2**53
"""Beyond it a double no longer holds every integer, and RFC 8785 readers disagree."""


def digest_of(action: JsonAction) -> str:
    """sha256, in hex, of the action's canonical JSON.

    Raises:
        NodeFault: OUTPUT_INVALID when a value of it is not JSON.
    """
    try:
        return hashlib.sha256(canonical(action).encode("utf-8")).hexdigest()
    except UnicodeEncodeError as problem:
        raise NodeFault(Code.OUTPUT_INVALID, "the action holds a lone surrogate, which is no text") from problem


def canonical(value: Any) -> str:
    """A JSON value as RFC 8785 writes it.

    Raises:
        NodeFault: OUTPUT_INVALID when it is not JSON.
    """
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return _number(value)
        case list() | tuple():
            return "[" + ",".join(canonical(item) for item in value) + "]"
        case dict() if all(isinstance(key, str) for key in value):
            members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
            return "{" + ",".join(f"{canonical(key)}:{canonical(item)}" for key, item in members) + "}"
    raise NodeFault(Code.OUTPUT_INVALID, f"a {type(value).__name__} is not JSON")


def _number(value: float) -> str:
    """ECMAScript's Number::toString, as RFC 8785 section 3.2.2.3 asks; Python's repr finds the same shortest digits."""
    if not math.isfinite(value):
        raise NodeFault(Code.OUTPUT_INVALID, f"{value} is not a JSON number")
    if isinstance(value, int) or (value.is_integer() and abs(value) <= _INTEGER_EXACT_MAX):
        if abs(value) > _INTEGER_EXACT_MAX:
            raise NodeFault(Code.OUTPUT_INVALID, f"{value} is beyond the integers that a double holds")
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    return sign + _place_point(digits, point)


def _place_point(digits: str, point: int) -> str:
    """Significant digits and the decimal point's place, with ECMAScript's bounds for plain notation (1e-7 and 1e21)."""
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1:+d}"
