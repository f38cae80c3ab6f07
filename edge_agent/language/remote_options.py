"""Which server decides, and how it is spoken to; plain values. The key is read here and goes nowhere but its header.

Refuses (SETTINGS_INVALID) a key that others can read, that is no key, or that would travel in the clear.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.limits import REMOTE_KEY_CHARS_MAX

AUTO: Final = "auto"
BUNDLED: Final = "bundled"
_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """A server as the settings describe it; `settings.RemoteSettings` says what each field means."""

    url: str
    model: str = ""
    dialect: str = AUTO
    prompt: str = "chat"
    api_key_file: Path | None = None
    ca_file: Path | None = None
    timeout_ms: int = 10_000
    fallback: bool = True
    probabilities: bool = True
    confidence: float = 1.0

    @property
    def base_url(self) -> str:
        """The URL that every path of the API is put behind."""
        return self.url.rstrip("/").removesuffix("/v1").rstrip("/")


def read_key(path: Path | None) -> str:
    """The key in a file; none without a file.

    Raises:
        ConfigurationFault: SETTINGS_INVALID, never with a part of the key.
    """
    if path is None:
        return ""
    where = f"remote.api_key_file: {path}"
    try:
        # not blocking, so that a pipe nobody writes to is refused instead of waited for
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(REMOTE_KEY_CHARS_MAX + 1) if stat.S_ISREG(mode) else b""
    except OSError as problem:
        raise ConfigurationFault(Code.SETTINGS_INVALID, problem.strerror or str(problem), where=where) from problem
    if mode & _OTHERS:
        why = "everybody on this machine can read or change the key; chmod 600 it, or 640 for the node's group"
        raise ConfigurationFault(Code.SETTINGS_INVALID, why, where=where)
    key = raw.strip()
    if not key or len(raw) > REMOTE_KEY_CHARS_MAX or any(not 0x21 <= byte <= 0x7E for byte in key):
        why = f"holds no key: one line of at most {REMOTE_KEY_CHARS_MAX} printable characters is expected"
        raise ConfigurationFault(Code.SETTINGS_INVALID, why, where=where)
    return key.decode("ascii")
