"""Many decodings read in common passes: who reads what next. Pure: the context and the clock are handed in.

Decides: decodings join and leave between passes; the earliest deadline is served first, and whoever fits beside it
reads in the same pass. Where cells run out, the one with the latest deadline gives its own back and reads again
later, which costs it time and changes nothing. A decoding past its deadline is EXPIRED without another pass, one that
needs more cells than there are is PROMPT_TOO_LONG. A fault of one decoding is its own; a fault of a pass is shared by
all who read in it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from edge_agent.errors import ClientFault, Code, EdgeAgentError
from edge_agent.language.decoder import Logits, Read

T = TypeVar("T")
"""What a decoding comes to."""


class PassAborted(Exception):
    """A pass was given up inside, because the last deadline of those who read in it went by."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one sequence reads in a pass: `tokens` from `place` on behind its prefix, rows wanted after some of them."""

    sequence: int
    place: int
    tokens: tuple[int, ...]
    rows: tuple[int, ...]
    """Places in `tokens`."""


class Sequences(Protocol):
    """Working sequences that share kept prefixes; implemented by the engine's context."""

    @property
    def free(self) -> int:
        """Cells that the prefixes leave to the working sequences."""

    @property
    def working(self) -> range:
        """The working sequences' numbers; the last one is for reading alone."""

    @property
    def tokens_max(self) -> int:
        """Tokens of one pass."""

    @property
    def rows_max(self) -> int:
        """Rows of one pass."""

    def begin(self, sequence: int, prefix: int) -> None:
        """Set a working sequence to the end of a kept prefix."""

    def cut(self, sequence: int, place: int) -> None:
        """Forget what stands from this place behind the prefix on."""

    def drop(self, sequence: int) -> None:
        """Forget all of a working sequence."""

    def read(self, parts: Sequence[Part], give_up_ms: float) -> list[list[Logits]]:
        """Read all parts in one pass; the rows that each wants, valid until the next pass.

        Raises:
            PassAborted: `give_up_ms` went by.
            NodeFault: ENGINE_CRASHED.
        """


@dataclass(slots=True, eq=False)
class Job(Generic[T]):
    """One decoding on its way."""

    ticket: str
    prefix: int
    deadline_ms: float
    steps: Generator[Read, Sequence[Logits], T]
    wanted: Read = field(default_factory=lambda: Read((), ()))
    held: tuple[int, ...] = ()
    """Tokens that its sequence holds behind the prefix."""
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Finished(Generic[T]):
    """What became of a job."""

    ticket: str
    result: T | EdgeAgentError


class Batching(Generic[T]):
    """The decodings of one engine. `step` makes one pass; nothing happens between its calls."""

    def __init__(self, sequences: Sequences, now_ms: Callable[[], float]) -> None:
        self._sequences = sequences
        self._now_ms = now_ms
        self._jobs: list[Job[T]] = []
        *self._idle, self._lone = sequences.working
        self._done: list[Finished[T]] = []
        self.passes = 0
        """Made so far."""

    @property
    def busy(self) -> bool:
        """Whether a step would do something."""
        return bool(self._jobs or self._done)

    def add(self, job: Job[T]) -> None:
        """Take a decoding in; it reads from the next step on."""
        self._jobs.append(job)
        self._advance(job, None)

    def withdraw(self, ticket: str) -> bool:
        """Nobody waits for this one any more; whether it was there."""
        found = [job for job in self._jobs if job.ticket == ticket]
        for job in found:
            self._leave(job)
        return bool(found)

    def step(self) -> list[Finished[T]]:
        """One pass; those who have finished since the last step."""
        for job in tuple(self._jobs):
            if self._now_ms() >= job.deadline_ms:
                self._fail(job, ClientFault(Code.EXPIRED, "the time ran out while the answer was being decided"))
        queue = sorted(self._jobs, key=lambda job: job.deadline_ms)
        lone = next((job for job in queue if job.wanted.alone), None)
        if lone is not None:
            self._read_alone(lone)
        elif queue:
            self._read_together(queue)
        done, self._done = self._done, []
        return done

    def _read_together(self, queue: list[Job[T]]) -> None:
        chosen = list(self._fill(queue))
        rows = self._pass([job for job, _ in chosen], [part for _, part in chosen])
        if rows is None:
            return
        for (job, part), own in zip(chosen, rows, strict=True):
            job.held += part.tokens
            if len(job.held) == len(job.wanted.tokens):
                self._advance(job, own)

    def _fill(self, queue: list[Job[T]]) -> Iterator[tuple[Job[T], Part]]:
        """Who reads what in the next pass."""
        tokens_left, rows_left = self._sequences.tokens_max, self._sequences.rows_max
        for place, job in enumerate(queue):
            if job.sequence is None and not self._idle:
                continue
            self._keep_common(job)
            start, wanted = len(job.held), job.wanted
            tokens = wanted.tokens[start:]
            if len(tokens) > tokens_left and tokens_left == self._sequences.tokens_max:
                tokens = tokens[: min(tokens_left, wanted.rows[0] - start)]  # a long text is read in several passes
            rows = tuple(row - start for row in wanted.rows if row - start < len(tokens))
            if len(tokens) > tokens_left or len(rows) > rows_left:
                continue
            planned = self._sequences.tokens_max - tokens_left
            if not self._make_room(len(tokens), planned, queue[place:]):
                continue
            tokens_left -= len(tokens)
            rows_left -= len(rows)
            yield job, Part(self._sequence_of(job), start, tokens, rows)

    def _keep_common(self, job: Job[T]) -> None:
        """Forget what the sequence holds beyond what is wanted; the first row wanted has to be read anew."""
        wanted = job.wanted
        most = min(len(job.held), wanted.rows[0])
        common = most if job.held[:most] == wanted.tokens[:most] else _common(job.held, wanted.tokens[:most])
        if common < len(job.held) and job.sequence is not None:
            self._sequences.cut(job.sequence, common)
            job.held = job.held[:common]

    def _make_room(self, cells: int, planned: int, later: Sequence[Job[T]]) -> bool:
        """Whether the first of `later` gets so many cells, if need be those of the others behind it.

        `planned`: cells that this pass takes already.
        """
        first, *others = later
        used = planned + sum(len(job.held) for job in self._jobs)
        while used + cells > self._sequences.free:
            victim = next((job for job in reversed(others) if job.held), None)
            if victim is None:
                if used == len(first.held):  # nobody else holds any, so waiting would not help
                    why = f"{len(first.wanted.tokens)} tokens, and there is room for {self._sequences.free}"
                    self._fail(first, ClientFault(Code.PROMPT_TOO_LONG, why))
                return False
            used -= len(victim.held)
            self._release(victim)
        return True

    def _read_alone(self, job: Job[T]) -> None:
        """Read a job's tokens into the lone sequence from the prefix on: what others read changes nothing in it."""
        wanted, most = job.wanted, self._sequences.tokens_max
        if len(job.held) + len(wanted.tokens) > self._sequences.free:
            self._release(job)
        holders = sorted(self._jobs, key=lambda one: (one is not job, one.deadline_ms))
        if not self._make_room(len(wanted.tokens), 0, holders):
            return
        self._sequences.begin(self._lone, job.prefix)
        start, rows = 0, None
        while start < len(wanted.tokens):
            tokens = wanted.tokens[start:]
            if len(tokens) > most:
                tokens = tokens[: min(most, wanted.rows[0] - start)]
            own = tuple(row - start for row in wanted.rows if start <= row < start + len(tokens))
            rows = self._pass([job], [Part(self._lone, start, tokens, own)])
            if rows is None:
                break
            start += len(tokens)
        if rows is not None:
            self._advance(job, rows[0])
        self._sequences.drop(self._lone)

    def _pass(self, jobs: list[Job[T]], parts: list[Part]) -> list[list[Logits]] | None:
        """One pass; None when it failed and the jobs have been told."""
        if not parts:
            return None
        self.passes += 1
        try:
            return self._sequences.read(parts, max(job.deadline_ms for job in jobs))
        except PassAborted:
            for job in jobs:
                self._release(job)  # what an aborted pass left in the cells is not known
        except EdgeAgentError as problem:
            for job in jobs:
                self._fail(job, problem)
        return None

    def _advance(self, job: Job[T], rows: list[Logits] | None) -> None:
        """Let a decoding go on with its rows, to what it wants read next or to its end."""
        try:
            job.wanted = next(job.steps) if rows is None else job.steps.send(rows)
        except StopIteration as end:
            self._leave(job)
            self._done.append(Finished(job.ticket, end.value))
        except EdgeAgentError as problem:
            self._fail(job, problem)

    def _fail(self, job: Job[T], problem: EdgeAgentError) -> None:
        self._leave(job)
        self._done.append(Finished(job.ticket, problem))

    def _leave(self, job: Job[T]) -> None:
        self._release(job)
        job.steps.close()
        self._jobs.remove(job)

    def _release(self, job: Job[T]) -> None:
        """Give a job's sequence back; it reads everything again when its turn comes."""
        if job.sequence is not None:
            self._sequences.drop(job.sequence)
            self._idle.append(job.sequence)
        job.sequence, job.held = None, ()

    def _sequence_of(self, job: Job[T]) -> int:
        if job.sequence is None:
            job.sequence = self._idle.pop()
            self._sequences.begin(job.sequence, job.prefix)
        return job.sequence


def _common(held: Sequence[int], wanted: Sequence[int]) -> int:
    """How many tokens both begin with."""
    for place, (one, other) in enumerate(zip(held, wanted, strict=False)):
        if one != other:
            return place
    return min(len(held), len(wanted))
