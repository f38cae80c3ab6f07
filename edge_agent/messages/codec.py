"""Bytes of one frame to a message and back. Everything malformed is refused here, each kind with its own code.

Decides nothing else: no clock, no socket, no state.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.messages.base import Message, Part

AnyValue = TypeVar("AnyValue", bound=Message | Part)


class Codec:
    """Reads one direction of the wire: `Codec(TO_NODE)` in the node, `Codec(FROM_NODE)` in a client."""

    def __init__(self, kinds: tuple[type[Message], ...]) -> None:
        self._kinds: dict[str, type[Message]] = {str(kind.model_fields["type"].default): kind for kind in kinds}

    def decode(self, frame: bytes) -> Message:
        """One frame to one message.

        Raises:
            ClientFault: EMPTY_FRAME, TOO_LARGE, NOT_UTF8, NOT_JSON, DUPLICATE_KEY, NOT_FINITE, TOO_DEEP,
                NUMBER_TOO_LONG, UNKNOWN_TYPE, UNKNOWN_FIELD or INVALID_MESSAGE; `where` is the field concerned.
        """
        raw = parse_object(frame)
        name = raw.get("type")
        if not isinstance(name, str) or name not in self._kinds:
            raise ClientFault(Code.UNKNOWN_TYPE, f"no message of type {str(name)[:64]!r} is taken here", where="type")
        try:
            # pydantic's JSON mode reads lists as tuples and strings as enums, and is strict otherwise
            return self._kinds[name].model_validate_json(frame)
        except ValidationError as problem:
            _refuse(problem)


def build(kind: type[AnyValue], /, **fields: Any) -> AnyValue:
    """A message or part from a program's own values.

    Raises:
        ClientFault: UNKNOWN_FIELD or INVALID_MESSAGE; `where` is the field concerned.
    """
    try:
        return kind(**fields)
    except ValidationError as problem:
        _refuse(problem)


def encode(message: Message) -> bytes:
    """A message to the bytes of one frame; absent fields are left out."""
    return message.model_dump_json(exclude_none=True).encode()


def request_id_of(frame: bytes) -> str | None:
    """The request id, or the stream's, of a refused frame, as far as it can be read; for the error reply only."""
    try:
        read = parse_object(frame)
        value = read.get("request_id", read.get("stream_id"))
    except ClientFault:
        return None
    return _sayable(value[: limits.ID_CHARS_MAX]) if isinstance(value, str) else None


def parse_object(frame: bytes) -> dict[str, Any]:
    """One frame to a JSON object, within the limits.

    Raises:
        ClientFault: as `Codec.decode`, before any message type is looked at.
    """
    if not frame:
        raise ClientFault(Code.EMPTY_FRAME, "the frame is empty; a message is one JSON object")
    if len(frame) > limits.FRAME_BYTES_MAX:
        raise ClientFault(Code.TOO_LARGE, f"{len(frame)} bytes; at most {limits.FRAME_BYTES_MAX} are read")
    try:
        text = frame.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise ClientFault(Code.NOT_UTF8, f"byte {problem.start} is not UTF-8") from problem
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_int=_read_int,
            parse_float=_read_float,
        )
    except ValueError as problem:
        raise ClientFault(Code.NOT_JSON, f"not JSON: {problem}") from problem
    if not isinstance(value, dict):
        raise ClientFault(Code.NOT_JSON, "a message is one JSON object")
    return value


def _check_depth(text: str) -> None:
    """Counts brackets outside strings before the recursive parser sees them."""
    depth = 0
    in_string = escaped = False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            if depth > limits.NESTING_MAX:
                raise ClientFault(Code.TOO_DEEP, f"nested deeper than {limits.NESTING_MAX}")
        elif char in "]}":
            depth -= 1


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ClientFault(Code.DUPLICATE_KEY, f"the key {key[:64]!r} stands twice", where=_sayable(key[:64]))
        result[key] = value
    return result


def _sayable(text: str) -> str:
    """JSON may escape lone surrogates, which no reply could carry back."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _refuse_constant(name: str) -> NoReturn:
    raise ClientFault(Code.NOT_FINITE, f"{name} is not a JSON number")


def _read_int(digits: str) -> int:
    _check_digits(digits)
    return int(digits)


def _read_float(digits: str) -> float:
    _check_digits(digits)
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ClientFault(Code.NOT_FINITE, f"{digits} is beyond a double")
    return value


def _check_digits(digits: str) -> None:
    if len(digits) > limits.NUMBER_DIGITS_MAX:
        raise ClientFault(
            Code.NUMBER_TOO_LONG, f"a number of {len(digits)} characters; at most {limits.NUMBER_DIGITS_MAX} are read"
        )


def _refuse(problem: ValidationError) -> NoReturn:
    first = problem.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])[: limits.REASON_CHARS_MAX]  # a name may fill a frame
    code = Code.UNKNOWN_FIELD if first["type"] == "extra_forbidden" else Code.INVALID_MESSAGE
    raise ClientFault(code, first["msg"], where=where) from problem
