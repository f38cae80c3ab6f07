"""Tells, as one JSON object, what a process can do where it was started: the unit starts it in the node's place."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

CLONE_NEWUSER = 0x10000000
ALL_PROTECTIONS = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC


def tried(do: Callable[[], object]) -> str:
    """`yes`, or the system's own word for no."""
    try:
        do()
    except OSError as problem:
        return problem.strerror or str(problem)
    return "yes"


def make_namespace() -> None:
    """A user namespace, which whoever breaks out of a sandbox wants first."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def send_to(address: str) -> None:
    """A datagram to an address; whether anybody is there does not matter."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", (address, 9))


def read_credential() -> None:
    """The node's key where systemd puts it for the service."""
    (Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nowhere")) / "node.key").read_bytes()


def main() -> None:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    found = {
        "write below /etc": tried(lambda: Path("/etc/probe").touch()),
        "write below /usr": tried(lambda: Path("/usr/probe").touch()),
        "write its state": tried(lambda: Path("/var/lib/edge-agent/probe").touch()),
        "see homes": tried(lambda: Path("/home/pilot").stat()),
        "read root's copy of the key": tried(lambda: Path("/etc/edge-agent/keys/node.key").read_bytes()),
        "read the key as a credential": tried(read_credential),
        "open /dev/nvmap": tried(lambda: os.open("/dev/nvmap", os.O_RDWR)),
        "open /dev/forbidden": tried(lambda: os.open("/dev/forbidden", os.O_RDWR)),
        "send to 127.0.0.1": tried(lambda: send_to("127.0.0.1")),
        "send to 192.168.7.9": tried(lambda: send_to("192.168.7.9")),
        "send to 203.0.113.9": tried(lambda: send_to("203.0.113.9")),
        "map memory to write and execute": tried(lambda: mmap.mmap(-1, mmap.PAGESIZE, prot=ALL_PROTECTIONS)),
        "make a user namespace": tried(make_namespace),
        "become root": tried(lambda: os.setuid(0)),
        "capabilities": status["CapEff"].strip(),
        "no new privileges": status["NoNewPrivs"].strip(),
        "seccomp mode": status["Seccomp"].strip(),
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
