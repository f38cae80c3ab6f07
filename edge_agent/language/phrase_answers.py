"""What is usually answered to a pack's phrases, counted by the marks of the sentence; drafts begin with it.

The shipped packs' counts are written beside their phrases (`make generated`), because reading all templates takes a
second a pack. A file counts only for the phrases that it was made of; anything else is counted anew.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.language.drafts import marks_of
from edge_agent.language.examples import random_examples
from edge_agent.packs.base import Pack

SENTENCES: Final = 3_000
"""Drawn from a pack's phrases; 10,000 saved another twentieth of a pass."""
_FOLDER: Final = Path(__file__).resolve().parent.parent / "packs" / "phrases" / "answers"


@dataclass(frozen=True, slots=True)
class UsualAnswer:
    """An answer, and how many sentences with these marks had it."""

    marks: tuple[str, ...]
    answer: str
    count: int


def usual_answers(pack: Pack) -> list[UsualAnswer]:
    """The counts of a pack, most frequent first; none for a pack without phrases."""
    kept = _FOLDER / f"{pack.name}.json"
    if kept.is_file():
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found["phrases"] == _digest(pack):
            return [UsualAnswer(tuple(marks), answer, count) for marks, answer, count in found["answers"]]
    return _counted(pack)


def write_usual_answers(pack: Pack) -> Path:
    """Count a shipped pack's answers and write them beside its phrases."""
    rows = [json.dumps([one.marks, one.answer, one.count], ensure_ascii=False) for one in _counted(pack)]
    path = _FOLDER / f"{pack.name}.json"
    path.parent.mkdir(exist_ok=True)
    body = ",\n".join(rows)
    path.write_text(f'{{"phrases": "{_digest(pack)}",\n"answers": [\n{body}\n]}}\n', encoding="utf-8")
    return path


def _counted(pack: Pack) -> list[UsualAnswer]:
    counts = Counter((marks_of(marked), answer) for marked, answer in random_examples(pack, SENTENCES))
    return [UsualAnswer(marks, answer, count) for (marks, answer), count in sorted(counts.items(), key=_rank)]


def _rank(item: tuple[tuple[tuple[str, ...], str], int]) -> tuple[int, tuple[tuple[str, ...], str]]:
    key, count = item
    return -count, key


def _digest(pack: Pack) -> str:
    """Of everything that the counts are made of."""
    world = pack.example_world.read_bytes() if pack.example_world else b""
    actions = repr([(spec.name, spec.slots) for spec in pack.actions]).encode()
    parts = [str(SENTENCES).encode(), actions, world, *(path.read_bytes() for path in pack.phrases)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]
