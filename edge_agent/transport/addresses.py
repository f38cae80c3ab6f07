"""Which addresses may be bound: ipc for this machine's own programs, tcp only where keys are asked for. Pure.

tcp without keys, loopback too, is INSECURE_BIND: every program and every user of the machine could command it.
"""

from __future__ import annotations

import re
from pathlib import Path

from edge_agent.errors import Code, ConfigurationFault

_IPC_PATH_BYTES_MAX = 107
"""sun_path of a unix socket, its closing zero left out."""
_TCP = re.compile(r"tcp://(?:\*|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})")
"""Numbers only: a name would have to be looked up in a network."""


def check_local(address: str, *, where: str) -> None:
    """Let an ipc address through or say why not.

    Raises:
        ConfigurationFault: INSECURE_BIND for tcp, or SETTINGS_INVALID for something that is no address.
    """
    if address.startswith("tcp://"):
        raise ConfigurationFault(
            Code.INSECURE_BIND,
            f"{address} asks nobody for a key; bind tcp with transport.tcp_command and tcp_events, "
            "and let people in with `edge-agent keys`",
            where=where,
        )
    path = address.removeprefix("ipc://")
    if path == address:
        raise ConfigurationFault(Code.SETTINGS_INVALID, f"{address!r} is neither ipc:// nor tcp://", where=where)
    if not path.startswith("/") or len(path.encode()) > _IPC_PATH_BYTES_MAX:
        raise ConfigurationFault(
            Code.SETTINGS_INVALID,
            f"an ipc path is absolute and at most {_IPC_PATH_BYTES_MAX} bytes long: {path!r}",
            where=where,
        )


def check_tcp(address: str, *, where: str) -> None:
    """Let a tcp address through whose clients have keys.

    Raises:
        ConfigurationFault: SETTINGS_INVALID.
    """
    found = _TCP.fullmatch(address)
    if not found or not 0 < int(found.group(1)) <= 65_535:
        raise ConfigurationFault(
            Code.SETTINGS_INVALID, f"tcp://IP:PORT is expected (or *, for every interface): {address!r}", where=where
        )


def socket_path(address: str) -> Path | None:
    """The file of an ipc address; None for tcp."""
    return Path(address.removeprefix("ipc://")) if address.startswith("ipc://") else None
