"""Packs' prompts, computed once and kept on the disk, so that a restart does not compute them again.

Decides which file belongs to a prompt: its name is a digest of the model's bytes, the build that computed it, the
types of keys and values, and the prompt's tokens. A file is used only when its own digest is the one noted beside it,
and when a canary, a fixed sentence read behind it, gives the logits that it gave when the prompt was computed.
Anything else (another model's file, a cut one, a flipped bit, a build that computes otherwise) is set aside, computed
again and said in `facts`. A disk that cannot be read or written costs time, and never the start.

It also measures how far a batch rounds, over every way in which llama.cpp attends: behind the longest prompt the
canary, again and again until it is long, is read in one batch, in three, and at its end token by token; the largest
difference of a logit, times TIE_FACTOR, is what the decoder takes for a near tie.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from io import BufferedReader
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.language.batching import Part
from edge_agent.language.context import Context
from edge_agent.language.decoder import Logits
from edge_agent.language.engine import Weights
from edge_agent.language.fingerprints import file_digest
from edge_agent.language.kept import Kept, NotKept
from edge_agent.language.wire import JsonObject

CANARY: Final = "go to [1 the canary] and wait there for [a two and a half seconds]"
"""Read behind every prompt, with the prompt's own end, before anybody else's sentence is."""
_LONG: Final = 64
"""Tokens of a batch from which on llama.cpp attends in tiles on a CPU, with other rounding (ggml-cpu/ops.cpp)."""
_ROWS, _SINGLY = 32, 16
"""Of the long canary's end: rows that are compared, tokens that are read one by one."""
TIE_FACTOR: Final = 6.0
"""Of 88,000 choices of the bundled model (2,000 sentences in every way and company of benchmarks/same_answers.py), read
once in a pass and once alone, the distance of two logits moved by at most 5.2 times what the canary's logits do."""
TIE_MIN: Final = 1e-3
"""In logits, where all ways to read the canary agree: keys and values in few bits round seldom, and then far."""
_NOTED: Final = 16
"""The canary's highest logits, noted beside a prompt."""
_WHY_CHARS_MAX: Final = 300
KEPT_MAX: Final = 32
"""Prompts on the disk; the ones not used for longest go first."""


class Prefixes:
    """Puts prompts into a context."""

    def __init__(self, context: Context, weights: Weights, kept: Kept | NotKept) -> None:
        """`kept`: where prompts are kept, or why none are."""
        self.tie = TIE_MIN
        self._context = context
        self._canary = weights.tokenize(CANARY)
        self._kept = kept
        self._measured = -1
        """Tokens of the longest prompt behind which rounding was measured."""
        self._loaded = self._computed = 0
        self._refused = [kept.why] if isinstance(kept, NotKept) and kept.why else []

    def facts(self) -> dict[str, Any]:
        """Where the prompts came from."""
        refused = {"prompts_set_aside": self._refused} if self._refused else {}
        return {"prompts_loaded": self._loaded, "prompts_computed": self._computed} | refused

    def keep(self, place: int, tokens: Sequence[int], after: Sequence[int]) -> None:
        """Have a prompt in the context's sequence `place`, from the disk or computed. `after`: the prompt's end."""
        path = self._path_of(tokens)
        canary = (*self._canary, *after)
        why = self._load(place, path, tokens, canary) if path else "there is none"
        if not why:
            self._loaded += 1
            return
        self._context.keep_prefix(place, tokens)
        self._computed += 1
        if len(tokens) > self._measured:  # the more tokens are attended to, the more is rounded
            self._measured = len(tokens)
            self.tie = max(self.tie, TIE_FACTOR * self._rounding(place, after))
        if path is not None:
            self._save(place, path, tokens, {"tie": self.tie, "canary": _noted(self._read(place, canary))})

    def _load(self, place: int, path: Path, tokens: Sequence[int], canary: tuple[int, ...]) -> str:
        """Why the file is not in the context; empty when it is."""
        try:
            with path.open("rb") as file:
                why = self._load_open(place, file, path, tokens, canary)
        except FileNotFoundError:
            return "there is none"
        except OSError as problem:
            why = f"cannot be read: {problem}"
        if not why:
            return ""
        self._refused.append(f"{path.name}: {why}"[:_WHY_CHARS_MAX])
        with suppress(OSError):  # what cannot be removed is refused again next time
            path.unlink()
        return why

    def _load_open(
        self, place: int, file: BufferedReader, path: Path, tokens: Sequence[int], canary: tuple[int, ...]
    ) -> str:
        note = _note_beside(path)
        if note is None:
            return "has no note that can be read"
        if file_digest(file) != note["sha256"]:
            return "its bytes are not the ones that were written"
        # the bytes that were read are the bytes that are loaded: the file cannot be exchanged in between
        if not self._context.load_prefix(place, f"/proc/self/fd/{file.fileno()}", tokens):
            return "holds another prompt"
        row = self._read(place, canary)[0]
        off = max(abs(float(row[token]) - logit) for token, logit in note["canary"])
        if not off <= note["tie"]:
            return f"the canary's logits are {off:.4f} off"
        self.tie, self._measured = max(self.tie, note["tie"]), max(self._measured, len(tokens))
        with suppress(OSError):
            os.utime(path)
        return ""

    def _read(self, place: int, text: tuple[int, ...], cuts: Sequence[int] = (), rows: int = 1) -> NDArray[np.float32]:
        """The last rows of a text behind a prompt, read in one pass or cut at these places; (rows, vocabulary)."""
        sequence = self._context.working[0]
        self._context.begin(sequence, place)
        wanted = range(len(text) - rows, len(text))
        found: list[Logits] = []
        for first, end in pairwise([0, *cuts, len(text)]):
            here = tuple(row - first for row in wanted if first <= row < end)
            [read] = self._context.read([Part(sequence, first, text[first:end], here)], float("inf"))
            found += [row.copy() for row in read]
        self._context.drop(sequence)
        return np.stack(found)

    def _rounding(self, place: int, after: Sequence[int]) -> float:
        """The largest difference of a logit between ways to read the same tokens."""
        text = (*self._canary * (1 + _LONG // len(self._canary)), *after)
        count = len(text)
        ways = ((), (count // 3, 2 * count // 3), range(count - _SINGLY, count))
        read = [self._read(place, text, cuts, _ROWS) for cuts in ways]
        return max(float(np.max(np.abs(one - other))) for one, other in combinations(read, 2))

    def _path_of(self, tokens: Sequence[int]) -> Path | None:
        if isinstance(self._kept, NotKept):
            return None
        digest = hashlib.sha256(json.dumps([self._kept.origin, self._canary, list(tokens)]).encode())
        return self._kept.folder / f"{digest.hexdigest()[:32]}.prompt"

    def _save(self, place: int, path: Path, tokens: Sequence[int], note: JsonObject) -> None:
        """Write a prompt and its note; a disk that takes nothing costs the next start some time."""
        part = path.with_suffix(f".{os.getpid()}")
        try:
            self._context.save_prefix(place, part, tokens)
            with part.open("rb") as file:
                _write_note(path, {"sha256": file_digest(file), **note})
            part.rename(path)
            _forget_old(path.parent)
        except OSError as problem:
            self._refused.append(f"{path.name}: not kept: {problem}"[:_WHY_CHARS_MAX])
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _note_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _write_note(path: Path, note: JsonObject) -> None:
    """A note with its own digest: a bit may flip in it, too."""
    text = json.dumps(note, sort_keys=True)
    sealed = json.dumps({"note": note, "sha256": hashlib.sha256(text.encode()).hexdigest()})
    _note_of(path).write_text(sealed, encoding="utf-8")


def _note_beside(path: Path) -> JsonObject | None:
    """The note as it was written; None when there is none, or another one."""
    try:
        sealed = json.loads(_note_of(path).read_text(encoding="utf-8"))
        note: JsonObject = sealed["note"]
        text = json.dumps(note, sort_keys=True)
        return note if hashlib.sha256(text.encode()).hexdigest() == sealed["sha256"] else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _noted(rows: NDArray[np.float32]) -> list[tuple[int, float]]:
    highest = np.argsort(rows[0])[-_NOTED:]
    return [(int(token), float(rows[0][token])) for token in highest]


def _forget_old(folder: Path) -> None:
    """Leave as many prompts as are kept, and nothing that a process which died was writing."""
    kept = sorted(folder.glob("*.prompt"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-KEPT_MAX]:
        path.unlink(missing_ok=True)
        _note_of(path).unlink(missing_ok=True)
    for path in folder.iterdir():
        writer = path.suffix[1:]
        if writer.isdigit() and not Path(f"/proc/{writer}").exists():
            path.unlink(missing_ok=True)
