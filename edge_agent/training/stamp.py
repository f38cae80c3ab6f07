"""Writes one text into the metadata of a finished GGUF file, without touching its weights.

The entry stands first and has a fixed size, a multiple of every alignment in use, so that the tensors behind it keep
theirs and a second stamp is written over the first. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from pathlib import Path

HEAD_BYTES = 24
"""Magic, version, the count of tensors and the count of metadata entries."""
ENTRY_BYTES = 128
_STRING = 8
_COUNTS = struct.Struct("<QQ")


def stamp(path: Path, key: str, text: str) -> None:
    """Write `key = text` into the file, whole: to a neighbour first, then renamed.

    Raises:
        ValueError: no GGUF file, or a text that is too long.
    """
    data = path.read_bytes()
    if data[:4] != b"GGUF":
        raise ValueError(f"{path} is no GGUF file")
    start = _key(key)
    entry = _entry(start, text)
    tensors, entries = _COUNTS.unpack_from(data, 8)
    rest = HEAD_BYTES
    if data[HEAD_BYTES:].startswith(start):
        rest += ENTRY_BYTES
    else:
        entries += 1
    partial = path.with_suffix(".partial")
    partial.write_bytes(data[:8] + _COUNTS.pack(tensors, entries) + entry + data[rest:])
    partial.replace(path)


def _key(key: str) -> bytes:
    return struct.pack("<Q", len(key)) + key.encode("ascii") + struct.pack("<I", _STRING)


def _entry(start: bytes, text: str) -> bytes:
    room = ENTRY_BYTES - len(start) - 8
    if len(text) > room:
        raise ValueError(f"{text!r} does not fit into {room} bytes")
    return start + struct.pack("<Q", room) + text.ljust(room).encode("ascii")
