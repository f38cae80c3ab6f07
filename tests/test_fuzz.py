"""Every reader of what others wrote, on everything that once broke it, and on some of what a fuzzer would try next.

`make fuzz` goes on for as long as one likes, guided by coverage: tests/fuzz/run.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.target import Target
from fuzz.targets import TARGETS
from fuzz.texts import SENTENCES, calls_of
from hypothesis import given, settings
from hypothesis import strategies as st

CALLS_A_CHARACTER_MAX, CALLS_MAX = 200, 1_000
"""Of our functions, to link a sentence."""
KNOWN = [
    pytest.param(target, path, id=f"{target.name}-{path.name}")
    for target in TARGETS.values()
    for path in target.corpus()
]


def mutated(target: Target) -> st.SearchStrategy[bytes]:
    """Bytes of any kind, and good inputs with pieces left out, said twice and put in."""
    seeds = [path.read_bytes()[: target.bytes_max] for path in target.corpus()]
    pieces = st.sampled_from(target.words) | st.binary(max_size=8)

    @st.composite
    def one(draw: st.DrawFn) -> bytes:
        data = draw(st.sampled_from(seeds))
        for _ in range(draw(st.integers(1, 4))):
            start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
            data = data[:start] + draw(pieces) * draw(st.integers(0, 3)) + data[draw(st.sampled_from((start, end))) :]
        return data[: target.bytes_max]

    return st.binary(max_size=64) | st.lists(pieces, max_size=24).map(b"".join) | one()


@pytest.mark.parametrize(("target", "path"), KNOWN)
def test_what_once_broke_a_reader_does_not_any_more(target: Target, path: Path) -> None:
    """And what it has always read, it still reads."""
    target.check(path.read_bytes())


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_no_bytes_break_a_reader(target: Target) -> None:
    """The same examples each time."""

    @settings(max_examples=60, database=None)
    @given(mutated(target))
    def tried(data: bytes) -> None:
        target.check(data)

    tried()


@pytest.mark.parametrize("words", SENTENCES, ids=lambda words: words[:12])
def test_a_sentence_takes_time_by_its_length(words: str) -> None:
    """The worst of names, numbers and units, as many as fit: still so many calls a character."""
    calls_of(words)  # the first sentence makes tables that are kept
    text = (words * 500)[:500]
    assert calls_of(text) <= CALLS_MAX + CALLS_A_CHARACTER_MAX * len(text)
