"""Where the node listens: [transport]."""

from __future__ import annotations

from edge_agent.settings.base import Section


class TransportSettings(Section):
    """Where the node listens. ipc in the runtime directory unless an address is given."""

    command: str | None = None
    events: str | None = None
    insecure_loopback: bool = False
    """Allow tcp://127.0.0.1 without keys; anything wider is INSECURE_BIND."""
