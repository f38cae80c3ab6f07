"""Endless training examples from the packs' phrases, from one random stream.

Decides the mixture: which pack and action, how many clauses, which sentences are to be refused, how much noise. A hash
of a template's name holds one in `HELD_BACK_ONE_IN` back for measuring; those are never trained on.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from edge_agent.limits import ACTIONS_MAX
from edge_agent.packs.base import REJECT, Pack
from edge_agent.packs.phrases import Phrases, Sample, load_phrases
from edge_agent.packs.registry import load_pack
from edge_agent.training.batches import Example
from edge_agent.training.clauses import Clause, coordinated, fill, with_pronoun
from edge_agent.training.descriptions import described
from edge_agent.training.joining import is_imperative
from edge_agent.training.sentences import answer, misled, read, sentence
from edge_agent.training.unknown import with_absent, with_category, with_head_unmarked
from edge_agent.training.worlds import Place, random_place

PACK_SHARES = {"robot": 0.42, "home": 0.45, "kiosk": 0.13}
WORLD_SENTENCES = 200
"""Sentences made in one world before it is thrown away."""
CLAUSES = ((1, 0.72), (2, 0.21), (3, 0.05), (4, 0.015), (6, 0.005))
REJECT_SHARES = {"not_a_command": 0.08, "unsupported": 0.04}
"""Sentences from the phrases' reject blocks."""
ABSENT_SHARE = 0.14
HEAD_UNMARKED_SHARE = 0.02
CATEGORY_SHARE = 0.03
DESCRIBED_SHARES = {"robot": 0.16, "home": 0.05}
ABSENT_DESCRIBED_SHARES = {"robot": 0.5, "home": 0.2}
"""How often a name is described, by pack. Of absent things more often: a known thing beside them is a trap."""
COORDINATED_SHARE = 0.07
PRONOUN_SHARE = 0.4
NOISE_SHARE = 0.16
SHORTER_SHARE = 0.6
"""How often the shorter of two phrases is said: people add fewer courtesies than the phrases could."""
BLOCK_SHARE = 0.3
"""How often a set of fixed choices (a device class, a state) is drawn evenly, or it would be too rare to be learnt."""
BLOCK_WEIGHT_MAX = 10
UNIFORM_SHARE = 0.2
"""How often an action is drawn evenly; otherwise actions with more phrases are likelier."""
IMPERATIVE_TRIES = 5
"""How often a later clause is drawn anew until it begins with its verb: "could you …" is said once a sentence."""
HELD_BACK_ONE_IN = 20
TRIES = 50
_ABSENT, _HEAD_UNMARKED, _CATEGORY, _PLAIN = "absent", "head unmarked", "category", "plain"
_SORTS = {**REJECT_SHARES, _ABSENT: ABSENT_SHARE, _HEAD_UNMARKED: HEAD_UNMARKED_SHARE, _CATEGORY: CATEGORY_SHARE}
_SORTS[_PLAIN] = 1 - sum(_SORTS.values())


@dataclass(frozen=True, slots=True)
class Material:
    """A pack with its phrases, and what is drawn from."""

    pack: Pack
    phrases: Phrases
    actions: tuple[str, ...]
    """The intents that are actions."""
    sums: tuple[int, ...]
    """Running sums of the actions' templates."""
    blocks: tuple[tuple[str, tuple[int, ...]], ...]
    """An action and the places of its templates with the same fixed choices."""
    block_sums: tuple[int, ...]
    """Running sums of what the blocks weigh: as many values as their lists give, within limits."""
    refused: dict[str, tuple[int, ...]]
    """The places of the reject templates by reason; one that stands there twice is said twice as often."""
    held_back: frozenset[str] | None = None
    """The groups that are kept out of training; None: those that `is_held_back` says."""

    def keeps_back(self, group: str) -> bool:
        """Whether this template is kept out of training."""
        return is_held_back(group) if self.held_back is None else group in self.held_back


@dataclass(frozen=True, slots=True)
class Corpus:
    """What to learn from: called with a random stream, gives endless examples."""

    packs: tuple[str, ...] = tuple(PACK_SHARES)
    held_back: bool = False
    """Only sentences with a held-back template instead of only sentences without one."""
    load: Callable[[str], Material] | None = None
    """Where packs come from that do not ship."""

    def __call__(self, rng: random.Random) -> Iterator[Example]:
        materials = [(self.load or material)(name) for name in self.packs]
        shares = [PACK_SHARES.get(name, 1.0) for name in self.packs]
        places: dict[str, tuple[Place, int]] = {}
        while True:
            chosen = rng.choices(materials, shares)[0]
            place, left = places.get(chosen.pack.name, (None, 0))
            if place is None or left == 0:
                place, left = random_place(rng, chosen.pack), WORLD_SENTENCES
            places[chosen.pack.name] = place, left - 1
            sort = _sort(rng)
            for _ in range(TRIES):
                if made := self._example(rng, chosen, place, sort):
                    yield made
                    break

    def _example(self, rng: random.Random, chosen: Material, place: Place, sort: str) -> Example | None:
        clauses = self._clauses(rng, chosen, place, sort)
        if clauses is None:
            return None
        said = sentence(rng, clauses, chosen.pack.name, noisy=rng.random() < NOISE_SHARE)
        seen = read(place.linker, said)
        if seen is None:
            return None
        linked, found = seen
        if misled(place, clauses, linked, found):
            return None
        group = next((clause.group for clause in clauses if chosen.keeps_back(clause.group)), clauses[0].group)
        return Example(chosen.pack.name, linked.marked, answer(place, clauses, said, found), group, linked)

    def _clauses(self, rng: random.Random, chosen: Material, place: Place, sort: str) -> list[Clause] | None:
        """One sentence's clauses; None when this throw of the dice led nowhere."""
        if block := chosen.refused.get(sort):
            refused = self._clause(rng, chosen, place, (REJECT, block))
            return [refused] if refused else None
        many = rng.choices([count for count, _ in CLAUSES], [share for _, share in CLAUSES])[0]
        made: list[Clause] = []
        for number in range(many):
            clause = self._clause(rng, chosen, place)
            for _ in range(IMPERATIVE_TRIES if number else 0):
                if clause is None or is_imperative(clause):
                    break
                clause = self._clause(rng, chosen, place)
            if clause and rng.random() < COORDINATED_SHARE:
                clause = coordinated(rng, clause, place) or clause
            if clause and number and rng.random() < PRONOUN_SHARE:
                clause = with_pronoun(rng, clause, made[-1], chosen.pack) or clause
            if clause is None:
                return None
            made.append(clause)
        if sum(clause.turns for clause in made) > ACTIONS_MAX:
            return None
        return _varied(rng, made, place, sort)

    def _clause(
        self, rng: random.Random, chosen: Material, place: Place, wanted: tuple[str, tuple[int, ...]] | None = None
    ) -> Clause | None:
        """A filled phrase of this intent and these templates, or of an action that is drawn."""
        intent, block = wanted or _action(rng, chosen)
        sample = self._sample(rng, chosen, intent, block)
        if rng.random() < SHORTER_SHARE:
            sample = min(sample, self._sample(rng, chosen, intent, block), key=_length)
        return fill(rng, place, chosen.phrases, sample) if sample else None

    def _sample(self, rng: random.Random, chosen: Material, intent: str, block: tuple[int, ...]) -> Sample | None:
        name = chosen.pack.name
        if block:
            block = tuple(place for place in block if chosen.keeps_back(f"{name}/{intent}/{place}") == self.held_back)
            return chosen.phrases.sample(rng, intent, rng.choice(block)) if block else None
        for _ in range(TRIES):
            sample = chosen.phrases.sample(rng, intent)
            if chosen.keeps_back(f"{name}/{intent}/{sample.template}") == self.held_back:
                return sample
        return None


def _length(sample: Sample | None) -> int:
    """Characters said between the names; what is not there is longest."""
    return sum(len(piece) for piece in sample.pieces if isinstance(piece, str)) if sample else sys.maxsize


def _action(rng: random.Random, chosen: Material) -> tuple[str, tuple[int, ...]]:
    """An action, and the templates to draw from when not all of its are meant."""
    draw = rng.random()
    if draw < BLOCK_SHARE:
        return rng.choices(chosen.blocks, cum_weights=chosen.block_sums)[0]
    if draw < BLOCK_SHARE + UNIFORM_SHARE:
        return rng.choice(chosen.actions), ()
    return rng.choices(chosen.actions, cum_weights=chosen.sums)[0], ()


def _sort(rng: random.Random) -> str:
    """What sort of sentence is to be made: a reason to refuse, or what happens to a name in it."""
    return rng.choices(tuple(_SORTS), tuple(_SORTS.values()))[0]


def _varied(rng: random.Random, clauses: list[Clause], place: Place, sort: str) -> list[Clause] | None:
    """The clauses with words around one of their names, or with one name of something that is not there."""
    at = rng.randrange(len(clauses))
    clause: Clause | None = clauses[at]
    if clause is None:
        return None
    pack = place.pack.name
    if sort == _ABSENT:
        clause = with_absent(rng, clause, place)
        if clause and rng.random() < ABSENT_DESCRIBED_SHARES.get(pack, 0):
            clause = described(rng, clause, place)
    elif sort == _HEAD_UNMARKED:
        clause = with_head_unmarked(rng, clause, place)
    elif sort == _CATEGORY:
        clause = with_category(rng, clause)
    elif rng.random() < DESCRIBED_SHARES.get(pack, 0):
        clause = described(rng, clause, place)
    return [*clauses[:at], clause, *clauses[at + 1 :]] if clause else None


@cache
def is_held_back(group: str) -> bool:
    """Whether this template is kept out of training."""
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % HELD_BACK_ONE_IN == 0


@cache
def material(name: str) -> Material:
    """A shipped pack with its phrases, read once a process."""
    pack = load_pack(name)
    return material_of(pack, load_phrases(pack))


def material_of(pack: Pack, phrases: Phrases) -> Material:
    """A pack with its phrases."""
    actions = tuple(intent for intent in phrases.intents if intent != REJECT)
    blocks = tuple((intent, block) for intent in actions for block in phrases.blocks(intent).values())
    values = [max(phrases.variety(intent, at) for at in block) for intent, block in blocks]
    rejects = phrases.blocks(REJECT) if REJECT in phrases.intents else {}
    refused = {dict(fixed)["reason"]: block for fixed, block in rejects.items()}
    return Material(
        pack,
        phrases,
        actions,
        tuple(accumulate(map(phrases.templates, actions))),
        blocks,
        tuple(accumulate(1 + min(BLOCK_WEIGHT_MAX, many // 4) for many in values)),
        refused,
    )
