"""How many of a finished file's answers are right, and what became of the others."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from edge_agent.packs.base import REJECT, Pack
from edge_agent.training.batches import Example
from edge_agent.training.corpus import PACK_SHARES, Corpus
from edge_agent.training.judging import judge

CARRIED_OUT = "actions"
"""What an example wants that is not to be refused; else it is the reason."""


@dataclass(slots=True)
class Row:
    """What became of the examples of one pack that want the same: all were to be carried out, or refused for a reason.

    `executed` counts wrong actions, `refused` refusals where an action was wanted or another reason was.
    """

    pack: str
    wanted: str
    examples: int = 0
    right: int = 0
    executed: int = 0
    refused: int = 0

    def __str__(self) -> str:
        return (
            f"{self.pack:8} {self.wanted:15} {self.examples:5}, right {self.right / self.examples:6.1%}, "
            f"executed {self.executed / self.examples:6.1%}, refused {self.refused / self.examples:6.1%} (wrongly)"
        )


@dataclass(frozen=True, slots=True)
class Result:
    """A model's answers to examples, in their order."""

    examples: tuple[Example, ...]
    answers: tuple[str, ...]

    @property
    def right(self) -> int:
        """Answers equal to the example's, byte for byte."""
        return sum(example.answer == answer for example, answer in zip(self.examples, self.answers, strict=True))

    @property
    def share(self) -> float:
        """The share of right answers."""
        return self.right / len(self.examples)

    def wrong_groups(self) -> Counter[str]:
        """How often each template was answered wrongly."""
        pairs = zip(self.examples, self.answers, strict=True)
        return Counter(example.group for example, answer in pairs if example.answer != answer)

    def breakdown(self) -> list[Row]:
        """What became of them, by pack and by what was wanted."""
        rows: dict[tuple[str, str], Row] = {}
        for example, answer in zip(self.examples, self.answers, strict=True):
            wanted = refusal_reason(example.answer) or CARRIED_OUT
            row = rows.setdefault((example.pack, wanted), Row(example.pack, wanted))
            row.examples += 1
            if answer == example.answer:
                row.right += 1
            elif refusal_reason(answer):
                row.refused += 1
            else:
                row.executed += 1
        return [rows[key] for key in sorted(rows)]


def refusal_reason(answer: str) -> str:
    """Why an answer refuses; "" when it does not."""
    calls = json.loads(answer)
    return next((call["reason"] for call in calls if call["action"] == REJECT), "")


def sample(seed: int, count: int, *, held_back: bool, packs: Sequence[str] = tuple(PACK_SHARES)) -> list[Example]:
    """Examples for measuring, from a stream that training does not use."""
    return list(islice(Corpus(tuple(packs), held_back)(random.Random(f"check/{seed}")), count))


def measure(model: Path, examples: Sequence[Example], own: Sequence[Pack] = ()) -> Result:
    """The model's answer to every example; of packs that do not ship, `own` has those that are needed."""
    return Result(tuple(examples), tuple(one.answer for one in judge(model, examples, own)))
