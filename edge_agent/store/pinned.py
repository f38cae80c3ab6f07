"""The models folder of this machine: which models lie there, and which bytes they must be.

Every model has a folder of its own with a manifest, `pinned.json`: repository, commit, and the sha256 of each file.
The manifest is written last and at once, so a folder with one is whole. `verify` reads every byte again. A folder that
a person copied there has no manifest: the first `verify` writes one, which says that nobody but this machine vouches
for it. Refuses MODEL_MISSING, MODEL_NOT_A_FILE, MODEL_DAMAGED and MODEL_HASH_MISMATCH. Opens no connection.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.settings import default_state_dir
from edge_agent.store.catalogue import OFFERS, Offer, is_whisper, rank_of

MANIFEST: Final = "pinned.json"
_CHUNK_BYTES: Final = 1 << 20

Origin = Literal["hub", "copied"]
"""Checked against the hub's own record, or taken as it lay there when it was first verified."""
ORIGIN_WORDS: Final[Mapping[Origin, str]] = {
    "hub": "bytes as the hub recorded",
    "copied": "bytes as first seen; copied, not checked against the hub",
}


class PinnedFile(BaseModel):
    """One file of a pinned model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Pinned(BaseModel):
    """What is known of one model: `repository` and `commit` are empty for one that was copied."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    origin: Origin
    repository: str = ""
    commit: str = ""
    files: dict[str, PinnedFile] = Field(min_length=1)

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(file.bytes for file in self.files.values())


def store_dir() -> Path:
    """Where pulled models lie: $EDGE_AGENT_MODELS, or `models` in the node's state folder."""
    given = os.environ.get("EDGE_AGENT_MODELS")
    return Path(given) if given else default_state_dir() / "models"


def model_folders(store: Path | None = None) -> tuple[Path, ...]:
    """The folders of models, pinned or not, by name; what begins with a dot is a download that is not whole."""
    folder = store or store_dir()
    if not folder.is_dir():
        return ()
    return tuple(sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")))


def pinned(folder: Path) -> Pinned | None:
    """A model folder's manifest, or None where it has none.

    Raises:
        ConfigurationFault: MODEL_DAMAGED for one that cannot be read.
    """
    path = folder / MANIFEST
    try:
        return Pinned.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as problem:
        why = problem.errors(include_url=False)[0]["msg"] if isinstance(problem, ValidationError) else str(problem)
        message = f"the manifest cannot be read: {why}; delete it and run `edge-agent models verify`"
        raise ConfigurationFault(Code.MODEL_DAMAGED, message, where=str(path)) from problem


def pin(folder: Path, what: Pinned) -> None:
    """Write a model folder's manifest, whole or not at all."""
    part = folder / f".{MANIFEST}.part"
    with part.open("w", encoding="utf-8") as file:
        file.write(what.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / MANIFEST)


def files_of(folder: Path) -> Mapping[str, str]:
    """The sha256 that each file of a pinned model must have; empty where nothing is pinned.

    Raises:
        ConfigurationFault: MODEL_DAMAGED.
    """
    known = pinned(folder)
    return {name: file.sha256 for name, file in known.files.items()} if known else {}


def whisper_model(store: Path | None = None) -> Path | None:
    """The best pinned Whisper folder, by the catalogue's order, or None. Its bytes are not read here.

    Raises:
        ConfigurationFault: MODEL_DAMAGED.
    """
    whole = [folder for folder in model_folders(store) if is_whisper(files_of(folder))]
    return min(whole, key=lambda folder: (rank_of(folder.name), folder.name), default=None)


def verify_folder(folder: Path) -> Pinned:
    """Read every file of a model again and compare; a model that was copied is pinned when it is verified first.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_NOT_A_FILE, MODEL_DAMAGED, MODEL_HASH_MISMATCH.
    """
    known = pinned(folder)
    if known is None:
        known = Pinned(
            name=folder.name, origin="copied", files={name: measured(folder / name) for name in _copied(folder)}
        )
        pin(folder, known)
        return known
    for name, expected in known.files.items():
        found = measured(folder / name)
        if found != expected:
            message = f"is not the file that was pinned (sha256 {found.sha256[:16]}…, not {expected.sha256[:16]}…)"
            remedy = "pull the model again" if known.origin == "hub" else f"copy it again, or delete {MANIFEST}"
            raise ConfigurationFault(Code.MODEL_HASH_MISMATCH, f"{message}; {remedy}", where=str(folder / name))
    return known


def _copied(folder: Path) -> tuple[str, ...]:
    """The files that a copied folder must have: by its name, or, of a name of one's own, those of what it seems."""
    present = sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))
    offer = _offer(folder.name)
    if offer is None:
        if is_whisper(present) or any(name.endswith(".gguf") for name in present):
            return tuple(present)
        message = "is neither a Whisper folder (model.bin, config.json, tokenizer.json, vocabulary.*) nor holds a GGUF"
        raise ConfigurationFault(Code.MODEL_MISSING, message, where=str(folder))
    missing = [name for name in offer.files if name not in present]
    if missing:
        message = f"{', '.join(missing)} missing; copy it from {offer.repository}, or pull {offer.name}"
        raise ConfigurationFault(Code.MODEL_MISSING, message, where=str(folder))
    return offer.files


def _offer(name: str) -> Offer | None:
    return next((offer for offer in OFFERS if offer.name == name), None)


def measured(path: Path) -> PinnedFile:
    """Size and sha256 of a regular file; a link, a pipe or a folder is refused.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_NOT_A_FILE.
    """
    digest = hashlib.sha256()
    with regular_file(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
        return PinnedFile(bytes=file.tell(), sha256=digest.hexdigest())


@contextmanager
def regular_file(path: Path) -> Iterator[BinaryIO]:
    """A file of the store, open for reading.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_NOT_A_FILE.
    """
    where = str(path)
    try:
        # not blocking, so that a pipe nobody writes to is refused instead of waited for
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as problem:
        message = "is missing; pull the model again, or copy the file"
        raise ConfigurationFault(Code.MODEL_MISSING, message, where=where) from problem
    except OSError as problem:
        message = "is a link; copy the file itself" if path.is_symlink() else problem.strerror or str(problem)
        raise ConfigurationFault(Code.MODEL_NOT_A_FILE, message, where=where) from problem
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ConfigurationFault(Code.MODEL_NOT_A_FILE, "is no regular file", where=where)
    with os.fdopen(descriptor, "rb") as file:
        yield file
