"""The `edge-agent` command. Reads the line, runs one verb, turns every error into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from edge_agent import __version__
from edge_agent.cli.exit_codes import Exit, exit_of_error, table_text
from edge_agent.cli.screen import Screen
from edge_agent.cli.verbs import VERBS, load
from edge_agent.errors import EdgeAgentError

_EXAMPLE = 'edge-agent interpret "bring the red box to me" --pack robot'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the process's exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = build_parser(given).parse_args(given)
    screen = Screen(as_json=options.json)
    try:
        return int(options.run(options, screen))
    except EdgeAgentError as error:
        screen.error(error)
        return int(exit_of_error(error))
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        # the reader (`| head`) has gone: say nothing more, and let the interpreter's own flush at exit find a sink
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.OK)


def build_parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Everything that can be typed; of the verbs only the one in `given` with all its arguments."""
    parser = argparse.ArgumentParser(
        prog="edge-agent",
        description="An edge robotics command interpreter: plain words in, checked JSON actions out.",
        epilog=f"example:\n  {_EXAMPLE}\n\nexit codes:\n{table_text()}",
        formatter_class=_layout,
    )
    parser.add_argument("--version", action="version", version=f"edge-agent {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    chosen = next((word for word in given if not word.startswith("-")), None)
    for verb in VERBS:
        below = verbs.add_parser(verb.name, help=verb.summary, formatter_class=_layout)
        if verb.name != chosen:
            continue
        module = load(verb)
        below.description = verb.summary[0].upper() + verb.summary[1:] + "."
        below.epilog = "example:\n" + "\n".join(f"  {line}" for line in module.EXAMPLE.strip().splitlines())
        module.add_arguments(below)
        below.add_argument("--json", action="store_true", help="one JSON object a line on stdout")
        below.set_defaults(run=module.run)
    return parser


def _layout(prog: str) -> argparse.HelpFormatter:
    """Examples and tables keep their lines, and names their column."""
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=100)
