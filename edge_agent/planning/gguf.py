"""The header of a GGUF file, walked with every length checked before llama.cpp's parser sees the file.

Decides whether the header holds together: magic, version, counts, strings, arrays, tensors of known types that lie
inside the file, and a tokenizer. Refuses (MODEL_DAMAGED) everything else; crafted headers have overflowed the native
parser before. One walk serves the check of a file that is to be loaded and the plan for one that ends with its header.
The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final, NoReturn

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.planning.tensors import TYPES, Tensor

Number = int | float | bool
Value = Number | str | tuple[Number, ...]

_COUNT_MAX = 1 << 20
"""Metadata entries, tensors, and items of one array of arrays."""
_ARRAY_MAX = 1 << 24
_KEPT_ITEMS_MAX = 4_096
"""Numbers of an array that are kept: sizes of each layer are, a vocabulary's scores are not."""
_STRING_BYTES_MAX = 1 << 24
_DIMENSIONS_MAX = 4
_ELEMENTS_MAX = 1 << 40
_ALIGNMENT, _ALIGNMENT_DEFAULT = "general.alignment", 32
_SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_NEEDED = ("general.architecture", "tokenizer.ggml.model", "tokenizer.ggml.tokens")


@dataclass(frozen=True, slots=True)
class Header:
    """What a model file says of itself before its weights."""

    version: int
    metadata: Mapping[str, Value]
    """Numbers, strings and short arrays of numbers; of other arrays there is only the length."""
    lengths: Mapping[str, int]
    """Items of each array."""
    tensors: tuple[Tensor, ...]
    data_start: int
    """Where the weights begin, in bytes from the file's beginning."""

    @property
    def file_bytes(self) -> int:
        """How long the file is at least when its weights are there; 0 when it has none."""
        return max((self.data_start + tensor.offset + tensor.size_bytes for tensor in self.tensors), default=0)


def read_header(file: BinaryIO, size: int, where: str) -> Header:
    """The header of a file of `size` bytes, open at its beginning; its weights need not be there.

    Raises:
        ConfigurationFault: MODEL_DAMAGED.
    """
    return _Walk(file, size, where).header()


def check_header(file: BinaryIO, size: int, where: str) -> None:
    """Return when the file's header is whole and its weights lie inside the file.

    Raises:
        ConfigurationFault: MODEL_DAMAGED.
    """
    if read_header(file, size, where).file_bytes > size:
        raise ConfigurationFault(Code.MODEL_DAMAGED, "is cut off: its tensors lie beyond its end", where=where)


class _Walk:
    def __init__(self, file: BinaryIO, size: int, where: str) -> None:
        self._file = file
        self._size = size
        self._where = where
        self._metadata: dict[str, Value] = {}
        self._lengths: dict[str, int] = {}

    def header(self) -> Header:
        if self._bytes(4) != b"GGUF":
            self._refuse("is no GGUF file")
        version, tensors, entries = struct.unpack("<IQQ", self._bytes(20))
        if version not in (2, 3):
            self._refuse(f"GGUF version {version} is not read here")
        if tensors > _COUNT_MAX or entries > _COUNT_MAX:
            self._refuse("has counts beyond any model")
        for _ in range(entries):
            self._entry()
        for needed in _NEEDED:
            if needed not in self._metadata and needed not in self._lengths:
                self._refuse(f"has no {needed}" + (" (no tokenizer)" if needed.startswith("tokenizer") else ""))
        found = tuple(self._tensor() for _ in range(tensors))
        return Header(version, self._metadata, self._lengths, found, self._data_start())

    def _entry(self) -> None:
        key = self._string().decode("utf-8", "replace")
        kind = self._u32()
        if kind == _ARRAY:
            self._array(key)
        else:
            self._metadata[key] = self._value(kind)

    def _array(self, key: str) -> None:
        inner, count = self._u32(), self._u64()
        if count > _ARRAY_MAX:
            self._refuse("has an array beyond any model")
        self._lengths[key] = count
        if inner in _SCALARS:
            layout = f"<{count}{_SCALARS[inner]}"
            if count <= _KEPT_ITEMS_MAX:
                self._metadata[key] = struct.unpack(layout, self._bytes(struct.calcsize(layout)))
            else:
                self._skip(struct.calcsize(layout))
        elif inner == _STRING:
            for _ in range(count):
                self._string()
        else:
            self._refuse(f"has an array of the unknown type {inner}")

    def _value(self, kind: int) -> Number | str:
        if kind == _STRING:
            return self._string().decode("utf-8", "replace")
        if kind not in _SCALARS:
            self._refuse(f"has a metadata value of the unknown type {kind}")
        layout = "<" + _SCALARS[kind]
        number: Number = struct.unpack(layout, self._bytes(struct.calcsize(layout)))[0]
        return number

    def _tensor(self) -> Tensor:
        name = self._string().decode("utf-8", "replace")
        count = self._u32()
        if not 1 <= count <= _DIMENSIONS_MAX:
            self._refuse(f"has a tensor of {count} dimensions")
        dims = tuple(self._u64() for _ in range(count))
        kind = self._u32()
        elements = 1
        for size in dims:
            elements *= size
        if not 0 < elements <= _ELEMENTS_MAX:
            self._refuse("has a tensor beyond any model")
        if kind not in TYPES:
            self._refuse(f"has a tensor of the type {kind}, which is not known here")
        if TYPES[kind].row_bytes(dims[0]) is None:
            self._refuse(f"has rows of {dims[0]} in {TYPES[kind].name}, which are not whole blocks")
        return Tensor(name, dims, TYPES[kind], self._u64())

    def _data_start(self) -> int:
        alignment = self._metadata.get(_ALIGNMENT, _ALIGNMENT_DEFAULT)
        if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
            self._refuse(f"has the alignment {alignment}, which is no power of two")
        return -(-self._file.tell() // alignment) * alignment

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
