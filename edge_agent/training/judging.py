"""A finished file's answers, got the way the node gets them: the linker's sentences, their grammars, llama.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.clock import SystemClock
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.options import EngineOptions
from edge_agent.language.process import EngineProcess
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import load_pack
from edge_agent.training.batches import Example

DEADLINE_MS = 30_000.0


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer: its example, how likely it was, and how sure by the file's own calibration."""

    example: Example
    answer: str
    probability: float
    confidence: float

    @property
    def right(self) -> bool:
        """Whether it is the example's answer, byte for byte."""
        return self.answer == self.example.answer


def judge(model: Path, examples: Sequence[Example], own: Sequence[Pack] = ()) -> list[Judged]:
    """The model's answer to every example; of packs that do not ship, `own` has those that are needed."""
    known = {pack.name: pack for pack in own}
    packs = {name: known.get(name) or load_pack(name) for name in sorted({example.pack for example in examples})}
    grammars = {name: SentenceGrammars(pack) for name, pack in packs.items()}
    clock = SystemClock()
    judged = []
    with EngineProcess(EngineOptions(model, n_gpu_layers=0), tuple(packs.values())) as engine:
        for example in examples:
            if example.linked is None:
                raise ValueError(example)
            grammar = grammars[example.pack].for_sentence(example.linked)
            request = DecideRequest(example.pack, example.marked, grammar, clock.now_ms() + DEADLINE_MS)
            decision = engine.decide(request)
            judged.append(Judged(example, decision.answer, decision.probability, decision.confidence))
    return judged
