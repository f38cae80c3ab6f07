"""Presses of a button: lines of standard input, or a key of a Linux input device. Decides nothing about what they mean.

An input device is read as the kernel writes it (`struct input_event`, linux/input.h): pressing counts, letting go and
the repetition of a key that is held down do not. A device that is gone is BUTTON_LOST.
"""

from __future__ import annotations

import os
import select
import struct
import sys
from pathlib import Path
from typing import Final, Protocol

from edge_agent.errors import Code, ConfigurationFault, NodeFault

_EVENT: Final = struct.Struct("llHHi")
"""struct input_event: two longs of time, type, code, value."""
_EV_KEY: Final = 1
_PRESSED: Final = 1
_BYTES: Final = 4_096


class Presses(Protocol):
    """Where presses come from."""

    def pressed(self, wait_ms: float) -> bool:
        """Whether the button was pressed, once or more, by the end of this wait.

        Raises:
            EOFError: there will be no more.
            NodeFault: BUTTON_LOST.
        """


class LinePresses:
    """A press is a line of standard input; its end is the end."""

    def pressed(self, wait_ms: float) -> bool:
        """As `Presses.pressed`."""
        data = _read(sys.stdin.fileno(), wait_ms)
        if data == b"":
            raise EOFError
        return data is not None and b"\n" in data


class KeyPresses:
    """A press is a key of an input device going down: any key, or only the one of this code."""

    def __init__(self, device: Path, code: int | None) -> None:
        self._device = device
        self._code = code
        self._left = b""
        try:
            self._descriptor = os.open(device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as problem:
            raise ConfigurationFault(Code.SETTINGS_INVALID, str(problem.strerror), where=str(device)) from problem

    def pressed(self, wait_ms: float) -> bool:
        """As `Presses.pressed`."""
        try:
            data = _read(self._descriptor, wait_ms)
        except OSError as problem:
            raise self._lost(str(problem.strerror)) from problem
        if data == b"":
            raise self._lost("it has ended")
        self._left += data or b""
        whole = len(self._left) // _EVENT.size * _EVENT.size
        events, self._left = self._left[:whole], self._left[whole:]
        return any(
            kind == _EV_KEY and value == _PRESSED and self._code in (None, code)
            for _s, _us, kind, code, value in _EVENT.iter_unpack(events)
        )

    def close(self) -> None:
        os.close(self._descriptor)

    def _lost(self, why: str) -> NodeFault:
        return NodeFault(Code.BUTTON_LOST, f"the button cannot be read any more: {why}", where=str(self._device))


def _read(descriptor: int, wait_ms: float) -> bytes | None:
    """What there is to read after at most this wait; None for nothing, empty for the end."""
    ready, _, _ = select.select([descriptor], [], [], wait_ms / 1000.0)
    if not ready:
        return None
    try:
        return os.read(descriptor, _BYTES)
    except BlockingIOError:
        return None
