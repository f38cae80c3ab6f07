"""The list of what was installed, with digests: only what still is as it was written is replaced or taken away."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.errors import Code, ConfigurationFault

MANIFEST: Final = PurePosixPath("/etc/edge-agent/installed.json")


class InstalledFile(BaseModel):
    """One file as it was written: its path, and the digest of its bytes (of a link: of where it leads)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._+-]+)+$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """Everything that is installed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: str
    user: str
    files: Annotated[tuple[InstalledFile, ...], Field(max_length=64, strict=False)] = ()

    def digest_of(self, path: PurePosixPath) -> str | None:
        """What was written there, or None when nothing was."""
        return next((file.sha256 for file in self.files if file.path == str(path)), None)


def digest(content: bytes) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def parse_manifest(text: bytes, *, where: str) -> Manifest:
    """The list from its file.

    Raises:
        ConfigurationFault: SERVICE_INVALID.
    """
    try:
        found = Manifest.model_validate_json(text)
    except ValidationError as problem:
        raise ConfigurationFault(
            Code.SERVICE_INVALID, "it is not the list that install writes; move it aside", where=where
        ) from problem
    for file in found.files:
        if ".." in PurePosixPath(file.path).parts:
            raise ConfigurationFault(Code.SERVICE_INVALID, f"{file.path} leads elsewhere", where=where)
    return found
