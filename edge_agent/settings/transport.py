"""Where the node listens: [transport]."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from edge_agent.settings.base import Section


class TransportSettings(Section):
    """Local sockets for this machine's programs; TCP, which asks everybody for a key, where two addresses are given."""

    command: str | None = None
    """ipc address; in the runtime directory when absent."""
    events: str | None = None
    tcp_command: str | None = None
    """tcp://IP:PORT, or tcp://*:PORT for every interface."""
    tcp_events: str | None = None
    keys: Path = Field(default_factory=lambda: default_keys_dir())
    """Folder with the node's key and the list of its clients."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.tcp_command is None) != (self.tcp_events is None):
            raise ValueError("tcp_command and tcp_events are given together")
        return self


def default_keys_dir() -> Path:
    """Where keys lie: beside systemd's configuration of the service, or the user's."""
    if given := os.environ.get("CONFIGURATION_DIRECTORY"):
        return Path(given.split(":")[0]) / "keys"
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "edge-agent" / "keys"
