"""`install`: make the node a system service. Writes files, names each, and starts nothing."""

from __future__ import annotations

import argparse
from pathlib import Path, PurePosixPath
from typing import get_args

from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen
from edge_agent.service import host
from edge_agent.service.files import CONFIG, KEYS, PROGRAM, USER, Gpu, ServiceOptions, planned_files
from edge_agent.service.placing import Done, Placed, Root

EXAMPLE = """\
edge-agent install --dry-run
edge-agent install --gpu nvidia --audio
edge-agent install --tcp 192.168.7.0/24 --metrics
edge-agent install --root image --gpu jetson"""

STYLES = {Done.WRITTEN: "green", Done.REMOVED: "green", Done.KEPT: "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `install` takes."""
    add_root_arguments(parser)
    parser.add_argument("--gpu", choices=get_args(Gpu), default="none", help="let it at the card's devices")
    parser.add_argument("--audio", action="store_true", help="let it at this box's microphones")
    parser.add_argument("--whisper", action="store_true", help="let it make machine code, as Whisper does on a CPU")
    parser.add_argument(
        "--tcp",
        action="append",
        default=[],
        metavar="NETWORK",
        help="let it speak with this address or network, keys needed; may be repeated",
    )
    parser.add_argument("--metrics", action="store_true", help="let a scraper on this machine at its metrics")
    parser.add_argument("--user", default=USER, metavar="NAME", help=f"whose process it is (default: {USER})")
    parser.add_argument(
        "--program", type=PurePosixPath, default=PROGRAM, metavar="FILE", help=f"what is run (default: {PROGRAM})"
    )


def add_root_arguments(parser: argparse.ArgumentParser) -> None:
    """Where, and whether at all; `uninstall` takes the same."""
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR", help="an image being built (default: this machine)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done and do none of it")


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Everything in place, or nothing at all."""
    wanted = ServiceOptions(
        gpu=options.gpu,
        audio=options.audio,
        whisper=options.whisper,
        networks=tuple(options.tcp),
        metrics=options.metrics,
        user=options.user,
        program=options.program,
    )
    files = planned_files(wanted)
    here = options.root.resolve() == Path("/")
    if here and not options.dry_run:
        host.check_host()
    root = Root(options.root)
    show(root.install(files, wanted.user, dry_run=options.dry_run), screen, dry_run=options.dry_run)
    tell(host.AFTER_INSTALL if here else (), screen, dry_run=options.dry_run)
    if not root.has(wanted.program):
        screen.line(("next      ", "dim"), f"put the node where the service looks for it: {wanted.program}")
    if wanted.networks and not root.has(KEYS / "node.key"):
        screen.line(("next      ", "dim"), f"make the node's key, without which the service does not start: {KEYS}")
    screen.line(("next      ", "dim"), f"look over {CONFIG}, then: systemctl restart edge-agent")
    return Exit.OK


def show(placed: tuple[Placed, ...], screen: Screen, *, dry_run: bool) -> None:
    """A line a file."""
    for one in placed:
        would = {"would_be": one.done.value} if dry_run else {"done": one.done.value}
        screen.line((f"{one.done.value:<10}", STYLES.get(one.done, "dim")), str(one.path))
        screen.record({"path": str(one.path)} | would)


def tell(commands: tuple[tuple[str, ...], ...], screen: Screen, *, dry_run: bool) -> None:
    """Call systemd's programs, a line each."""
    for command in commands:
        if not dry_run:
            host.call(command)
        screen.line((f"{'run':<10}", "green"), " ".join(command))
        screen.record({"would_run" if dry_run else "run": list(command)})
