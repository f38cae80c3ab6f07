"""The owner's rules for verbs that need no daemon: the same policy that a node with these settings would hold to."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_agent.cli.connection import CONFIG_VARIABLE, read_settings
from edge_agent.node.compose import load_packs, world_path
from edge_agent.packs.base import Pack
from edge_agent.safety.policy import Policy
from edge_agent.safety.reading import policy_of
from edge_agent.settings import Settings
from edge_agent.world.loading import load_world
from edge_agent.world.store import World


def add_site_arguments(parser: argparse.ArgumentParser) -> None:
    """Which settings have the rules."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help=f"settings with the site's rules (default: ${CONFIG_VARIABLE})"
    )
    parser.set_defaults(runtime_dir=None, state_dir=None)


def site_settings(options: argparse.Namespace) -> Settings:
    """The settings that the options name, or the built-in ones.

    Raises:
        ConfigurationFault: SETTINGS_INVALID.
    """
    return read_settings(options)


def site_world(settings: Settings, pack: str, named: Path | None) -> Path | None:
    """The world file that was named, else the one that the settings give this pack; None for its example."""
    return named or next((one.world for one in settings.packs if one.name == pack), None)


def site_policy(settings: Settings, pack: Pack, world: World) -> Policy:
    """The policy of these settings, with this pack's world as it is given here.

    Raises:
        ConfigurationFault: SETTINGS_INVALID, and what a pack or a world of the settings is refused for.
    """
    rules = settings.policy
    if not (rules.limit or rules.forbid or rules.no_go):
        return Policy(frozenset(rules.confirm))
    packs = load_packs(settings.packs)
    worlds = {
        name: load_world(world_path(chosen, packs[name]))
        for name, chosen in zip(packs, settings.packs, strict=True)
        if name != pack.name
    }
    return policy_of(rules, {**packs, pack.name: pack}, {**worlds, pack.name: world})
