"""What somebody asks: a command in words, and the confirmation of an action that needs one."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from edge_agent import limits
from edge_agent.messages.base import Epoch, Identifier, Message, Name, Part

Alternative = Annotated[str, StringConstraints(max_length=limits.TEXT_CHARS_MAX)]
"""Another reading of what was heard."""


class Context(Part):
    """Where and by whom a command was said; fills "here", "me" and "the lights"."""

    area: Name | None = None
    """The area in which the speaker stands."""
    speaker: Name | None = None
    """The speaker's name in the world; "me" is emitted as `me` when it is absent."""


class Spoken(Part):
    """The command's text was heard by a recogniser: what else it may have been.

    A node never carries out what two readings disagree about, stops where any of them is a stop, and refuses where one
    of them forbids what another asks for. A reading that a command's text could not be (BAD_TEXT, EMPTY_TEXT) is left
    out.
    """

    alternatives: Annotated[tuple[Alternative, ...], Field(max_length=limits.ALTERNATIVES_MAX)] = ()
    """Other readings of the same sound, likeliest first, without `text` itself."""
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The recogniser's own of `text`; comparable within one recogniser."""


class Command(Message):
    """A command in plain words. Answered by `accepted`, then by exactly one `answer`; or by one `error`."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "command",
        "request_id": "r-1",
        "text": "bring the red box from dock 3 to packing",
        "ttl_ms": 2000,
        "context": {"area": "hall a"},
    }

    type: Literal["command"] = "command"
    request_id: Identifier
    """Chosen by the client. The same id with the same content returns the stored answer."""
    text: str
    """1 to 500 characters; longer is TOO_LONG, control characters are BAD_TEXT."""
    pack: Identifier | None = None
    """Which vocabulary; the node's first pack when absent."""
    robot: Name | None = None
    """Who should do it; the node's default robot when absent. Any other name, look-alikes too, is UNKNOWN_TARGET."""
    session: Identifier | None = None
    """Whose dialogue "it" and "there" belong to; the sending client's own when absent."""
    ttl_ms: Annotated[int, Field(ge=limits.TTL_MS_MIN, le=limits.TTL_MS_MAX)] | None = None
    """Time from receipt to the sending of the first action; the pack's default when absent."""
    context: Context = Context()
    spoken: Spoken | None = None
    """Present when the text was heard and not typed: names are then also known by their sound."""


class Accepted(Message):
    """The command is in the journal and will be answered, whatever happens to the process."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "accepted",
        "request_id": "r-1",
        "command_id": "c-7-1",
        "epoch": 7,
    }

    type: Literal["accepted"] = "accepted"
    request_id: Identifier
    command_id: Identifier
    epoch: Epoch


class Confirm(Message):
    """Yes to one exact action. Bound to its digest, single use, expiring.

    A wrong digest or token ends the action, and so does a missing token of somebody who needs one.
    """

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "confirm",
        "request_id": "r-2",
        "action_id": "a-7-1-1",
        "digest": "0" * 64,
        "token": "f2c1",
    }

    type: Literal["confirm"] = "confirm"
    request_id: Identifier
    action_id: Identifier
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """sha256 of the action's canonical JSON, as shown in the answer, and where the action waits for a yes."""
    token: Identifier | None = None
    """The single-use token of the answer's `confirmation`; absent from who may confirm what others ask for."""


class Confirmed(Message):
    """The confirmation held; the action is queued."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "confirmed", "request_id": "r-2", "action_id": "a-7-1-1"}

    type: Literal["confirmed"] = "confirmed"
    request_id: Identifier
    action_id: Identifier
