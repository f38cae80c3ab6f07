"""The chain's head beside the journal: a small file, so that a tail that is lost from the journal is noticed.

SQLite ends a write-ahead log at its first bad frame and says nothing. This file says how far the journal had come: it
is written and synced after each group commit and before anybody hears of it, so that nothing was promised that it does
not know of. Two slots of one sector each are written in turn, so that a power cut in the middle of one leaves the
other. It refuses links and whatever is no plain file.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.errors import ClientFault
from edge_agent.observe.chain import Head

FILE_NAME: Final = "head"
SLOT_BYTES: Final = 512
"""A sector: what a disk writes whole or not at all."""
_SLOTS: Final = 2


@dataclass(frozen=True, slots=True)
class KeptHead:
    """What the file says: the latest head, or None; `broken` when a slot that was written does not hold together."""

    head: Head | None = None
    broken: bool = False


class HeadFile:
    """Reads and keeps the head. One writer, the journal's thread."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE_NAME
        self._descriptor: int | None = None
        self._next = 0
        self._anew = False

    def read(self) -> KeptHead:
        """What is kept. A file that cannot be read at all is broken; one that is not there is nothing."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return KeptHead()
        except OSError:
            return KeptHead(broken=True)
        try:
            plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
            content = os.read(descriptor, SLOT_BYTES * _SLOTS) if plain else b"?"
        except OSError:
            return KeptHead(broken=True)
        finally:
            os.close(descriptor)
        slots = [content[place : place + SLOT_BYTES] for place in (0, SLOT_BYTES)]
        found = [_parse(slot) for slot in slots]
        heads = [head for head in found if head is not None]
        broken = any(head is None and slot.strip() for head, slot in zip(found, slots, strict=True))
        broken = broken or not heads or len(content) != SLOT_BYTES * _SLOTS
        return KeptHead(max(heads, key=lambda head: head.seq, default=None), broken)

    def anew(self) -> None:
        """Another chain begins: the next head that is kept takes the place of all that was kept of the old one."""
        self._anew = True

    def keep(self, head: Head) -> None:
        """Write and sync it.

        Raises:
            OSError: the disk refuses.
        """
        if self._descriptor is None or self._anew:
            self._open(head)
            return
        os.pwrite(self._descriptor, _record(head), self._next * SLOT_BYTES)
        os.fdatasync(self._descriptor)
        self._next = (self._next + 1) % _SLOTS

    def begin(self, head: Head) -> None:
        """Keep this head in a new file, in place of whatever was there.

        Raises:
            OSError: the disk refuses.
        """
        self.close()
        fresh = self._path.with_name(f"{FILE_NAME}.new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, _record(head) + b" " * SLOT_BYTES, 0)
            os.fsync(descriptor)
            fresh.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor, self._next, self._anew = descriptor, 1, False

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self, head: Head) -> None:
        """Keep it in the file that is there, in the slot that does not hold the latest; or in a new file."""
        kept = self.read()
        if self._anew or kept.head is None:
            self.begin(head)
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        first = _parse(os.pread(descriptor, SLOT_BYTES, 0))
        self._descriptor, self._next = descriptor, 1 if first == kept.head else 0
        self.keep(head)


def _record(head: Head) -> bytes:
    text = str(head)
    check = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text} {check}\n".encode().ljust(SLOT_BYTES)


def _parse(slot: bytes) -> Head | None:
    """The head in a slot; None when it is empty or not what was written."""
    try:
        text, check = slot.decode("ascii").split()
        if hashlib.sha256(text.encode()).hexdigest()[:16] != check or len(slot) != SLOT_BYTES:
            return None
        return Head.parse(text)
    except (ValueError, ClientFault):
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
