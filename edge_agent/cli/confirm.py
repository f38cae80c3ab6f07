"""`confirm`: yes to one exact action, with its digest and the token that the answer to its command showed.

Whoever may confirm what others ask needs no token; the digest stands where the waiting action is shown.
"""

from __future__ import annotations

import argparse

from edge_agent.cli.connection import add_settings_arguments, connect
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen
from edge_agent.client.requests import new_id
from edge_agent.messages import Confirm, Confirmed
from edge_agent.messages.codec import build

EXAMPLE = """edge-agent confirm a-7-1-1 DIGEST TOKEN
edge-agent confirm a-7-1-1 DIGEST"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `confirm` takes."""
    parser.add_argument("action_id", metavar="ACTION_ID")
    parser.add_argument("digest", metavar="DIGEST", help="sha256 of the action, as `say` showed it")
    parser.add_argument(
        "token", nargs="?", metavar="TOKEN", help="the single-use token, as `say` showed it; none where others asked"
    )
    add_settings_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Send the yes."""
    request = build(
        Confirm, request_id=new_id(), action_id=options.action_id, digest=options.digest, token=options.token
    )
    with connect(options) as client:
        confirmed = client.ask(request, Confirmed)
    screen.line(("confirmed", "green"), f"  {confirmed.action_id}")
    screen.record(confirmed.model_dump(mode="json", exclude_none=True))
    return Exit.OK
