"""Which files make the node a service, and what stands in them. Pure but for reading the package's own templates.

The unit is the same everywhere; what a machine needs beyond it is a drop-in. Nothing here touches the machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from edge_agent.errors import Code, ConfigurationFault

USER: Final = "edge-agent"
PROGRAM: Final = PurePosixPath("/opt/edge-agent/venv/bin/edge-agent")
UNIT: Final = "edge-agent.service"
UNIT_FILE: Final = PurePosixPath("/etc/systemd/system") / UNIT
CONFIG: Final = PurePosixPath("/etc/edge-agent/config.toml")
KEYS: Final = PurePosixPath("/etc/edge-agent/keys")
STATE: Final = PurePosixPath("/var/lib/edge-agent")
RUNTIME: Final = PurePosixPath("/run/edge-agent")

Gpu = Literal["none", "nvidia", "jetson"]

_UNITS: Final = UNIT_FILE.parent
_HIDDEN: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")
"""What ProtectHome and PrivateTmp hide from the service."""
_USER_NAME: Final = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._+-]+)+")
"""A path that a unit's line takes as it stands."""
_INSTALLED: Final = Path(__file__).resolve().parent.parent / "data" / "systemd"
_CHECKOUT: Final = Path(__file__).resolve().parents[2] / "systemd"


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What the machine has, and what of it the node may use."""

    gpu: Gpu = "none"
    audio: bool = False
    """Microphones of this box, through ALSA."""
    whisper: bool = False
    """Whisper on the processor, which makes its machine code as it runs."""
    networks: tuple[str, ...] = ()
    """Addresses or networks that the node may speak with; none for no TCP at all."""
    metrics: bool = False
    """A scraper on this machine."""
    user: str = USER
    program: PurePosixPath = PROGRAM

    @property
    def drop_ins(self) -> tuple[str, ...]:
        """The drop-ins that this takes, by name."""
        wanted = {
            self.gpu: self.gpu != "none",
            "audio": self.audio,
            "whisper": self.whisper,
            "tcp": bool(self.networks),
            "metrics": self.metrics,
        }
        return tuple(name for name, needed in wanted.items() if needed)


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file of the service: where, and its text; for a link, where it leads instead."""

    path: PurePosixPath
    text: str = ""
    link: PurePosixPath | None = None
    owners: bool = False
    """The owner's to edit: one that is there already stays as it is."""


def planned_files(options: ServiceOptions) -> tuple[PlannedFile, ...]:
    """Every file of the service, in the order in which they are written.

    Raises:
        ConfigurationFault: SERVICE_INVALID for a name, path or network that a unit cannot take.
    """
    _check(options)
    files = [
        PlannedFile(PurePosixPath("/etc/sysusers.d/edge-agent.conf"), _with_user(_template("sysusers.conf"), options)),
        PlannedFile(PurePosixPath("/etc/tmpfiles.d/edge-agent.conf"), _with_user(_template("tmpfiles.conf"), options)),
        PlannedFile(CONFIG, _template("config.toml"), owners=True),
        PlannedFile(UNIT_FILE, _unit_text(options)),
    ]
    for name in options.drop_ins:
        text = _template(f"{UNIT}.d/{name}.conf")
        if name == "tcp":
            text += "".join(f"IPAddressAllow={network}\n" for network in options.networks)
        files.append(PlannedFile(_UNITS / f"{UNIT}.d" / f"{name}.conf", text))
    files.append(PlannedFile(_UNITS / "multi-user.target.wants" / UNIT, link=UNIT_FILE))
    return tuple(files)


def _check(options: ServiceOptions) -> None:
    program = str(options.program)
    if not _USER_NAME.fullmatch(options.user) or options.user == "root":
        raise ConfigurationFault(
            Code.SERVICE_INVALID, "a system user's name in small letters is expected, not root", where=options.user
        )
    if not _PATH.fullmatch(program) or ".." in options.program.parts:
        raise ConfigurationFault(Code.SERVICE_INVALID, "an absolute path without blanks is expected", where=program)
    if program.startswith(tuple(f"{folder}/" for folder in _HIDDEN)):
        raise ConfigurationFault(
            Code.SERVICE_INVALID, "the service sees nothing of homes and /tmp; install it in /opt, say", where=program
        )
    for network in options.networks:
        try:
            ip_network(network)
        except ValueError as problem:
            raise ConfigurationFault(Code.SERVICE_INVALID, str(problem), where="--tcp") from problem


def _unit_text(options: ServiceOptions) -> str:
    text = _template(UNIT).replace(f"ExecStart={PROGRAM} ", f"ExecStart={options.program} ")
    return text.replace(f"User={USER}\nGroup={USER}\n", f"User={options.user}\nGroup={options.user}\n")


def _with_user(text: str, options: ServiceOptions) -> str:
    """The columns of sysusers.d and tmpfiles.d that name the account; paths stay."""
    return re.sub(rf"(?<= ){USER}(?= )", options.user, text)


def _template(name: str) -> str:
    """A file of the package's data, or of a checkout's systemd/."""
    folder = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    return (folder / name).read_text(encoding="utf-8")
