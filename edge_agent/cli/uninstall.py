"""`uninstall`: stop the service and take away what `install` wrote. Settings that were changed, keys and state stay."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.install import add_root_arguments, show, tell
from edge_agent.cli.screen import Screen
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.service import host
from edge_agent.service.files import UNIT_FILE
from edge_agent.service.placing import Done, Root

EXAMPLE = """\
edge-agent uninstall --dry-run
edge-agent uninstall --purge"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `uninstall` takes."""
    add_root_arguments(parser)
    parser.add_argument("--purge", action="store_true", help="settings, keys and state as well, for good")


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Exactly what was installed; 1 when something that was changed since had to stay."""
    here = options.root.resolve() == Path("/")
    root = Root(options.root)
    if here and not options.dry_run:
        host.check_host()
    found = root.manifest()
    if found is None:
        raise ConfigurationFault(Code.NOT_INSTALLED, "nothing was installed here", where=str(options.root))
    tell(host.BEFORE_UNINSTALL if here and root.has(UNIT_FILE) else (), screen, dry_run=options.dry_run)
    placed = root.uninstall(purge=options.purge, dry_run=options.dry_run)
    show(placed, screen, dry_run=options.dry_run)
    tell(host.AFTER_UNINSTALL if here else (), screen, dry_run=options.dry_run)
    screen.line(("left      ", "dim"), f"the account {found.user}, to whom files may belong")
    return Exit.REFUSED if any(one.done is Done.KEPT for one in placed) else Exit.OK
