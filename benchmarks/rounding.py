"""How far the way of reading moves a logit, at the choices of real answers.

Every choice that a decoding reads, in whatever pass, is compared with the same tokens read alone: by the rule that
settles near ties (`edge_agent.language.decoder`) the second reading is the one that counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_agent.language.decision import DecideRequest
from edge_agent.language.decoder import ALL, Decoded, Decoding, Read, Savings, decode
from edge_agent.language.local import LocalEngine, Way
from edge_agent.language.lookahead import Constraint, Drafted, TokenIds, nothing_drafted


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a pass gave at a choice: `tokens` of the sentence and its answer so far, and the allowed tokens' logits."""

    request: DecideRequest
    tokens: tuple[int, ...]
    allowed: TokenIds
    logits: NDArray[np.float32]


class Watched:
    """A constraint that remembers what it allowed behind which bytes; implements the decoder's `Constraint`."""

    def __init__(self, inner: Constraint, choices: dict[bytes, TokenIds]) -> None:
        self._inner = inner
        self._choices = choices
        self.forced = inner.forced
        self.guess = inner.guess
        self.take = inner.take
        self.finished = inner.finished

    @property
    def written(self) -> bytes:
        return self._inner.written

    def allowed(self) -> TokenIds:
        found = self._inner.allowed()
        self._choices[self.written] = found
        return found

    def fork(self) -> Watched:
        return Watched(self._inner.fork(), self._choices)


def watched(
    engine: LocalEngine, seen: list[Seen], *, savings: Savings = ALL, drafted: Drafted = nothing_drafted
) -> Way:
    """A way to decode that notes every choice it reads."""
    pieces = engine.vocabulary.pieces

    def way(request: DecideRequest, prompt: list[int]) -> Decoding:
        choices: dict[bytes, TokenIds] = {}
        steps = decode(
            Watched(engine.constraints.begin(request.grammar), choices),
            prompt,
            ends=engine.vocabulary.ends,
            expired=lambda: False,
            savings=savings,
            drafted=drafted,
            tie=engine.tie,
        )
        try:
            wanted = next(steps)
            while True:
                rows = yield wanted
                for place, row in zip(wanted.rows, rows, strict=True):
                    tokens = wanted.tokens[: place + 1]
                    allowed = choices.get(b"".join(pieces[token] for token in tokens[len(prompt) :]))
                    if allowed is not None and len(allowed) > 1 and not wanted.alone:
                        seen.append(Seen(request, tokens, allowed, row[allowed]))
                wanted = steps.send(rows)
        except StopIteration as end:
            decoded: Decoded = end.value
            return decoded

    return way


class Alone:
    """What the same tokens give when they are read alone; asked once each."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self._rows: dict[tuple[str, str, tuple[int, ...]], NDArray[np.float32]] = {}

    def logits(self, seen: Seen) -> NDArray[np.float32]:
        """The allowed tokens' logits."""
        key = (seen.request.pack, seen.request.grammar, seen.tokens)
        if key not in self._rows:

            def way(_request: DecideRequest, _prompt: list[int]) -> Decoding:
                [row] = yield Read(seen.tokens, (len(seen.tokens) - 1,), alone=True)
                self._rows[key] = row[seen.allowed]
                return Decoded((), (), 1)

            self._engine.run(seen.request, way)
        return self._rows[key]


@dataclass(slots=True)
class Rounding:
    """Figures of many choices."""

    moved: list[float] = field(default_factory=list)
    """By how much the logit moved that moved most, at each choice."""
    margin_moved: list[float] = field(default_factory=list)
    """Likewise the distance between the best token and another. It must stay below the tie: a choice that is no near
    tie is then the same read alone."""
    near_ties: int = 0
    crossed: int = 0
    """Choices that were no near tie and yet fell otherwise than read alone: there must be none."""

    def add(self, here: NDArray[np.float32], alone: NDArray[np.float32], tie: float) -> None:
        """One choice: the allowed tokens' logits as they were read, and read alone."""
        change = here.astype(np.float64) - alone
        best = int(np.argmax(here))
        self.moved.append(float(np.max(np.abs(change))))
        self.margin_moved.append(float(np.max(np.abs(change - change[best]))))
        second = np.partition(here, -2)[-2]
        near = bool(here[best] - second < tie)
        self.near_ties += near
        self.crossed += not near and int(np.argmax(alone)) != best

    def figures(self, tie: float) -> dict[str, float]:
        """In logits; `share` is the largest move of a distance over the tie, and must stay below 1."""
        if not self.moved:
            return {"choices": 0}
        moved = np.asarray(self.moved)
        return {
            "choices": len(moved),
            "near_ties": self.near_ties,
            "crossed": self.crossed,
            "moved_median": round(float(np.median(moved)), 6),
            "moved_p99.9": round(float(np.quantile(moved, 0.999)), 6),
            "moved_max": round(float(moved.max()), 6),
            "margin_moved_max": round(max(self.margin_moved), 6),
            "share": round(max(self.margin_moved) / tie, 3),
        }
