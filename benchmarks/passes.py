"""How many forward passes an answer costs with the real Llama 3 vocabulary, sentence by sentence.

    python benchmarks/passes.py SET.jsonl… --limit 300

The bundled model says what each sentence's answer is. That answer is then decoded again with Llama 3's 128,256 tokens
and the same grammar, by a puppet in place of the weights: its likeliest token is always the one that the answer is
usually spelt with. So the passes are those of an 8B that gives these answers, without its weights: one token a pass,
forced tokens skipped, with what is remembered of the sentences before, with a right draft, and with a wrong one (the
answer before).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from make_model import SHAPES, make_model, read_vocab
from numpy.typing import NDArray

from edge_agent.clock import SystemClock
from edge_agent.evaluation.examples import read_examples
from edge_agent.evaluation.predicting import runnable
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.decoder import ALL, NONE, Decoded, Savings, decode
from edge_agent.language.drafts import SHARE_MIN_GPU, Drafts
from edge_agent.language.instruction import pack_prompt
from edge_agent.language.local import LocalEngine
from edge_agent.language.lookahead import Drafted, nothing_drafted
from edge_agent.language.options import EngineOptions
from edge_agent.language.phrase_answers import usual_answers
from edge_agent.node.engines import bundled_options
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.world.linker import Linker
from edge_agent.world.store import World

ROOT = Path(__file__).resolve().parent.parent


class Row:
    """Logits that want one token."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted

    def __getitem__(self, allowed: NDArray[np.intp]) -> NDArray[np.float32]:
        return np.where(allowed == self._wanted, 10.0, 0.0).astype(np.float32)


class Puppet:
    """Decodes given answers with the vocabulary of an engine whose weights are never asked."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self._end = min(engine.vocabulary.ends)

    def decode(self, grammar: str, answer: str, savings: Savings, drafted: Drafted) -> Decoded:
        """The answer, and what it cost."""
        engine = self._engine
        prompt = [0]
        steps = decode(
            engine.constraints.begin(grammar),
            prompt,
            ends=engine.vocabulary.ends,
            expired=lambda: False,
            savings=savings,
            drafted=drafted,
        )
        try:
            wanted = next(steps)
            while True:
                rows: Any = [self._row(wanted.tokens[1 : row + 1], answer) for row in wanted.rows]
                wanted = steps.send(rows)
        except StopIteration as end:
            decoded: Decoded = end.value
        written = engine.weights.text(decoded.tokens, engine.vocabulary.pieces)
        assert written == answer, f"{written} in place of {answer}"
        return decoded

    def _row(self, tokens: Sequence[int], answer: str) -> Row:
        written = b"".join(self._engine.vocabulary.pieces[token] for token in tokens)
        whole = answer.encode()
        if not whole.startswith(written):
            return Row(self._end)  # behind a draft that went wrong: nobody looks at this row
        rest = whole[len(written) :].decode("utf-8", "ignore")
        return Row(self._engine.weights.tokenize(rest)[0] if rest else self._end)


def llama3_engine() -> LocalEngine:
    """An engine with the Llama 3 vocabulary; its weights are random and small."""
    path = ROOT / ".cache" / "models" / "tiny-llama3.gguf"
    if not path.exists():
        script = ROOT / "scripts" / "fetch-vocab.sh"
        done = subprocess.run([str(script), sys.executable], capture_output=True, text=True, check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        make_model(path, SHAPES["tiny"], read_vocab(Path(done.stdout.strip().splitlines()[-1])))
    return LocalEngine(EngineOptions(model=path, n_gpu_layers=0), SystemClock())


def draft_of(text: str) -> Drafted:
    whole = text.encode()
    return lambda written: whole[len(written) :] if whole.startswith(written) else b""


class Count:
    """Decodes every sentence's answer in each way, and counts."""

    def __init__(self) -> None:
        self._packs = {name: load_pack(name) for name in SHIPPED}
        self._bundled = LocalEngine(bundled_options(), SystemClock())
        self._bundled.prepare({name: pack_prompt(pack, self._bundled.style) for name, pack in self._packs.items()})
        self._puppet = Puppet(llama3_engine())
        self._grammars = {name: SentenceGrammars(pack) for name, pack in self._packs.items()}

    def of_set(self, path: Path, limit: int) -> dict[str, list[int]]:
        """The costs of a set's sentences, by way; nothing where no shipped pack has any."""
        examples, _ = runnable(read_examples(path), self._packs)
        costs: dict[str, list[int]] = {}
        phrases, memory = self._usual(), self._usual()
        before = ""
        linkers: dict[str, Linker] = {}
        for example in examples[:limit]:
            if example.world_key not in linkers:
                linkers = {example.world_key: Linker(World.of(example.world))}
            linked = linkers[example.world_key].link(example.text or "")
            grammar = self._grammars[example.pack].for_sentence(linked)
            deadline_ms = SystemClock().now_ms() + 600_000
            answer = self._bundled.decide(DecideRequest(example.pack, linked.marked, grammar, deadline_ms)).answer
            remembered = memory.of(example.pack, linked.marked)
            ways: dict[str, tuple[Savings, Drafted]] = {
                "one token a pass": (NONE, nothing_drafted),
                "forced tokens skipped": (ALL, nothing_drafted),
                "what is usual read ahead": (ALL, phrases.of(example.pack, linked.marked).after),
                "and answers remembered": (ALL, remembered.after),
                "a right draft": (ALL, draft_of(answer)),
                "a wrong draft": (ALL, draft_of(before)),
            }
            found = {name: self._puppet.decode(grammar, answer, *way) for name, way in ways.items()}
            for name, decoded in found.items():
                costs.setdefault(name, []).append(decoded.passes)
            if answer != before:
                extra = found["a wrong draft"].passes - found["forced tokens skipped"].passes
                costs.setdefault("its passes more", []).append(extra)
            costs.setdefault("tokens", []).append(len(found["one token a pass"].tokens))
            remembered.learn(answer.encode())
            before = answer
        return costs

    def _usual(self) -> Drafts:
        """What the packs' phrases say is usual, and nothing of any sentence."""
        drafts = Drafts(SHARE_MIN_GPU)
        for name, pack in self._packs.items():
            for one in usual_answers(pack):
                drafts.learn_usual(name, one.marks, one.answer, one.count)
        return drafts


def main() -> None:
    parser = argparse.ArgumentParser(description="Count forward passes with the Llama 3 vocabulary.")
    parser.add_argument("files", type=Path, nargs="+", metavar="SET.jsonl")
    parser.add_argument("--limit", type=int, default=1_000, metavar="N", help="sentences of each set")
    parser.add_argument("--json", action="store_true", help="one JSON object a set")
    args = parser.parse_args()
    count = Count()
    total: dict[str, list[int]] = {}
    for path in args.files:
        costs = count.of_set(path, args.limit)
        if not costs:
            continue
        for name, found in costs.items():
            total.setdefault(name, []).extend(found)
        tell(path.stem, costs, as_json=args.json)
    tell("all", total, as_json=args.json)


def tell(name: str, costs: dict[str, list[int]], *, as_json: bool) -> None:
    figures = {
        what: {
            "mean": round(statistics.fmean(counts), 2),
            "p95": sorted(counts)[int(len(counts) * 0.95)],
            "max": max(counts),
        }
        for what, counts in costs.items()
    }
    if as_json:
        print(json.dumps({"set": name, "sentences": len(costs["tokens"]), **figures}))
        return
    print(f"{name}: {len(costs['tokens'])} sentences")
    for what, figure in figures.items():
        print(f"  {what:26} mean {figure['mean']:6.2f}   p95 {figure['p95']:3}   max {figure['max']:3}")


if __name__ == "__main__":
    main()
