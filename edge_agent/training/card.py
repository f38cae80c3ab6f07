"""The model's card (models/README.md) and the manifest that the node reads before it loads a file."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from edge_agent.training.corpus import PACK_SHARES, Corpus

LICENCE = "Apache-2.0"
CURVE_ROWS = 12
DIGESTED = 2_000


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about one training run that the card tells."""

    name: str
    file: str
    quantization: str
    parameters: int
    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int
    seed: int
    steps: int
    tokens: int
    seconds: float
    threads: int
    curve: tuple[tuple[int, float], ...]
    packs: tuple[str, ...]
    corpus: str
    """See `corpus_digest`."""
    seen: tuple[int, int]
    """Right answers and examples, templates of the training."""
    held_back: tuple[int, int]
    """The same, templates never trained on."""
    same_as_f16: tuple[int, int]
    """Answers of the quantized file equal to the F16 file's."""
    command: str


def corpus_digest(seed: int, packs: tuple[str, ...] = tuple(PACK_SHARES)) -> str:
    """sha256 over the first sentences that this seed gives, and their answers.

    So it stands for all that decides them: phrases, names, the generator, and the linker that marks them.
    """
    digest = hashlib.sha256()
    for example in islice(Corpus(packs)(random.Random(f"digest/{seed}")), DIGESTED):
        digest.update(f"{example.pack}\n{example.marked}\n{example.answer}\n".encode())
    return digest.hexdigest()


def write_card(out: Path, facts: Facts) -> None:
    """Write manifest.json, README.md and the run's facts next to the model."""
    model = out / facts.file
    entry = {
        "name": facts.name,
        "file": facts.file,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "bytes": model.stat().st_size,
        "arch": "llama",
        "parameters": facts.parameters,
        "quantization": facts.quantization,
        "packs": list(facts.packs),
        "licence": LICENCE,
    }
    (out / "manifest.json").write_text(json.dumps({"models": [entry]}, indent=2) + "\n", encoding="utf-8")
    (out / "training.json").write_text(json.dumps(asdict(facts), indent=2) + "\n", encoding="utf-8")
    (out / "README.md").write_text(_card(facts, model.stat().st_size), encoding="utf-8")


def _share(pair: tuple[int, int]) -> str:
    right, total = pair
    return f"{right} of {total} ({100 * right / max(total, 1):.1f} %)"


def _architecture(facts: Facts) -> str:
    return (
        f"{facts.layers} layers, width {facts.width}, {facts.heads} heads, feed-forward {facts.hidden}, "
        f"vocabulary {facts.vocabulary}, output tied to the embedding"
    )


def _card(facts: Facts, size: int) -> str:
    step = max(1, len(facts.curve) // CURVE_ROWS)
    rows = "\n".join(f"| {number} | {loss:.4f} |" for number, loss in facts.curve[step - 1 :: step])
    return f"""# {facts.name}

The model that comes with edge_agent. It reads a sentence whose names and numbers the linker has marked and says which
actions are meant, by the numbers of the marks. It sees no world and knows no name.
Written by `python -m edge_agent.training`; `training.json` holds the same facts for programs,
[docs/training.md](../docs/training.md) says how it is made.

| | |
|---|---|
| file | `{facts.file}`, {size / 1e6:.1f} MB, {facts.quantization} |
| architecture | Llama: {_architecture(facts)} |
| parameters | {facts.parameters:,} |
| packs | {", ".join(facts.packs)} |
| data | generated from the packs' own phrases; no other text, no recorded commands |
| words | begin at their vectors from all-MiniLM-L6-v2 (Apache-2.0), then learn; nothing of that model ships |
| corpus | sha256 `{facts.corpus}` over its first {DIGESTED:,} sentences and answers |
| seed, steps, tokens | {facts.seed}, {facts.steps:,}, {facts.tokens:,} |
| time | {facts.seconds / 60:.1f} minutes on {facts.threads} CPU thread(s) |
| licence | {LICENCE} |

## Figures
Exact answers on generated sentences, decoded as the node decodes (llama.cpp, the sentence's own grammar):

| | right |
|---|---|
| templates that were trained on | {_share(facts.seen)} |
| templates that were held back | {_share(facts.held_back)} |
| Q8_0 answers as F16 does (it ships if it is right as often) | {_share(facts.same_as_f16)} |

Made by `{facts.command}`; `python -m edge_agent.training --check models/{facts.file}` measures again.

## Loss
Mean over the answers' tokens, in nats.

| step | loss |
|---|---|
{rows}

## Limits
English only. It understands what the phrases of the three packs teach and their neighbours; a sentence far from them is
likely refused, and may be misunderstood. What it must not get wrong is not left to it: names and numbers come from the
linker, every action is checked against its schema and the policy, and a stop does not pass through it.
"""
