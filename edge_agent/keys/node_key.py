"""The node's own key: the secret it proves itself with, and the public half that its clients hold.

The secret lies in the folder of keys as `node.key`; as a systemd credential of that name it wins, so that the service
itself needs no right to the file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.keys.curve import KeyPair, check_pair
from edge_agent.keys.files import PUBLIC_MODE, SECRET_MODE, read_secret, replace, write_new
from edge_agent.keys.tables import read_tables, write_tables

NODE_KEY: Final = "node.key"
NODE_PUBLIC: Final = "node.public"
_HEADING: Final = "# The node's own key. Whoever has it can pretend to be this node: keep it at mode 0600.\n"


def read_node_key(folder: Path) -> KeyPair:
    """The node's pair.

    Raises:
        ConfigurationFault: KEY_MISSING, KEY_INVALID.
    """
    path = folder / NODE_KEY
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / NODE_KEY).exists():
        path = Path(credentials) / NODE_KEY
    return parse_pair(read_secret(path), where=str(path))


def write_node_key(folder: Path, pair: KeyPair, *, anew: bool = False) -> None:
    """Write the pair, and its public half beside it. `anew`: in place of another one.

    Raises:
        ConfigurationFault: KEY_INVALID when one is there, or the folder cannot be written.
    """
    text = _HEADING + write_tables({"public": pair.public, "secret": pair.secret})
    (replace if anew else write_new)(folder / NODE_KEY, text, SECRET_MODE)
    replace(folder / NODE_PUBLIC, pair.public + "\n", PUBLIC_MODE)


def parse_pair(text: str, *, where: str) -> KeyPair:
    """A pair from a key file's text.

    Raises:
        ConfigurationFault: KEY_INVALID.
    """
    tree = read_tables(text, where=where)
    public, secret = tree.get("public"), tree.get("secret")
    if not isinstance(public, str) or not isinstance(secret, str):
        raise ConfigurationFault(Code.KEY_INVALID, "public and secret are two texts", where=where)
    return check_pair(public, secret, where=where)
