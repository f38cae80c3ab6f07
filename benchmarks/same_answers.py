"""Whether the fast decoder answers as llama.cpp's own grammar sampler does, on the same model and prompts.

    python benchmarks/same_answers.py EVAL.jsonl --limit 200

Each sentence is decided three times: by the fast decoder (forced tokens skipped, guesses checked), by the same one
token a pass, and by llama.cpp's grammar and greedy samplers. An unequal pair whose smallest margin between the best and
the second-best allowed token is below --margin is a near tie: batches of different sizes round differently.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from edge_agent.clock import SystemClock
from edge_agent.errors import EdgeAgentError
from edge_agent.evaluation.examples import Example, read_examples
from edge_agent.evaluation.predicting import runnable
from edge_agent.grammar.resolve import resolve
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.instruction import pack_prompt
from edge_agent.language.local import LocalEngine
from edge_agent.language.models import bundled_model, bundled_sha256
from edge_agent.language.options import EngineOptions
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.world.linker import Linker
from edge_agent.world.mention import Dialogue, Linked
from edge_agent.world.store import World


class Comparison:
    """One engine asked in three ways; counts what is equal."""

    def __init__(self, engine: LocalEngine, packs: dict[str, Pack], margin: float) -> None:
        self._engine = engine
        self._packs = packs
        self._grammars = {name: SentenceGrammars(pack) for name, pack in packs.items()}
        self._margin = margin
        self._linkers: dict[str, Linker] = {}
        self.sentences = self.equal = self.equal_plain = self.equal_actions = self.near_ties = 0
        self.passes: dict[str, list[int]] = {"fast": [], "reference": []}
        self.decode_ms: dict[str, list[float]] = {"fast": [], "reference": []}
        self.unequal: list[dict[str, object]] = []

    def add(self, example: Example) -> None:
        """Decide one example in every way."""
        key = f"{example.pack}/{example.world_key}"
        if key not in self._linkers:
            self._linkers = {key: Linker(World.of(example.world))}
        linker = self._linkers[key]
        linked = linker.link(example.text or "")
        grammar = self._grammars[example.pack].for_sentence(linked)
        request = DecideRequest(example.pack, linked.marked, grammar, SystemClock().now_ms() + 600_000)
        ours, decoded = self._engine.run(request, self._engine.fast)
        plain, _ = self._engine.run(request, self._engine.plain)
        theirs, _ = self._engine.run(request, self._engine.reference)
        self.sentences += 1
        self.equal += ours.answer == theirs.answer
        self.equal_plain += ours.answer == plain.answer
        same = [self._actions(example, linked, linker.world, answer) for answer in (ours.answer, theirs.answer)]
        self.equal_actions += same[0] == same[1]
        for name, decision in (("fast", ours), ("reference", theirs)):
            self.passes[name].append(decision.passes)
            self.decode_ms[name].append(decision.decode_ms)
        if ours.answer != theirs.answer:
            self.near_ties += decoded.margin < self._margin
            self.unequal.append(
                {"id": example.id, "fast": ours.answer, "reference": theirs.answer, "margin": round(decoded.margin, 5)}
            )

    def _actions(self, example: Example, linked: Linked, world: World, answer: str) -> object:
        try:
            return resolve(self._packs[example.pack], answer, linked, world, Dialogue(), example.area, None)
        except EdgeAgentError as problem:
            return problem.code


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the fast decoder with llama.cpp's own grammar sampler.")
    parser.add_argument("file", type=Path, metavar="EVAL.jsonl")
    parser.add_argument("--limit", type=int, default=200, metavar="N")
    parser.add_argument("--model", type=Path, help="a GGUF file (default: the bundled model)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--margin", type=float, default=0.02, help="below this margin of logits a choice is a near tie")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args()
    packs = {name: load_pack(name) for name in SHIPPED}
    examples, _ = runnable(read_examples(args.file), packs)
    path = args.model or bundled_model()
    options = EngineOptions(model=path, n_threads=args.threads, sha256=bundled_sha256(path))
    engine = LocalEngine(options, SystemClock())
    used = {name: pack for name, pack in packs.items() if any(example.pack == name for example in examples)}
    engine.prepare({name: pack_prompt(pack, engine.style) for name, pack in used.items()})
    comparison = Comparison(engine, packs, args.margin)
    for example in examples[: args.limit]:
        comparison.add(example)
    engine.close()
    _show(comparison, as_json=args.json)


def _show(comparison: Comparison, *, as_json: bool) -> None:
    report = {
        "sentences": comparison.sentences,
        "equal_answers": comparison.equal,
        "equal_actions": comparison.equal_actions,
        "equal_to_one_token_a_pass": comparison.equal_plain,
        "near_ties_among_unequal": comparison.near_ties,
        "passes_mean": {name: round(statistics.fmean(values), 2) for name, values in comparison.passes.items()},
        "decode_ms_median": {name: round(statistics.median(all_), 2) for name, all_ in comparison.decode_ms.items()},
        "unequal": comparison.unequal,
    }
    if as_json:
        print(json.dumps(report))
        return
    for name, value in report.items():
        print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
