"""Finding what a sentence names: entities of the world, quantities, and me / here / it / there.

    words → readings (matching, quantities, pointing) → the ones that stand → mentions and the marked sentence

Decides between overlapping readings: the longest name wins, then the one said most exactly; a name wins over a number
inside it. It refuses to guess: words that name nothing here stay unmarked, words that name several things carry all
of them. Pure; the same sentence and world always give the same mentions, in whatever order the world lists them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edge_agent.limits import ENTITY_MENTIONS_MAX, QUANTITY_MENTIONS_MAX
from edge_agent.world.entities import Entity
from edge_agent.world.homonyms import unknown_labels
from edge_agent.world.index import Index
from edge_agent.world.lexicon import AREA_KINDS, ATTRIBUTES
from edge_agent.world.matching import matches
from edge_agent.world.mention import (
    Dialogue,
    Linked,
    Mention,
    MentionType,
    Unit,
    Word,
)
from edge_agent.world.pointing import Pointing, read_pointing
from edge_agent.world.quantities import Reading, read_quantities
from edge_agent.world.sentence import Level, Match, Sentence
from edge_agent.world.store import World
from edge_agent.world.synonyms import everyday
from edge_agent.world.text import normalize
from edge_agent.world.tokens import tokens_of

CANDIDATES_MAX: Final = 64
"""Entities of one name that a mention carries; more share a name in no world that people talk about."""
_STOPS: Final = frozenset(",;:!?")
_QUANTITY_LABELS: Final = "abcdefghijklmnopqrstuvwxyz"[:QUANTITY_MENTIONS_MAX]
_NOTHING_SAID: Final = Dialogue()
_Span = Match | Reading | Pointing


class Linker:
    """Reads sentences against one world. A value: it never changes; `updated` gives the linker of the next world."""

    __slots__ = ("_index", "world")

    def __init__(self, world: World, index: Index | None = None) -> None:
        self.world = world
        self._index = index or Index.of(world.entities, everyday().without(world.unalike))

    def link(self, text: str, dialogue: Dialogue = _NOTHING_SAID, *, spoken: bool = False) -> Linked:
        """The sentence and every mention in it. `spoken`: a recogniser wrote it; names are known by sound, too."""
        words = normalize(text)
        said = tuple([word.text for word in words])
        numbers = read_quantities(said)
        measures = frozenset([one.first for one in numbers if one.quantity.unit is not Unit.COUNT])
        sentence = Sentence(said, tokens_of(said), _breaks(text, words), measures)
        pointing = read_pointing(said)
        found = [match for match in matches(sentence, self._index, spoken=spoken) if not _is_unit(match, numbers)]
        names = _standing(found, pointing)
        names = [match for match in names if not _is_anothers(sentence, match, names)]
        labels = unknown_labels(sentence, found, self._index)
        quantities = [one for one in numbers if not labels.issuperset(range(one.first, one.after))]
        placed = _mentions(text, words, _together(names, quantities, pointing), dialogue)
        return Linked(text, words, tuple(mention for _, mention in placed), _marked(words, placed))

    def prepare_for_speech(self) -> None:
        """Make the table of how the world's words sound now and not in the first spoken sentence.

        About 50 µs a word; small changes of the world keep it. Nothing is different afterwards.
        """
        self._index.vocabulary.sounding("")

    def updated(self, world: World) -> Linker:
        """The linker of another world; quick when it differs from this one in a few entities."""
        old = {id(entity): entity for entity in self.world.entities}
        new = {id(entity): entity for entity in world.entities}
        gone = [entity for key, entity in old.items() if key not in new]
        come = [entity for key, entity in new.items() if key not in old]
        if len(gone) + len(come) > len(old) // 4 + 1 or world.unalike != self.world.unalike:
            return Linker(world)
        return Linker(world, self._index.changed(gone, come))


def _breaks(text: str, words: Sequence[Word]) -> frozenset[int]:
    """Places of the words before which a comma or a stronger stop stands."""
    return frozenset(
        at
        for at in range(1, len(words))
        if not _STOPS.isdisjoint(text[words[at - 1].end : words[at].start])
        or ". " in text[words[at - 1].end : words[at].start]
    )


def _standing(found: list[Match], pointing: Sequence[Pointing]) -> list[Match]:
    """The readings that stand: longest first, then the most exact, then the leftmost; "it" alone is never a name."""
    pointed = {(span.first, span.after) for span in pointing}
    taken: set[int] = set()
    standing: list[Match] = []
    for match in sorted(found, key=lambda one: (one.first - one.after, one.level, -one.score, one.first)):
        span = range(match.first, match.after)
        if taken.isdisjoint(span) and (match.first, match.after) not in pointed:
            taken.update(span)
            standing.append(match)
    return standing


def _together(names: Sequence[Match], quantities: Sequence[Reading], pointing: Sequence[Pointing]) -> list[_Span]:
    """All readings in order of appearance; of two that overlap, a name before a quantity before a pointing word."""
    spans: list[_Span] = []
    taken: set[int] = set()
    ranked: tuple[_Span, ...] = (*names, *quantities, *pointing)
    for span in ranked:
        if taken.isdisjoint(range(span.first, span.after)):
            spans.append(span)
            taken.update(range(span.first, span.after))
    return sorted(spans, key=lambda span: span.first)


def _is_unit(match: Match, quantities: Sequence[Reading]) -> bool:
    """Whether the word is part of a longer quantity: "ten yards" are not the yard. "A yard" may be."""
    return any(
        one.first <= match.first and match.after <= one.after and one.after - one.first > match.after - match.first
        for one in quantities
        if one.quantity.unit is not Unit.COUNT and one.quantity.value != 1
    )


def _is_anothers(sentence: Sentence, match: Match, names: Sequence[Match]) -> bool:
    """Whether the words only say whose a thing is: "john's office" is not John, where no office is known.

    Where they say whose state it is ("the boiler's pressure"), or in which area a thing is, the name stands.
    """
    if not sentence.word(match.after - 1).endswith("'s") or sentence.ends_phrase(match.after):
        return False
    if any(entry.owned or entry.entity.kind in AREA_KINDS for entry in match.entries):
        return False
    last = match.after
    while not sentence.ends_phrase(last + 1):
        last += 1
    if sentence.word(last) in ATTRIBUTES:
        return False
    return all(other.first != match.after for other in names)


def _mentions(
    text: str, words: Sequence[Word], spans: Sequence[_Span], dialogue: Dialogue
) -> list[tuple[_Span, Mention]]:
    """The mentions in order of appearance, labelled; names and numbers beyond the limits stay unmarked."""
    placed: list[tuple[_Span, Mention]] = []
    entities = quantities = 0
    for span in spans:
        start, end = words[span.first].start, words[span.after - 1].end
        said = text[start:end]
        if isinstance(span, Match) and entities < ENTITY_MENTIONS_MAX:
            entities += 1
            candidates = _candidates(span, dialogue)
            mention = Mention(MentionType.ENTITY, str(entities), start, end, said, candidates, score=span.score)
        elif isinstance(span, Reading) and quantities < QUANTITY_MENTIONS_MAX:
            label = _QUANTITY_LABELS[quantities]
            quantities += 1
            mention = Mention(MentionType.QUANTITY, label, start, end, said, quantity=span.quantity)
        elif isinstance(span, Pointing):
            mention = Mention(MentionType.WORD, span.label, start, end, said)
        else:
            continue
        placed.append((span, mention))
    return placed


def _candidates(match: Match, dialogue: Dialogue) -> tuple[Entity, ...]:
    """The entities of a match, sorted; of a name said by its last word alone, the one that was talked about last."""
    entities = {(entry.entity.name, entry.entity.kind): entry.entity for entry in match.entries}
    if match.level is Level.HEAD and len(entities) > 1:
        for name in dialogue.recent:
            talked_about = [entity for entity in entities.values() if entity.name.casefold() == name.casefold()]
            if talked_about:
                return tuple(sorted(talked_about, key=lambda entity: entity.kind))
    return tuple([entities[key] for key in sorted(entities)][:CANDIDATES_MAX])


def _marked(words: Sequence[Word], placed: Sequence[tuple[_Span, Mention]]) -> str:
    """The sentence as the model sees it."""
    parts: list[str] = []
    at = 0
    for span, mention in placed:
        parts += [word.text for word in words[at : span.first]]
        said = " ".join([word.text for word in words[span.first : span.after]])
        parts.append(f"[{mention.label}]" if said == mention.label else f"[{mention.label} {said}]")
        at = span.after
    parts += [word.text for word in words[at:]]
    return " ".join(parts)
