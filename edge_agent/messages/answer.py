"""What became of a command: exactly one typed answer each."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from edge_agent import limits
from edge_agent.errors import Code
from edge_agent.messages.base import Epoch, Identifier, JsonAction, Message, Milliseconds, Name, Part


class Outcome(StrEnum):
    """The five ends that an interpretation can have."""

    ACTIONS = "actions"
    """Checked actions; each is queued, or waits for its confirmation."""
    REJECT = "reject"
    """Understood, and refused: `reject` says why."""
    EXPIRED = "expired"
    """The time to live passed; nothing was sent."""
    STOPPED = "stopped"
    """A stop: this command was one, or one came while this command was worked on."""
    FAILED = "failed"
    """The node could not do it: `error` says why. Nothing was sent."""


class RejectReason(StrEnum):
    """Why a sentence is refused."""

    UNKNOWN_ENTITY = "unknown_entity"
    NOT_A_COMMAND = "not_a_command"
    AMBIGUOUS = "ambiguous"
    UNSUPPORTED = "unsupported"


class Confirmation(Part):
    """What the client must send back to let this action happen."""

    token: Identifier
    expires_in_ms: Milliseconds


class PlannedAction(Part):
    """One action of the answer, in order."""

    action_id: Identifier
    robot: Identifier
    action: JsonAction
    digest: str
    """sha256 of the action's canonical JSON."""
    tier: Annotated[int, Field(ge=0, le=2)]
    """0 stop, 1 reversible, 2 motion, locks, heat and money."""
    confirmation: Confirmation | None = None


class Reading(Part):
    """One thing that a doubtful sentence may mean."""

    actions: Annotated[tuple[JsonAction, ...], Field(min_length=1, max_length=limits.ACTIONS_MAX)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    """How sure this reading is, on the answer's own scale."""


class Rejection(Part):
    """Why nothing will happen, in a form for programs and one for people."""

    reason: RejectReason
    detail: Annotated[str, Field(max_length=limits.REASON_CHARS_MAX * 2)] = ""
    candidates: tuple[Name, ...] = ()
    """For `ambiguous`: the entities that the name fits."""
    readings: Annotated[tuple[Reading, ...], Field(max_length=limits.READINGS_MAX)] = ()
    """For `ambiguous` because nothing was sure enough: what may be meant, likeliest first. "Did you mean …?" """


class Failure(Part):
    """A node's own failure inside an answer."""

    code: Code
    message: str
    where: str = ""
    """For POLICY_REFUSED the slot concerned."""


class Timings(Part):
    """Milliseconds a stage; `total_ms` is from receipt to answer and the others add up to it.

    What was spoken is received when speech ends. Work done during the silence that is waited for costs nothing more, so
    the stages of a sentence that was read in it are 0.
    """

    endpoint_ms: Milliseconds = 0.0
    """Silence waited for, to be sure that speech had ended."""
    transcribe_ms: Milliseconds = 0.0
    """From that to the words."""

    admit_ms: Milliseconds = 0.0
    journal_ms: Milliseconds = 0.0
    link_ms: Milliseconds = 0.0
    grammar_ms: Milliseconds = 0.0
    queue_ms: Milliseconds = 0.0
    """Waiting for one's turn: to be read, and to be answered behind earlier commands of the same robot."""
    decide_ms: Milliseconds = 0.0
    resolve_ms: Milliseconds = 0.0
    dispatch_ms: Milliseconds = 0.0
    """Writing the actions and handing the first one on."""
    other_ms: Milliseconds = 0.0
    """What no stage claims."""
    total_ms: Milliseconds = 0.0


class Answer(Message):
    """The end of a command's interpretation. What the robot then does arrives as `state` events."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "answer",
        "request_id": "r-1",
        "command_id": "c-7-1",
        "epoch": 7,
        "outcome": "actions",
        "actions": [
            {
                "action_id": "a-7-1-1",
                "robot": "robot",
                "action": {"action": "bring", "object": "red box", "source": "dock 3", "destination": "packing"},
                "digest": "0" * 64,
                "tier": 2,
            }
        ],
        "marked": "bring the [1 red box] from [2 dock 3] to [3 packing]",
        "confidence": 0.98,
        "passes": 9,
        "timings": {"link_ms": 0.3, "decide_ms": 11.9, "total_ms": 12.2},
    }

    type: Literal["answer"] = "answer"
    request_id: Identifier
    command_id: Identifier
    epoch: Epoch
    outcome: Outcome
    actions: tuple[PlannedAction, ...] = ()
    reject: Rejection | None = None
    error: Failure | None = None
    marked: str = ""
    """The sentence as the model saw it."""
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    """How often such an answer is right: calibrated for the bundled model, for another one the bare probability."""
    passes: Annotated[int, Field(ge=0)] = 0
    """Forward passes of the model."""
    timings: Timings = Timings()
