"""Digests of large files: computed once, remembered by which file it is (device, inode, size, times).

Decides that a file whose device, inode, size and times of change are the ones noted is the file that was read; changing
bytes changes the time of change, which no ordinary call can set back.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Final

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def file_digest(file: BufferedReader) -> str:
    """sha256 of an open file's bytes, in hex."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def model_digest(path: Path, folder: Path) -> str:
    """sha256 of a model file, remembered in `folder`; 5 GB take some seconds once.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        identity = f"{found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
        note = folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.digest"
        with suppress(OSError, UnicodeDecodeError):
            if _DIGEST.fullmatch(noted := note.read_text(encoding="ascii")):
                return noted
        digest = file_digest(file)
    with suppress(OSError):  # it is computed again next time
        note.write_text(digest, encoding="ascii")
    return digest
