"""Model files: where the bundled one lies, what the manifest says, and whether a file may be handed to llama.cpp.

Decides on one open file: a link to elsewhere, a pipe or a folder is refused (MODEL_NOT_A_FILE), so is a file whose
sha256 is not the one expected (MODEL_HASH_MISMATCH) or whose header does not hold together (MODEL_DAMAGED). What was
checked is what is loaded: the engine opens the same file through its descriptor, so it cannot be swapped in between.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.planning.gguf import Header, check_header, read_header

_CHUNK_BYTES = 1 << 20
_INSTALLED = Path(__file__).resolve().parent.parent / "data" / "models"
_CHECKOUT = Path(__file__).resolve().parents[2] / "models"


class ModelEntry(BaseModel):
    """One model of the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]*\.gguf$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(gt=0)
    arch: str
    parameters: int = Field(gt=0)
    quantization: str
    packs: tuple[str, ...]
    licence: str


class Manifest(BaseModel):
    """models/manifest.json: the models that ship, the first being the one that runs by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[ModelEntry, ...]

    def of_file(self, file: str) -> ModelEntry | None:
        """The entry of a file name, or None."""
        return next((entry for entry in self.models if entry.file == file), None)


def models_dir() -> Path:
    """The folder of the bundled model: the installed package's data, or a checkout's models/."""
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT


def manifest(folder: Path | None = None) -> Manifest:
    """The manifest of a models folder.

    Raises:
        ConfigurationFault: MODEL_MISSING without one, MODEL_DAMAGED for one that cannot be read.
    """
    path = (folder or models_dir()) / "manifest.json"
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as problem:
        raise ConfigurationFault(Code.MODEL_MISSING, "there is no models manifest", where=str(path)) from problem
    except (OSError, ValidationError) as problem:
        why = problem.errors(include_url=False)[0]["msg"] if isinstance(problem, ValidationError) else str(problem)
        raise ConfigurationFault(
            Code.MODEL_DAMAGED, f"the manifest cannot be read: {why}", where=str(path)
        ) from problem


def bundled_model() -> Path:
    """The model that runs when none is named: the manifest's first.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_DAMAGED.
    """
    entries = manifest().models
    if not entries:
        raise ConfigurationFault(Code.MODEL_MISSING, "the manifest names no model", where=str(models_dir()))
    return models_dir() / entries[0].file


def bundled_sha256(path: Path) -> str | None:
    """What the manifest says of a file in the bundled folder; None for any other file."""
    if path.resolve().parent != models_dir().resolve():
        return None
    entry = manifest().of_file(path.name)
    return entry.sha256 if entry else None


def verify(path: Path, sha256: str | None) -> None:
    """Return when the file is a whole GGUF, and the one expected where `sha256` is given.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_NOT_A_FILE, MODEL_DAMAGED, MODEL_HASH_MISMATCH.
    """
    with opened_model(path, sha256):
        pass


def header_of(path: Path) -> Header:
    """What a model file says of itself; its weights need not be there.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_NOT_A_FILE, MODEL_DAMAGED.
    """
    with _open(path) as file:
        return read_header(file, os.fstat(file.fileno()).st_size, str(path))


@contextmanager
def opened_model(path: Path, sha256: str | None) -> Iterator[str]:
    """A checked model file held open, as the path by which exactly this file can be loaded.

    A link is followed only within its own folder (package managers and model caches lay files so).

    Raises:
        ConfigurationFault: as `verify`.
    """
    with _open(path) as file:
        if sha256 is not None and (found := _digest(file)) != sha256.lower():
            why = f"sha256 is {found[:16]}…, expected {sha256[:16]}…; fetch the model again"
            raise ConfigurationFault(Code.MODEL_HASH_MISMATCH, why, where=str(path))
        file.seek(0)
        check_header(file, os.fstat(file.fileno()).st_size, str(path))
        own = Path(f"/proc/self/fd/{file.fileno()}")
        yield str(own if own.exists() else path)


def _open(path: Path) -> BinaryIO:
    where = str(path)
    try:
        target = path.resolve(strict=True)
        if path.is_symlink() and target.parent != path.parent.resolve():
            raise ConfigurationFault(Code.MODEL_NOT_A_FILE, f"is a link that leads elsewhere ({target})", where=where)
        # not blocking, so that a pipe nobody writes to is refused instead of waited for
        descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as problem:
        raise ConfigurationFault(Code.MODEL_MISSING, "there is no such file", where=where) from problem
    except OSError as problem:
        raise ConfigurationFault(Code.MODEL_NOT_A_FILE, problem.strerror or str(problem), where=where) from problem
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ConfigurationFault(Code.MODEL_NOT_A_FILE, "is no regular file", where=where)
    return os.fdopen(descriptor, "rb")


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
