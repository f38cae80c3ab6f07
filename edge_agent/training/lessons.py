"""What a shipped model is taught for a pack of the user's own, and what it is reminded of meanwhile.

Decides the mixture: the pack's own sentences, among them a share of the shipped packs' (`replay`), so that the model
does not forget them; and which of the user's templates are held back for measuring. Of an action's own lines one in
`HELD_BACK_ONE_IN` is held back, one at least where there are four lines, none of fewer: an action cannot be learnt from
nothing. A newcomer has few lines, so those are held back only until they have been measured with (`all_lines`).
A shipped pack may be given lines of the user's own too: then only those are new, and more is repeated.
Refuses (PACK_INVALID) another pack with a shipped pack's name, which is what the model tells packs apart by.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.training.batches import Example
from edge_agent.training.corpus import Corpus, Material, material_of
from edge_agent.training.own_phrases import OwnPhrases, own_phrases
from edge_agent.training.words import call_things, spelled
from edge_agent.world.loading import load_world

HELD_BACK_ONE_IN = 8
HELD_BACK_LINES_MIN = 4
REPLAY_SHARE, REPLAY_SHARE_SHIPPED = 0.35, 0.6
_NUMBERS = frozenset(spelled(number) for number in range(100))


@dataclass(frozen=True, slots=True)
class OwnPack:
    """Where a user's pack lies. Values only, so that a worker process can be told of it."""

    name: str
    """A file or `module:PACK`, as `load_pack` takes it."""
    phrases: tuple[Path, ...]
    """Files beside those that the pack names itself."""
    worlds: tuple[Path, ...] = ()
    """Worlds whose names show what things are called here, beside the pack's example world."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Endless examples for the pack and, in between, for the shipped ones. A source as `batches.Stream` takes it."""

    own: OwnPack
    replay: float | None = None
    """The share of the shipped packs' sentences; None: what suits the pack."""
    held_back: bool = False
    """Only sentences with a held-back template of the user's, instead of only sentences without one."""
    all_lines: bool = False
    """Nothing is held back any more."""

    def __call__(self, rng: random.Random) -> Iterator[Example]:
        taught = Corpus((self.own.name,), self.held_back, lambda _: own_material(self.own, self.all_lines))(rng)
        shipped = Corpus(SHIPPED)(rng)
        replay = self.replay
        if replay is None:
            replay = REPLAY_SHARE_SHIPPED if self.own.name in SHIPPED else REPLAY_SHARE
        while True:
            yield next(shipped if rng.random() < replay else taught)


def read_pack(own: OwnPack) -> Pack:
    """The pack with all its phrase files; a shipped pack with the user's only.

    Raises:
        ConfigurationFault: UNKNOWN_PACK, PACK_INVALID; PHRASES_INVALID for a shipped pack and nothing new.
    """
    pack = load_pack(own.name)
    if own.name in SHIPPED:
        if not own.phrases:
            raise ConfigurationFault(
                Code.PHRASES_INVALID, "is known already; add --phrases with your own", where=own.name
            )
        return replace(pack, phrases=own.phrases)
    if pack.name in SHIPPED:
        why = f"the model knows {', '.join(SHIPPED)} by their names; call a pack of your own something else"
        raise ConfigurationFault(Code.PACK_INVALID, why, where=own.name)
    files = dict.fromkeys((*pack.phrases, *(path.absolute() for path in own.phrases)))
    return replace(pack, phrases=tuple(files))


@cache
def own_material(own: OwnPack, all_lines: bool = False) -> Material:
    """The pack as it is trained on, read and checked once a process.

    Raises:
        ConfigurationFault: UNKNOWN_PACK, PACK_INVALID, PHRASES_INVALID, WORLD_INVALID.
    """
    pack = read_pack(own)
    spoken = own_phrases(pack, pack.phrases, every_action=own.name not in SHIPPED)
    for kind, words in said_heads(pack, own.worlds).items():
        call_things(pack.name, kind, words)
    groups = frozenset[str]() if all_lines else held_back_groups(pack, spoken)
    return replace(material_of(pack, spoken.phrases), refused=spoken.refused, held_back=groups)


def held_back_groups(pack: Pack, spoken: OwnPhrases) -> frozenset[str]:
    """Which of the user's templates are kept out of training, by the names of their groups."""
    groups: set[str] = set()
    for intent, lines in spoken.own.items():
        count = max(lines // HELD_BACK_ONE_IN, 1) if lines >= HELD_BACK_LINES_MIN else 0
        names = [f"{pack.name}/{intent}/{template}" for template in range(lines)]
        groups.update(sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())[:count])
    return frozenset(groups)


def said_heads(pack: Pack, worlds: tuple[Path, ...]) -> dict[str, tuple[str, ...]]:
    """What things of the pack's kinds are called: the last words of the names in the user's worlds."""
    heads: dict[str, dict[str, None]] = {}
    for path in dict.fromkeys((*((pack.example_world,) if pack.example_world else ()), *worlds)):
        for entity in load_world(path).entities:
            for name in (entity.name, *entity.aliases):
                if words := [word for word in name.casefold().split() if word.isalpha() and word not in _NUMBERS]:
                    heads.setdefault(entity.kind, {})[words[-1]] = None
    return {kind: tuple(words) for kind, words in heads.items() if kind in pack.kinds}
