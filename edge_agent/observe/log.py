"""The log: a line an event, on stderr. JSON for a journal or a file, short words for a terminal.

Decides what is left out: what lies below the level, what people said unless the settings ask for it, and whatever
repeats itself too often (`flood`), which is counted and said. No value can begin a line of its own or move a cursor.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Final, TextIO

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import Code
from edge_agent.observe.events import (
    CommandAccepted,
    HandshakeRefused,
    MessageRefused,
    ModeChanged,
    NodeBeat,
    NodeChanged,
    NodeEvent,
    StageCompleted,
    StageFailed,
    StopLatched,
)
from edge_agent.observe.flood import Flood

LEFT_OUT: Final = "LinesLeftOut"
_FROM_SPEECH: Final = ("said", "understood")
"""What the reason of a stop begins with when the rest of it is what somebody said."""


class Level(IntEnum):
    """How much an event matters."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class LogRules:
    """How the log is written."""

    as_json: bool
    level: Level = Level.INFO
    with_text: bool = False
    """What people said is written, too."""


class Log:
    """A listener of the stream."""

    def __init__(self, out: TextIO, clock: Clock, rules: LogRules) -> None:
        self._out = out
        self._clock = clock
        self._rules = rules
        self._flood = Flood(limits.LOG_WINDOW_MS)

    def __call__(self, event: NodeEvent) -> None:
        """Write one event. A beat is none, but the time to say what was left out."""
        now_ms = self._clock.now_ms()
        for what, count in self._flood.over(now_ms):
            self._write(Level.WARNING, LEFT_OUT, {"what": what, "count": count})
        level = level_of(event)
        if isinstance(event, NodeBeat) or level < self._rules.level:
            return
        most = limits.LOG_LINES_MAX if level <= Level.INFO else limits.LOG_TROUBLES_MAX
        if self._flood.lets(_kind_of(event), most, now_ms):
            self._write(level, type(event).__name__, self._values(event))

    def _values(self, event: NodeEvent) -> dict[str, Any]:
        values = {field.name: getattr(event, field.name) for field in fields(event)}
        if not self._rules.with_text:
            if isinstance(event, CommandAccepted):
                del values["text"]
            if isinstance(event, StopLatched) and event.reason.startswith(_FROM_SPEECH):
                values["reason"] = event.reason.partition(":")[0]
        return {key: _cut(value) for key, value in values.items()}

    def _write(self, level: Level, name: str, values: dict[str, Any]) -> None:
        if self._rules.as_json:
            head = {"wall_ms": self._clock.wall_ms(), "level": level.name.lower(), "event": name}
            line = json.dumps({**head, **values}, ensure_ascii=False)
        else:
            shown = [f"{key}={_printable(value)}" for key, value in values.items() if value not in ("", None)]
            line = " ".join([name, *shown])
        with contextlib.suppress(OSError):  # a full disk must not silence the node for good
            self._out.write(line + "\n")
            self._out.flush()


def level_of(event: NodeEvent) -> Level:
    """How much an event matters: refusals and what is missing are warnings, the node's own faults are errors."""
    match event:
        case StageCompleted() | NodeBeat():
            return Level.DEBUG
        case NodeChanged(code=Code.INTERNAL | Code.JOURNAL_DAMAGED):
            return Level.ERROR
        case NodeChanged(code=code) if code:
            return Level.WARNING
        case ModeChanged(holds=True) | MessageRefused() | HandshakeRefused() | StageFailed() | StopLatched():
            return Level.WARNING
    return Level.INFO


def _kind_of(event: NodeEvent) -> str:
    """Lines of one kind are counted together. There are few kinds, whatever anybody sends."""
    match event:
        case MessageRefused(code=code) | HandshakeRefused(code=code) | StageFailed(code=code):
            return f"{type(event).__name__} {code}"
        case NodeChanged(what=what, code=code):
            return f"{type(event).__name__} {what} {code}".rstrip()
        case ModeChanged(mode=mode):
            return f"{type(event).__name__} {mode}"
    return type(event).__name__


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > limits.LOG_VALUE_CHARS_MAX:
        return f"{value[: limits.LOG_VALUE_CHARS_MAX]}… ({len(value)} characters)"
    return value


def _printable(value: Any) -> str:
    """A value on one line, whatever characters somebody put into it."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)
