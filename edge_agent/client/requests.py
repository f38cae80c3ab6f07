"""What a client says and how it reads the replies. Pure: messages in, messages or errors out."""

from __future__ import annotations

from typing import Any, Final, TypedDict, TypeVar
from uuid import uuid4

from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.limits import ANSWER_MARGIN_MS
from edge_agent.messages import (
    FROM_NODE,
    ActionState,
    Answer,
    Beat,
    Command,
    CommandEvent,
    Confirm,
    Confirmed,
    Context,
    EntityRecord,
    ErrorReply,
    Halt,
    Halted,
    OpenAction,
    PlannedAction,
    Resume,
    Resumed,
    Snapshot,
    SnapshotRequest,
    StateEvent,
    Stop,
    WorldUpdate,
    WorldUpdated,
)
from edge_agent.messages.codec import Codec, build

WATCH_MS: Final = 500
"""How long a first command waits for the events to be watched; without them it goes out all the same."""
QUIET_MS: Final = 1_000
"""How long no event is believed before asking for a snapshot."""

Event = StateEvent | CommandEvent | Stop | Beat
Request = Command | Confirm | Halt | Resume | WorldUpdate | SnapshotRequest
Reply = TypeVar("Reply", Answer, Confirmed, Halted, Resumed, WorldUpdated, Snapshot)
Entities = tuple[EntityRecord, ...] | list[EntityRecord]
Confirmable = PlannedAction | OpenAction | StateEvent
"""An action of one's own answer; or of a snapshot or an event, for a client that may confirm what others ask."""

FROM_NODE_CODEC: Final = Codec(FROM_NODE)
ENDED: Final = frozenset({ActionState.FINISHED, ActionState.FAILED})

_MAY_PASS_LATER: Final = frozenset(
    {
        Code.QUEUE_FULL,
        Code.STOPPED,
        Code.POLICY_REFUSED,
        Code.JOURNAL_UNAVAILABLE,
        Code.JOURNAL_DAMAGED,
        Code.GRAMMAR_INVALID,
        Code.ENGINE_UNAVAILABLE,
        Code.ENGINE_CRASHED,
        Code.OUTPUT_INVALID,
        Code.NODE_UNREACHABLE,
        Code.NO_ANSWER,
        Code.INTERNAL,
    }
)


def new_id() -> str:
    """A request id that nobody else has."""
    return uuid4().hex


class CommandFields(TypedDict, total=False):
    """What may be said with a command besides its words."""

    pack: str | None
    robot: str | None
    session: str | None
    ttl_ms: int | None
    area: str | None
    """Where the speaker stands."""
    speaker: str | None
    request_id: str | None
    """The same id with the same content returns the stored answer, so asking again after NO_ANSWER is safe."""


def command_of(text: str, fields: CommandFields) -> Command:
    """A command message, with an id of its own where none is given.

    Raises:
        ClientFault: INVALID_MESSAGE, naming the field.
    """
    said: dict[str, Any] = {
        "request_id": new_id(),
        **{key: value for key, value in fields.items() if value is not None},
    }
    place = {key: said.pop(key) for key in ("area", "speaker") if key in said}
    said.setdefault("request_id", new_id())
    return build(Command, text=text, context=build(Context, **place), **said)


def patience_ms(ttl_ms: int | None, answer_ms: float) -> float:
    """How long to wait for an answer: never less than the command may take."""
    return answer_ms if ttl_ms is None else max(answer_ms, ttl_ms + ANSWER_MARGIN_MS)


def error_of(reply: ErrorReply) -> EdgeAgentError:
    """The node's refusal as this side's exception, with the same code."""
    kind = NodeFault if reply.code in _MAY_PASS_LATER else ClientFault
    return kind(reply.code, reply.message, where=reply.where)


def no_answer(timeout_ms: float, request_id: str) -> NodeFault:
    """What to raise when a reply does not come; asking again with the same id is safe."""
    return NodeFault(
        Code.NO_ANSWER,
        f"no answer within {timeout_ms:g} ms; asking again with request_id={request_id!r} does nothing twice",
    )


def read_event(frame: bytes) -> Event | None:
    """An event from the PUB socket, or None for what this edition does not know."""
    try:
        message = FROM_NODE_CODEC.decode(frame)
    except ClientFault:
        return None
    return message if isinstance(message, StateEvent | CommandEvent | Stop | Beat) else None


class Following:
    """Which actions of some answers have not been seen to end."""

    def __init__(self, answers: tuple[Answer, ...]) -> None:
        self._open = {planned.action_id for answer in answers for planned in answer.actions}

    @property
    def done(self) -> bool:
        """Every action was seen to end."""
        return not self._open

    def takes(self, event: Event) -> bool:
        """Whether the event is about one of these actions; notes the end of it."""
        if not isinstance(event, StateEvent) or event.action_id not in self._open:
            return False
        if event.state in ENDED:
            self._open.discard(event.action_id)
        return True

    def check(self, still_open: tuple[OpenAction, ...]) -> None:
        """Compare with a snapshot that is newer than every event seen.

        Raises:
            NodeFault: NO_ANSWER when an action has ended unseen.
        """
        unseen = self._open - {action.action_id for action in still_open}
        if unseen:
            raise NodeFault(Code.NO_ANSWER, f"ended before this client was watching: {', '.join(sorted(unseen))}")


def confirm_fields(action: Confirmable) -> dict[str, str]:
    """What a confirmation sends back: with the token of one's own answer, without it for what somebody else asked.

    Raises:
        ClientFault: CONFIRMATION_UNKNOWN when the action waits for none.
    """
    if isinstance(action, PlannedAction) and action.confirmation is not None:
        return {"action_id": action.action_id, "digest": action.digest, "token": action.confirmation.token}
    if not isinstance(action, PlannedAction) and action.unconfirmed is not None:
        return {"action_id": action.action_id, "digest": action.unconfirmed.digest}
    raise ClientFault(Code.CONFIRMATION_UNKNOWN, "this action needs no confirmation", where=action.action_id)
