"""Whether every way to decode gives the same answer, and how far the way of reading moves a logit.

    python benchmarks/same_answers.py --limit 2000
    python benchmarks/same_answers.py --limit 60 --model .cache/models/llama3-1b-q4_k_m.gguf --threads 2
    python benchmarks/same_answers.py SET.jsonl --limit 100 --reference

Sentences are drawn from the packs' phrases, seeded, or read from a file of examples. Each is decided one token a pass,
with forced tokens skipped, with what is remembered, with a draft that is right, cut off, wrong, and absurd, and once
more in the company of up to 15 others, each in a way of its own. Every answer must be the one of one token a pass, byte
for byte, near ties among them. The choices that were read on the way are compared with the same tokens read alone: the
distance between the best logit and another must move by less than what the decoder takes for a near tie, or its rule
proves nothing.

--reference also asks llama.cpp's own grammar sampler, which spells forced text in any tokens and settles no near tie.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from rounding import Alone, Rounding, Seen, watched

from edge_agent.clock import SystemClock
from edge_agent.evaluation.examples import read_examples
from edge_agent.evaluation.predicting import runnable
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest, Decision
from edge_agent.language.decoder import NONE, Decoded
from edge_agent.language.instruction import pack_prompt
from edge_agent.language.local import LocalEngine, Way
from edge_agent.language.lookahead import Drafted, nothing_drafted
from edge_agent.language.models import bundled_model, bundled_sha256
from edge_agent.language.options import EngineOptions
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.training.corpus import Corpus
from edge_agent.world.linker import Linker
from edge_agent.world.store import World

COMPANY_MAX = 16
"""Sentences decided at the same time."""
ABSURD = ("\x00\x01", "[[[[", '[{"action":"', '{"fly":true}', "💥" * 40, '[{"action":"reject","reason":"' + "x" * 600)
"""Drafts that no model would write."""


def requests(seed: int, packs: Sequence[str] = SHIPPED) -> Iterator[DecideRequest]:
    """Sentences of the packs' phrases with names of things that never were, without end; the packs take turns."""
    grammars = {name: SentenceGrammars(load_pack(name)) for name in packs}
    sources = [Corpus((name,))(random.Random(seed + place)) for place, name in enumerate(packs)]
    for one in (example for examples in zip(*sources, strict=True) for example in examples):
        assert one.linked is not None
        yield DecideRequest(one.pack, one.marked, grammars[one.pack].for_sentence(one.linked), math.inf)


def requests_of(path: Path) -> Iterator[DecideRequest]:
    """The sentences of a file of examples."""
    packs = {name: load_pack(name) for name in SHIPPED}
    grammars = {name: SentenceGrammars(pack) for name, pack in packs.items()}
    linkers: dict[object, Linker] = {}
    for example in runnable(read_examples(path), packs)[0]:
        if example.world_key not in linkers:
            linkers = {example.world_key: Linker(World.of(example.world))}
        linked = linkers[example.world_key].link(example.text or "")
        yield DecideRequest(example.pack, linked.marked, grammars[example.pack].for_sentence(linked), math.inf)


def draft_of(text: str) -> Drafted:
    """This text as a draft."""
    whole = text.encode()
    return lambda written: whole[len(written) :] if whole.startswith(written) else b""


class SameAnswers:
    """Asks an engine in every way, and counts. `drafts`: of how many kinds each sentence is given one."""

    def __init__(self, engine: LocalEngine, seed: int, drafts: int = 4) -> None:
        self._engine = engine
        self._draft_kinds = drafts
        self._rng = random.Random(seed)
        self._alone = Alone(engine)
        self._before = ""
        self._measures = True
        self.answers: Counter[str] = Counter()
        self.passes: Counter[str] = Counter()
        self.settled: Counter[str] = Counter()
        self.different: list[dict[str, str]] = []
        self.rounding: dict[str, Rounding] = {}

    def ask(self, group: Sequence[DecideRequest], *, measured: bool = True) -> None:
        """Decide some sentences, each in every way by itself, then all of them at the same time.

        `measured`: how far that moved their logits is measured, which takes a pass for each choice.
        """
        self._measures = measured
        answers = [self._by_itself(request) for request in group]
        seen: list[Seen] = []
        waiting = list(enumerate(group))
        while waiting or self._engine.busy:
            joining = self._rng.randrange(4)
            for number, request in waiting[:joining]:
                draft = self._rng.choice([None, *self._drafts(answers[number]).values()])
                self._engine.add(request, str(number), self._way(seen, draft))
            del waiting[:joining]
            for finished in self._engine.step():
                number = int(finished.ticket)
                self._count("together", group[number], answers[number], *finished.result)
        self._measure("together", seen)

    def _by_itself(self, request: DecideRequest) -> str:
        seen: list[Seen] = []
        plain, decoded = self._engine.run(request, watched(self._engine, seen, savings=NONE))
        self._count("one token a pass", request, plain.answer, plain, decoded)
        self._measure("one token a pass", seen)
        drafts = self._rng.sample(sorted(self._drafts(plain.answer).items()), self._draft_kinds)
        for name, draft in [("forced skipped", None), *drafts]:
            seen = []
            self._count(name, request, plain.answer, *self._engine.run(request, self._way(seen, draft)))
            self._measure(name, seen)
        self._count("remembered", request, plain.answer, *self._engine.run(request, self._engine.fast))
        self._before = plain.answer
        return plain.answer

    def _drafts(self, answer: str) -> dict[str, str]:
        """Drafts of each kind for a sentence that has this answer."""
        return {
            "right draft": answer,
            "cut draft": answer[: self._rng.randrange(len(answer))],
            "wrong draft": self._before,
            "absurd draft": self._rng.choice(ABSURD),
        }

    def _way(self, seen: list[Seen], draft: str | None) -> Way:
        return watched(self._engine, seen, drafted=draft_of(draft) if draft else nothing_drafted)

    def _count(self, way: str, request: DecideRequest, plain: str, decision: Decision, decoded: Decoded) -> None:
        self.answers[way] += 1
        self.passes[way] += decoded.passes
        self.settled[way] += decoded.settled
        if decision.answer != plain:
            self.different.append({"way": way, "marked": request.marked, "plain": plain, "other": decision.answer})

    def _measure(self, way: str, seen: Sequence[Seen]) -> None:
        rounding = self.rounding.setdefault(way, Rounding())
        for one in seen if self._measures else ():
            rounding.add(one.logits, self._alone.logits(one), self._engine.tie)

    def report(self) -> dict[str, Any]:
        """All counts; logits in logits, times nowhere."""
        return {
            "sentences": self.answers["one token a pass"],
            "answers": sum(self.answers.values()),
            "different": self.different,
            "tie": self._engine.tie,
            "ways": {
                way: {
                    "passes": round(self.passes[way] / count, 2),
                    "settled": self.settled[way],
                    **(self.rounding[way].figures(self._engine.tie) if way in self.rounding else {}),
                }
                for way, count in self.answers.items()
            },
        }


def references(engine: LocalEngine, asked: Sequence[DecideRequest]) -> dict[str, Any]:
    """How many answers llama.cpp's own grammar sampler gives as well."""
    unequal = []
    for request in asked:
        ours, decoded = engine.run(request, engine.undrafted)
        theirs, _ = engine.run(request, engine.reference)
        if ours.answer != theirs.answer:
            unequal.append({"ours": ours.answer, "reference": theirs.answer, "margin": round(decoded.margin, 5)})
    return {"sentences": len(asked), "equal": len(asked) - len(unequal), "unequal": unequal}


def prepared(model: Path, packs: Sequence[str] = SHIPPED, **options: Any) -> LocalEngine:
    """An engine with the packs' prompts that takes so much company."""
    engine = LocalEngine(
        EngineOptions(model, n_gpu_layers=0, sha256=bundled_sha256(model), sequences=COMPANY_MAX, **options),
        SystemClock(),
    )
    engine.prepare({name: pack_prompt(load_pack(name), engine.style) for name in packs})
    return engine


def main() -> None:
    parser = argparse.ArgumentParser(description="Decide the same sentences in every way and compare the answers.")
    parser.add_argument("file", type=Path, nargs="?", metavar="SET.jsonl", help="examples (default: packs' phrases)")
    parser.add_argument("--limit", type=int, default=300, metavar="N", help="sentences")
    parser.add_argument("--pack", choices=SHIPPED, action="append", help="sentences of this pack (default: of all)")
    parser.add_argument("--model", type=Path, default=bundled_model(), help="a GGUF file (default: the bundled model)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--flash-attention", choices=("auto", "on", "off"), default="auto")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reference", action="store_true", help="ask llama.cpp's own grammar sampler instead")
    args = parser.parse_args()
    packs = args.pack or SHIPPED
    asked = list(islice(requests_of(args.file) if args.file else requests(args.seed, packs), args.limit))
    engine = prepared(args.model, packs, n_threads=args.threads, flash_attention=args.flash_attention)
    if args.reference:
        print(json.dumps(references(engine, asked), indent=1))
        return
    same, rng = SameAnswers(engine, args.seed), random.Random(args.seed)
    while asked:
        size = rng.randint(2, COMPANY_MAX)
        same.ask(asked[:size])
        del asked[:size]
    print(json.dumps(same.report(), indent=1, ensure_ascii=False))
    engine.close()


if __name__ == "__main__":
    main()
