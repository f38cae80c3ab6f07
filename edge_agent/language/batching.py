"""Many decodings read in common passes: who reads what next. Pure: the context and the clock are handed in.

Decides: decodings join and leave between passes; the earliest deadline is served first, and whoever fits beside it
reads in the same pass. Where cells or sequences run out, the one with the latest deadline gives its own back and reads
again later, which costs it time and changes nothing. A decoding past its deadline is EXPIRED without another pass, one
that needs more cells than there are is PROMPT_TOO_LONG. A fault of one decoding is its own; a fault of a pass is shared
by all who read in it.

Whoever reads alone, when it is the first, finds no cells but the prefixes': all others have given theirs back. Which
cells the tokens of others fill moves the last bits of a logit, too, so only then is the same question the same.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
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
        """The working sequences' numbers."""

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
        self._idle = list(sequences.working)
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
        if queue and queue[0].wanted.alone:
            self._read_alone(queue[0])
        elif queue:
            self._read(queue)
        done, self._done = self._done, []
        return done

    def _read_alone(self, job: Job[T]) -> None:
        """Read a job's tokens from the prefix on, with nobody else's in the cells; a long text takes several passes."""
        for one in self._jobs:
            self._release(one)
        wanted = job.wanted
        while job in self._jobs and job.wanted is wanted and self._read([job]):
            pass

    def _read(self, queue: list[Job[T]]) -> bool:
        """One pass for the first of these and for whoever fits beside it; whether it was made."""
        chosen = list(self._fill(queue))
        rows = self._pass([job for job, _ in chosen], [part for _, part in chosen])
        if rows is None:
            return False
        for (job, part), own in zip(chosen, rows, strict=True):
            job.held += part.tokens
            if len(job.held) == len(job.wanted.tokens):
                self._advance(job, own)
        return True

    def _fill(self, queue: list[Job[T]]) -> Iterator[tuple[Job[T], Part]]:
        """Who reads what in the next pass."""
        tokens_left, rows_left = self._sequences.tokens_max, self._sequences.rows_max
        for place, job in enumerate(queue):
            wanted = job.wanted
            if place and wanted.alone:
                continue
            if len(wanted.tokens) > self._sequences.free:
                why = f"{len(wanted.tokens)} tokens, and there is room for {self._sequences.free}"
                self._fail(job, ClientFault(Code.PROMPT_TOO_LONG, why))
                continue
            self._keep_common(job)
            start = len(job.held)
            tokens = wanted.tokens[start:]
            if len(tokens) > tokens_left == self._sequences.tokens_max:
                tokens = tokens[: min(tokens_left, wanted.rows[0] - start)]  # a long text is read in several passes
            rows = tuple(row - start for row in wanted.rows if row - start < len(tokens))
            if len(tokens) > tokens_left or len(rows) > rows_left:
                continue
            planned, later = self._sequences.tokens_max - tokens_left, queue[place + 1 :]
            if not self._make_room(planned + len(tokens), later):
                continue
            sequence = self._sequence_of(job, later)
            if sequence is None:
                continue
            tokens_left -= len(tokens)
            rows_left -= len(rows)
            yield job, Part(sequence, start, tokens, rows)

    def _keep_common(self, job: Job[T]) -> None:
        """Forget what the sequence holds beyond what is wanted; the first row wanted has to be read anew."""
        wanted = job.wanted
        most = min(len(job.held), wanted.rows[0])
        common = most if job.held[:most] == wanted.tokens[:most] else _common(job.held, wanted.tokens[:most])
        if common < len(job.held) and job.sequence is not None:
            self._sequences.cut(job.sequence, common)
            job.held = job.held[:common]

    def _make_room(self, cells: int, later: Sequence[Job[T]]) -> bool:
        """Whether a pass has so many cells for what is new in it, if need be those of the jobs that come later."""
        held = sum(len(job.held) for job in self._jobs)
        while held + cells > self._sequences.free:
            last = next((job for job in reversed(later) if job.held), None)
            if last is None:
                return False
            held -= len(last.held)
            self._release(last)
        return True

    def _sequence_of(self, job: Job[T], later: Sequence[Job[T]]) -> int | None:
        """The sequence that a job reads in, if need be that of one that comes later."""
        if job.sequence is None:
            if not self._idle:
                last = next((one for one in reversed(later) if one.sequence is not None), None)
                if last is None:
                    return None
                self._release(last)
            job.sequence = self._idle.pop()
            self._sequences.begin(job.sequence, job.prefix)
        return job.sequence

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
        except Exception as bug:  # of the decoder, the grammar's reader, a draft: the others are decided all the same
            self._fail(job, NodeFault(Code.INTERNAL, f"a fault of the engine's own: {type(bug).__name__}: {bug}"[:300]))

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


def _common(held: Sequence[int], wanted: Sequence[int]) -> int:
    """How many tokens both begin with."""
    for place, (one, other) in enumerate(zip(held, wanted, strict=False)):
        if one != other:
            return place
    return min(len(held), len(wanted))
