"""The decoding loop on its own: a model and a grammar that are scripts, every pass counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.language.decoder import ALL, NONE, Decoded, Decoding, Read, Savings, decode
from edge_agent.language.lookahead import Drafted, nothing_drafted
from edge_agent.limits import ANSWER_TOKENS_MAX

END = 0
LETTERS = {letter: number for number, letter in enumerate("$abcdefghij")}


class WordList:
    """A constraint that takes exactly these words; one letter is one token. A word's only way on is forced."""

    def __init__(self, *words: str, held_back: frozenset[str] = frozenset()) -> None:
        self._words = words
        self._held_back = held_back
        self._written = ""

    @property
    def written(self) -> bytes:
        return self._written.encode()

    def _next(self) -> list[str]:
        after = {(word + "$")[len(self._written)] for word in self._words if word.startswith(self._written)}
        return sorted(after)

    def forced(self) -> Sequence[int]:
        following = self._next()
        if len(following) > 1 or following == ["$"] or following[0] in self._held_back:
            return []
        return [LETTERS[following[0]]]

    def guess(self, text: bytes = b"") -> int | None:
        if text:
            return LETTERS[text.decode()[0]]
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

    def fork(self) -> WordList:
        other = type(self)(*self._words, held_back=self._held_back)
        other._written = self._written
        return other


class Wishes:
    """A model that wishes for letters by what was read last; remembers every pass."""

    def __init__(self, wishes: dict[str, str], *, rounding: float = 0.0) -> None:
        self._wishes = {LETTERS[last]: LETTERS[wish] for last, wish in wishes.items()}
        self._rounding = rounding
        self.reads: list[Read] = []
        self._held: tuple[int, ...] = ()
        self.passes: list[int] = []

    def read(self, wanted: Read) -> list[NDArray[np.float32]]:
        """The rows; how many tokens of each read are new is noted."""
        assert wanted.rows
        assert wanted.rows[-1] == len(wanted.tokens) - 1
        self.reads.append(wanted)
        common = 0
        while common < min(len(self._held), wanted.rows[0]) and self._held[common] == wanted.tokens[common]:
            common += 1
        self.passes.append(len(wanted.tokens) - (0 if wanted.alone else common))
        if not wanted.alone:
            self._held = wanted.tokens
        return [self._logits(wanted.tokens[row], alone=wanted.alone) for row in wanted.rows]

    def _logits(self, token: int, *, alone: bool) -> NDArray[np.float32]:
        logits = np.zeros(len(LETTERS), dtype=np.float32)
        logits[self._wishes.get(token, END)] = 5.0
        if not alone and self._rounding:  # as a batch of another size would have it
            logits += np.float32(self._rounding) * np.arange(len(LETTERS), dtype=np.float32)
        return logits


def drive(decoding: Decoding, model: Wishes) -> Decoded:
    """Run a decoding by itself."""
    try:
        wanted = next(decoding)
        while True:
            wanted = decoding.send(model.read(wanted))
    except StopIteration as end:
        decoded: Decoded = end.value
        return decoded


def run(
    model: Wishes,
    grammar: WordList,
    *,
    savings: Savings = ALL,
    drafted: Drafted = nothing_drafted,
    begun: Sequence[int] = (),
    expired: Callable[[], bool] = lambda: False,
    tie: float = 0.0,
) -> Decoded:
    decoding = decode(
        grammar,
        [LETTERS["i"]],
        ends=frozenset({END}),
        expired=expired,
        savings=savings,
        drafted=drafted,
        begun=begun,
        tie=tie,
    )
    return drive(decoding, model)


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
        plain = run(Wishes(wishes), WordList("abd", "acefa", "acega"), savings=NONE)
        assert fast.tokens == plain.tokens
        assert fast.passes <= plain.passes


def test_a_right_guess_saves_the_next_pass() -> None:
    """The row behind the guess decides the next choice without another pass."""
    words = ("abd", "abe")
    guessed = run(model := Wishes({"a": "b", "b": "e"}), WordList(*words, held_back=frozenset("b")))
    assert text(guessed) == "abe"
    assert model.passes == [3]
    plain = run(
        Wishes({"a": "b", "b": "e"}), WordList(*words, held_back=frozenset("b")), savings=Savings(guesses=False)
    )
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
    assert model.reads[-1].tokens == (LETTERS["i"], LETTERS["a"], LETTERS["j"])
    assert model.passes == [3, 1]


def whole(letters: str) -> Drafted:
    """These letters are the draft."""
    return lambda written: letters.encode()[len(written) :] if letters.encode().startswith(written) else b""


def drafted(model: Wishes, letters: str) -> Decoded:
    """An answer to which these letters were drafted."""
    return run(model, WordList("abd", "acefa", "acega"), drafted=whole(letters))


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
    assert decoded.passes <= run(Wishes({"a": "c", "e": "g"}), WordList("abd", "acefa", "acega")).passes + 1


def test_an_answer_is_as_likely_as_its_choices_together() -> None:
    decoded = run(Wishes({"a": "c", "e": "g"}), WordList("abd", "acefa", "acega"))
    one = float(np.exp(5.0) / (np.exp(5.0) + 1.0))
    assert decoded.probability == pytest.approx(one * one)
    assert decoded.margin == pytest.approx(5.0)


def test_the_deadline_is_looked_at_before_each_pass() -> None:
    model = Wishes({"a": "c", "e": "g"})
    answers = iter([False, True])
    with pytest.raises(ClientFault) as late:
        run(model, WordList("abd", "acefa", "acega"), expired=lambda: next(answers))
    assert late.value.code is Code.EXPIRED
    assert len(model.passes) == 1


class Endless(WordList):
    """A grammar that goes on for ever."""

    def finished(self) -> bool:
        return False

    def forced(self) -> Sequence[int]:
        return []

    def guess(self, text: bytes = b"") -> int | None:
        return None

    def allowed(self) -> NDArray[np.intp]:
        return np.asarray([1, 2], dtype=np.intp)


def test_an_answer_without_end_is_cut_and_refused() -> None:
    with pytest.raises(NodeFault) as cut:
        run(Wishes({}), Endless("a"))
    assert cut.value.code is Code.OUTPUT_INVALID
    assert str(ANSWER_TOKENS_MAX) in cut.value.message


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
    decoded = run(model, WordList("abd", "acefa", "acega"), begun=begun)
    assert (text(decoded), decoded.choices, decoded.passes) == ("acefa", (), 0)


def test_forced_letters_between_guesses_ride_along_and_ask_for_no_row() -> None:
    """Two bytes that are held back, one letter forced between them: all three are read with the first choice."""
    words = ("abcdea", "abcdeb")
    model = Wishes({"i": "a", "a": "b", "c": "d", "e": "b"})
    decoded = run(model, WordList(*words, held_back=frozenset("bd")))
    assert text(decoded) == "abcdeb"
    assert decoded.passes == 1
    assert [len(read.rows) for read in model.reads] == [3]


def test_nothing_behind_the_last_choice_is_read() -> None:
    """The draft says how the answer ends; no row is needed there."""
    model = Wishes({"a": "c", "e": "g"})
    decoded = drafted(model, "acega")
    assert text(decoded) == "acega"
    assert model.reads[-1].tokens == tuple(LETTERS[letter] for letter in "iace")


def test_a_near_tie_is_settled_by_reading_alone() -> None:
    """Rounding turns the order of two letters; read alone they are equal, and the first one is taken."""
    grammar = ("ab", "ac")
    tied = Wishes({}, rounding=0.01)
    decoded = run(tied, WordList(*grammar), tie=0.05)
    assert text(decoded) == "ab"
    assert (decoded.passes, decoded.settled) == (2, 1)
    assert tied.reads[-1].alone
    assert text(run(Wishes({}, rounding=0.01), WordList(*grammar))) == "ac"


def test_a_clear_choice_settles_nothing() -> None:
    decoded = run(Wishes({"a": "b"}, rounding=0.01), WordList("ab", "ac"), tie=0.05)
    assert (decoded.passes, decoded.settled) == (1, 0)


LETTER_WORDS = st.lists(st.text("abcdefghj", min_size=1, max_size=7), min_size=1, max_size=8, unique=True)


@settings(max_examples=300, deadline=None)
@given(
    words=LETTER_WORDS,
    wishes=st.dictionaries(st.sampled_from("abcdefghij"), st.sampled_from("$abcdefghij"), max_size=10),
    draft=st.text("abcdefghij", max_size=9),
    held_back=st.frozensets(st.sampled_from("abcdef"), max_size=3),
)
def test_no_draft_changes_an_answer_or_costs_more_than_a_pass(
    words: list[str], wishes: dict[str, str], draft: str, held_back: frozenset[str]
) -> None:
    """Whatever the grammar, the model and the draft: the answer of one token a pass, and at most one pass more."""
    # a word that another one begins with is no list of words here: its end would be a choice that `finished` hides
    words = [word for word in words if not any(other != word and other.startswith(word) for other in words)]

    class Rival(WordList):
        def take(self, token: int) -> None:
            following = self._next()
            stands_for = following[0] if token == LETTERS["j"] and "j" not in following else None
            super().take(LETTERS[stands_for] if stands_for else token)

    def grammar() -> WordList:
        return Rival(*words, held_back=held_back)

    plain = run(Wishes(wishes), grammar(), savings=NONE)
    bare = run(Wishes(wishes), grammar())
    helped = run(Wishes(wishes), grammar(), drafted=whole(draft))
    assert plain.tokens == bare.tokens == helped.tokens
    assert plain.probability == pytest.approx(bare.probability) == pytest.approx(helped.probability)
    assert bare.passes <= plain.passes
    assert helped.passes <= bare.passes + 1
