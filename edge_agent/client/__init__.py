"""The node's clients: `Client` and `AsyncClient` for who commands, `Executor` for who carries out.

Speaks the wire of `docs/wire.md` and imports nothing of the node: it is all that a program beside the node needs.
"""

from __future__ import annotations

from edge_agent.client.asynchronous import AsyncClient
from edge_agent.client.executor import Executor, PerformFailed
from edge_agent.client.sync import Client

__all__ = ["AsyncClient", "Client", "Executor", "PerformFailed"]
