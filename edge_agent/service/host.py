"""What has to be told to a systemd that runs here, and whether one does. Its own programs are called for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.service.files import UNIT

AFTER_INSTALL: Final = (
    ("systemd-sysusers", "/etc/sysusers.d/edge-agent.conf"),
    ("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/edge-agent.conf"),
    ("systemctl", "daemon-reload"),
)
"""The account, the folders, the unit. Nothing is started: the settings come first."""
BEFORE_UNINSTALL: Final = (("systemctl", "stop", UNIT),)
AFTER_UNINSTALL: Final = (("systemctl", "daemon-reload"),)

_TIMEOUT_S: Final = 60.0
"""A node that is stopped has ten seconds before systemd kills it."""


def check_host() -> None:
    """Whether this machine's own service can be changed from here.

    Raises:
        ConfigurationFault: NOT_ROOT, SYSTEMD_MISSING.
    """
    if os.geteuid() != 0:
        raise ConfigurationFault(Code.NOT_ROOT, "only root may; with sudo, or --root FOLDER for an image", where="/")
    if not Path("/run/systemd/system").is_dir():
        raise ConfigurationFault(
            Code.SYSTEMD_MISSING,
            "systemd does not run here; --root FOLDER prepares an image for it",
            where="/",
        )


def call(command: tuple[str, ...]) -> None:
    """One of systemd's programs, to its end.

    Raises:
        NodeFault: SERVICE_FAILED, with the program's own words.
    """
    words = " ".join(command)
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NodeFault(Code.SERVICE_FAILED, str(problem), where=words) from problem
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())
        raise NodeFault(Code.SERVICE_FAILED, said or f"ended with {done.returncode}", where=words)
