"""Packs' prompts, computed once and kept on the disk, so that a restart does not compute them again.

Decides which file belongs to a prompt: its name is a digest of the model's bytes, the build that computed it, the
types of keys and values, and the prompt's tokens. A file is used only when its own digest is the one noted beside it,
and when a canary, a fixed sentence read behind it, gives the logits that it gave when the prompt was computed.
Anything else (another model's file, a cut one, a flipped bit, a build that computes otherwise) is set aside, computed
again and said in `facts`.

It also measures how far a batch rounds: the canary is read in one batch, in two, and token by token; the largest
difference of a logit, times TIE_FACTOR, is what the decoder takes for a near tie.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.language.batching import Part
from edge_agent.language.context import Context
from edge_agent.language.engine import Weights
from edge_agent.language.fingerprints import file_digest
from edge_agent.language.kept import Kept

CANARY: Final = "go to [1 the canary] and wait there for [a two and a half seconds]"
"""Read behind every prompt, with the prompt's own end, before anybody else's sentence is."""
TIE_FACTOR: Final = 2.0
"""What the decoder's rule needs: each of two logits may move by the largest difference seen, one up and one down."""
TIE_MIN: Final = 1e-4
"""In logits, where all ways to read agree to the last bit."""
_NOTED: Final = 16
"""The canary's highest logits, noted beside a prompt."""
KEPT_MAX: Final = 32
"""Prompts on the disk; the ones not used for longest go first."""


class Prefixes:
    """Puts prompts into a context."""

    def __init__(self, context: Context, weights: Weights, kept: Kept | None) -> None:
        """`kept`: where prompts are kept; None keeps none."""
        self.tie = TIE_MIN
        self._context = context
        self._canary = weights.tokenize(CANARY)
        self._kept = kept
        self._loaded = self._computed = 0
        self._refused: list[str] = []

    def facts(self) -> dict[str, Any]:
        """Where the prompts came from."""
        refused = {"prompts_set_aside": self._refused} if self._refused else {}
        return {"prompts_loaded": self._loaded, "prompts_computed": self._computed} | refused

    def keep(self, place: int, tokens: Sequence[int], after: Sequence[int]) -> None:
        """Have a prompt in the context's sequence `place`, from the disk or computed. `after`: the prompt's end."""
        canary = (*self._canary, *after)
        path = self._path_of(tokens)
        if path is not None and path.exists():
            why = self._load(place, path, tokens, canary)
            if why is None:
                self._loaded += 1
                return
            self._refused.append(why)
            path.unlink(missing_ok=True)
        self._context.keep_prefix(place, tokens)
        self._computed += 1
        rows = self._read(place, canary)
        tie = max(TIE_MIN, TIE_FACTOR * self._rounding(place, canary, rows))
        self.tie = max(self.tie, tie)
        if path is not None:
            self._save(place, path, tokens, {"tie": tie, "canary": _noted(rows)})

    def _load(self, place: int, path: Path, tokens: Sequence[int], canary: tuple[int, ...]) -> str | None:
        """None when the file is in the context, else why it is not."""
        try:
            note = json.loads(_note_of(path).read_text(encoding="utf-8"))
            with path.open("rb") as file:
                if file_digest(file) != note["sha256"]:
                    return f"{path.name}: its bytes are not the ones that were written"
                # the bytes that were read are the bytes that are loaded: the file cannot be exchanged in between
                if not self._context.load_prefix(place, f"/proc/self/fd/{file.fileno()}", tokens):
                    return f"{path.name}: holds another prompt"
            tie, noted = float(note["tie"]), {int(token): float(logit) for token, logit in note["canary"]}
        except (OSError, ValueError, KeyError, TypeError) as problem:
            return f"{path.name}: cannot be read ({type(problem).__name__}: {problem})"[:300]
        row = self._read(place, canary)
        off = max(
            (abs(float(row[token]) - logit) for token, logit in noted.items() if token < len(row)), default=np.inf
        )
        if not off <= tie:
            return f"{path.name}: the canary's logits are {off:.4f} off"
        self.tie = max(self.tie, tie)
        os.utime(path)
        return None

    def _read(self, place: int, canary: tuple[int, ...], parts: Sequence[int] = ()) -> NDArray[np.float32]:
        """The last row of the canary, read in one pass or cut at these places."""
        *_, lone = self._context.working
        self._context.begin(lone, place)
        bounds = [0, *parts, len(canary)]
        for first, end in pairwise(bounds):
            rows = (end - first - 1,) if end == len(canary) else ()
            read = self._context.read([Part(lone, first, canary[first:end], rows)], float("inf"))
        row = read[0][0].copy()
        self._context.drop(lone)
        return row

    def _rounding(self, place: int, canary: tuple[int, ...], whole: NDArray[np.float32]) -> float:
        """The largest difference of a logit between ways to read the same tokens."""
        others = [self._read(place, canary, parts) for parts in ([len(canary) // 2], range(1, len(canary)))]
        return max(float(np.max(np.abs(other - whole))) for other in others)

    def _path_of(self, tokens: Sequence[int]) -> Path | None:
        if self._kept is None:
            return None
        digest = hashlib.sha256(json.dumps([self._kept.origin, self._canary, list(tokens)]).encode())
        return self._kept.folder / f"{digest.hexdigest()[:32]}.prompt"

    def _save(self, place: int, path: Path, tokens: Sequence[int], note: dict[str, Any]) -> None:
        """Write a prompt and its note; a disk that takes nothing costs the next start some time."""
        part = path.with_suffix(f".{os.getpid()}")
        try:
            self._context.save_prefix(place, part, tokens)
            with part.open("rb") as file:
                text = json.dumps({"sha256": file_digest(file), **note})
            _note_of(path).write_text(text, encoding="utf-8")
            part.rename(path)
            _forget_old(path.parent)
        except OSError as problem:
            self._refused.append(f"not kept: {problem}")
            part.unlink(missing_ok=True)


def _note_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _noted(row: NDArray[np.float32]) -> list[tuple[int, float]]:
    highest = np.argsort(row)[-_NOTED:]
    return [(int(token), float(row[token])) for token in highest]


def _forget_old(folder: Path) -> None:
    kept = sorted(folder.glob("*.prompt"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-KEPT_MAX]:
        path.unlink(missing_ok=True)
        _note_of(path).unlink(missing_ok=True)
