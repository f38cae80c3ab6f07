"""Endless training examples from the packs' phrases, from one random stream.

Decides the mixture: which pack and action, how many clauses, which sentences are to be refused, how much noise. A hash
of a template's name holds one in `HELD_BACK_ONE_IN` back for measuring; those are never trained on.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from edge_agent.packs.base import REJECT, Pack
from edge_agent.packs.phrases import Phrases, Sample, load_phrases
from edge_agent.packs.registry import load_pack
from edge_agent.training.batches import Example
from edge_agent.training.clauses import Clause, coordinated, fill, with_absent, with_head_unmarked, with_pronoun
from edge_agent.training.sentences import answer, read, sentence
from edge_agent.training.words import heads, listed
from edge_agent.training.worlds import Place, random_place

PACK_SHARES = {"robot": 0.40, "home": 0.45, "kiosk": 0.15}
WORLD_SENTENCES = 120
"""Sentences made in one world before it is thrown away."""
CLAUSES = ((1, 0.76), (2, 0.18), (3, 0.045), (5, 0.015))
REJECT_SHARE = 0.12
"""Sentences from the phrases' reject blocks; those about absent things come on top."""
ABSENT_SHARE = 0.2
HEAD_UNMARKED_SHARE = 0.015
COORDINATED_SHARE = 0.07
PRONOUN_SHARE = 0.4
MODIFIERS_SHARE = 0.1
NOUN_MODIFIERS_SHARE = 0.4
"""Of the modifiers before a name, how many are nouns: "my coffee [1 mug]" is the mug."""
NOISE_SHARE = 0.15
SHORTER_SHARE = 0.6
"""How often the shorter of two phrases is said: people add fewer courtesies than the phrases could."""
UNIFORM_SHARE = 0.25
"""How often an action is drawn evenly; otherwise actions with more phrases are likelier."""
HELD_BACK_ONE_IN = 20
TRIES = 50


@dataclass(frozen=True, slots=True)
class Material:
    """A pack with its phrases."""

    pack: Pack
    phrases: Phrases

    @property
    def actions(self) -> tuple[str, ...]:
        """The intents that are actions."""
        return tuple(intent for intent in self.phrases.intents if intent != REJECT)


@dataclass(frozen=True, slots=True)
class Corpus:
    """What to learn from: called with a random stream, gives endless examples."""

    packs: tuple[str, ...] = tuple(PACK_SHARES)
    held_back: bool = False
    """Only sentences with a held-back template instead of only sentences without one."""

    def __call__(self, rng: random.Random) -> Iterator[Example]:
        materials = [material(name) for name in self.packs]
        shares = [PACK_SHARES.get(name, 1.0) for name in self.packs]
        places: dict[str, tuple[Place, int]] = {}
        while True:
            chosen = rng.choices(materials, shares)[0]
            place, left = places.get(chosen.pack.name, (None, 0))
            if place is None or left == 0:
                place, left = random_place(rng, chosen.pack), WORLD_SENTENCES
            places[chosen.pack.name] = place, left - 1
            for _ in range(TRIES):
                if made := self._example(rng, chosen, place):
                    yield made
                    break

    def _example(self, rng: random.Random, chosen: Material, place: Place) -> Example | None:
        clauses = self._clauses(rng, chosen, place)
        if clauses is None:
            return None
        modifiers = _modifiers(rng) if rng.random() < MODIFIERS_SHARE else ()
        said = sentence(rng, clauses, modifiers, rng.random() < NOISE_SHARE)
        seen = read(place.linker, said)
        if seen is None:
            return None
        linked, found = seen
        group = next((clause.group for clause in clauses if is_held_back(clause.group)), clauses[0].group)
        return Example(chosen.pack.name, linked.marked, answer(place, clauses, said, found), group, linked)

    def _clauses(self, rng: random.Random, chosen: Material, place: Place) -> list[Clause] | None:
        """One sentence's clauses; None when this throw of the dice led nowhere."""
        if rng.random() < REJECT_SHARE:
            refused = self._clause(rng, chosen, place, REJECT)
            return [refused] if refused else None
        many = rng.choices([count for count, _ in CLAUSES], [share for _, share in CLAUSES])[0]
        made: list[Clause] = []
        for number in range(many):
            clause = self._clause(rng, chosen, place, _action(rng, chosen))
            if clause and rng.random() < COORDINATED_SHARE:
                clause = coordinated(rng, clause, place) or clause
            if clause and number and rng.random() < PRONOUN_SHARE:
                clause = with_pronoun(clause, made[-1], chosen.pack) or clause
            if clause is None:
                return None
            made.append(clause)
        return _with_something_unknown(rng, made, place)

    def _clause(self, rng: random.Random, chosen: Material, place: Place, intent: str) -> Clause | None:
        sample = self._sample(rng, chosen, intent)
        if rng.random() < SHORTER_SHARE:
            sample = min(sample, self._sample(rng, chosen, intent), key=_length)
        return fill(rng, place, chosen.phrases, sample) if sample else None

    def _sample(self, rng: random.Random, chosen: Material, intent: str) -> Sample | None:
        for _ in range(TRIES):
            sample = chosen.phrases.sample(rng, intent)
            if is_held_back(f"{chosen.pack.name}/{intent}/{sample.template}") == self.held_back:
                return sample
        return None


def _modifiers(rng: random.Random) -> Sequence[str]:
    """Words that may stand before a name without being of it."""
    if rng.random() < NOUN_MODIFIERS_SHARE:
        return heads("robot", rng.choice(("item", "item", "place")))
    return listed("adjectives")


def _length(sample: Sample | None) -> int:
    """Characters said between the names; what is not there is longest."""
    return sum(len(piece) for piece in sample.pieces if isinstance(piece, str)) if sample else sys.maxsize


def _action(rng: random.Random, chosen: Material) -> str:
    if rng.random() < UNIFORM_SHARE:
        return rng.choice(chosen.actions)
    return rng.choices(chosen.actions, [chosen.phrases.templates(name) for name in chosen.actions])[0]


def _with_something_unknown(rng: random.Random, clauses: list[Clause], place: Place) -> list[Clause] | None:
    """Sometimes one name of the sentence is of something that is not there."""
    draw = rng.random()
    if draw >= ABSENT_SHARE + HEAD_UNMARKED_SHARE:
        return clauses
    index = rng.randrange(len(clauses))
    if draw < ABSENT_SHARE:
        changed = with_absent(rng, clauses[index], place)
    else:
        changed = with_head_unmarked(rng, clauses[index]) if place.pack.name == "robot" else None
    return [*clauses[:index], changed, *clauses[index + 1 :]] if changed else None


@cache
def is_held_back(group: str) -> bool:
    """Whether this template is kept out of training."""
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % HELD_BACK_ONE_IN == 0


@cache
def material(name: str) -> Material:
    """A shipped pack with its phrases, read once a process."""
    pack = load_pack(name)
    return Material(pack, load_phrases(pack))
