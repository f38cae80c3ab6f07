"""What passes between the node and the ear's process, both ways, one JSON header a frame, sound beside it.

To the process: `load` first; then of each stream `open`, `pcm` (with sound), `gap`, `settle`, and `end`, after which it
tells what was left and that it has ended, or `close`, which wants nothing more. Back: `ready`; every event of a stream;
after each sound how far the stream has come, so that a client may send more. The node trusts none of what comes back:
what is not exactly as expected is a `BadFrame`, which ends the process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, get_args

from edge_agent.errors import ClientFault, Code
from edge_agent.processes.frames import BadFrame, JsonObject
from edge_agent.speech.audio import BYTES_PER_SAMPLE, PcmFormat
from edge_agent.speech.events import EarEvent, SpeechHeard
from edge_agent.speech.segmenter import Mode, SegmenterRules

_TEXT_CHARS_MAX: Final = 2_000
_KINDS: Final[Mapping[str, type[EarEvent]]] = {kind.__name__: kind for kind in get_args(EarEvent)}


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a stream."""

    stream: int
    event: EarEvent


@dataclass(frozen=True, slots=True)
class Position:
    """How much of a stream's sound was taken, in milliseconds from its beginning."""

    stream: int
    ms: float


@dataclass(frozen=True, slots=True)
class Ended:
    """Everything of a stream has been told."""

    stream: int


def open_object(stream: int, form: PcmFormat, mode: Mode, rules: Mapping[str, float]) -> JsonObject:
    """The message that opens a stream; `rules` are those of the segmenter's that are not to be as they stand."""
    return {"open": {"stream": stream, **asdict(form), "mode": mode, "rules": dict(rules)}}


def read_open(message: JsonObject) -> tuple[PcmFormat, Mode, SegmenterRules]:
    """A stream as the ear's process reads it; the node is trusted there, the client's format is not.

    Raises:
        ClientFault: AUDIO_FORMAT.
        ConfigurationFault: SETTINGS_INVALID.
    """
    form = PcmFormat(message["rate_hz"], message["channels"], message["encoding"])
    mode: Mode
    match message["mode"]:
        case "continuous" | "push_to_talk" as mode:
            return form, mode, SegmenterRules.of_object(message["rules"])
    raise ClientFault(Code.AUDIO_FORMAT, f"{message['mode']!r} is no mode: continuous or push_to_talk")


def event_frame(stream: int, event: EarEvent) -> tuple[JsonObject, bytes]:
    """An event as a frame's header and payload."""
    told = asdict(event)
    sound = told.pop("pcm", b"")
    return {"stream": stream, "event": type(event).__name__, **told}, sound


def read_ear(header: JsonObject, payload: bytes) -> Told | Position | Ended:
    """What the ear's process said once it was ready.

    Raises:
        BadFrame: it is nothing that an ear says.
    """
    match header:
        case {"stream": stream, "event": str(name), **rest}:
            return Told(_count(stream), _event(name, rest, payload))
        case {"position": stream, "ms": ms, **rest} if not rest and not payload:
            return Position(_count(stream), _number(ms))
        case {"ended": stream, **rest} if not rest and not payload:
            return Ended(_count(stream))
    raise BadFrame("nothing that an ear says")


def _event(name: str, told: JsonObject, payload: bytes) -> EarEvent:
    kind = _KINDS.get(name)
    if kind is None:
        raise BadFrame(f"an event {name[:40]!r}")
    if kind is SpeechHeard:
        told = {**told, "pcm": payload}
    elif payload:
        raise BadFrame(f"sound beside {name}")
    if told.keys() != {field.name for field in fields(kind)}:
        raise BadFrame(f"{name} with other fields")
    return kind(**{field: _READERS[field](value) for field, value in told.items()})


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:  # True is an int to isinstance
        raise BadFrame("a number that is none")
    return value


def _number(value: Any) -> float:
    if type(value) is not float or not math.isfinite(value):
        raise BadFrame("a time or score that is none")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _TEXT_CHARS_MAX:
        raise BadFrame("words that are none")
    return value


def _code(value: Any) -> Code:
    try:
        return Code(value)
    except ValueError as problem:
        raise BadFrame("a code that is none") from problem


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadFrame("a yes or no that is none")
    return value


def _sound(value: bytes) -> bytes:
    if not value or len(value) % BYTES_PER_SAMPLE:
        raise BadFrame("sound of no whole number of samples")
    return value


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "utterance": _count,
    "at_ms": _number,
    "begin_ms": _number,
    "end_ms": _number,
    "decided_ms": _number,
    "score": _number,
    "phrase": _text,
    "message": _text,
    "code": _code,
    "over": _flag,
    "pcm": _sound,
}
"""How each field of an event is read, whichever event it is in."""
