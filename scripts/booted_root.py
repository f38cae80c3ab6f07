"""A plain root that systemd runs in: booted in a container, spoken to from outside, ended with all that runs in it.

Needs systemd-nspawn and nsenter. On a host with the older control groups systemd still gets the unified ones, and may
load the BPF programs that it limits devices and addresses with.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from plain_root import run

WAIT_S: Final = 60.0
NSPAWN: Final = (
    "systemd-nspawn",
    "--boot",
    "--quiet",
    "--register=no",
    "--keep-unit",
    "--private-network",
    "--console=pipe",
    "--capability=all",
    "--system-call-filter=bpf",
    "--directory",
)


class Container:
    """A booted root; commands run beside its systemd."""

    def __init__(self, root: Path, leader: int) -> None:
        self.root = root
        self._enter = ["nsenter", "-t", str(leader), "-m", "-u", "-i", "-n", "-p", "-C", "--root", "--wd"]

    def call(self, *command: str, user: str | None = None) -> str:
        """A command in the container, as root or as somebody; its stdout. One that fails ends the script."""
        return run([*self._enter, *_as(user), *command])

    def attempt(self, *command: str, user: str | None = None) -> str:
        """The same, and what it says when it fails."""
        done = subprocess.run(
            [*self._enter, *_as(user), *command], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        return done.stdout + done.stderr

    def start(self, *command: str, user: str) -> subprocess.Popen[bytes]:
        """A command that goes on beside the script."""
        return subprocess.Popen(
            [*self._enter, *_as(user), *command], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )

    def show(self, name: str, unit: str = "edge-agent.service") -> str:
        """A property of a unit."""
        return self.call("systemctl", "show", unit, "--value", "-p", name).strip()

    def journal(self, unit: str) -> list[str]:
        """What a unit has said, line by line."""
        return self.call("journalctl", "-u", unit, "--no-pager", "-o", "cat").splitlines()

    def until(self, what: str, met: Callable[[], bool], within_s: float = WAIT_S) -> float:
        """Wait for it; how long that took, in seconds."""
        began_s = time.monotonic()
        while not met():
            if time.monotonic() - began_s > within_s:
                sys.exit(f"not within {within_s:g} s: {what}\n" + "\n".join(self.journal("edge-agent")[-30:]))
            time.sleep(0.01)
        return time.monotonic() - began_s


def _as(user: str | None) -> list[str]:
    plain = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
    return [*plain, "setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else plain


@contextlib.contextmanager
def booted(root: Path, log: Path) -> Iterator[Container]:
    """The root under its own systemd, with a network of its own and nothing in it; what it prints goes to `log`."""
    with log.open("wb") as out:
        nspawn = subprocess.Popen(
            [*NSPAWN, str(root)],
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")
    try:
        while not children.read_text(encoding="utf-8").split():
            time.sleep(0.05)
        container = Container(root, int(children.read_text(encoding="utf-8").split()[0]))
        container.until(
            "systemd is up",
            lambda: container.attempt("systemctl", "is-system-running").strip() in ("running", "degraded"),
        )
        yield container
    finally:
        nspawn.terminate()
        nspawn.wait(30)
