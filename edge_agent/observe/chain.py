"""The chain: every version of every row as an entry, each linked to the one before it. Pure.

    link = sha256(previous link ‖ "seq\\nwall_ms\\ntable\\nkey\\nsha256(body)\\nsha256(private)")

`body` is the JSON of the row's columns but for the private ones (somebody's words); those stand in `private`, with a
salt, or it is empty. A link is made over digests, so that either text can be left out of an export, or replaced by its
digest, and the chain still holds; the salt keeps short sentences from being guessed from their digest.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final

from edge_agent.errors import ClientFault, Code
from edge_agent.observe.records import ROWS, Row, Value, columns, compact_json, values

GENESIS: Final = bytes(32)
"""What the first entry of a journal is linked to."""
SALT: Final = "salt"
_SALT_BYTES: Final = 16
_HEAD = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain. Whoever holds it can tell later that nothing before it was changed or cut off."""

    seq: int = 0
    link: bytes = GENESIS

    def __str__(self) -> str:
        return f"{self.seq}:{self.link.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """SEQ:LINK as `str` writes it.

        Raises:
            ClientFault: INVALID_MESSAGE.
        """
        found = _HEAD.fullmatch(text.strip())
        if found is None:
            raise ClientFault(Code.INVALID_MESSAGE, "a head is SEQ:LINK, the link in 64 hex digits", where=text[:80])
        return cls(int(found[1]), bytes.fromhex(found[2]))


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of one row as the chain keeps it."""

    seq: int
    wall_ms: int
    table: str
    key: str
    body: bytes
    private: bytes
    link: bytes

    def content(self) -> dict[str, Any]:
        """The row's columns by name, the private ones included.

        Raises:
            ValueError: it is no JSON object (any more).
        """
        found = json.loads(self.body)
        if self.private:
            found |= json.loads(self.private)
            found.pop(SALT, None)
        return dict(found)


_PUBLIC: Final = {
    kind.TABLE: tuple((place, name) for place, name in enumerate(columns(kind)) if name not in kind.PRIVATE)
    for kind in ROWS
}
_PRIVATE: Final = {
    kind.TABLE: tuple((place, name) for place, name in enumerate(columns(kind)) if name in kind.PRIVATE)
    for kind in ROWS
}


def texts_of(row: Row) -> tuple[str, str]:
    """A row as an entry's `body` and `private`."""
    content = values(row)
    body = compact_json({name: content[place] for place, name in _PUBLIC[row.TABLE]})
    if not row.PRIVATE:
        return body, ""
    words: dict[str, Value] = {SALT: secrets.token_hex(_SALT_BYTES)}
    words.update((name, content[place]) for place, name in _PRIVATE[row.TABLE])
    return body, compact_json(words)


def digest(text: bytes) -> str:
    """sha256 in hex."""
    return hashlib.sha256(text).hexdigest()


def link_after(previous: bytes, place: tuple[int, int, str, str], body_sha256: str, private_sha256: str) -> bytes:
    """The link of an entry; `place` is its seq, wall_ms, table and key."""
    seq, wall_ms, table, key = place
    line = f"{seq}\n{wall_ms}\n{table}\n{key}\n{body_sha256}\n{private_sha256}"
    return hashlib.sha256(previous + line.encode("utf-8", "surrogatepass")).digest()


def link_of(previous: bytes, entry: Entry) -> bytes:
    """The link that this entry should have after `previous`."""
    place = (entry.seq, entry.wall_ms, entry.table, entry.key)
    return link_after(previous, place, digest(entry.body), digest(entry.private))
