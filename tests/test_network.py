"""No network: node, model and clients work where there is only loopback, and never try to reach anything else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

DEMO = [sys.executable, "-m", "edge_agent", "demo", "--no-prompt", "--json"]
CONNECT = re.compile(r"\b(?:connect|sendto|sendmsg)\(.*?sa_family=(AF_\w+)(.*)")
LOCAL = ("AF_UNIX", "AF_LOCAL", "AF_NETLINK")
LOOPBACK = re.compile(r'inet_addr\("127\.|inet_pton\(AF_INET6, "::1"')


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home of its own."""
    folder = Path(tempfile.mkdtemp(prefix="offline-"))
    yield folder
    shutil.rmtree(folder)


def unshared() -> list[str]:
    """The command that runs another one with no network but loopback."""
    program = shutil.which("unshare")
    if program is None:
        pytest.skip("unshare is not installed (apt-get install util-linux)")
    command = [program, "--net"] if os.getuid() == 0 else [program, "--net", "--map-root-user"]
    probe = subprocess.run([*command, "true"], check=False, capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"this machine gives no network namespace: {probe.stderr.strip()}")
    return command


def demo(prefix: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """The whole demonstration, a daemon with its engine, a robot and a client, behind a prefix."""
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TMPDIR": "/tmp"}
    return subprocess.run(
        [*prefix, *DEMO], check=False, capture_output=True, text=True, timeout=280, env=environment, cwd=home
    )


def test_everything_works_with_loopback_only(home: Path) -> None:
    """In a namespace without any network the demonstration ends as it does elsewhere."""
    prefix = unshared()
    seen = subprocess.run([*prefix, "cat", "/proc/net/route"], check=True, capture_output=True, text=True)
    assert len(seen.stdout.strip().splitlines()) <= 1, "the namespace has a route"
    done = demo(prefix, home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"type":"answer"') >= 8


def test_nothing_tries_to_reach_anything(home: Path) -> None:
    """No system call of any process of it connects or sends to an address that is not this machine's own."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed (apt-get install strace)")
    log = home / "calls.log"
    done = demo(["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,socket", "-o", str(log)], home)
    assert done.returncode == 0, done.stderr
    calls = log.read_text(encoding="utf-8", errors="replace")
    reached = list(CONNECT.finditer(calls))
    assert reached, "strace saw no connection at all, not even the client's to the node"
    elsewhere = [found[0] for found in reached if found[1] not in LOCAL and not LOOPBACK.search(found[2])]
    assert elsewhere == []
