"""Masked greedy decoding that pays a forward pass only where there is something to decide.

Decides: which tokens are forced (they cost no pass of their own and join the next decision's batch), which token of the
allowed ones is likeliest, and when an answer ends. Where the grammar forces the next bytes but not yet the next token
(a longer token might swallow them), the usual token is appended as a guess and both rows are asked for; a draft of what
may follow is read ahead in the same way. Both are checked, never trusted. So the answer is byte for byte what one token
at a time under the same mask gives. Refuses (EXPIRED) to go on past the deadline and (OUTPUT_INVALID) an answer longer
than TOKENS_MAX. It knows no library: the model and the constraint are handed in.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import ClientFault, Code, NodeFault

TOKENS_MAX = 512
"""Tokens of one answer: six actions with long texts."""

Logits = NDArray[np.float32]
TokenIds = NDArray[np.intp]


class Model(Protocol):
    """A model that stands at the end of what it has read."""

    def read(self, tokens: Sequence[int], rows: int) -> Sequence[Logits]:
        """Append tokens in one forward pass; the logits after each of the last `rows` of them."""

    def forget(self, count: int) -> None:
        """Take the last `count` tokens back."""


class Constraint(Protocol):
    """A grammar at some place of one answer."""

    def forced(self) -> Sequence[int]:
        """Tokens that must come next whatever the model thinks; possibly none."""

    def guess(self) -> int | None:
        """The token that the forced bytes usually begin with, when bytes are forced and no token is."""

    def allowed(self) -> TokenIds:
        """The tokens that may come next; the end of the answer among them as an end token."""

    def take(self, token: int) -> None:
        """Go on behind this token."""

    def finished(self) -> bool:
        """Whether the answer is complete and nothing can follow."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A place of an answer where the grammar allowed more than one token."""

    place: int
    """How many tokens of the answer stand before it."""
    probability: float
    """Of the token taken, among the allowed ones."""
    second: int
    """The second-best token."""
    second_probability: float


@dataclass(frozen=True, slots=True)
class Decoded:
    """An answer's tokens (without the end token), how sure each choice was, and what they cost."""

    tokens: tuple[int, ...]
    choices: tuple[Choice, ...]
    passes: int

    @property
    def probability(self) -> float:
        """Of the whole answer, among those that the grammar allows."""
        return math.prod(choice.probability for choice in self.choices)

    @property
    def margin(self) -> float:
        """The smallest distance between the best and the second-best allowed logit; infinite without a choice."""
        return min((_distance(choice) for choice in self.choices), default=math.inf)


def _distance(choice: Choice) -> float:
    if choice.second_probability <= 0.0:
        return math.inf
    return math.log(choice.probability / choice.second_probability)


def decode(
    model: Model,
    constraint: Constraint,
    prompt: Sequence[int],
    *,
    ends: frozenset[int],
    expired: Callable[[], bool],
    guessing: bool = True,
    skipping: bool = True,
    begun: Sequence[int] = (),
    draft: Callable[[Sequence[int]], Sequence[int]] | None = None,
) -> Decoded:
    """Decode one answer after `prompt`, whose last token has not been read yet.

    `guessing` and `skipping` turn the two savings off, for measuring them; the answer is the same. `begun`: tokens that
    the answer begins with whatever the model thinks; they are in the result, their choices are not. `draft`: what may
    follow the tokens given; read ahead, and taken back from the first one that is not the model's own.

    Raises:
        ClientFault: EXPIRED.
        NodeFault: OUTPUT_INVALID, GRAMMAR_INVALID.
    """
    run = _Run(model, list(prompt), draft)
    for token in begun:
        constraint.take(token)
        run.write(token)
    while not constraint.finished():
        if len(run.tokens) >= TOKENS_MAX:
            raise NodeFault(Code.OUTPUT_INVALID, f"the answer was cut at {TOKENS_MAX} tokens")
        forced = constraint.forced()
        if skipping and forced:
            for token in forced:
                constraint.take(token)
                run.write(token)
            continue
        allowed = np.asarray(forced[:1], dtype=np.intp) if forced else constraint.allowed()
        if expired():
            raise ClientFault(Code.EXPIRED, "the time ran out while the answer was being decided")
        if skipping and len(allowed) == 1:
            token = int(allowed[0])
        else:
            token = run.choose(allowed, constraint.guess() if guessing else None)
        if token in ends:
            break
        constraint.take(token)
        run.write(token)
    return Decoded(tuple(run.tokens), tuple(run.choices), run.passes)


class _Run:
    """The state of one decoding: what is written, what the model has not read yet, and what it has read ahead."""

    def __init__(self, model: Model, unread: list[int], draft: Callable[[Sequence[int]], Sequence[int]] | None) -> None:
        self._model = model
        self._unread = unread
        self._draft = draft
        self._ahead: deque[tuple[int, Logits]] = deque()
        """Tokens read ahead of the answer, each with the row after it, until what is written proves them wrong."""
        self._row: Logits | None = None
        """The row after everything written, where it was read ahead."""
        self.tokens: list[int] = []
        self.choices: list[Choice] = []
        self.passes = 0

    def write(self, token: int) -> None:
        """The next token of the answer is decided."""
        self.tokens.append(token)
        self._row = None
        if self._ahead:
            guess, row = self._ahead.popleft()
            if guess == token:
                self._row = row
                return
            self._model.forget(1 + len(self._ahead))
            self._ahead.clear()
        self._unread.append(token)

    def choose(self, allowed: TokenIds, guess: int | None) -> int:
        """The likeliest allowed token."""
        logits = self._logits(allowed, guess)
        scores = logits[allowed].astype(np.float64)
        best = int(np.argmax(scores))
        if len(scores) > 1:
            odds = np.exp(scores - scores[best])
            total = float(odds.sum())
            odds[best] = -1.0
            second = int(np.argmax(odds))
            self.choices.append(
                Choice(len(self.tokens), 1.0 / total, int(allowed[second]), float(odds[second]) / total)
            )
        return int(allowed[best])

    def _logits(self, allowed: TokenIds, guess: int | None) -> Logits:
        if self._row is not None:
            return self._row
        ahead = [] if self._draft is None else list(self._draft(self.tokens))
        if not ahead or ahead[0] not in allowed:
            ahead = [] if guess is None or guess not in allowed else [guess]
        rows = self._model.read([*self._unread, *ahead], 1 + len(ahead))
        self._ahead.extend(zip(ahead, rows[1:], strict=True))
        self.passes += 1
        self._unread = []
        return rows[0]
