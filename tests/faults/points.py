"""The named places in the node's life where a campaign may kill it or hold it up, and how they are watched.

The product has no such hooks: its own functions are wrapped here, from outside, before it runs. A point whose function
has moved is an error at the start, never a kill that silently does not happen.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sqlite3
from collections.abc import Callable
from typing import Any, Final

Passed = Callable[[str], None]
"""Called with a point's name at every passage, in whatever thread passes."""

FUNCTIONS: Final = {
    "receive": "edge_agent.node.reception:Reception.receive",
    "admit": "edge_agent.node.acceptance:Acceptance.admit",
    "accept": "edge_agent.node.acceptance:Acceptance.write",
    "link": "edge_agent.world.linker:Linker.link",
    "interpret": "edge_agent.node.understanding:Understanding.interpret",
    "judge": "edge_agent.node.understanding:Understanding.judge",
    "settle": "edge_agent.node.answering:Answering.settle",
    "close": "edge_agent.node.answering:Answering.close",
    "release": "edge_agent.node.dispatch:Dispatcher.release",
    "begin_send": "edge_agent.node.ledger:Ledger.begin_send",
    "write_send": "edge_agent.node.ledger:Ledger.write_send",
    "perform": "edge_agent.node.dispatch:Dispatcher._perform",
    "report": "edge_agent.node.hearing:Hearing.report",
    "take_report": "edge_agent.node.ledger:Ledger.take_report",
    "confirm": "edge_agent.node.approval:Approval.confirm",
    "confirmed": "edge_agent.node.dispatch:Dispatcher.confirmed",
    "halt": "edge_agent.node.stops:Stops.halt",
    "spread": "edge_agent.node.stops:Stops._spread",
    "end_all": "edge_agent.node.dispatch:Dispatcher.end_all",
    "resume": "edge_agent.node.stops:Stops.resume",
    "world": "edge_agent.node.worlds:Worlds.update",
    "epoch": "edge_agent.node.boot:write_epoch",
    "open": "edge_agent.node.boot:open_database",
    "past": "edge_agent.node.boot:read_past",
    "settle_past": "edge_agent.node.boot:settle_past",
}
STATEMENTS: Final = ("begin", "insert", "delete", "commit")
"""Of the journal's thread, by the first word of the SQL."""
MESSAGES: Final = ("accepted", "answer", "perform", "noted", "confirmed", "halted", "resumed", "world_updated", "stop")
"""Handed to the sockets, by their type."""

POINTS: Final = tuple(
    f"{side} {name}"
    for name in (*FUNCTIONS, *STATEMENTS, *(f"send {kind}" for kind in MESSAGES))
    for side in ("before", "after")
)
BOOT: Final = tuple(
    f"{side} {name}" for name in ("epoch", "open", "past", "settle_past") for side in ("before", "after")
)
"""Passed once at every start, before anything is taken."""

_TYPE: Final = re.compile(rb'"type":"([a-z_]+)"')


def watch(passed: Passed) -> None:
    """Wrap every point of this process.

    Raises:
        AttributeError, ModuleNotFoundError: a point's function is not where it was.
    """
    for name, place in FUNCTIONS.items():
        owner, attribute = _found(place)
        setattr(owner, attribute, _wrapped(getattr(owner, attribute), name, passed))
    owner, attribute = _found("edge_agent.transport.sockets:Sockets.send")
    setattr(owner, attribute, _sending(getattr(owner, attribute), passed))
    owner, attribute = _found("edge_agent.transport.sockets:Sockets.publish")
    setattr(owner, attribute, _sending(getattr(owner, attribute), passed))
    _watch_statements(passed)


def _found(place: str) -> tuple[Any, str]:
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, attribute = path.split(".")
    for name in outer:
        owner = getattr(owner, name)
    return owner, attribute


def _wrapped(function: Any, name: str, passed: Passed) -> Any:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def waiting(*args: Any, **kwargs: Any) -> Any:
            passed(f"before {name}")
            result = await function(*args, **kwargs)
            passed(f"after {name}")
            return result

        return waiting

    @functools.wraps(function)
    def calling(*args: Any, **kwargs: Any) -> Any:
        passed(f"before {name}")
        result = function(*args, **kwargs)
        passed(f"after {name}")
        return result

    return calling


def _sending(function: Any, passed: Passed) -> Any:
    @functools.wraps(function)
    def sending(*args: Any, **kwargs: Any) -> Any:
        frame = next((arg for arg in reversed(args) if isinstance(arg, bytes)), b"")
        found = _TYPE.search(frame)
        name = f"send {found.group(1).decode()}" if found else ""
        if name:
            passed(f"before {name}")
        result = function(*args, **kwargs)
        if name:
            passed(f"after {name}")
        return result

    return sending


def _watch_statements(passed: Passed) -> None:
    class Watched(sqlite3.Connection):
        """Says what it is about to do, and what it has done."""

        def execute(self, sql: str, *parameters: Any) -> Any:  # type: ignore[override]
            word = sql.split(None, 1)[0].lower()
            if word not in STATEMENTS:
                return super().execute(sql, *parameters)
            passed(f"before {word}")
            result = super().execute(sql, *parameters)
            passed(f"after {word}")
            return result

    connect = sqlite3.connect

    def watched(*args: Any, **kwargs: Any) -> Any:
        return connect(*args, **{"factory": Watched, **kwargs})

    sqlite3.connect = watched  # type: ignore[assignment]
