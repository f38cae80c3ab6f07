"""`button`: a press says yes to the one action that waits for it. Runs beside the machine until it is ended.

It shows what waits as it comes. Refuses aloud, and does nothing, where nothing or several things wait, or where a press
came before anybody can have read what it agrees to.
"""

from __future__ import annotations

import argparse
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Final

from edge_agent.cli.answers import compact, label
from edge_agent.cli.connection import add_settings_arguments, connect
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.presses import KeyPresses, LinePresses, Presses
from edge_agent.cli.screen import Screen
from edge_agent.client import Client
from edge_agent.client.waiting import Shown, Waiting
from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import EdgeAgentError
from edge_agent.messages import StateEvent

EXAMPLE = "edge-agent button --device /dev/input/event3 --code 28 --robot porter"

_LOOK_MS: Final = 20.0
"""How long to wait for an event, then for a press, in turn."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `button` takes."""
    parser.add_argument("--device", type=Path, metavar="FILE", help="a Linux input device (default: lines of stdin)")
    parser.add_argument("--code", type=int, metavar="N", help="only this key of it (default: any)")
    parser.add_argument("--robot", metavar="NAME", help="only what this robot is to do (default: any)")
    add_settings_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Show what waits, and agree at a press."""
    device = KeyPresses(options.device, options.code) if options.device is not None else None
    with closing(device) if device is not None else nullcontext(), connect(options) as client:
        button = _Button(client, Waiting(options.robot), screen, SystemClock())
        button.look()
        presses: Presses = device or LinePresses()
        try:
            while True:
                button.hear()
                if presses.pressed(_LOOK_MS):
                    button.press()
                    presses.pressed(0.0)  # what was pressed while the node was asked is no second yes
        except EOFError:
            return Exit.OK


class _Button:
    """One button and the node that it belongs to."""

    def __init__(self, client: Client, waiting: Waiting, screen: Screen, clock: Clock) -> None:
        self._client = client
        self._waiting = waiting
        self._screen = screen
        self._clock = clock

    def look(self) -> None:
        """Show what waits already."""
        for action in self._waiting.look(self._client.snapshot(), self._clock.now_ms()):
            self._show(action)

    def hear(self) -> None:
        """Show the next thing that waits, if one comes."""
        event = next(self._client.events(timeout_ms=_LOOK_MS), None)
        if isinstance(event, StateEvent) and self._waiting.hear(event, self._clock.now_ms()):
            self._show(event)

    def press(self) -> None:
        """Agree to the one action that waits, by what the node says now and not by what was heard before."""
        pressed_ms = self._clock.now_ms()
        try:
            snapshot = self._client.snapshot()
            meant = self._waiting.meant(snapshot, pressed_ms)
            if isinstance(meant, str):
                self._refuse(meant)
                for action in self._waiting.look(snapshot, self._clock.now_ms()):
                    self._show(action)
                return
            confirmed = self._client.confirm(meant)
        except EdgeAgentError as problem:
            self._refuse(str(problem))
            return
        self._screen.line(label("confirmed", "green"), f"{confirmed.action_id}  {compact(meant.action)}")
        self._screen.record({"confirmed": confirmed.action_id, "action": meant.action})

    def _show(self, action: Shown) -> None:
        assert action.unconfirmed is not None  # only such actions are shown
        seconds = action.unconfirmed.expires_in_ms / 1000
        self._screen.line(
            label("waits", "yellow"),
            f"{action.robot}  {compact(action.action)}",
            (f"  {action.action_id}, {seconds:.0f} s", "dim"),
        )
        self._screen.record({"waits": action.model_dump(mode="json", exclude_none=True)})

    def _refuse(self, why: str) -> None:
        self._screen.line(label("refused", "red"), why)
        self._screen.record({"refused": why})
