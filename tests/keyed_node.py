"""A daemon that listens on TCP with keys, and clients' keys for it. For tests; holds no test."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from node_harness import Node, fresh_node

from edge_agent.client import Client
from edge_agent.keys.client_key import ClientKey, write_client_key
from edge_agent.keys.curve import KeyPair, new_pair
from edge_agent.keys.grants import Grant, Verb, now
from edge_agent.keys.node_key import write_node_key
from edge_agent.keys.ring import read_grants, write_grants

OPERATOR = {"verbs": {Verb.WATCH, Verb.COMMAND, Verb.WORLD}, "robots": ("*",), "may_confirm": True, "may_resume": True}
ROBOT = {"verbs": {Verb.WATCH, Verb.PERFORM}, "robots": ("robot",)}


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Keys:
    """A node's folder of keys, and who is in it."""

    def __init__(self, folder: Path, command: str, events: str) -> None:
        self.folder = folder
        self.command = command
        self.events = events
        self.pair = new_pair()
        write_node_key(folder, self.pair)

    def add(self, name: str, pair: KeyPair | None = None, **rights: Any) -> ClientKey:
        """Let a client in, with a pair of its own or a new one."""
        pair = pair or new_pair()
        write_grants(self.folder, (*read_grants(self.folder), Grant(name=name, public=pair.public, **rights)))
        return self.key(name, pair)

    def revoke(self, name: str) -> None:
        """End a client's keys."""
        grants = read_grants(self.folder)
        ended = (one.model_copy(update={"revoked": now()}) if one.name == name else one for one in grants)
        write_grants(self.folder, ended)

    def key(self, name: str, pair: KeyPair) -> ClientKey:
        """A client's key with this pair, known or not."""
        return ClientKey(name, pair, self.pair.public, self.command, self.events)

    def stranger(self) -> ClientKey:
        """Somebody who knows the node's public key, which is public, and has no key that it knows."""
        return self.key("stranger", new_pair())

    def file(self, key: ClientKey) -> Path:
        """A client's key as its file."""
        path = self.folder / f"{key.name}.key"
        write_client_key(path, key)
        return path


class KeyedNode:
    """A daemon on loopback TCP and its keys."""

    def __init__(self, node: Node) -> None:
        command, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
        self.node = node
        self.keys = Keys(node.folder / "keys", command, events)
        node.settings["transport"] = {"tcp_command": command, "tcp_events": events, "keys": str(self.keys.folder)}

    def client(self, key: ClientKey, **options: Any) -> Client:
        """A client with this key; it gives up soon."""
        return Client(key=key, **{"connect_ms": 3_000, **options})


def keyed_node(**settings: Any) -> Iterator[KeyedNode]:
    """A node that is not started yet: it starts when somebody has a key."""
    for node in fresh_node(**settings):
        yield KeyedNode(node)
