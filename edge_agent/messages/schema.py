"""The wire, described for other languages: JSON Schema of every message, and an AsyncAPI document of both sockets.

Made from the message classes and nothing else, so neither can drift from what the codec reads. Decides nothing.
"""

from __future__ import annotations

import inspect
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from edge_agent import __version__
from edge_agent.messages import FROM_NODE, TO_NODE
from edge_agent.messages.answer import Answer
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
from edge_agent.messages.base import Message
from edge_agent.messages.command import Accepted, Command, Confirm, Confirmed
from edge_agent.messages.executor import Heartbeat, Hello, Noted, Perform, Report, Welcome
from edge_agent.messages.status import Beat, CommandEvent, ErrorReply, Snapshot, SnapshotRequest, StateEvent
from edge_agent.messages.stop import Halt, Halted, Resume, Resumed, Stop, Stopped
from edge_agent.messages.world import WorldUpdate, WorldUpdated

JSON_SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI_VERSION: Final = "3.0.0"

TOPICS: Final[dict[str, type[Message]]] = {
    "state": StateEvent,
    "command": CommandEvent,
    "stop": Stop,
    "heard": Heard,
    "node": Beat,
}
"""The PUB socket: the first frame of each message, and what the second one holds."""

REPLIES: Final[dict[type[Message], tuple[type[Message], ...]]] = {
    Command: (Accepted, Answer),
    Confirm: (Confirmed,),
    Halt: (Halted,),
    Resume: (Resumed,),
    WorldUpdate: (WorldUpdated,),
    SnapshotRequest: (Snapshot,),
    Hello: (Welcome,),
    Report: (Noted,),
    Heartbeat: (),
    Stopped: (),
    AudioStart: (AudioReady,),
    AudioChunk: (AudioProgress, Heard, Accepted, Answer),
    AudioEnd: (Heard, Accepted, Answer, AudioEnded),
    AudioAttach: (AudioReady, Heard, Accepted, Answer),
}
"""What the node answers to each message; `error` is possible everywhere."""

UNASKED: Final[tuple[type[Message], ...]] = (Perform, Stop)
"""What the node sends to an executor that said hello, without being asked."""


def json_schemas() -> dict[str, Any]:
    """One JSON Schema document: any message of either direction, each class under `$defs` by its name."""
    _, document = models_json_schema([(kind, "validation") for kind in (*TO_NODE, *FROM_NODE)])
    definitions: dict[str, Any] = document["$defs"]
    for kind in (*TO_NODE, *FROM_NODE):
        schema = definitions[kind.__name__]
        # pydantic gives the type a default, which would make it optional; the codec never does without it
        schema["required"] = ["type", *schema.get("required", [])]
        schema["properties"]["type"].pop("default", None)
    definitions["ToNode"] = _one_of(TO_NODE, "What the node's ROUTER socket takes.")
    definitions["FromNode"] = _one_of(FROM_NODE, "What the node sends, on the ROUTER or the PUB socket.")
    return {
        "$schema": JSON_SCHEMA_DIALECT,
        "title": "edge_agent messages",
        "version": __version__,
        "oneOf": [{"$ref": "#/$defs/ToNode"}, {"$ref": "#/$defs/FromNode"}],
        "$defs": dict(sorted(definitions.items())),
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document, from the node's point of view: it receives on `command` and sends on both."""
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "edge_agent",
            "version": __version__,
            "description": "Plain words in, checked JSON actions out. One JSON object, UTF-8, in one ZeroMQ frame.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "command": {
                "address": "command",
                "title": "ROUTER",
                "description": "Clients and executors connect a DEALER; every message is one frame, "
                "but audio_chunk has its PCM bytes in a second one.",
                "messages": {_type_of(kind): _message_ref(kind) for kind in (*TO_NODE, *_on_router())},
            },
            "events": {
                "address": "events",
                "title": "PUB",
                "description": "Watchers connect a SUB; a topic frame, then the message. Topics: " + ", ".join(TOPICS),
                "messages": {_type_of(kind): _message_ref(kind) for kind in TOPICS.values()},
            },
        },
        "operations": _operations(),
        "components": {
            "messages": {kind.__name__: _message(kind) for kind in (*TO_NODE, *FROM_NODE)},
            "schemas": _component_schemas(),
        },
    }


def _type_of(kind: type[Message]) -> str:
    return str(kind.model_fields["type"].default)


def _one_of(kinds: tuple[type[Message], ...], description: str) -> dict[str, Any]:
    return {
        "description": description,
        "oneOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds],
        "discriminator": {
            "propertyName": "type",
            "mapping": {_type_of(kind): f"#/$defs/{kind.__name__}" for kind in kinds},
        },
    }


def _on_router() -> tuple[type[Message], ...]:
    """What the node sends on the ROUTER socket, once each."""
    answers = (reply for replies in REPLIES.values() for reply in replies)
    return tuple(dict.fromkeys((*answers, *UNASKED, ErrorReply)))


def _message(kind: type[Message]) -> dict[str, Any]:
    doc = inspect.cleandoc(kind.__doc__ or "")
    return {
        "name": _type_of(kind),
        "summary": doc.splitlines()[0],
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "examples": [{"name": _type_of(kind), "payload": kind.EXAMPLE}],
    }


def _message_ref(kind: type[Message]) -> dict[str, str]:
    return {"$ref": f"#/components/messages/{kind.__name__}"}


def _channel_message_ref(channel: str, kind: type[Message]) -> dict[str, str]:
    return {"$ref": f"#/channels/{channel}/messages/{_type_of(kind)}"}


def _operations() -> dict[str, Any]:
    command = {"$ref": "#/channels/command"}
    operations: dict[str, Any] = {
        f"receive_{_type_of(asked)}": {
            "action": "receive",
            "channel": command,
            "messages": [_channel_message_ref("command", asked)],
            "reply": {"channel": command, "messages": _replies(replies)},
        }
        for asked, replies in REPLIES.items()
    }
    operations["send_to_executor"] = {
        "action": "send",
        "channel": command,
        "messages": [_channel_message_ref("command", kind) for kind in UNASKED],
    }
    operations["publish"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/events"},
        "messages": [_channel_message_ref("events", kind) for kind in TOPICS.values()],
    }
    return operations


def _replies(kinds: tuple[type[Message], ...]) -> list[dict[str, str]]:
    possible: list[type[Message]] = [*kinds, ErrorReply]
    return [_channel_message_ref("command", kind) for kind in possible]


def _component_schemas() -> dict[str, Any]:
    """The same definitions, with references that point into an AsyncAPI document."""
    definitions = {name: value for name, value in json_schemas()["$defs"].items() if name not in ("ToNode", "FromNode")}
    moved: dict[str, Any] = _moved(definitions)
    return moved


def _moved(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _moved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_moved(item) for item in value]
    return value.replace("#/$defs/", "#/components/schemas/") if isinstance(value, str) else value
