"""`world`: change what exists for the running node, whole or not at all, from the next command on."""

from __future__ import annotations

import argparse

from edge_agent.cli.connection import add_settings_arguments, connect
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen
from edge_agent.messages import EntityRecord
from edge_agent.messages.codec import build

EXAMPLE = """\
edge-agent world add "green crate" --kind item --alias "the crate"
edge-agent world remove "red box" "blue box\""""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `world` takes."""
    parser.add_argument("change", choices=("add", "remove"))
    parser.add_argument("name", nargs="+", metavar="NAME", help="add: one entity; remove: one or more")
    parser.add_argument("--pack", metavar="NAME", help="whose world (default: the node's first pack)")
    parser.add_argument("--kind", help="add: what it is; without one it fits everywhere")
    parser.add_argument("--alias", action="append", default=[], metavar="NAME", help="add: another name; repeatable")
    parser.add_argument("--area", metavar="NAME", help="add: where it is")
    parser.add_argument("--floor", metavar="NAME", help="add: on which floor it is")
    parser.add_argument("--device-class", metavar="CLASS", help="add: Home Assistant's device class")
    add_settings_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Send the change and say how many entities there are now."""
    add = []
    if options.change == "add":
        fields = {"kind": options.kind, "area": options.area, "floor": options.floor}
        fields["device_class"] = options.device_class
        add = [build(EntityRecord, name=name, aliases=tuple(options.alias), **fields) for name in options.name]
    with connect(options) as client:
        updated = client.update_world(
            remove=[] if options.change == "add" else options.name, add=add, pack=options.pack
        )
    screen.line(("updated", "green"), f"  {updated.pack}: {updated.entities} entities, revision {updated.revision}")
    screen.record(updated.model_dump(mode="json", exclude_none=True))
    return Exit.OK
