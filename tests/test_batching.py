"""Who reads what when many decodings share an engine: on sequences in memory that notice every wrong cell."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import pytest
from exact_sequences import TIE, ExactSequences
from test_decoder import END, LETTERS, WordList, whole

from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.language.batching import Batching, Finished, Job, PassAborted
from edge_agent.language.decoder import ALL, NONE, Decoded, Decoding, Logits, Read, Savings, decode

FAR = 1e9


class Hands:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now_ms = 0.0

    def __call__(self) -> float:
        return self.now_ms


def reader(*texts: str, alone: bool = False) -> Generator[Read, Sequence[Logits], str]:
    """Reads texts one after the other, a row behind each, and ends with the last one."""
    for text in texts:
        tokens = tuple(LETTERS[letter] for letter in text)
        [row] = yield Read(tokens, (len(tokens) - 1,), alone=alone)
        assert len(row) == len(LETTERS)
    return texts[-1]


def batching(sequences: ExactSequences, clock: Hands | None = None) -> Batching[str]:
    return Batching(sequences, clock or Hands())


def add(batch: Batching[str], ticket: str, *texts: str, deadline_ms: float = FAR, alone: bool = False) -> None:
    batch.add(Job(ticket, 0, deadline_ms, reader(*texts, alone=alone)))


def finish(batch: Batching[str]) -> dict[str, str | Code]:
    """Step until nobody is left; what became of each, by ticket."""
    found: dict[str, str | Code] = {}
    for _ in range(1_000):
        for one in batch.step():
            assert one.ticket not in found
            found[one.ticket] = one.result.code if isinstance(one.result, EdgeAgentError) else one.result
        if not batch.busy:
            return found
    raise AssertionError(found)


def sizes(sequences: ExactSequences) -> list[list[int]]:
    """How many tokens each one read, pass by pass."""
    return [[len(part.tokens) for part in parts] for parts in sequences.passes]


def test_who_comes_reads_in_the_next_pass_and_who_is_done_leaves() -> None:
    batch = batching(sequences := ExactSequences())
    add(batch, "first", "ab", "abc")
    assert batch.step() == []
    add(batch, "second", "de")
    assert [one.ticket for one in batch.step()] == ["first", "second"]
    assert sizes(sequences) == [[2], [1, 1 + 1]]
    assert (sequences.held, batch.busy, batch.passes) == ({}, False, 2)


def test_what_is_decided_without_reading_is_handed_out_all_the_same() -> None:
    batch = batching(sequences := ExactSequences())
    batch.add(Job("forced", 0, FAR, reader_of_nothing()))
    assert batch.busy
    assert batch.step() == [Finished("forced", "nothing")]
    assert (sequences.passes, batch.busy) == ([], False)


def reader_of_nothing() -> Generator[Read, Sequence[Logits], str]:
    yield from ()
    return "nothing"


def test_the_earliest_deadline_is_served_first_whoever_came_first() -> None:
    """There is room for one of them in a pass."""
    batch = batching(ExactSequences(tokens_max=4))
    for ticket, deadline_ms in (("late", 300.0), ("early", 100.0), ("middle", 200.0)):
        add(batch, ticket, "abcd", deadline_ms=deadline_ms)
    assert [[one.ticket for one in batch.step()] for _ in range(3)] == [["early"], ["middle"], ["late"]]


def test_who_fits_beside_the_first_rides_along() -> None:
    """The second one is too long for what is left of the pass; the third is not."""
    batch = batching(sequences := ExactSequences(tokens_max=6))
    for place, text in enumerate(("abcd", "abcd", "ab")):
        add(batch, text + str(place), text, deadline_ms=float(place + 1))
    assert [one.ticket for one in batch.step()] == ["abcd0", "ab2"]
    assert sizes(sequences) == [[4, 2]]


def test_no_pass_gives_more_rows_than_it_may() -> None:
    batch = batching(sequences := ExactSequences(rows_max=2))
    for ticket in "abc":
        add(batch, ticket, ticket)
    assert len(finish(batch)) == 3
    assert [sum(len(part.rows) for part in parts) for parts in sequences.passes] == [2, 1]


def test_a_text_longer_than_a_pass_is_read_in_several() -> None:
    """Only the last of them gives a row; another reader comes in beside the rest of it."""
    batch = batching(sequences := ExactSequences(tokens_max=4))
    add(batch, "long", "abcdefghij", deadline_ms=1.0)
    add(batch, "short", "ab", deadline_ms=2.0)
    assert finish(batch) == {"long": "abcdefghij", "short": "ab"}
    assert sizes(sequences) == [[4], [4], [2, 2]]
    assert [len(part.rows) for parts in sequences.passes for part in parts] == [0, 0, 1, 1]


def test_only_what_is_new_is_read() -> None:
    """What stands there already stays, but for the token whose row is wanted; what is wrong is cut off."""
    batch = batching(sequences := ExactSequences())
    add(batch, "one", "abcd", "abcdef", "abx"[:2] + "ij", "abij")
    assert finish(batch) == {"one": "abij"}
    assert sizes(sequences) == [[4], [2], [2], [1]]
    assert [parts[0].place for parts in sequences.passes] == [0, 4, 2, 3]


def test_without_cells_the_latest_gives_its_own_back_and_reads_again() -> None:
    batch = batching(sequences := ExactSequences(cells=8))
    add(batch, "late", "abcd", "abcde", deadline_ms=200.0)
    batch.step()
    add(batch, "early", "abcdef", deadline_ms=100.0)
    assert finish(batch) == {"early": "abcdef", "late": "abcde"}
    assert sizes(sequences) == [[4], [6], [5]]


def test_a_later_deadline_takes_no_cells_from_an_earlier_one() -> None:
    batch = batching(sequences := ExactSequences(cells=8))
    add(batch, "early", "abcd", "abcde", deadline_ms=100.0)
    batch.step()
    add(batch, "late", "abcdef", deadline_ms=200.0)
    assert finish(batch) == {"early": "abcde", "late": "abcdef"}
    assert sizes(sequences) == [[4], [1], [6]]


def test_without_sequences_the_latest_gives_its_own_back() -> None:
    """A short deadline does not wait until somebody with a long one is done."""
    batch = batching(sequences := ExactSequences(sequences=1))
    add(batch, "late", "ab", "abc", "abcd", deadline_ms=200.0)
    batch.step()
    add(batch, "early", "ef", deadline_ms=100.0)
    assert [one.ticket for one in batch.step()] == ["early"]
    assert finish(batch) == {"late": "abcd"}
    assert sizes(sequences) == [[2], [2], [3], [1]]


def test_one_that_can_never_fit_is_refused_and_costs_nobody_anything() -> None:
    batch = batching(sequences := ExactSequences(cells=8))
    add(batch, "other", "abc", "abcd", deadline_ms=200.0)
    batch.step()
    add(batch, "huge", "abcdefghij"[:9], deadline_ms=100.0)
    assert finish(batch) == {"huge": Code.PROMPT_TOO_LONG, "other": "abcd"}
    assert sizes(sequences) == [[3], [1]]


def test_one_that_grows_beyond_the_cells_is_refused_when_it_does() -> None:
    batch = batching(sequences := ExactSequences(cells=4))
    add(batch, "grows", "abc", "abcd", "abcde")
    assert finish(batch) == {"grows": Code.PROMPT_TOO_LONG}
    assert (sequences.held, batch.passes) == ({}, 2)


def test_a_deadline_that_has_passed_costs_no_pass() -> None:
    clock = Hands()
    batch = batching(sequences := ExactSequences(), clock)
    add(batch, "late", "ab", "abc", deadline_ms=10.0)
    add(batch, "other", "ab", "abc")
    batch.step()
    clock.now_ms = 10.0
    add(batch, "past", "ab", deadline_ms=5.0)
    assert finish(batch) == {"late": Code.EXPIRED, "past": Code.EXPIRED, "other": "abc"}
    assert sizes(sequences) == [[2, 2], [1]]


def test_who_is_withdrawn_is_not_heard_of_again() -> None:
    batch = batching(sequences := ExactSequences())
    add(batch, "gone", "ab", "abc")
    add(batch, "other", "ab", "abc")
    batch.step()
    assert batch.withdraw("gone")
    assert not batch.withdraw("gone")
    assert len(sequences.held) == 1
    assert finish(batch) == {"other": "abc"}


def test_a_failed_pass_fails_those_who_read_in_it_and_nobody_else() -> None:
    crash = NodeFault(Code.ENGINE_CRASHED, "the pass failed")
    sequences = ExactSequences(tokens_max=4, faults=lambda number: crash if number == 0 else None)
    batch = batching(sequences)
    for place, ticket in enumerate(("first", "beside", "next")):
        add(batch, ticket, "ab", deadline_ms=float(place + 1))
    assert finish(batch) == {"first": Code.ENGINE_CRASHED, "beside": Code.ENGINE_CRASHED, "next": "ab"}
    assert sequences.held == {}


def test_after_a_pass_that_was_given_up_whoever_has_time_reads_again() -> None:
    """What it left in the cells is not known, so everything is read anew."""
    clock = Hands()
    sequences = ExactSequences(faults=lambda number: PassAborted() if number == 1 else None)
    batch = batching(sequences, clock)
    add(batch, "late", "ab", "abc", deadline_ms=10.0)
    add(batch, "other", "ab", "abc")
    batch.step()
    batch.step()
    clock.now_ms = 10.0
    assert finish(batch) == {"late": Code.EXPIRED, "other": "abc"}
    assert sizes(sequences) == [[2, 2], [1, 1], [3]]


def test_a_fault_of_one_decoding_is_its_own() -> None:
    """An error it raises is its answer; a bug in it is INTERNAL, and the others are decided."""

    def broken(problem: Exception) -> Generator[Read, Sequence[Logits], str]:
        yield Read((1, 2), (1,))
        raise problem

    batch = batching(sequences := ExactSequences())
    batch.add(Job("refused", 0, FAR, broken(NodeFault(Code.OUTPUT_INVALID, "no answer"))))
    batch.add(Job("bug", 0, FAR, broken(UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"))))
    add(batch, "other", "ab", "abc")
    assert finish(batch) == {"refused": Code.OUTPUT_INVALID, "bug": Code.INTERNAL, "other": "abc"}
    assert sequences.held == {}


def test_who_reads_alone_has_all_cells_to_itself_and_the_others_read_again() -> None:
    """Its digits must not depend on who else was there."""
    batch = batching(sequences := ExactSequences())
    add(batch, "other", "ab", "abc", deadline_ms=200.0)
    batch.step()
    add(batch, "lone", "abcd", deadline_ms=100.0, alone=True)
    assert finish(batch) == {"lone": "abcd", "other": "abc"}
    assert sizes(sequences) == [[2], [4], [3]]
    assert len(sequences.passes[1]) == 1


def test_reading_alone_waits_for_earlier_deadlines() -> None:
    batch = batching(sequences := ExactSequences())
    add(batch, "lone", "abcd", deadline_ms=200.0, alone=True)
    add(batch, "early", "ab", "abc", deadline_ms=100.0)
    add(batch, "late", "ef", deadline_ms=300.0)
    assert [[one.ticket for one in batch.step()] for _ in range(3)] == [["late"], ["early"], ["lone"]]
    assert sizes(sequences) == [[2, 2], [1], [4]]


def test_a_long_text_is_read_alone_in_several_passes() -> None:
    batch = batching(sequences := ExactSequences(tokens_max=4))
    add(batch, "lone", "abcdefghij", deadline_ms=100.0, alone=True)
    add(batch, "other", "a", deadline_ms=200.0)
    assert finish(batch) == {"lone": "abcdefghij", "other": "a"}
    assert sizes(sequences) == [[4], [4], [2], [1]]


@dataclass(frozen=True)
class Asked:
    """One decoding: what may be answered, what is drafted, and when it comes, goes and must be done."""

    words: tuple[str, ...]
    prompt: str
    draft: str
    prefix: int
    comes: int
    time: int | None
    gone: int | None

    @property
    def tokens_max(self) -> int:
        """That it could ever hold."""
        return len(self.prompt) + max(map(len, self.words))

    def decoding(self, savings: Savings = ALL) -> Decoding:
        return decode(
            WordList(*self.words),
            [LETTERS[letter] for letter in self.prompt],
            ends=frozenset({END}),
            expired=lambda: False,
            savings=savings,
            drafted=whole(self.draft),
            tie=TIE,
        )

    def by_itself(self, tokens_max: int) -> tuple[int, ...]:
        """The answer when nobody else is there and one token is read a pass."""
        batch: Batching[object] = Batching(ExactSequences(sequences=1, tokens_max=tokens_max), Hands())
        batch.add(Job("", self.prefix, FAR, self.decoding(NONE)))
        done: list[Finished[object]] = []
        while not done:
            done = batch.step()
        return done[0].result.tokens  # type: ignore[union-attr]


def _words(rng: random.Random) -> tuple[str, ...]:
    """Words of which none begins with another one: its end would be a choice that `WordList` hides."""
    words: list[str] = []
    for _ in range(rng.randint(1, 12)):
        word = "".join(rng.choices("abc", k=rng.randint(1, 6)))
        if not any(word.startswith(other) or other.startswith(word) for other in words):
            words.append(word)
    return tuple(words)


def _draft(rng: random.Random, words: Sequence[str]) -> str:
    """A word of the grammar, whole or cut off, or nothing that is one."""
    word = rng.choice(words)
    return rng.choice((word, word, word[: rng.randint(1, 6)], "".join(rng.choices("abcdej", k=4)), ""))


def _asked(rng: random.Random) -> Asked:
    words = _words(rng)
    return Asked(
        words=words,
        prompt="".join(rng.choices("abcdefghij", k=rng.randint(1, 14))),
        draft=_draft(rng, words),
        prefix=rng.randrange(2),
        comes=rng.randrange(20),
        time=rng.randrange(40) if rng.random() < 0.25 else None,
        gone=rng.randrange(25) if rng.random() < 0.15 else None,
    )


@pytest.mark.parametrize("seed", range(120))
def test_whoever_shares_the_engine_every_answer_is_the_one_it_has_by_itself(seed: int) -> None:
    """Random grammars, drafts, arrivals, deadlines and withdrawals in too little room: each ends once, none changes."""
    rng = random.Random(seed)
    asked = [_asked(rng) for _ in range(rng.randint(1, 40))]
    failing = rng.sample(range(60), k=rng.randint(0, 4))
    faults = {number: rng.choice((NodeFault(Code.ENGINE_CRASHED, "failed"), PassAborted())) for number in failing}
    engine = ExactSequences(
        sequences=rng.randint(1, 8),
        cells=rng.randint(8, 120),
        tokens_max=rng.randint(8, 40),
        rows_max=rng.randint(7, 20),
        faults=faults.get,
    )
    ended, withdrawn = _all_ended(asked, engine)
    assert engine.held == {}
    for number, result in ended.items():
        one = asked[number]
        match result:
            case ClientFault(code=Code.EXPIRED):
                assert one.time is not None
            case ClientFault(code=Code.PROMPT_TOO_LONG):
                assert one.tokens_max > engine.free
            case NodeFault(code=Code.ENGINE_CRASHED):
                assert failing
            case Decoded(tokens=tokens):
                assert tokens == one.by_itself(engine.tokens_max)
            case other:
                raise AssertionError(other)
    assert len(ended) + len(withdrawn) == len(asked)


def _all_ended(asked: Sequence[Asked], engine: ExactSequences) -> tuple[dict[int, object], set[int]]:
    """What became of each, and who was withdrawn; one step a millisecond."""
    clock = Hands()
    batch: Batching[object] = Batching(engine, clock)
    ended: dict[int, object] = {}
    withdrawn: set[int] = set()
    while len(ended) + len(withdrawn) < len(asked) or batch.busy:
        now = int(clock.now_ms)
        assert now < 5_000, "somebody is never answered"
        for number, one in enumerate(asked):
            if one.comes == now:
                deadline_ms = FAR + number % 7 if one.time is None else float(now + one.time)
                batch.add(Job(str(number), one.prefix, deadline_ms, one.decoding()))
            if one.gone is not None and one.comes + one.gone == now and number not in ended:
                batch.withdraw(str(number))
                withdrawn.add(number)
        for finished in batch.step():
            number = int(finished.ticket)
            assert number not in ended
            if number not in withdrawn:  # one that was done a moment before is still handed out
                ended[number] = finished.result
        clock.now_ms += 1.0
    return ended, withdrawn
