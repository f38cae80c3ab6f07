"""`watch`: follow a node's bus in a terminal: states, answers, stops, and the beat that says that it is alive."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

from edge_agent import limits
from edge_agent.cli.answers import compact, label
from edge_agent.cli.connection import add_settings_arguments, connect
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Piece, Screen, Standing
from edge_agent.client import Client
from edge_agent.client.requests import Event
from edge_agent.messages import ActionState, Beat, CommandEvent, StateEvent, Stop

EXAMPLE = "edge-agent watch\nedge-agent watch --until-lost --json"

_STYLE = {ActionState.FINISHED: "green", ActionState.FAILED: "red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `watch` takes."""
    parser.add_argument(
        "--lost-after",
        type=float,
        default=limits.SILENCE_MS / 1000.0,
        metavar="SECONDS",
        help="how long without a beat until the node counts as gone (default: %(default)g)",
    )
    parser.add_argument("--until-lost", action="store_true", help="end with 5 then, instead of waiting for its return")
    add_settings_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Follow the bus until Ctrl-C, or until the node is lost."""
    with connect(options) as client, screen.standing() as standing:
        client.snapshot()  # whoever is not there is said at once
        watched = _Watched(screen, standing)
        while True:
            _follow(client, watched, options.lost_after)
            watched.lost(options.lost_after)
            if options.until_lost:
                return Exit.FAILED


def _follow(client: Client, watched: _Watched, lost_after_s: float) -> None:
    """Show what happens until nothing does; a living node beats."""
    for event in client.events(timeout_ms=lost_after_s * 1000.0, beats=True):
        watched.show(event)


@dataclass(slots=True)
class _Watched:
    """What was seen, so that only news is shown."""

    screen: Screen
    standing: Standing
    beat: Beat | None = None
    stop_id: str | None = None
    event_seq: int | None = None
    is_lost: bool = False
    _status: str = field(default="")

    def show(self, event: Event) -> None:
        """One event, as a line for people and a record for programs."""
        self.screen.record(event.model_dump(mode="json", exclude_none=True))
        match event:
            case Beat():
                self._show_beat(event)
            case Stop():
                self._show_stop(event.stop_id, event.reason)
            case StateEvent():
                self._count(event.event_seq)
                style = _STYLE.get(event.state, "")
                words = f"{event.robot}  {event.action_id}  "
                reason = f"  {event.reason}" if event.reason else ""
                self.screen.line(
                    label("state"), words, (event.state.value, style), reason, (f"  {compact(event.action)}", "dim")
                )
            case CommandEvent():
                self._count(event.event_seq)
                self.screen.line(label("answer"), f"{event.command_id}  {event.outcome.value}")

    def lost(self, after_s: float) -> None:
        """Nothing was heard for this long."""
        if not self.is_lost:
            self.is_lost = True
            self.screen.record({"type": "lost", "after_s": after_s})
            self.screen.line(label("lost", "bold red"), f"no sign of life for {after_s:g} s")
            self.standing.show(("no sign of life", "bold red"))

    def _show_beat(self, beat: Beat) -> None:
        before, self.beat = self.beat, beat
        if self.is_lost:
            self.is_lost = False
            self.screen.line(label("back", "green"), f"the node is there, epoch {beat.epoch}")
        if before is not None and before.epoch != beat.epoch:
            self.screen.line(label("restarted", "yellow"), f"epoch {beat.epoch}; nothing of before moves by itself")
            self.event_seq = None
        if self.event_seq is not None and beat.last_event_seq > self.event_seq:
            self.screen.line(label("missed", "yellow"), f"{beat.last_event_seq - self.event_seq} events")
        self.event_seq = beat.last_event_seq
        if beat.stop_id is None and self.stop_id is not None:
            self.screen.line(label("released", "green"), self.stop_id)
            self.stop_id = None
        elif beat.stop_id is not None:
            self._show_stop(beat.stop_id, "")
        status = _status_of(beat)
        self.standing.show((f"beat {beat.seq}  up {beat.uptime_ms / 1000.0:.0f} s  ", "dim"), *status)
        words = "".join(word for word, _ in status)
        if words != self._status:
            self._status = words
            self.screen.line(label("node"), *status)

    def _show_stop(self, stop_id: str, reason: str) -> None:
        """Once each: a stop is sent again until everybody has acknowledged it."""
        if stop_id != self.stop_id:
            self.stop_id = stop_id
            self.screen.line(label("stop", "bold red"), stop_id, f"  {reason}" if reason else "")

    def _count(self, event_seq: int) -> None:
        if self.event_seq is not None and event_seq > self.event_seq + 1:
            self.screen.line(label("missed", "yellow"), f"{event_seq - self.event_seq - 1} events")
        self.event_seq = event_seq


def _status_of(beat: Beat) -> tuple[Piece, ...]:
    """The node's state in few words, the same as long as nothing changes."""
    engine: Piece = ("engine ready", "green") if beat.engine_ready else ("engine away", "yellow")
    stop: Piece = (f"  stop {beat.stop_id} holds", "bold red") if beat.stop_id else ("", "")
    lacks: Piece = (f"  {', '.join(beat.degraded)}", "yellow") if beat.degraded else ("", "")
    return (f"epoch {beat.epoch}  ", ""), engine, stop, lacks
