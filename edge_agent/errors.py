"""One tree of errors: the class says whose fault it was, the stable `code` says what.

Codes are part of the wire contract: they are added, never renamed. Every third-party exception is translated into one
of these at the edge where the library is imported (`raise … from`), so nothing foreign escapes.
"""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Every refusal and failure that the node can name."""

    # wire
    BAD_FRAMES = "BAD_FRAMES"
    EMPTY_FRAME = "EMPTY_FRAME"
    TOO_LARGE = "TOO_LARGE"
    NOT_UTF8 = "NOT_UTF8"
    NOT_JSON = "NOT_JSON"
    DUPLICATE_KEY = "DUPLICATE_KEY"
    NOT_FINITE = "NOT_FINITE"
    TOO_DEEP = "TOO_DEEP"
    NUMBER_TOO_LONG = "NUMBER_TOO_LONG"
    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    INVALID_MESSAGE = "INVALID_MESSAGE"
    SAME_ID_DIFFERENT_CONTENT = "SAME_ID_DIFFERENT_CONTENT"
    QUEUE_FULL = "QUEUE_FULL"
    OWN_ROUTING_ID = "OWN_ROUTING_ID"
    # keys
    FORBIDDEN = "FORBIDDEN"
    KEY_REVOKED = "KEY_REVOKED"
    RATE_LIMITED = "RATE_LIMITED"
    KEY_MISSING = "KEY_MISSING"
    KEY_INVALID = "KEY_INVALID"
    # text
    EMPTY_TEXT = "EMPTY_TEXT"
    TOO_LONG = "TOO_LONG"
    BAD_TEXT = "BAD_TEXT"
    # addressing and lifecycle
    UNKNOWN_TARGET = "UNKNOWN_TARGET"
    UNKNOWN_PACK = "UNKNOWN_PACK"
    UNKNOWN_ACTION = "UNKNOWN_ACTION"
    WRONG_ROBOT = "WRONG_ROBOT"
    STALE_EPOCH = "STALE_EPOCH"
    ROBOT_TAKEN = "ROBOT_TAKEN"
    ILLEGAL_STATE = "ILLEGAL_STATE"
    EXPIRED = "EXPIRED"
    RESTARTED = "RESTARTED"
    STOPPED = "STOPPED"
    NOT_STOPPED = "NOT_STOPPED"
    CONFIRMATION_UNKNOWN = "CONFIRMATION_UNKNOWN"
    CONFIRMATION_MISMATCH = "CONFIRMATION_MISMATCH"
    CONFIRMATION_EXPIRED = "CONFIRMATION_EXPIRED"
    POLICY_REFUSED = "POLICY_REFUSED"
    # speech
    AUDIO_FORMAT = "AUDIO_FORMAT"
    AUDIO_ODD_BYTES = "AUDIO_ODD_BYTES"
    AUDIO_NOT_FINITE = "AUDIO_NOT_FINITE"
    AUDIO_CLIPPED = "AUDIO_CLIPPED"
    AUDIO_GAP = "AUDIO_GAP"
    AUDIO_OVERRUN = "AUDIO_OVERRUN"
    AUDIO_LOST = "AUDIO_LOST"
    AUDIO_INVALID = "AUDIO_INVALID"
    STREAM_TAKEN = "STREAM_TAKEN"
    STREAM_UNKNOWN = "STREAM_UNKNOWN"
    UTTERANCE_TOO_LONG = "UTTERANCE_TOO_LONG"
    NO_SPEECH = "NO_SPEECH"
    LOW_CONFIDENCE = "LOW_CONFIDENCE"
    MIC_LOST = "MIC_LOST"
    MIC_UNKNOWN = "MIC_UNKNOWN"
    SPEECH_UNAVAILABLE = "SPEECH_UNAVAILABLE"
    SPEECH_CRASHED = "SPEECH_CRASHED"
    # storage
    JOURNAL_UNAVAILABLE = "JOURNAL_UNAVAILABLE"
    JOURNAL_DAMAGED = "JOURNAL_DAMAGED"
    ALREADY_RUNNING = "ALREADY_RUNNING"
    # files
    SETTINGS_INVALID = "SETTINGS_INVALID"
    INSECURE_BIND = "INSECURE_BIND"
    WORLD_INVALID = "WORLD_INVALID"
    PACK_INVALID = "PACK_INVALID"
    PHRASES_INVALID = "PHRASES_INVALID"
    EVAL_INVALID = "EVAL_INVALID"
    PLAN_INVALID = "PLAN_INVALID"
    BENCH_INVALID = "BENCH_INVALID"
    MODEL_MISSING = "MODEL_MISSING"
    MODEL_NOT_A_FILE = "MODEL_NOT_A_FILE"
    MODEL_DAMAGED = "MODEL_DAMAGED"
    MODEL_HASH_MISMATCH = "MODEL_HASH_MISMATCH"
    MODEL_UNKNOWN = "MODEL_UNKNOWN"
    DOWNLOAD_FAILED = "DOWNLOAD_FAILED"
    MODEL_NOT_TRAINABLE = "MODEL_NOT_TRAINABLE"
    TRAINING_MISSING = "TRAINING_MISSING"
    # the service
    NOT_ROOT = "NOT_ROOT"
    SYSTEMD_MISSING = "SYSTEMD_MISSING"
    SERVICE_INVALID = "SERVICE_INVALID"
    SERVICE_FAILED = "SERVICE_FAILED"
    FOREIGN_FILE = "FOREIGN_FILE"
    NOT_INSTALLED = "NOT_INSTALLED"
    # grammar and engine
    GRAMMAR_INVALID = "GRAMMAR_INVALID"
    ENGINE_UNAVAILABLE = "ENGINE_UNAVAILABLE"
    ENGINE_CRASHED = "ENGINE_CRASHED"
    OUTPUT_INVALID = "OUTPUT_INVALID"
    PROMPT_TOO_LONG = "PROMPT_TOO_LONG"
    # client side
    NODE_UNREACHABLE = "NODE_UNREACHABLE"
    NO_ANSWER = "NO_ANSWER"
    BUTTON_LOST = "BUTTON_LOST"
    INTERNAL = "INTERNAL"


class EdgeAgentError(Exception):
    """Base of every error this package raises.

    `code` is stable, `message` is for a person and says what to do about it, `where` names the file, line and field or
    the message field concerned (empty when there is none).
    """

    def __init__(self, code: Code, message: str, *, where: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{self.code}: {place}{self.message}"


class ClientFault(EdgeAgentError):
    """What was sent is wrong; sending it again unchanged fails again."""


class ConfigurationFault(EdgeAgentError):
    """A file or a setting of the owner's is wrong; the message names file, line and field."""


class NodeFault(EdgeAgentError):
    """The node itself cannot do it now (engine, journal, disk); the same request may succeed later."""
