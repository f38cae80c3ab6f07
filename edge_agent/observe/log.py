"""The log: a line an event, on stderr. JSON for a journal or a file, short words for a terminal."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import fields
from typing import TextIO

from edge_agent.observe.events import NodeEvent, StageCompleted


class Log:
    """A listener of the stream."""

    def __init__(self, out: TextIO, wall_ms: Callable[[], int], *, as_json: bool) -> None:
        self._out = out
        self._wall_ms = wall_ms
        self._as_json = as_json

    def __call__(self, event: NodeEvent) -> None:
        """Write one event. The single stages stay out: each answer carries them."""
        if isinstance(event, StageCompleted):
            return
        values = {field.name: getattr(event, field.name) for field in fields(event)}
        name = type(event).__name__
        if self._as_json:
            line = json.dumps({"wall_ms": self._wall_ms(), "event": name, **values}, ensure_ascii=False)
        else:
            line = " ".join([name, *(f"{key}={value}" for key, value in values.items() if value not in ("", None))])
        with contextlib.suppress(OSError):  # a full disk must not silence the node for good
            self._out.write(line + "\n")
            self._out.flush()
