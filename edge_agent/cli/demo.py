"""`demo`: a whole node in a temporary folder, commands of three packs as a client sends them, then a prompt."""

from __future__ import annotations

import argparse
import importlib
import sys
from contextlib import suppress
from dataclasses import dataclass

from edge_agent.cli.background import demo_node
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.saying import ask_at_terminal, say
from edge_agent.cli.screen import Screen
from edge_agent.cli.speaking import Synthesised, speak
from edge_agent.client import Client
from edge_agent.errors import Code, ConfigurationFault, EdgeAgentError
from edge_agent.messages import Outcome, RejectReason
from edge_agent.packs.registry import SHIPPED

EXAMPLE = "edge-agent demo"

TTL_MS = 20_000
"""A demonstration on a slow machine shows a slow answer rather than none."""


@dataclass(frozen=True, slots=True)
class Line:
    """One command of the demonstration and the end it must have."""

    pack: str
    text: str
    outcome: Outcome = Outcome.ACTIONS
    reason: RejectReason | None = None
    area: str | None = None
    spoken: bool = False
    """In a synthetic voice, over the same socket as a microphone's sound."""


SCRIPT: tuple[Line, ...] = (
    Line("robot", "bring the red box from dock three to packing"),
    Line("robot", "go to dock 2 and then turn left ninety degrees"),
    Line("robot", "hand the scanner to maria"),
    Line("robot", "go to the swimming pool", Outcome.REJECT, RejectReason.UNKNOWN_ENTITY),
    Line("home", "turn on the lights", area="Kitchen"),
    Line("home", "set the thermostat to 21 degrees"),
    Line("home", "unlock the front door"),
    Line("home", "my day was awful", Outcome.REJECT, RejectReason.NOT_A_COMMAND),
    Line("kiosk", "a large latte with oat milk please"),
    Line("kiosk", "two espressos"),
    Line("robot", "go to packing", spoken=True),
    Line("robot", "stop", Outcome.STOPPED),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `demo` takes."""
    parser.add_argument("--no-prompt", action="store_true", help="end after the script, on a terminal too")


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Show the script, then take what is typed. 5 when a line did not end as it must."""
    screen.line(("starting a node", "bold"), "  packs robot, home and kiosk with their example worlds")
    with demo_node(SHIPPED) as settings, Client(settings.command_address, settings.events_address) as client:
        strays = [line for line in SCRIPT if not _show(client, screen, line)]
        for line in strays:
            screen.note((f"did not end as it should: {line.pack}: {line.text}", "bold red"))
        if sys.stdin.isatty() and not options.no_prompt and not options.json:
            _prompt(client, screen)
    return Exit.FAILED if strays else Exit.OK


def _show(client: Client, screen: Screen, line: Line) -> bool:
    """Whether a line of the script ended as it must."""
    screen.line("")
    screen.line((f"{line.pack} > ", "cyan"), (line.text, "bold"), (_manner(line), "dim"))
    fields: dict[str, str | int | None] = {"pack": line.pack, "area": line.area, "ttl_ms": TTL_MS}
    if line.spoken:
        return _speak(client, screen, line, fields)
    answer, end = say(client, screen, line.text, fields, agree=lambda _planned: True, follow=True)
    if answer.outcome is Outcome.STOPPED:
        _resume(client, screen)
    reason = answer.reject.reason if answer.reject else None
    return answer.outcome is line.outcome and reason is line.reason and end is not Exit.FAILED


def _manner(line: Line) -> str:
    where = f"  (in the {line.area})" if line.area else ""
    return where + ("  (spoken)" if line.spoken else "")


def _speak(client: Client, screen: Screen, line: Line, fields: dict[str, str | int | None]) -> bool:
    """Whether a spoken line ended as it must; where speech is not installed, there is none."""
    try:
        answers, end = speak(client, screen, Synthesised(line.text), fields, agree=lambda _planned: True, follow=True)
    except ConfigurationFault as problem:
        screen.note(f"not spoken: {problem.message}")
        return True
    return end is Exit.OK and [answer.outcome for answer in answers] == [line.outcome]


def _resume(client: Client, screen: Screen) -> None:
    """Release the stop, and say that nobody but a named resume does."""
    stop_id = client.snapshot().stop_id
    if stop_id is not None:
        client.resume(stop_id)
        screen.line(("released ", "green"), f"by name: edge-agent resume {stop_id}")


def _prompt(client: Client, screen: Screen) -> None:
    """Commands as they are typed, until the end of input; `home: …` changes the pack, `resume` releases a stop."""
    with suppress(ImportError):
        importlib.import_module("readline")  # gives input() its line editing, where Python was built with it
    pack = SHIPPED[0]
    screen.line("")
    screen.line(f"Type a command; {', '.join(f'{name}:' for name in SHIPPED)} changes the pack, Ctrl-D ends.")
    while (typed := _typed(pack)) is not None:
        named, colon, rest = typed.partition(":")
        if colon and named.strip() in SHIPPED:
            pack, typed = named.strip(), rest.strip()
        try:
            if typed == "resume":
                _resume(client, screen)
            elif typed:
                fields: dict[str, str | int | None] = {"pack": pack, "ttl_ms": TTL_MS}
                say(client, screen, typed, fields, agree=ask_at_terminal, follow=True)
        except EdgeAgentError as error:
            screen.error(error)
            if error.code is Code.NODE_UNREACHABLE:
                return
    screen.line("")


def _typed(pack: str) -> str | None:
    """What was typed, or None at the end of input."""
    try:
        return input(f"{pack} > ").strip()
    except EOFError:
        return None
