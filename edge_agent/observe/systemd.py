"""Tells systemd that the node is up, alive or going down: datagrams to NOTIFY_SOCKET, silent where there is none."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

PATIENCE_INTERVALS: Final = 4
"""Intervals of the watchdog that a start may take on after each sign of life: a large model loads for minutes."""


class Systemd:
    """READY, WATCHDOG and STOPPING; `watchdog_ms` is how often systemd wants to hear from the loop (0: not at all)."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        watchdog_us = environment.get("WATCHDOG_USEC", "")
        watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_ms = int(watchdog_us) / 1000.0 / 2 if watchdog_us.isdecimal() and watched else 0.0
        self._starting = True

    def ready(self) -> None:
        """The node takes commands."""
        self._starting = False
        self._notify("READY=1")

    def alive(self) -> None:
        """The loop that does the work is going round. Until the node is ready this asks for more time to start."""
        more_us = int(PATIENCE_INTERVALS * self.watchdog_ms * 1000)
        self._notify("WATCHDOG=1" + (f"\nEXTEND_TIMEOUT_USEC={more_us}" if self._starting else ""))

    def stopping(self) -> None:
        """The node is going down on purpose."""
        self._notify("STOPPING=1")

    def _notify(self, state: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.connect(address)
                sender.send(state.encode())
        except OSError:
            return  # systemd will notice by itself that it hears nothing
