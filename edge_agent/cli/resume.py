"""`resume`: release a latched stop. It must be named: whoever releases it has looked which one it is."""

from __future__ import annotations

import argparse

from edge_agent.cli.connection import add_settings_arguments, connect
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen

EXAMPLE = "edge-agent resume            # shows the latched stop\nedge-agent resume s-7-1      # releases it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `resume` takes."""
    parser.add_argument("stop_id", nargs="?", metavar="STOP_ID", help="the stop to release; shown when left out")
    add_settings_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Release the stop of this id; without one, show which is latched and change nothing."""
    with connect(options) as client:
        if options.stop_id is None:
            latched = client.snapshot().stop_id
            screen.record({"stop_id": latched})
            if latched is None:
                screen.line("no stop is latched")
                return Exit.OK
            screen.line(("latched", "bold red"), f"  {latched}  release it with: edge-agent resume {latched}")
            return Exit.STOPPED
        resumed = client.resume(options.stop_id)
    screen.line(("released", "green"), f"  {resumed.stop_id}; what had failed stays failed")
    screen.record(resumed.model_dump(mode="json", exclude_none=True))
    return Exit.OK
