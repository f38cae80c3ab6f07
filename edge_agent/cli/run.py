"""`run`: the daemon, in the foreground. systemd or a terminal keeps it; Ctrl-C ends it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_agent.cli.connection import add_settings_arguments, read_settings
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen
from edge_agent.node.compose import run_node

EXAMPLE = "edge-agent run --pack robot --world warehouse.toml"

DEFAULT_PACK = "robot"
"""Whose world `--world` is, where no pack is named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes; everything else is in the settings file."""
    parser.add_argument(
        "--pack", metavar="NAME|FILE", help="robot, home, kiosk or a pack file (instead of the settings')"
    )
    parser.add_argument(
        "--world", type=Path, metavar="FILE", help="the pack's world, TOML (default: its example world)"
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="a GGUF file (default: the bundled model)")
    add_settings_arguments(parser)


def run(options: argparse.Namespace, _screen: Screen) -> Exit:
    """Run until told to end."""
    overrides: dict[str, Any] = {}
    if options.pack is not None or options.world is not None:
        overrides["packs"] = [{"name": options.pack or DEFAULT_PACK, "world": _absolute(options.world)}]
    if options.model is not None:
        overrides["model"] = {"path": _absolute(options.model)}
    return Exit.OK if run_node(read_settings(options, overrides)) == 0 else Exit.FAILED


def _absolute(path: Path | None) -> Path | None:
    return path.absolute() if path is not None else None
