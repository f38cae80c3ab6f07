"""What a sentence was read with, kept beside its answer, so that it can be read again and compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """The reading that counted, what "it" could mean, the world's revision and the digest of the sentence's grammar."""

    world_revision: int = 0
    recent: tuple[str, ...] = ()
    grammar_sha256: str = ""
    heard: str = ""

    def to_json(self) -> str:
        """As the journal keeps it."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Evidence | None:
        """None for a command of before it was kept, or one that nobody read to its end."""
        if not text:
            return None
        found = json.loads(text)
        return cls(**(found | {"recent": tuple(found["recent"])}))


def evidence(world_revision: int, recent: Sequence[str], grammar: str, heard: str) -> Evidence:
    """Of one reading."""
    return Evidence(world_revision, tuple(recent), hashlib.sha256(grammar.encode()).hexdigest(), heard)


NONE = Evidence()
"""Nothing was read."""
