"""What a target is: one reader, the bytes that it is known to have met, and the words that its inputs are made of."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_agent.errors import Code, EdgeAgentError

CORPUS = Path(__file__).with_name("corpus")


@dataclass(frozen=True, slots=True)
class Target:
    """One reader. `check` returns for every input that was read or refused as it should be, and raises otherwise."""

    name: str
    check: Callable[[bytes], None]
    words: tuple[bytes, ...]
    """Pieces that inputs are put together from; a fuzzer finds the rest."""
    bytes_max: int = 4_096

    def corpus(self) -> list[Path]:
        """Good inputs to start from, and every input that once broke it; named by what they hold."""
        return sorted((CORPUS / self.name).iterdir())


def refused_well(problem: EdgeAgentError, *codes: Code) -> None:
    """A refusal has a code of this reader's, and words that can be sent and printed."""
    assert problem.code in codes, f"refused with {problem.code}: {problem.message}"
    assert problem.message
    str(problem).encode("utf-8")


class Written:
    """A file on the disk with the input in it, for readers that take a path."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __call__(self, data: bytes) -> Path:
        """The file's path; the input is all that is in it."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="fuzz-")
        path = Path(self._folder.name) / self._name
        path.write_bytes(data)
        return path
