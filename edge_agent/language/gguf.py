"""The header of a GGUF file, walked with every length checked before llama.cpp's parser sees the file.

Decides whether the header holds together: magic, version, counts, strings, arrays, tensors that lie inside the file,
and a tokenizer. Refuses (MODEL_DAMAGED) everything else; crafted headers have overflowed the native parser before.
The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NoReturn

from edge_agent.errors import Code, ConfigurationFault

_COUNT_MAX = 1 << 20
"""Metadata entries, tensors, and items of one array of arrays."""
_ARRAY_MAX = 1 << 24
_STRING_BYTES_MAX = 1 << 24
_DIMENSIONS_MAX = 4
_ELEMENTS_MAX = 1 << 40
_SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9
_NEEDED = ("general.architecture", "tokenizer.ggml.model", "tokenizer.ggml.tokens")


def check_header(file: BinaryIO, size: int, where: str) -> None:
    """Return when the file's header is whole.

    Raises:
        ConfigurationFault: MODEL_DAMAGED.
    """
    _Header(file, size, where).walk()


class _Header:
    def __init__(self, file: BinaryIO, size: int, where: str) -> None:
        self._file = file
        self._size = size
        self._where = where

    def walk(self) -> None:
        if self._bytes(4) != b"GGUF":
            self._refuse("is no GGUF file")
        version, tensors, entries = struct.unpack("<IQQ", self._bytes(20))
        if version not in (2, 3):
            self._refuse(f"GGUF version {version} is not read here")
        if tensors > _COUNT_MAX or entries > _COUNT_MAX:
            self._refuse("has counts beyond any model")
        keys = set()
        for _ in range(entries):
            key = self._string().decode("utf-8", "replace")
            keys.add(key)
            self._skip_value(self._u32(), depth=0)
        for needed in _NEEDED:
            if needed not in keys:
                self._refuse(f"has no {needed}" + (" (no tokenizer)" if needed.startswith("tokenizer") else ""))
        furthest = 0
        for _ in range(tensors):
            furthest = max(furthest, self._tensor())
        if self._file.tell() + furthest > self._size:
            self._refuse("is cut off: its tensors lie beyond its end")

    def _tensor(self) -> int:
        self._string()
        dimensions = self._u32()
        if not 1 <= dimensions <= _DIMENSIONS_MAX:
            self._refuse(f"has a tensor of {dimensions} dimensions")
        elements = 1
        for _ in range(dimensions):
            elements *= self._u64()
        self._u32()
        if not 0 < elements <= _ELEMENTS_MAX:
            self._refuse("has a tensor beyond any model")
        return self._u64()

    def _skip_value(self, kind: int, depth: int) -> None:
        if kind in _SCALAR_BYTES:
            self._skip(_SCALAR_BYTES[kind])
        elif kind == _STRING:
            self._string()
        elif kind == _ARRAY and depth == 0:
            inner, count = self._u32(), self._u64()
            if count > _ARRAY_MAX:
                self._refuse("has an array beyond any model")
            if inner in _SCALAR_BYTES:
                self._skip(_SCALAR_BYTES[inner] * count)
            else:
                for _ in range(count):
                    self._skip_value(inner, depth + 1)
        else:
            self._refuse(f"has a metadata value of the unknown type {kind}")

    def _string(self) -> bytes:
        length = self._u64()
        if length > _STRING_BYTES_MAX:
            self._refuse("has a string beyond any model")
        return self._bytes(length)

    def _u32(self) -> int:
        return int.from_bytes(self._bytes(4), "little")

    def _u64(self) -> int:
        return int.from_bytes(self._bytes(8), "little")

    def _bytes(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) < count:
            self._refuse("is cut off inside its header")
        return data

    def _skip(self, count: int) -> None:
        if self._file.tell() + count > self._size:
            self._refuse("is cut off inside its header")
        self._file.seek(count, 1)

    def _refuse(self, why: str) -> NoReturn:
        raise ConfigurationFault(Code.MODEL_DAMAGED, why, where=self._where)
