"""`say`: send a command in plain words, typed or spoken, show the answer and then what the robot makes of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge_agent.cli.connection import add_settings_arguments, connect
from edge_agent.cli.exit_codes import Exit, exit_of_error
from edge_agent.cli.saying import Decide, ask_at_terminal, say
from edge_agent.cli.screen import Screen
from edge_agent.cli.speaking import PushToTalk, Recording, speak
from edge_agent.client import Client
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.messages import PlannedAction

EXAMPLE = (
    'edge-agent say "bring the red box from dock 3 to packing"\n'
    "edge-agent say - < commands.txt\n"
    "edge-agent say --audio order.wav --pack kiosk\n"
    "edge-agent say --microphone"
)

_FIELDS = ("pack", "robot", "area", "speaker", "session", "ttl_ms")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `say` takes."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("text", nargs="?", metavar="TEXT", help="the command; `-` reads one a line from stdin")
    what.add_argument("--audio", type=Path, metavar="FILE", help="a recording of it instead: WAV, FLAC or OGG")
    what.add_argument(
        "--microphone",
        nargs="?",
        const="",
        metavar="NAME",
        help="speak it: Return begins, Return ends (an input of this machine; the default one when not named)",
    )
    parser.add_argument(
        "--continuous", action="store_true", help="with --audio: cut it at silences, each part a command of its own"
    )
    parser.add_argument("--pack", metavar="NAME", help="which vocabulary (default: the node's first)")
    parser.add_argument("--robot", metavar="NAME", help="who should do it (default: the node's own)")
    parser.add_argument("--area", metavar="NAME", help="where the speaker stands")
    parser.add_argument("--speaker", metavar="NAME", help="the speaker's name in the world")
    parser.add_argument("--session", metavar="NAME", help='whose "it" and "there" these words belong to')
    parser.add_argument("--ttl-ms", type=int, metavar="MS", help="how long it may take until the robot starts")
    parser.add_argument("--no-follow", action="store_true", help="do not wait for what the robot makes of it")
    parser.add_argument("--yes", action="store_true", help="confirm what needs a confirmation without asking")
    add_settings_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Send one command, or every line of stdin; the first line that does not end well decides the exit code."""
    with connect(options) as client:
        if options.text is None:
            fields = {name: getattr(options, name) for name in _FIELDS}
            sound = Recording(options.audio, options.continuous) if options.audio else PushToTalk(options.microphone)
            follow = not options.no_follow
            return speak(client, screen, sound, fields, agree=_agreeing(options, screen), follow=follow)[1]
        if options.text != "-":
            return _say(client, screen, options, options.text)
        ends = [_say_on(client, screen, options, line.strip()) for line in sys.stdin if line.strip()]
    return next((end for end in ends if end is not Exit.OK), Exit.OK)


def _say(client: Client, screen: Screen, options: argparse.Namespace, text: str) -> Exit:
    fields = {name: getattr(options, name) for name in _FIELDS}
    _, end = say(client, screen, text, fields, agree=_agreeing(options, screen), follow=not options.no_follow)
    return end


def _agreeing(options: argparse.Namespace, screen: Screen) -> Decide:
    def agree(planned: PlannedAction) -> bool:
        return bool(options.yes) or (not screen.as_json and ask_at_terminal(planned))

    return agree


def _say_on(client: Client, screen: Screen, options: argparse.Namespace, text: str) -> Exit:
    """One line of many: an error is shown and the next line is sent, unless the node is gone."""
    screen.line((text, "bold"))
    try:
        return _say(client, screen, options, text)
    except EdgeAgentError as error:
        if error.code is Code.NODE_UNREACHABLE:
            raise
        screen.error(error)
        return exit_of_error(error)
