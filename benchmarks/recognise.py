"""How well and how fast the embedded recogniser hears: exact orders, real-time factor, memory; under noise, too.

    python benchmarks/recognise.py EXAMPLES.jsonl [--noise DB …] [--limit N] [--seed 1] [--json]

Each recording goes to PocketSphinx as it stands, without the ear that cuts it, and what was heard to the node's own
interpreter with the bundled model. `--limit` takes examples at random. `others` counts the files whose order is right
in the reading or in one of the other readings. Processor seconds are counted, so that a busy machine changes nothing.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge_agent.clock import SystemClock
from edge_agent.errors import EdgeAgentError
from edge_agent.evaluation.babble import voices
from edge_agent.evaluation.examples import Example, read_examples
from edge_agent.evaluation.noises import Noises
from edge_agent.evaluation.predicting import Predictor
from edge_agent.evaluation.scoring import score
from edge_agent.language.process import EngineProcess
from edge_agent.node.engines import bundled_options
from edge_agent.packs.registry import load_pack
from edge_agent.speech.audio import RATE_HZ, duration_ms
from edge_agent.speech.files import read_audio
from edge_agent.speech.sphinx import SphinxRecogniser
from edge_agent.speech.wording import lexicon_of
from edge_agent.world.store import World

PORTION = RATE_HZ // 10
TTL_MS = 60_000.0
NEVER_MS = float("inf")


@dataclass(frozen=True, slots=True)
class Heard:
    """The readings of one file, the best first, or why there are none; and the processor's time for it."""

    readings: tuple[str, ...]
    refusal: str
    audio_ms: float
    work_ms: float
    final_ms: float


class Listener:
    """The recogniser, prepared for each example's world."""

    def __init__(self) -> None:
        self.recogniser = SphinxRecogniser()
        self._noises = Noises(voices=voices())
        self._world = ""

    def hear(self, example: Example, snr_db: float | None) -> Heard:
        """One file, in portions as from a microphone."""
        assert example.audio is not None
        if self._world != example.world_key:
            self.recogniser.prepare(lexicon_of(load_pack(example.pack), World.of(example.world)))
            self._world = example.world_key
        samples = read_audio(example.audio)
        if snr_db is not None:
            samples = self._noises.under(samples, example.id, snr_db)
        utterance = self.recogniser.begin(example.pack)
        began = time.process_time()
        for at in range(0, len(samples), PORTION):
            utterance.feed(samples[at : at + PORTION])
        last = time.process_time()
        readings: tuple[str, ...] = ()
        refusal = ""
        try:
            transcript = utterance.transcript(NEVER_MS)
            readings = (transcript.text, *transcript.alternatives)
        except EdgeAgentError as problem:
            refusal = problem.code.value
        ended = time.process_time()
        utterance.close()
        return Heard(readings, refusal, duration_ms(samples), 1e3 * (ended - began), 1e3 * (ended - last))


def right(predictor: Predictor, example: Example, text: str) -> bool:
    """Whether the interpreter makes exactly the order of these words."""
    spoken = replace(example, text=text, audio=None)
    return score([spoken], {example.id: predictor.predict(spoken)}).exact_match == 1.0


def row(
    predictor: Predictor, listener: Listener, examples: Sequence[Example], snr_db: float | None
) -> dict[str, object]:
    """The figures of one level of noise."""
    heard = [(example, listener.hear(example, snr_db)) for example in examples]
    best = [bool(each.readings) and right(predictor, example, each.readings[0]) for example, each in heard]
    others = [
        first or any(right(predictor, example, text) for text in each.readings[1:])
        for first, (example, each) in zip(best, heard, strict=True)
    ]
    audio_ms = sum(each.audio_ms for _, each in heard)
    return {
        "noise_db": snr_db,
        "files": len(heard),
        "exact": round(sum(best) / len(heard), 4),
        "others": round(sum(others) / len(heard), 4),
        "refused": sum(bool(each.refusal) for _, each in heard),
        "real_time_factor": round(sum(each.work_ms for _, each in heard) / audio_ms, 4),
        "after_last_sample_ms": round(sum(each.final_ms for _, each in heard) / len(heard), 1),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="examples in sound")
    parser.add_argument(
        "--noise", type=float, nargs="*", default=[], metavar="DB", help="also with noise, speech to it"
    )
    parser.add_argument("--limit", type=int, help="so many examples, at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    examples = [example for example in read_examples(options.file) if example.audio is not None]
    random.Random(options.seed).shuffle(examples)
    examples = examples[: options.limit]
    packs = {name: load_pack(name) for name in {example.pack for example in examples}}
    listener = Listener()
    with EngineProcess(bundled_options(), tuple(packs.values())) as engine:
        predictor = Predictor(packs, engine, SystemClock(), ttl_ms=TTL_MS)
        for snr_db in (None, *options.noise):
            figures = row(predictor, listener, examples, snr_db)
            print(
                json.dumps(figures) if options.json else "  ".join(f"{name} {value}" for name, value in figures.items())
            )


if __name__ == "__main__":
    main()
