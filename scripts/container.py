"""A plain root with something running in it, its systemd or one program: started, spoken to from outside, ended whole.

Needs systemd-nspawn and nsenter. On a host with the older control groups systemd still gets the unified ones, and may
load the BPF programs that it limits devices and addresses with.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from plain_root import run

WAIT_S: Final = 60.0
NSPAWN: Final = ("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe")
BOOT: Final = ("--boot", "--capability=all", "--system-call-filter=bpf")


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
        done = self._do(command, user)
        return done.stdout + done.stderr

    def succeeds(self, *command: str, user: str | None = None) -> bool:
        """Whether the command ends well."""
        return self._do(command, user).returncode == 0

    def _do(self, command: tuple[str, ...], user: str | None) -> subprocess.CompletedProcess[str]:
        words = [*self._enter, *_as(user), *command]
        return subprocess.run(words, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)

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
                sys.exit(f"not within {within_s:g} s: {what}")
            time.sleep(0.01)
        return time.monotonic() - began_s


def _as(user: str | None) -> list[str]:
    plain = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
    return [*plain, "setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else plain


@contextlib.contextmanager
def started(root: Path, options: Sequence[str], command: Sequence[str], log: Path) -> Iterator[Container]:
    """A program in the root, with a network of its own and nothing in it; what it prints goes to `log`."""
    with log.open("wb") as out:
        nspawn = subprocess.Popen(
            [*NSPAWN, *options, "--directory", str(root), *command],
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        while (leader := _leader(nspawn.pid)) is None:
            if nspawn.poll() is not None:
                sys.exit(f"it did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")
            time.sleep(0.05)
        yield Container(root, leader)
    finally:
        nspawn.terminate()
        nspawn.wait(30)


def _leader(nspawn: int) -> int | None:
    """The first process inside: a child in another space of process ids. An earlier child only prepares the way."""
    with contextlib.suppress(OSError):
        for pid in Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text(encoding="utf-8").split():
            if Path(f"/proc/{pid}/ns/pid").readlink() != Path("/proc/self/ns/pid").readlink():
                return int(pid)
    return None


@contextlib.contextmanager
def booted(root: Path, log: Path) -> Iterator[Container]:
    """The root under its own systemd."""
    with started(root, BOOT, (), log) as container:
        container.until(
            "systemd is up",
            lambda: container.attempt("systemctl", "is-system-running").strip() in ("running", "degraded"),
        )
        yield container
