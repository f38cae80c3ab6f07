"""`say`: send a command in plain words, show the answer and then what the robot makes of it."""

from __future__ import annotations

import argparse
import sys

from edge_agent.cli.answers import label, show_answer
from edge_agent.cli.connection import add_settings_arguments, connect
from edge_agent.cli.exit_codes import Exit, exit_of_error, exit_of_outcome
from edge_agent.cli.screen import Screen
from edge_agent.client import Client
from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.messages import ActionState, Answer, PlannedAction

EXAMPLE = 'edge-agent say "bring the red box from dock 3 to packing"\nedge-agent say - < commands.txt'

_STYLE = {ActionState.FINISHED: "green", ActionState.FAILED: "red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `say` takes."""
    parser.add_argument("text", metavar="TEXT", help="the command; `-` reads one a line from stdin")
    add_command_arguments(parser)
    parser.add_argument("--no-follow", action="store_true", help="do not wait for what the robot makes of it")
    parser.add_argument("--yes", action="store_true", help="confirm what needs a confirmation without asking")
    add_settings_arguments(parser)


def add_command_arguments(parser: argparse.ArgumentParser) -> None:
    """What goes with a command's words."""
    parser.add_argument("--pack", metavar="NAME", help="which vocabulary (default: the node's first)")
    parser.add_argument("--robot", metavar="NAME", help="who should do it (default: the node's own)")
    parser.add_argument("--area", help="where the speaker stands")
    parser.add_argument("--speaker", help="the speaker's name in the world")
    parser.add_argument("--session", help='whose "it" and "there" these words belong to')
    parser.add_argument("--ttl-ms", type=int, metavar="MS", help="how long it may take until the robot starts")


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Send one command, or every line of stdin; the first line that does not end well decides the exit code."""
    with connect(options) as client:
        if options.text != "-":
            return say(client, screen, options, options.text)
        ends = [_say_on(client, screen, options, line.strip()) for line in sys.stdin if line.strip()]
    return next((end for end in ends if end is not Exit.OK), Exit.OK)


def _say_on(client: Client, screen: Screen, options: argparse.Namespace, text: str) -> Exit:
    """One line of many: an error is shown and the next line is sent, unless the node is gone."""
    screen.line((text, "bold"))
    try:
        return say(client, screen, options, text)
    except EdgeAgentError as error:
        if error.code is Code.NODE_UNREACHABLE:
            raise
        screen.error(error)
        return exit_of_error(error)


def say(client: Client, screen: Screen, options: argparse.Namespace, text: str) -> Exit:
    """One command from its words to the end of its actions."""
    answer = client.command(
        text,
        pack=options.pack,
        robot=options.robot,
        area=options.area,
        speaker=options.speaker,
        session=options.session,
        ttl_ms=options.ttl_ms,
    )
    screen.record(answer.model_dump(mode="json", exclude_none=True))
    show_answer(screen, answer)
    for planned in answer.actions:
        if planned.confirmation is not None and not _confirm(client, screen, planned, at_once=options.yes):
            return Exit.OK
    if options.no_follow or not answer.actions:
        return exit_of_outcome(answer.outcome)
    return _follow(client, screen, answer)


def _confirm(client: Client, screen: Screen, planned: PlannedAction, *, at_once: bool) -> bool:
    """Whether the yes was given: by `--yes`, by a person at the terminal, or not at all."""
    assert planned.confirmation is not None
    screen.line(
        label("confirm", "yellow"),
        f"edge-agent confirm {planned.action_id} {planned.digest} {planned.confirmation.token}",
        (f"  within {planned.confirmation.expires_in_ms / 1000:.0f} s", "dim"),
    )
    if not at_once and (screen.as_json or not sys.stdin.isatty() or input("confirm it now? [y/N] ").lower() != "y"):
        return False
    client.confirm(planned)
    screen.line(label("confirmed", "green"), planned.action_id)
    return True


def _follow(client: Client, screen: Screen, answer: Answer) -> Exit:
    failed = False
    try:
        for event in client.follow(answer):
            failed = failed or event.state is ActionState.FAILED
            screen.record(event.model_dump(mode="json", exclude_none=True))
            screen.line(
                label("robot"),
                event.action_id,
                (f"  {event.state.value}", _STYLE.get(event.state, "")),
                (f"  {event.reason}", "dim"),
            )
    except NodeFault as problem:
        if problem.code is not Code.NO_ANSWER:
            raise
        screen.note((f"the actions' ends were not seen: {problem.message}", "yellow"))
    return Exit.FAILED if failed else Exit.OK
