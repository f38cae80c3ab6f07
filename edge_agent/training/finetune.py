"""Teaches a shipped model a pack of the user's own, on a CPU, in minutes.

The model that `restore` read goes on training at a fraction of its first rates: warm-up, then a straight line down by
the clock. Its words keep their places almost, so that verbs which no phrase says stay beside those that are said. What
is there can be saved at any time: a broken-off course is a model too, only less sure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import torch

from edge_agent.training.batches import Batch, Stream, blocks_from_worker
from edge_agent.training.export import Title, export
from edge_agent.training.lessons import Lessons
from edge_agent.training.restore import Restored
from edge_agent.training.train import Plan, Trainer

MATRIX_RATE, OTHER_RATE = 1.5e-3, 6e-4
WARMUP_STEPS = 30
MEASURED_AT = 0.6
"""The share of the time after which held-back lines have served to measure and are learnt like the others."""
BLOCK_EXAMPLES = 768
"""Smaller than a long training's: the first one is there within seconds."""


@dataclass(frozen=True, slots=True)
class Course:
    """How long a model is taught, from which stream."""

    lessons: Lessons
    seconds: float
    seed: int = 1
    threads: int = 1
    steps: int | None = None
    """So many steps instead of the seconds, to repeat a course exactly."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a course stands: the share that is done (0 to 1), seconds left, steps, tokens a second, and the loss."""

    done: float
    left_s: float
    step: int
    tokens_per_s: float
    loss: float | None
    """Nats an answer's token, the mean of the latest steps; None before the first mean."""


Listener = Callable[[Moment], None]
"""Hears of every step."""


class Teacher:
    """A model being taught. `teach` may be broken off; `save` writes what is there."""

    def __init__(self, restored: Restored, course: Course) -> None:
        torch.set_num_threads(course.threads)
        self._tokenizer = restored.tokenizer
        self._kind = restored.kind
        self._course = course
        plan = Plan(
            seconds=course.seconds,
            steps=course.steps,
            seed=course.seed,
            warmup_steps=WARMUP_STEPS,
            matrix_rate=MATRIX_RATE,
            other_rate=OTHER_RATE,
        )
        self._trainer = Trainer(restored.model.shape, plan)
        self._trainer.model.load_state_dict(restored.model.state_dict())

    def teach(self, listen: Listener, checkpoint: Path | None = None) -> None:
        """Train with what is not held back, to `MEASURED_AT` of the time; a checkpoint a minute."""
        self._teach(self._course.lessons, MEASURED_AT, listen, checkpoint)

    def finish(self, listen: Listener, checkpoint: Path | None = None) -> None:
        """Train with every line to the end of the time."""
        self._teach(replace(self._course.lessons, all_lines=True), 1.0, listen, checkpoint)

    def _teach(self, lessons: Lessons, until: float, listen: Listener, checkpoint: Path | None) -> None:
        if self._trainer.done >= until:
            return
        stream = Stream(lessons, self._course.seed + self._trainer.progress.step, size=BLOCK_EXAMPLES)
        with closing(blocks_from_worker(stream, self._tokenizer)) as blocks:  # type: ignore[type-var]
            ready = chain([next(blocks)], blocks)  # the time runs from the first block on
            self._trainer.run(self._heard(ready, until, listen), lambda _: None, checkpoint)

    def resume(self, checkpoint: Path) -> None:
        """Go on from a checkpoint of the same course, with sentences it has not seen."""
        self._trainer.resume(checkpoint)

    def keep(self, checkpoint: Path) -> None:
        """Write a checkpoint to go on from."""
        self._trainer.save(checkpoint)

    def save(self, path: Path, title: Title) -> None:
        """Write the model in the format of the one it was made from."""
        export(self._trainer.model, self._tokenizer, path, self._kind, title)

    @property
    def keeps_back(self) -> bool:
        """Whether no held-back line has been learnt yet."""
        return self._trainer.done < MEASURED_AT

    @property
    def moment(self) -> Moment:
        """Where the course stands now."""
        progress, done = self._trainer.progress, min(1.0, self._trainer.done)
        return Moment(
            done=done,
            left_s=max(0.0, progress.seconds / done - progress.seconds) if done else self._course.seconds,
            step=progress.step,
            tokens_per_s=progress.tokens / progress.seconds if progress.seconds else 0.0,
            loss=progress.curve[-1][1] if progress.curve else None,
        )

    def _heard(self, blocks: Iterator[list[Batch]], until: float, listen: Listener) -> Iterator[list[Batch]]:
        """The blocks cut into single batches, so that each step is heard of and a checkpoint is never far."""
        for block in blocks:
            for batch in block:
                listen(self.moment)
                if self._trainer.done >= until:
                    return
                yield [batch]
