"""What the decoder is told to expect, from answers given before."""

from __future__ import annotations

from edge_agent.language.drafts import NEXT_TOKENS_MAX, WHOLE_TOKENS_MAX, Drafts

ANSWER = (7, 8, 9, 10, 11, 12)


def learnt() -> Drafts:
    drafts = Drafts()
    drafts.of("home", "turn on the [1 lamp]").learn(ANSWER, [1, 3])
    return drafts


def test_a_sentence_of_the_same_shape_is_drafted_whole() -> None:
    """Only the words inside the marks differ."""
    draft = learnt().of("home", "turn on the [1 old desk light]")
    assert draft.after([]) == ANSWER
    assert draft.after([7, 8]) == ANSWER[2:]


def test_other_words_or_another_pack_are_another_shape() -> None:
    drafts = learnt()
    assert drafts.of("home", "turn off the [1 lamp]").after([]) == ()
    assert drafts.of("robot", "turn on the [1 lamp]").after([]) == ()
    assert drafts.of("home", "turn on the [2 lamp]").after([]) == ()


def test_an_answer_that_begins_alike_is_drafted_a_little_ahead() -> None:
    """From a choice behind the action on, for sentences with the same marks."""
    draft = learnt().of("home", "please light the [1 lamp]")
    assert draft.after(ANSWER[:3]) == ANSWER[3 : 3 + NEXT_TOKENS_MAX]
    assert draft.after(ANSWER[:1]) == ()
    assert draft.after((1, 2, 3)) == ()


def test_the_latest_answer_counts_and_a_draft_has_an_end() -> None:
    drafts = learnt()
    long = tuple(range(100, 140))
    drafts.of("home", "turn on the [1 fan]").learn(long, [])
    assert drafts.of("home", "turn on the [1 lamp]").after([]) == long[:WHOLE_TOKENS_MAX]
