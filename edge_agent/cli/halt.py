"""`halt`: stop every robot now. Nothing is read, asked or checked before the stop is sent."""

from __future__ import annotations

import argparse

from edge_agent.cli.connection import add_settings_arguments, connect
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen

EXAMPLE = 'edge-agent halt --reason "someone in the aisle"'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `halt` takes."""
    parser.add_argument("--reason", default="", help="words for the journal and the robots")
    add_settings_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Send the stop and show its id, which `resume` needs."""
    with connect(options) as client:
        halted = client.halt(reason=options.reason)
    screen.line(("stopped", "bold red"), f"  nothing moves until: edge-agent resume {halted.stop_id}")
    screen.record(halted.model_dump(mode="json", exclude_none=True))
    return Exit.OK
