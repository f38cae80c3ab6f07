"""Stop and resume. STOP asks for a normal stop over software; it is not safety-rated and replaces no emergency stop."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from edge_agent.messages.base import Epoch, Identifier, Message, Reason


class Halt(Message):
    """A client asks for a stop of every robot, now. Answered by `halted`; idempotent."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "halt", "request_id": "r-9", "reason": "button"}

    type: Literal["halt"] = "halt"
    request_id: Identifier
    reason: Reason = ""


class Halted(Message):
    """The stop is on the bus and latched."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "halted", "request_id": "r-9", "stop_id": "s-7-1", "epoch": 7}

    type: Literal["halted"] = "halted"
    request_id: Identifier
    stop_id: Identifier
    epoch: Epoch


class Stop(Message):
    """To executors and on the PUB socket: stop now. Resent until acknowledged."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "stop", "stop_id": "s-7-1", "epoch": 7, "reason": "said: stop"}

    type: Literal["stop"] = "stop"
    stop_id: Identifier
    epoch: Epoch
    reason: Reason = ""


class Stopped(Message):
    """An executor's acknowledgement of a stop."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "stopped", "stop_id": "s-7-1", "robot": "robot", "epoch": 7}

    type: Literal["stopped"] = "stopped"
    stop_id: Identifier
    robot: Identifier
    epoch: Epoch


class Resume(Message):
    """Release the latch of exactly this stop. No sentence can do it: only this message, by the stop's id."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "resume", "request_id": "r-10", "stop_id": "s-7-1"}

    type: Literal["resume"] = "resume"
    request_id: Identifier
    stop_id: Identifier


class Resumed(Message):
    """The latch is off; what had failed stays failed."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "resumed", "request_id": "r-10", "stop_id": "s-7-1"}

    type: Literal["resumed"] = "resumed"
    request_id: Identifier
    stop_id: Identifier
