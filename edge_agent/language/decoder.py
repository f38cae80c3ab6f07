"""Masked greedy decoding that pays a forward pass only where there is something to decide.

Decides: which tokens are forced (they cost no pass of their own and join the next decision's batch), what is supposed
to follow and read ahead in the same batch (`lookahead`), which token of the allowed ones is likeliest, and when an
answer ends. What was supposed is checked, never trusted: it is taken back from the first token on that the model does
not want. So the answer is byte for byte what one token at a time under the same mask gives.

A batch rounds: the same tokens read in batches of other sizes, or beside other sequences, give logits that differ in
their last bits. Where the two best allowed logits are closer than `tie`, the choice is settled by reading everything
up to there alone and in one batch. As long as rounding moves a logit by less than half of `tie`, every way to decode
takes the same token: with a larger margin rounding cannot change the order, and with a smaller one all ways ask the
same question.

Refuses (EXPIRED) to go on past the deadline and (OUTPUT_INVALID) an answer longer than ANSWER_TOKENS_MAX. It knows no
library: a decoding is a generator that says what is to be read and is sent the logits, so that whoever runs it may
read for many at once; the constraint is handed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.language.lookahead import Ahead, Constraint, Drafted, TokenIds, look_ahead, nothing_drafted
from edge_agent.limits import ANSWER_TOKENS_MAX

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Read:
    """What is to be read: all tokens that shall stand after the prefix, those that stand there already among them.

    `rows`: places in `tokens`, rising, after which the logits are wanted. `alone`: in one batch of its own, from the
    prefix on, with the tokens of nobody else in the cells.
    """

    tokens: tuple[int, ...]
    rows: tuple[int, ...]
    alone: bool = False


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
    """Batches in which this decoding read something."""
    settled: int = 0
    """Of these, those that settled a near tie."""
    supposed: int = 0
    """Tokens that were read ahead."""
    right: int = 0
    """Of these, those that the answer holds."""

    @property
    def probability(self) -> float:
        """Of the whole answer, among those that the grammar allows."""
        return math.prod(choice.probability for choice in self.choices)

    @property
    def margin(self) -> float:
        """The smallest distance between the best and the second-best allowed logit; infinite without a choice."""
        return min((_distance(choice) for choice in self.choices), default=math.inf)


Decoding = Generator[Read, Sequence[Logits], Decoded]
"""Says what is to be read, is sent the row after each of `Read.rows`, and returns the answer."""


@dataclass(frozen=True, slots=True)
class Savings:
    """What a decoding may save; turned off one by one to measure them. The answer is the same."""

    forced: bool = True
    """Forced tokens cost no pass."""
    guesses: bool = True
    """Where bytes are forced and no token is, the usual token is read ahead."""


ALL: Final = Savings()
NONE: Final = Savings(forced=False, guesses=False)
"""One token a pass."""


def _distance(choice: Choice) -> float:
    if choice.second_probability <= 0.0:
        return math.inf
    return math.log(choice.probability / choice.second_probability)


def decode(
    constraint: Constraint,
    prompt: Sequence[int],
    *,
    ends: frozenset[int],
    expired: Callable[[], bool],
    savings: Savings = ALL,
    begun: Sequence[int] = (),
    drafted: Drafted = nothing_drafted,
    tie: float = 0.0,
) -> Decoding:
    """Decode one answer after `prompt`.

    `begun`: tokens that the answer begins with whatever the model thinks; they are in the result, their choices are
    not. `drafted`: what may follow the bytes given. `tie`: in logits, see above; 0 settles nothing.

    Raises:
        ClientFault: EXPIRED.
        NodeFault: OUTPUT_INVALID, GRAMMAR_INVALID.
    """
    run = _Run(constraint, prompt, ends, savings, tie)
    for token in begun:
        run.take(token)
    while not run.finished:
        allowed = run.skip_forced()
        if allowed is None:
            break
        if expired():
            raise ClientFault(Code.EXPIRED, "the time ran out while the answer was being decided")
        ahead = look_ahead(constraint, allowed, drafted if savings.forced else nothing_drafted, guesses=savings.guesses)
        yield from run.check(ahead)
    return run.result()


class _Run:
    """The state of one decoding."""

    def __init__(
        self, constraint: Constraint, prompt: Sequence[int], ends: frozenset[int], savings: Savings, tie: float
    ) -> None:
        self._constraint = constraint
        self._prompt = tuple(prompt)
        self._ends = ends
        self._savings = savings
        self._tie = tie
        self._tokens: list[int] = []
        self._choices: list[Choice] = []
        self._passes = self._settled = self._supposed = self._right = 0
        self._ended = False

    @property
    def finished(self) -> bool:
        return self._ended or self._constraint.finished()

    def take(self, token: int) -> None:
        """The next token of the answer is decided."""
        if token in self._ends:
            self._ended = True
            return
        if len(self._tokens) >= ANSWER_TOKENS_MAX:
            raise NodeFault(Code.OUTPUT_INVALID, f"the answer was cut at {ANSWER_TOKENS_MAX} tokens")
        self._constraint.take(token)
        self._tokens.append(token)

    def skip_forced(self) -> TokenIds | None:
        """Write what is forced; the tokens allowed at the next choice, or None where the answer has ended."""
        while not self.finished:
            forced = self._constraint.forced()
            if forced and not self._savings.forced:
                return np.asarray(forced[:1], dtype=np.intp)
            for token in forced:
                self.take(token)
            if forced:
                continue
            allowed = self._constraint.allowed()
            if len(allowed) > 1 or not self._savings.forced:
                return allowed
            self.take(int(allowed[0]))
        return None

    def check(self, ahead: Ahead) -> Generator[Read, Sequence[Logits], None]:
        """Read what is supposed to follow in one pass, and write what the model wants of it."""
        tokens = (*self._prompt, *self._tokens)
        supposed = ahead.tokens
        rows = yield Read(tokens + supposed, tuple(len(tokens) - 1 + place for place in ahead.rows))
        self._passes += 1
        self._supposed += len(supposed)
        # the rows are the engine's own memory and hold until the next read, so what is wanted of them is taken now
        decisions = iter([row[step.allowed].astype(np.float64) for row, step in zip(rows, ahead.choices, strict=True)])
        for step in ahead.steps:
            token = step.token if step.allowed is None else (yield from self._choose(step.allowed, next(decisions)))
            assert token is not None, "a step without a choice has a token"
            self.take(token)
            if token != step.token:
                return
            self._right += 1

    def _choose(self, allowed: TokenIds, scores: NDArray[np.float64]) -> Generator[Read, Sequence[Logits], int]:
        """The likeliest allowed token."""
        if len(scores) == 1:
            return int(allowed[0])
        best, second = _two_best(scores)
        if scores[best] - scores[second] < self._tie:
            tokens = (*self._prompt, *self._tokens)
            [row] = yield Read(tokens, (len(tokens) - 1,), alone=True)
            self._passes += 1
            self._settled += 1
            scores = row[allowed].astype(np.float64)
            best, second = _two_best(scores)
        total = float(np.exp(scores - scores[best]).sum())
        odds = float(np.exp(scores[second] - scores[best]))
        self._choices.append(Choice(len(self._tokens), 1.0 / total, int(allowed[second]), odds / total))
        return int(allowed[best])

    def result(self) -> Decoded:
        return Decoded(
            tuple(self._tokens), tuple(self._choices), self._passes, self._settled, self._supposed, self._right
        )


def _two_best(scores: NDArray[np.float64]) -> tuple[int, int]:
    """The places of the two highest scores; of equal ones the first."""
    best = int(np.argmax(scores))
    rest = scores.copy()
    rest[best] = -np.inf
    return best, int(np.argmax(rest))
