"""What passes between the node and the engine's process: JSON objects, one a message, nothing else.

The node does not trust the engine's process: every message is read strictly and anything unexpected counts as a crash
(ENGINE_CRASHED). Nothing is ever pickled.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.language.decision import DecideRequest, Decision, Reading
from edge_agent.processes import faults

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""One message; the prompts of many packs with their examples stay far below."""

JsonObject = dict[str, Any]


def pack_message(message: JsonObject) -> bytes:
    """A message to bytes."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode()


def read_message(data: bytes) -> JsonObject:
    """Bytes to a message.

    Raises:
        NodeFault: ENGINE_CRASHED when it is not a JSON object.
    """
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise _garbled("not JSON") from problem
    if not isinstance(message, dict):
        raise _garbled("not an object")
    return message


def request_object(request: DecideRequest) -> JsonObject:
    return asdict(request)


def read_request(message: JsonObject) -> DecideRequest:
    """A request as the engine's process reads it; the node is trusted there."""
    return DecideRequest(**{field.name: message[field.name] for field in fields(DecideRequest)})


def decision_object(decision: Decision) -> JsonObject:
    return asdict(decision)


def read_decision(message: Any) -> Decision:
    """A decision, with every field of its own type.

    Raises:
        NodeFault: ENGINE_CRASHED.
    """
    if not isinstance(message, dict) or set(message) != {field.name for field in fields(Decision)}:
        raise _garbled("no decision")
    numbers = (
        "tokens",
        "passes",
        "choices",
        "supposed",
        "right",
        "confidence",
        "probability",
        "prompt_ms",
        "decode_ms",
    )
    plain = all(isinstance(message[name], int | float) and not isinstance(message[name], bool) for name in numbers)
    if not plain or not isinstance(message["answer"], str) or not isinstance(message["readings"], list):
        raise _garbled("a decision with a wrong field")
    if not 0.0 <= message["confidence"] <= 1.0 or not 0.0 <= message["probability"] <= 1.0:
        raise _garbled("a confidence that is none")
    return Decision(**{**message, "readings": tuple(_reading(one) for one in message["readings"])})


def _reading(message: Any) -> Reading:
    match message:
        case {"answer": str(answer), "confidence": float(confidence), **rest} if not rest and 0.0 <= confidence <= 1.0:
            return Reading(answer, confidence)
    raise _garbled("a reading with a wrong field")


def read_fault(message: Any) -> EdgeAgentError:
    """The error that the engine's process reported."""
    return faults.read_fault(message) or _garbled("an error without a code")


def _garbled(what: str) -> NodeFault:
    return NodeFault(Code.ENGINE_CRASHED, f"the engine's process sent {what}")
