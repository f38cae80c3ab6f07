"""A pack of the user's own, from its files to a taught and measured model: what the verb `train` drives."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from edge_agent.packs.base import Pack
from edge_agent.packs.phrase_file import read_phrase_file
from edge_agent.training.batches import Example
from edge_agent.training.check import measure, sample
from edge_agent.training.export import Title
from edge_agent.training.finetune import Course, Teacher
from edge_agent.training.lessons import Lessons, OwnPack, own_material
from edge_agent.training.restore import restore

Share = tuple[int, int]
"""Right answers, and sentences asked."""

MEASURED = 300
"""Generated sentences of each sort that a model is measured on, when nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model answers, of two sorts."""

    seen: Share
    """The pack's own, by templates that are trained on."""
    shipped: Share
    """The shipped packs', by templates that their training held back and those it did not."""


@dataclass(frozen=True, slots=True)
class Own:
    """A user's pack, read and checked."""

    place: OwnPack
    pack: Pack
    held_back: tuple[int, int]
    """The user's lines that are held back, and all of them."""
    seed: int
    measured: int

    def teacher(self, base: Path, sha256: str | None, *, minutes: float, steps: int | None, threads: int) -> Teacher:
        """Somebody who teaches a copy of the model in this file.

        Raises:
            ConfigurationFault: MODEL_MISSING, MODEL_NOT_A_FILE, MODEL_DAMAGED, MODEL_HASH_MISMATCH,
                MODEL_NOT_TRAINABLE.
        """
        course = Course(Lessons(self.place), seconds=minutes * 60, seed=self.seed, threads=threads, steps=steps)
        return Teacher(restore(base, sha256), course)

    def scores(self, model: Path) -> Scores:
        """The model's answers to generated sentences that no training stream holds."""
        return Scores(self._right(model, _own(self, held_back=False)), self._right(model, _shipped(self)))

    def held_back_score(self, model: Path) -> Share:
        """The same for the user's lines that were held back; (0, 0) where there were none."""
        return self._right(model, _own(self, held_back=True)) if self.held_back[0] else (0, 0)

    def title(self, base: Path) -> Title:
        """What the file says about itself."""
        return Title(self.pack.name, "1", f"The pack {self.pack.name}, taught to {base.stem} by edge-agent train.")

    def _right(self, model: Path, examples: Sequence[Example]) -> Share:
        result = measure(model, examples, (self.pack,))
        return result.right, len(examples)


def prepare(
    name: str, phrases: tuple[Path, ...], worlds: tuple[Path, ...], *, seed: int, measured: int = MEASURED
) -> Own:
    """Read a pack with its phrases and worlds.

    Raises:
        ConfigurationFault: UNKNOWN_PACK, PACK_INVALID, PHRASES_INVALID, WORLD_INVALID.
    """
    place = OwnPack(name, phrases, worlds)
    material = own_material(place)
    lines = sum(len(block.sentences) for path in material.pack.phrases for block in read_phrase_file(path).blocks)
    return Own(place, material.pack, (len(material.held_back or ()), lines), seed, measured)


@cache
def _own(own: Own, *, held_back: bool) -> tuple[Example, ...]:
    lessons = Lessons(own.place, replay=0.0, held_back=held_back)
    return tuple(islice(lessons(random.Random(f"check/{own.seed}")), own.measured))


@cache
def _shipped(own: Own) -> tuple[Example, ...]:
    return tuple(
        example for held_back in (False, True) for example in sample(own.seed, own.measured // 2, held_back=held_back)
    )
