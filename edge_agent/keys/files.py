"""Reading and writing files that must not be read, or not be written, by others.

A secret's file is a plain file of this user (or root's) that nobody else can read; a file of rights one that nobody
else can write. Whatever is looser is refused with KEY_INVALID and the command that mends it. New files have their
mode from their first moment, and a change appears whole or not at all.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from edge_agent import limits
from edge_agent.errors import Code, ConfigurationFault

SECRET_MODE: Final = 0o600
PUBLIC_MODE: Final = 0o644
FOLDER_MODE: Final = 0o755
"""A service reads its clients' rights without owning the folder; each secret in it is closed by itself."""


def read_secret(path: Path) -> str:
    """The text of a file that only its owner may read.

    Raises:
        ConfigurationFault: KEY_MISSING, KEY_INVALID.
    """
    return _read(path, stat.S_IRWXG | stat.S_IRWXO, "600")


def read_guarded(path: Path) -> str:
    """The text of a file that only its owner may write.

    Raises:
        ConfigurationFault: KEY_MISSING, KEY_INVALID.
    """
    return _read(path, stat.S_IWGRP | stat.S_IWOTH, "644")


def _read(path: Path, too_open: int, mode: str) -> str:
    try:
        # NONBLOCK: a pipe in a key's place must not hang the node; the checks below are on what was opened
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as problem:
        raise ConfigurationFault(Code.KEY_MISSING, "no such file", where=str(path)) from problem
    except OSError as problem:
        raise ConfigurationFault(
            Code.KEY_INVALID, f"cannot be opened: {problem.strerror}", where=str(path)
        ) from problem
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigurationFault(Code.KEY_INVALID, "is not a plain file", where=str(path))
        if found.st_uid not in (os.geteuid(), 0):
            raise ConfigurationFault(Code.KEY_INVALID, f"belongs to another user ({found.st_uid})", where=str(path))
        if found.st_mode & too_open and not _is_credential(path):
            raise ConfigurationFault(
                Code.KEY_INVALID, f"others can get at it; chmod {mode} {path}, and rotate the key", where=str(path)
            )
        raw = os.read(descriptor, limits.KEY_FILE_BYTES_MAX + 1)
    finally:
        os.close(descriptor)
    if len(raw) > limits.KEY_FILE_BYTES_MAX:
        raise ConfigurationFault(Code.KEY_INVALID, f"is beyond {limits.KEY_FILE_BYTES_MAX} bytes", where=str(path))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise ConfigurationFault(Code.KEY_INVALID, "is not UTF-8", where=str(path)) from problem


def _is_credential(path: Path) -> bool:
    """systemd's credentials are in a directory of their own that only the service can enter, each file 0440."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(directory) and path.parent == Path(str(directory))


def write_new(path: Path, text: str, mode: int) -> None:
    """A file that must not be there yet.

    Raises:
        ConfigurationFault: KEY_INVALID when it is, or cannot be written.
    """
    try:
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        _write(path, text, mode)
    except FileExistsError as problem:
        raise ConfigurationFault(
            Code.KEY_INVALID, "is there already; nothing was written", where=str(path)
        ) from problem
    except OSError as problem:
        raise ConfigurationFault(
            Code.KEY_INVALID, f"cannot be written: {problem.strerror}", where=str(path)
        ) from problem


def replace(path: Path, text: str, mode: int) -> None:
    """A file's new content, on the disk before the old one is gone.

    Raises:
        ConfigurationFault: KEY_INVALID when it cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        _write(fresh, text, mode)
        if path.exists():  # root may edit the file of a service; it stays the service's
            found = path.stat()
            if found.st_uid != os.geteuid():
                os.chown(fresh, found.st_uid, found.st_gid)
        fresh.replace(path)
    except OSError as problem:
        raise ConfigurationFault(
            Code.KEY_INVALID, f"cannot be written: {problem.strerror}", where=str(path)
        ) from problem


def _write(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask took away or left
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
