"""`replay`: what the journal tells: a command's story, whether the journal is whole, the same command read again.

Reads only, beside a running node too. With `--rerun` a model of its own reads the sentences; nothing is sent anywhere.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_agent.cli.connection import add_settings_arguments, read_settings
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.replay_again import rerun
from edge_agent.cli.replay_export import export
from edge_agent.cli.replay_journal import command_of, open_journal
from edge_agent.cli.replay_telling import list_commands, tell
from edge_agent.cli.replay_verify import verify
from edge_agent.cli.screen import Screen
from edge_agent.observe.database import FILE_NAME
from edge_agent.observe.stories import last_commands

EXAMPLE = """\
edge-agent replay                                   # the last commands
edge-agent replay c-7-1                             # one command's story
edge-agent replay --verify                          # is the journal what was written?
edge-agent replay --rerun --last 20                 # would they be read the same way today?
edge-agent replay c-7-1 --export incident.tar.gz    # for somebody else to look at and to check"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `replay` takes."""
    parser.add_argument("command_id", nargs="?", metavar="COMMAND_ID", help="the last commands when left out")
    parser.add_argument("--last", type=int, default=10, metavar="N", help="how many commands (default: 10)")
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--verify", action="store_true", help="check the whole chain, and every row against it")
    doing.add_argument("--rerun", action="store_true", help="read the sentences again and show what is different")
    doing.add_argument("--export", type=Path, metavar="DIR|FILE.tar.gz", help="entries, report, versions, settings")
    parser.add_argument(
        "--head", metavar="SEQ:LINK", help="with --verify: a head that was noted elsewhere; its entries must be there"
    )
    parser.add_argument("--from", dest="since", metavar="TIME", help="with --export: 2026-05-01T12:00 (local time)")
    parser.add_argument("--to", dest="until", metavar="TIME", help="with --export: likewise")
    parser.add_argument(
        "--without-text", action="store_true", help="with --export: digests in place of what was said and answered"
    )
    parser.add_argument("--journal", type=Path, metavar="FILE", help="this file, say one that was set aside")
    add_settings_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Do what the options say."""
    settings = read_settings(options)
    path = options.journal or settings.state_dir / FILE_NAME
    if options.verify:
        return verify(options, screen, path)
    with open_journal(path) as connection:
        if options.export is not None:
            return export(options, screen, connection)
        if options.rerun:
            if options.command_id is not None:
                commands = [command_of(connection, options.command_id)]
            else:
                commands = last_commands(connection, options.last)
            return rerun(settings, screen, connection, commands)
        if options.command_id is not None:
            tell(screen, connection, command_of(connection, options.command_id))
        else:
            list_commands(screen, last_commands(connection, options.last))
    return Exit.OK
