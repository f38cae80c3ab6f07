"""Which addresses may be bound without keys: an ipc socket, and loopback when the owner says so. Pure.

Everything wider is INSECURE_BIND: there is nobody at the door who could ask for a key.
"""

from __future__ import annotations

import re
from pathlib import Path

from edge_agent.errors import Code, ConfigurationFault

_IPC_PATH_BYTES_MAX = 107
"""sun_path of a unix socket, its closing zero left out."""
_LOOPBACK = re.compile(r"^tcp://(?:127\.0\.0\.1|\[::1\]):([0-9]{1,5})$")


def check_address(address: str, *, insecure_loopback: bool, where: str) -> None:
    """Let an address through or say why not.

    Raises:
        ConfigurationFault: INSECURE_BIND, or SETTINGS_INVALID for something that is no address.
    """
    if address.startswith("ipc://"):
        path = address.removeprefix("ipc://")
        if not path.startswith("/") or len(path.encode()) > _IPC_PATH_BYTES_MAX:
            raise ConfigurationFault(
                Code.SETTINGS_INVALID,
                f"an ipc path is absolute and at most {_IPC_PATH_BYTES_MAX} bytes long: {path!r}",
                where=where,
            )
        return
    loopback = _LOOPBACK.match(address)
    if loopback and int(loopback.group(1)) <= 65_535:
        if insecure_loopback:
            return
        raise ConfigurationFault(
            Code.INSECURE_BIND,
            f"{address} has no keys: every user of this machine could command it; "
            "use ipc, or allow it with transport.insecure_loopback (--insecure-loopback)",
            where=where,
        )
    if address.startswith("tcp://"):
        raise ConfigurationFault(Code.INSECURE_BIND, f"{address} has no keys and is not loopback; use ipc", where=where)
    raise ConfigurationFault(Code.SETTINGS_INVALID, f"{address!r} is neither ipc:// nor tcp://", where=where)


def socket_path(address: str) -> Path | None:
    """The file of an ipc address; None for tcp."""
    return Path(address.removeprefix("ipc://")) if address.startswith("ipc://") else None
