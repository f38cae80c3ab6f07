"""Which node a client speaks to, and with what key: the local one, an address, or the one that its key file names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.keys.client_key import ClientKey, read_client_key
from edge_agent.settings import Settings

KEY_VARIABLE: Final = "EDGE_AGENT_KEY"
"""Names the key file of programs that are told of none."""

AnyKey = ClientKey | Path | str


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Two ZeroMQ addresses, and the key to them (None: local sockets, which ask for none)."""

    command: str
    events: str
    key: ClientKey | None


def whereabouts(
    command_address: str | None = None, events_address: str | None = None, key: AnyKey | None = None
) -> Whereabouts:
    """Where to connect. An address that is given wins over the key's own; without a key, $EDGE_AGENT_KEY names one.

    Raises:
        ConfigurationFault: KEY_MISSING, KEY_INVALID.
    """
    if key is None and command_address is None and events_address is None:
        key = os.environ.get(KEY_VARIABLE) or None
    known = key if isinstance(key, ClientKey) or key is None else read_client_key(Path(key).expanduser())
    if known is not None:
        return Whereabouts(command_address or known.command, events_address or known.events, known)
    local = Settings()
    return Whereabouts(command_address or local.command_address, events_address or local.events_address, None)
