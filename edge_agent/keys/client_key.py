"""A client's key: its pair, the node's public key, and where that node listens. Everything that a robot needs to join.

It lies in a file of mode 0600, or travels as one line of text, once, to the machine that will keep it.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.keys.curve import KeyPair, check_public
from edge_agent.keys.files import SECRET_MODE, read_secret, write_new
from edge_agent.keys.node_key import parse_pair
from edge_agent.keys.tables import read_tables, write_tables

LINE_PREFIX: Final = "edge-agent-key:"
_LINE: Final = re.compile(LINE_PREFIX + r"([A-Za-z0-9_\-=]*)")
_HEADING: Final = "# Whoever has this file is this client: keep it at mode 0600.\n"


@dataclass(frozen=True, slots=True)
class ClientKey:
    """What a client proves itself with, whom it believes, and where to find it (ZeroMQ addresses)."""

    name: str
    pair: KeyPair
    node_public: str
    command: str
    events: str


def read_client_key(path: Path) -> ClientKey:
    """A client's key from its file.

    Raises:
        ConfigurationFault: KEY_MISSING, KEY_INVALID.
    """
    return parse_client_key(read_secret(path), where=str(path))


def write_client_key(path: Path, key: ClientKey) -> None:
    """Keep a key that is not there yet.

    Raises:
        ConfigurationFault: KEY_INVALID.
    """
    write_new(path, to_text(key), SECRET_MODE)


def to_text(key: ClientKey) -> str:
    """The key file's text."""
    tree = {
        "name": key.name,
        "public": key.pair.public,
        "secret": key.pair.secret,
        "node": {"public": key.node_public, "command": key.command, "events": key.events},
    }
    return _HEADING + write_tables(tree)


def parse_client_key(text: str, *, where: str) -> ClientKey:
    """A key from a key file's text.

    Raises:
        ConfigurationFault: KEY_INVALID.
    """
    tree = read_tables(text, where=where)
    node = tree.get("node")
    values = (
        [tree.get("name"), *(node.get(name) for name in ("public", "command", "events"))]
        if isinstance(node, dict)
        else []
    )
    if len(values) != 4 or not all(isinstance(value, str) for value in values):
        raise ConfigurationFault(
            Code.KEY_INVALID,
            "a client's key has name, public, secret, and a [node] with public, command, events",
            where=where,
        )
    name, node_public, command, events = (str(value) for value in values)
    return ClientKey(name, parse_pair(text, where=where), check_public(node_public, where=where), command, events)


def to_line(key: ClientKey) -> str:
    """The key as one line to paste. It holds the secret."""
    return LINE_PREFIX + base64.urlsafe_b64encode(to_text(key).encode()).decode("ascii")


def from_line(line: str) -> ClientKey:
    """The key in a pasted line, words around it left out; or a key file's own text.

    Raises:
        ConfigurationFault: KEY_INVALID.
    """
    text = line.strip()
    if found := _LINE.search(text):
        try:
            text = base64.urlsafe_b64decode(found.group(1).encode("ascii")).decode("utf-8")
        except (binascii.Error, UnicodeError) as problem:
            raise ConfigurationFault(
                Code.KEY_INVALID, "a part of the line is missing", where="the pasted key"
            ) from problem
    return parse_client_key(text, where="the pasted key")
