"""Finds a thing that was said and is nowhere: "the crate" of a world without one. Pure.

The model is taught to refuse such a sentence, and now and then takes the next thing that is there instead. Here it is
held in code: words behind an article that no mention covers, that no phrase of the pack is made of, and that no name
follows ("the wine [2 glass]" is the glass, "a pack of [1 beer]" the beer), name something unknown.

Decides too little rather than too much: questions, what a thing looks like ("with the blonde hair"), remarks ("the
kettle is empty, …") and texts to be written or said are let through, and so is whatever has no article.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edge_agent.world.lexicon import AUXILIARIES, DETERMINERS, FUNCTION_WORDS, PREPOSITIONS, PRONOUNS, listed
from edge_agent.world.mention import Linked, Word

_QUESTIONS: Final = frozenset(listed("what what's whats which how is are was were does do did any who who's why when"))
_ENDS: Final = FUNCTION_WORDS | PREPOSITIONS | PRONOUNS | AUXILIARIES | DETERMINERS | {"please"}
_LETTERS_MIN: Final = 3


def unknown_thing(linked: Linked, familiar: frozenset[str], quoted: Sequence[tuple[int, int]] = ()) -> str:
    """The first such thing, as it was said; or "".

    `familiar`: the pack's words (`packs.familiar`), none turns the check off. `quoted`: runs of words, first and after
    the last, that are texts and name nothing.
    """
    words = linked.words
    if not familiar or not words or words[0].text in _QUESTIONS:
        return ""
    at = 0
    while at < len(words):
        if not _is_article(linked, words[at]):
            at += 1
            continue
        first = at + 1
        while first < len(words) and _is_article(linked, words[first]):
            first += 1
        after = first
        while after < len(words) and not linked.is_marked(words[after]) and words[after].text not in _ENDS:
            after += 1
        said = [
            word.text
            for place, word in enumerate(words[first:after], first)
            if not any(begin <= place < end for begin, end in quoted)
        ]
        if not _only_describes(linked, at, after) and any(_is_strange(word, familiar) for word in said):
            return " ".join(said)
        at = max(after, at + 1)
    return ""


def strange_thing(linked: Linked, familiar: frozenset[str]) -> str:
    """The unknown thing of a sentence in which every other word is a name or one of the pack's; or ""."""
    thing = unknown_thing(linked, familiar)
    strange = {word.text for word in linked.words if not linked.is_marked(word) and _is_strange(word.text, familiar)}
    return thing if strange <= set(thing.split()) else ""


def _only_describes(linked: Linked, article: int, after: int) -> bool:
    """Whether the words between an article and `after` belong to a name, say what a thing looks like, or remark."""
    words = linked.words
    if article and words[article - 1].text == "with":
        return True
    if after < len(words) and words[after].text == "of":
        after += 1
        while after < len(words) and _is_article(linked, words[after]):
            after += 1
    if after < len(words) and linked.is_marked(words[after]):
        return True
    return article == 0 and after < len(words) and words[after].text in AUXILIARIES


def _is_strange(word: str, familiar: frozenset[str]) -> bool:
    forms = {word, word + "s", word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("'s")}
    return len(word) >= _LETTERS_MIN and word.isalpha() and familiar.isdisjoint(forms)


def _is_article(linked: Linked, word: Word) -> bool:
    return word.text in DETERMINERS and not linked.is_marked(word)
