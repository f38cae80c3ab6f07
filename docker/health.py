"""Whether the node in this container answers: asks for a snapshot over its socket, and ends with 1 when none comes."""

from __future__ import annotations

import sys

from edge_agent.client import Client
from edge_agent.errors import EdgeAgentError


def main() -> None:
    try:
        with Client() as node:
            node.snapshot()
    except EdgeAgentError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
