"""Errors as they pass between a child and the node: whose fault, which code, which words."""

from __future__ import annotations

from typing import Any

from edge_agent.errors import ClientFault, Code, ConfigurationFault, EdgeAgentError, NodeFault

_FAULTS: dict[str, type[EdgeAgentError]] = {
    "client": ClientFault,
    "configuration": ConfigurationFault,
    "node": NodeFault,
}
_MESSAGE_CHARS_MAX = 2_000
_WHERE_CHARS_MAX = 500


def fault_object(error: EdgeAgentError) -> dict[str, str]:
    """An error as JSON."""
    fault = next(name for name, kind in _FAULTS.items() if isinstance(error, kind))
    return {"fault": fault, "code": error.code.value, "message": error.message, "where": error.where}


def read_fault(message: Any) -> EdgeAgentError | None:
    """The error that a child reported; None when it is none, which is the child's own fault."""
    try:
        kind = _FAULTS[message["fault"]]
        code = Code(message["code"])
        return kind(code, str(message["message"])[:_MESSAGE_CHARS_MAX], where=str(message["where"])[:_WHERE_CHARS_MAX])
    except (KeyError, ValueError, TypeError):
        return None
