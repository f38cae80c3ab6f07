"""Which node a verb talks to: the same settings file that the daemon reads, or its folder for sockets."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from edge_agent.client import Client
from edge_agent.client.whereabouts import KEY_VARIABLE
from edge_agent.settings import Settings, load_settings

CONFIG_VARIABLE = "EDGE_AGENT_CONFIG"
"""Names the settings file where `--config` does not."""


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the settings come from."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help=f"settings, TOML (default: ${CONFIG_VARIABLE}, else built in)"
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help=f"a client's key, for a node elsewhere (default: ${KEY_VARIABLE}, else none)",
    )
    parser.add_argument("--runtime-dir", type=Path, metavar="DIR", help="where the node's sockets are")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="where the node's journal is")


def read_settings(options: argparse.Namespace, overrides: dict[str, Any] | None = None) -> Settings:
    """The settings that the options name, `overrides` on top.

    Raises:
        ConfigurationFault: SETTINGS_INVALID.
    """
    tree = dict(overrides or {})
    for name in ("runtime_dir", "state_dir"):
        if (given := getattr(options, name)) is not None:
            tree[name] = given.absolute()
    named = options.config
    if named is None and (variable := os.environ.get(CONFIG_VARIABLE)):
        named = Path(variable)
    return load_settings(named, tree)


def connect(options: argparse.Namespace) -> Client:
    """A client of the node that the options name.

    Raises:
        ConfigurationFault: SETTINGS_INVALID, KEY_MISSING, KEY_INVALID.
    """
    key = options.key or (Path(variable) if (variable := os.environ.get(KEY_VARIABLE)) else None)
    if key is not None:
        return Client(key=key)
    settings = read_settings(options)
    return Client(settings.command_address, settings.events_address)
