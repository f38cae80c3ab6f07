"""How a verb ends, in one table: shells and supervisors read the number, people read the README's copy of it."""

from __future__ import annotations

from enum import IntEnum

from edge_agent.errors import Code, ConfigurationFault, EdgeAgentError, NodeFault
from edge_agent.messages import Outcome


class Exit(IntEnum):
    """The numbers a verb can end with. They are added, never changed."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4
    FAILED = 5
    EXPIRED = 6
    STOPPED = 7
    INTERRUPTED = 130


MEANING: dict[Exit, str] = {
    Exit.OK: "done",
    Exit.REFUSED: "understood and refused, or a check found something wrong",
    Exit.USAGE: "the command line makes no sense",
    Exit.CONFIGURATION: "a file or a setting is wrong, or a model is missing",
    Exit.UNREACHABLE: "no node answers at the address",
    Exit.FAILED: "the node or the robot could not do it",
    Exit.EXPIRED: "too late: the time to live passed and nothing was sent",
    Exit.STOPPED: "a stop is latched, or came in between",
    Exit.INTERRUPTED: "ended by Ctrl-C",
}

_OF_CODE: dict[Code, Exit] = {
    Code.NODE_UNREACHABLE: Exit.UNREACHABLE,
    Code.NO_ANSWER: Exit.UNREACHABLE,
    Code.EXPIRED: Exit.EXPIRED,
    Code.CONFIRMATION_EXPIRED: Exit.EXPIRED,
    Code.STOPPED: Exit.STOPPED,
    Code.MODEL_MISSING: Exit.CONFIGURATION,
    Code.MODEL_NOT_A_FILE: Exit.CONFIGURATION,
    Code.MODEL_DAMAGED: Exit.CONFIGURATION,
    Code.MODEL_HASH_MISMATCH: Exit.CONFIGURATION,
    Code.WORLD_INVALID: Exit.CONFIGURATION,
    Code.ALREADY_RUNNING: Exit.CONFIGURATION,
}

_OF_OUTCOME: dict[Outcome, Exit] = {
    Outcome.ACTIONS: Exit.OK,
    Outcome.REJECT: Exit.REFUSED,
    Outcome.EXPIRED: Exit.EXPIRED,
    Outcome.STOPPED: Exit.STOPPED,
    Outcome.FAILED: Exit.FAILED,
}


def exit_of_error(error: EdgeAgentError) -> Exit:
    """The number that an error ends with: by its code where that says more than whose fault it was."""
    if error.code in _OF_CODE:
        return _OF_CODE[error.code]
    if isinstance(error, ConfigurationFault):
        return Exit.CONFIGURATION
    return Exit.FAILED if isinstance(error, NodeFault) else Exit.REFUSED


def exit_of_outcome(outcome: Outcome) -> Exit:
    """The number that a command's answer ends with."""
    return _OF_OUTCOME[outcome]


def table_text() -> str:
    """The table as the end of `edge-agent --help` shows it."""
    return "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANING.items())
