"""The nouns on the wire, one file a stage. `TO_NODE` and `FROM_NODE` say who sends what."""

from __future__ import annotations

from edge_agent.messages.answer import (
    Answer,
    Confirmation,
    Failure,
    Outcome,
    PlannedAction,
    Reading,
    Rejection,
    RejectReason,
    Timings,
)
from edge_agent.messages.audio import (
    AudioAttach,
    AudioChunk,
    AudioEnd,
    AudioEnded,
    AudioProgress,
    AudioReady,
    AudioStart,
    Heard,
)
from edge_agent.messages.base import JsonAction, Message
from edge_agent.messages.command import Accepted, Command, Confirm, Confirmed, Context, Spoken
from edge_agent.messages.executor import ActionState, Heartbeat, Hello, Noted, Perform, Report, Welcome
from edge_agent.messages.status import (
    CommandEvent,
    ErrorReply,
    OpenAction,
    RobotStatus,
    Snapshot,
    SnapshotRequest,
    StateEvent,
)
from edge_agent.messages.stop import Halt, Halted, Resume, Resumed, Stop, Stopped
from edge_agent.messages.world import EntityRecord, WorldUpdate, WorldUpdated

TO_NODE: tuple[type[Message], ...] = (
    Command,
    Confirm,
    Halt,
    Resume,
    WorldUpdate,
    SnapshotRequest,
    Hello,
    Report,
    Heartbeat,
    Stopped,
    AudioStart,
    AudioChunk,
    AudioEnd,
    AudioAttach,
)
"""What the ROUTER socket takes."""

FROM_NODE: tuple[type[Message], ...] = (
    Accepted,
    Answer,
    Confirmed,
    Halted,
    Resumed,
    WorldUpdated,
    Snapshot,
    ErrorReply,
    Welcome,
    Perform,
    Noted,
    Stop,
    StateEvent,
    CommandEvent,
    AudioReady,
    AudioProgress,
    AudioEnded,
    Heard,
)
"""What the node sends, on the ROUTER or the PUB socket."""

__all__ = [
    "FROM_NODE",
    "TO_NODE",
    "Accepted",
    "ActionState",
    "Answer",
    "AudioAttach",
    "AudioChunk",
    "AudioEnd",
    "AudioEnded",
    "AudioProgress",
    "AudioReady",
    "AudioStart",
    "Command",
    "CommandEvent",
    "Confirm",
    "Confirmation",
    "Confirmed",
    "Context",
    "EntityRecord",
    "ErrorReply",
    "Failure",
    "Halt",
    "Halted",
    "Heard",
    "Heartbeat",
    "Hello",
    "JsonAction",
    "Message",
    "Noted",
    "OpenAction",
    "Outcome",
    "Perform",
    "PlannedAction",
    "Reading",
    "RejectReason",
    "Rejection",
    "Report",
    "Resume",
    "Resumed",
    "RobotStatus",
    "Snapshot",
    "SnapshotRequest",
    "Spoken",
    "StateEvent",
    "Stop",
    "Stopped",
    "Timings",
    "Welcome",
    "WorldUpdate",
    "WorldUpdated",
]
