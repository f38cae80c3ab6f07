"""Key files' text: TOML read without ever showing a line of it, and written."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import tomli_w

from edge_agent.errors import Code, ConfigurationFault


def read_tables(text: str, *, where: str) -> dict[str, object]:
    """A key file's tables.

    Raises:
        ConfigurationFault: KEY_INVALID; the line is named and never shown, for it may hold a secret.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        place = str(problem).partition("(")[2].rstrip(")") or "it"
        raise ConfigurationFault(Code.KEY_INVALID, f"is not TOML ({place})", where=where) from None


def write_tables(tables: Mapping[str, Any]) -> str:
    """Tables as text."""
    return tomli_w.dumps(tables)
