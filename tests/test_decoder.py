"""The decoding loop on its own: a model and a grammar that are scripts, every pass counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.language.decoder import TOKENS_MAX, Decoded, decode

END = 0
LETTERS = {letter: number for number, letter in enumerate("$abcdefghij")}


class WordList:
    """A constraint that takes exactly these words; one letter is one token. A word's only way on is forced."""

    def __init__(self, *words: str, held_back: frozenset[str] = frozenset()) -> None:
        self._words = words
        self._held_back = held_back
        self._written = ""

    def _next(self) -> list[str]:
        after = {(word + "$")[len(self._written)] for word in self._words if word.startswith(self._written)}
        return sorted(after)

    def forced(self) -> Sequence[int]:
        following = self._next()
        if len(following) > 1 or following == ["$"] or following[0] in self._held_back:
            return []
        return [LETTERS[following[0]]]

    def guess(self) -> int | None:
        following = self._next()
        return LETTERS[following[0]] if following[0] in self._held_back else None

    def allowed(self) -> NDArray[np.intp]:
        following = self._next()
        # what is held back has a rival: a token that begins alike
        rival = [LETTERS["j"]] if set(following) & self._held_back else []
        return np.asarray([LETTERS[letter] for letter in following] + rival, dtype=np.intp)

    def take(self, token: int) -> None:
        self._written += next(letter for letter, number in LETTERS.items() if number == token)

    def finished(self) -> bool:
        return self._next() == ["$"]


class Wishes:
    """A model that wishes for letters by what was read last; remembers every pass."""

    def __init__(self, wishes: dict[str, str]) -> None:
        self._wishes = {LETTERS[last]: LETTERS[wish] for last, wish in wishes.items()}
        self.read_tokens: list[int] = []
        self.passes: list[int] = []

    def read(self, tokens: Sequence[int], rows: int) -> list[NDArray[np.float32]]:
        assert tokens
        self.read_tokens += tokens
        self.passes.append(len(tokens))
        return [self._logits(token) for token in tokens[len(tokens) - rows :]]

    def forget(self, count: int) -> None:
        del self.read_tokens[-count:]

    def _logits(self, token: int) -> NDArray[np.float32]:
        logits = np.zeros(len(LETTERS), dtype=np.float32)
        logits[self._wishes.get(token, END)] = 5.0
        return logits


def run(model: Wishes, grammar: WordList, **options: bool) -> Decoded:
    return decode(model, grammar, [LETTERS["i"]], ends=frozenset({END}), expired=lambda: False, **options)


def text(decoded: Decoded) -> str:
    return "".join("$abcdefghij"[token] for token in decoded.tokens)


def test_a_forced_answer_costs_no_pass() -> None:
    decoded = run(Wishes({}), WordList("abc"))
    assert (text(decoded), decoded.passes, decoded.choices) == ("abc", 0, ())
    assert decoded.probability == 1.0


def test_a_choice_costs_one_pass_and_forced_tokens_ride_along() -> None:
    """Two choices, two passes; the forced letters between them are read with the second."""
    model = Wishes({"a": "c", "e": "g"})
    decoded = run(model, WordList("abd", "acefa", "acega"))
    assert text(decoded) == "acega"
    assert model.passes == [2, 2]
    assert len(decoded.choices) == 2


def test_savings_change_nothing_but_the_passes() -> None:
    for wishes in ({"a": "c", "e": "g"}, {"a": "b"}, {}):
        fast = run(Wishes(wishes), WordList("abd", "acefa", "acega"))
        plain = run(Wishes(wishes), WordList("abd", "acefa", "acega"), skipping=False, guessing=False)
        assert fast.tokens == plain.tokens
        assert fast.passes <= plain.passes


def test_a_right_guess_saves_the_next_pass() -> None:
    """The row behind the guess decides the next choice without another pass."""
    words = ("abd", "abe")
    guessed = run(model := Wishes({"a": "b", "b": "e"}), WordList(*words, held_back=frozenset("b")))
    assert text(guessed) == "abe"
    assert model.passes == [3]
    plain = run(Wishes({"a": "b", "b": "e"}), WordList(*words, held_back=frozenset("b")), guessing=False)
    assert plain.tokens == guessed.tokens
    assert plain.passes == 2
    assert plain.probability == pytest.approx(guessed.probability)


def test_a_wrong_guess_is_taken_back() -> None:
    """The model prefers the rival: what was read of the guess is forgotten."""

    class Rival(WordList):
        def take(self, token: int) -> None:
            super().take(LETTERS["b"] if token == LETTERS["j"] else token)

    model = Wishes({"a": "j", "j": "e"})
    decoded = run(model, Rival("abd", "abe", held_back=frozenset("b")))
    assert text(decoded) == "aje"
    assert model.read_tokens == [LETTERS["i"], LETTERS["a"], LETTERS["j"]]


def drafted(model: Wishes, letters: str) -> Decoded:
    """An answer to which these letters were drafted."""
    whole = [LETTERS[letter] for letter in letters]
    return decode(
        model,
        WordList("abd", "acefa", "acega"),
        [LETTERS["i"]],
        ends=frozenset({END}),
        expired=lambda: False,
        draft=lambda tokens: whole[len(tokens) :] if whole[: len(tokens)] == list(tokens) else [],
    )


def test_a_right_draft_is_checked_in_one_pass() -> None:
    """The same answer, as sure, in one pass in place of two."""
    alone = run(Wishes({"a": "c", "e": "g"}), WordList("abd", "acefa", "acega"))
    decoded = drafted(Wishes({"a": "c", "e": "g"}), "acega")
    assert decoded.tokens == alone.tokens
    assert decoded.choices == alone.choices
    assert (decoded.passes, alone.passes) == (1, 2)


@pytest.mark.parametrize("letters", ["acefa", "abd", "aj", "b", "acegaaa"])
def test_a_wrong_draft_changes_nothing(letters: str) -> None:
    """What was read ahead is forgotten from the first token on that the model or the grammar does not want."""
    model = Wishes({"a": "c", "e": "g"})
    decoded = drafted(model, letters)
    assert text(decoded) == "acega"
    assert len(decoded.choices) == 2
    kept = "".join("$abcdefghij"[token] for token in model.read_tokens)
    assert kept.startswith("iace")


def test_an_answer_is_as_likely_as_its_choices_together() -> None:
    decoded = run(Wishes({"a": "c", "e": "g"}), WordList("abd", "acefa", "acega"))
    one = float(np.exp(5.0) / (np.exp(5.0) + 1.0))
    assert decoded.probability == pytest.approx(one * one)
    assert decoded.margin == pytest.approx(5.0)


def test_the_deadline_is_looked_at_before_each_pass() -> None:
    model = Wishes({"a": "c", "e": "g"})
    answers = iter([False, True])
    with pytest.raises(ClientFault) as late:
        decode(model, WordList("abd", "acefa", "acega"), [1], ends=frozenset({END}), expired=lambda: next(answers))
    assert late.value.code is Code.EXPIRED
    assert len(model.passes) == 1


class Endless(WordList):
    """A grammar that goes on for ever."""

    def finished(self) -> bool:
        return False

    def forced(self) -> Sequence[int]:
        return []

    def guess(self) -> int | None:
        return None

    def allowed(self) -> NDArray[np.intp]:
        return np.asarray([1, 2], dtype=np.intp)


def test_an_answer_without_end_is_cut_and_refused() -> None:
    with pytest.raises(NodeFault) as cut:
        run(Wishes({}), Endless("a"))
    assert cut.value.code is Code.OUTPUT_INVALID
    assert str(TOKENS_MAX) in cut.value.message


def test_the_end_is_a_choice_where_an_answer_could_go_on() -> None:
    """`ab` may end or become `abc`; the model says which."""
    assert text(run(Wishes({"b": "$"}), WordList("ab", "abc"))) == "ab"
    assert text(run(Wishes({"b": "c"}), WordList("ab", "abc"))) == "abc"


def test_every_choice_says_what_came_second() -> None:
    """Where it was made, how likely both were; a token that was forced is no choice."""
    decoded = run(Wishes({"a": "c", "e": "g"}), WordList("abd", "acefa", "acega"))
    first, last = decoded.choices
    assert (first.place, first.second, last.place, last.second) == (1, LETTERS["b"], 3, LETTERS["f"])
    assert first.probability + first.second_probability == pytest.approx(1.0)


def test_an_answer_goes_on_from_what_it_is_told_to_begin_with() -> None:
    """The beginning costs no pass of its own and is no choice."""
    model = Wishes({"a": "c", "e": "g"})
    begun = [LETTERS["a"], LETTERS["c"], LETTERS["e"], LETTERS["f"]]
    decoded = decode(
        model,
        WordList("abd", "acefa", "acega"),
        [LETTERS["i"]],
        ends=frozenset({END}),
        expired=lambda: False,
        begun=begun,
    )
    assert (text(decoded), decoded.choices, decoded.passes) == ("acefa", (), 0)
