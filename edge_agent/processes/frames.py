"""Frames between a node and a child: a JSON object, and bytes beside it where there is sound to carry.

On the stream: the header's length and the payload's, four bytes each, big-endian, then both. Refuses what is longer
than the limits or no JSON object with `BadFrame`; what the fields mean is for those who read them. Nothing is pickled.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, BinaryIO, Final

JsonObject = dict[str, Any]

HEADER_BYTES_MAX: Final = 16 * 1024 * 1024
"""The largest header is a pack's lexicon."""
PAYLOAD_BYTES_MAX: Final = 4 * 1024 * 1024
_LENGTHS: Final = struct.Struct(">II")


class BadFrame(Exception):
    """The other side sent what is no frame; whoever reads translates this into a code of its own."""


def pack_frame(header: JsonObject, payload: bytes = b"") -> bytes:
    """A frame as bytes."""
    head = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    return _LENGTHS.pack(len(head), len(payload)) + head + payload


def write_frame(file: BinaryIO, header: JsonObject, payload: bytes = b"") -> None:
    """Send a frame; blocks while the other side takes nothing.

    Raises:
        OSError: the other side is gone.
    """
    file.write(pack_frame(header, payload))
    file.flush()


def read_frame(file: BinaryIO) -> tuple[JsonObject, bytes]:
    """The next frame; blocks.

    Raises:
        EOFError: the other side is gone.
        BadFrame: it is no frame.
    """
    head_bytes, payload_bytes = _lengths(_exactly(file, _LENGTHS.size))
    head = _exactly(file, head_bytes)
    return _header(head), _exactly(file, payload_bytes)


async def receive_frame(reader: asyncio.StreamReader) -> tuple[JsonObject, bytes]:
    """The next frame, without blocking the loop.

    Raises:
        EOFError: the other side is gone (asyncio's IncompleteReadError is one).
        BadFrame: it is no frame.
    """
    head_bytes, payload_bytes = _lengths(await reader.readexactly(_LENGTHS.size))
    head = await reader.readexactly(head_bytes)
    return _header(head), await reader.readexactly(payload_bytes)


def _lengths(data: bytes) -> tuple[int, int]:
    head_bytes, payload_bytes = _LENGTHS.unpack(data)
    if head_bytes > HEADER_BYTES_MAX or payload_bytes > PAYLOAD_BYTES_MAX:
        raise BadFrame(f"a frame of {head_bytes} and {payload_bytes} bytes")
    return head_bytes, payload_bytes


def _header(data: bytes) -> JsonObject:
    try:
        header = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise BadFrame("not JSON") from problem
    if not isinstance(header, dict):
        raise BadFrame("not an object")
    return header


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise EOFError
    return data
