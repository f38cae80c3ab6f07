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
from collections.abc import Callable, Sequence
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
from edge_agent.language.drafts import Drafts
from edge_agent.language.instruction import pack_prompt
from edge_agent.language.local import LocalEngine
from edge_agent.language.lookahead import Drafted, nothing_drafted
from edge_agent.language.models import bundled_model, bundled_sha256
from edge_agent.language.options import EngineOptions
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


def main() -> None:
    parser = argparse.ArgumentParser(description="Count forward passes with the Llama 3 vocabulary.")
    parser.add_argument("files", type=Path, nargs="+", metavar="SET.jsonl")
    parser.add_argument("--limit", type=int, default=300, metavar="N", help="sentences of each set")
    parser.add_argument("--json", action="store_true", help="one JSON object a set")
    args = parser.parse_args()
    packs = {name: load_pack(name) for name in SHIPPED}
    bundled = LocalEngine(EngineOptions(model=bundled_model(), sha256=bundled_sha256(bundled_model())), SystemClock())
    bundled.prepare({name: pack_prompt(pack, bundled.style) for name, pack in packs.items()})
    puppet = Puppet(llama3_engine())
    grammars = {name: SentenceGrammars(pack) for name, pack in packs.items()}
    total: dict[str, list[int]] = {}
    for path in args.files:
        examples, _ = runnable(read_examples(path), packs)
        costs: dict[str, list[int]] = {}
        memory, before, linkers = Drafts(), "", {}
        for example in examples[: args.limit]:
            if example.world_key not in linkers:
                linkers = {example.world_key: Linker(World.of(example.world))}
            linked = linkers[example.world_key].link(example.text or "")
            grammar = grammars[example.pack].for_sentence(linked)
            deadline_ms = SystemClock().now_ms() + 600_000
            answer = bundled.decide(DecideRequest(example.pack, linked.marked, grammar, deadline_ms)).answer
            remembered = memory.of(example.pack, linked.marked)
            ways: dict[str, Callable[[], Decoded]] = {
                "one a pass": lambda: puppet.decode(grammar, answer, NONE, nothing_drafted),  # noqa: B023 - called at once
                "forced skipped": lambda: puppet.decode(grammar, answer, ALL, nothing_drafted),  # noqa: B023
                "remembered": lambda: puppet.decode(grammar, answer, ALL, remembered.after),  # noqa: B023
                "right draft": lambda: puppet.decode(grammar, answer, ALL, draft_of(answer)),  # noqa: B023
                "wrong draft": lambda: puppet.decode(grammar, answer, ALL, draft_of(before)),  # noqa: B023
            }
            decoded = {name: way() for name, way in ways.items()}
            for name, one in decoded.items():
                costs.setdefault(name, []).append(one.passes)
                total.setdefault(name, []).append(one.passes)
            costs.setdefault("tokens", []).append(len(decoded["one a pass"].tokens))
            total.setdefault("tokens", []).append(len(decoded["one a pass"].tokens))
            if answer != before:
                extra = decoded["wrong draft"].passes - decoded["forced skipped"].passes
                costs.setdefault("wrong draft's extra", []).append(extra)
                total.setdefault("wrong draft's extra", []).append(extra)
            learnt = decoded["forced skipped"]
            pieces = [puppet._engine.vocabulary.pieces[token] for token in learnt.tokens]
            remembered.learn(answer.encode(), [sum(map(len, pieces[: choice.place])) for choice in learnt.choices])
            before = answer
        tell(path.stem, costs, as_json=args.json)
    if len(args.files) > 1:
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
        print(f"  {what:20} mean {figure['mean']:6.2f}   p95 {figure['p95']:3}   max {figure['max']:3}")


if __name__ == "__main__":
    main()
