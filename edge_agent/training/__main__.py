"""`python -m edge_agent.training`: corpus, tokenizer, training, export, measuring, card.

One command repeats the bundled model.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from edge_agent.training.batches import Example, Stream, blocks_from_worker
from edge_agent.training.calibrate import calibrate
from edge_agent.training.card import Facts, corpus_digest, write_card
from edge_agent.training.check import measure, sample
from edge_agent.training.corpus import PACK_SHARES, Corpus
from edge_agent.training.export import F16, Q8_0, Title, export
from edge_agent.training.model import Shape
from edge_agent.training.tokenizer import VOCABULARY, load_tokenizer, train_tokenizer
from edge_agent.training.train import Plan, Trainer
from edge_agent.training.vectors import known_words, word_vectors
from edge_agent.training.words import english

NAME = "edge-command-v1"
STEPS = 6_000
TOKENIZER_EXAMPLES = 60_000
ENGLISH_WORDS = 9_000
WORDS_REPEATED = 30
CHECKED = 1_000


def main(arguments: list[str]) -> int:
    """Run the whole pipeline, or only measure a file."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    if options.check:
        for held_back in (False, True):
            result = measure(options.check, sample(options.seed, CHECKED, held_back=held_back, packs=options.packs))
            print(f"held back {held_back}: {result.right} of {len(result.examples)}")
            for row in result.breakdown():
                print(f"  {row}")
            for group, count in result.wrong_groups().most_common(15):
                print(f"  {count:3}  {group}")
        return 0
    options.work.mkdir(parents=True, exist_ok=True)
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(options)
    timed = options.minutes is not None
    plan = Plan(seed=options.seed, device=options.device)
    plan = replace(plan, seconds=options.minutes * 60) if timed else replace(plan, steps=options.steps)
    trainer = Trainer(Shape(tokenizer.get_vocab_size()), plan, _vectors(tokenizer) if options.vectors else None)
    checkpoint = options.work / "checkpoint.pt"
    if options.resume:
        trainer.resume(checkpoint)
    print(f"{trainer.model.parameters_total():,} parameters", flush=True)
    stream = Stream(Corpus(options.packs), options.seed, trainer.progress.blocks)
    ahead = blocks_from_worker(stream, tokenizer, options.workers)
    trainer.run(ahead, lambda line: print(line, flush=True), checkpoint)
    _finish(options, trainer, tokenizer)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m edge_agent.training", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--steps", type=int, default=STEPS, help="how long to train; the same steps give the same model"
    )
    length.add_argument("--minutes", type=float, help="train for so long instead, however many steps that is")
    parser.add_argument("--packs", type=lambda text: tuple(text.split(",")), default=tuple(PACK_SHARES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads; another number rounds otherwise")
    parser.add_argument(
        "--vectors", action=argparse.BooleanOptionalAction, default=True, help="begin with word vectors"
    )
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where there is a GPU")
    parser.add_argument("--workers", type=int, default=1, help="processes that make sentences; many for a GPU")
    parser.add_argument("--out", type=Path, default=Path("models"))
    parser.add_argument("--work", type=Path, default=Path("build/training"), help="tokenizer and checkpoint")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --work")
    parser.add_argument("--check", type=Path, metavar="MODEL", help="only measure this file")
    return parser


def _tokenizer(options: argparse.Namespace) -> Tokenizer:
    """The tokenizer of this run: learnt at its beginning, then kept beside its checkpoint."""
    path: Path = options.work / "tokenizer.json"
    if options.resume:
        return load_tokenizer(path)
    examples = islice(Corpus(options.packs)(random.Random(f"{options.seed}/tokenizer")), TOKENIZER_EXAMPLES)
    texts = [text for example in examples for text in _texts(example)]
    common = [f" {word}" for word in english(ENGLISH_WORDS) for _ in range(WORDS_REPEATED)]
    tokenizer = train_tokenizer([*texts, *common], VOCABULARY)
    tokenizer.save(str(path))
    return tokenizer


def _vectors(tokenizer: Tokenizer) -> dict[int, Tensor]:
    """What each word that is one token means, by its token."""
    words = known_words(tokenizer.get_vocab())
    return dict(zip(words.values(), word_vectors(tuple(words), Shape(0).width), strict=True))


def _texts(example: Example) -> tuple[str, str, str]:
    return example.pack, example.marked, example.answer


def _finish(options: argparse.Namespace, trainer: Trainer, tokenizer: Tokenizer) -> None:
    """Export both forms, ship the small one if it is right as often, measure, calibrate, write the card."""
    title = Title(NAME, "1", "Reads marked commands, answers with actions; bundled with edge_agent.")
    files = {F16: options.out / f"{NAME}-f16.gguf", Q8_0: options.out / f"{NAME}-q8_0.gguf"}
    for kind, path in files.items():
        export(trainer.model, tokenizer, path, kind, title)
    seen = sample(options.seed, CHECKED, held_back=False, packs=options.packs)
    exact, small = measure(files[F16], seen), measure(files[Q8_0], seen)
    same = sum(one == other for one, other in zip(exact.answers, small.answers, strict=True))
    shipped, other = (Q8_0, F16) if small.right >= exact.right else (F16, Q8_0)
    files[other].unlink()
    held_back = measure(files[shipped], sample(options.seed, CHECKED, held_back=True, packs=options.packs))
    shape, progress = trainer.model.shape, trainer.progress
    facts = Facts(
        name=NAME,
        file=files[shipped].name,
        quantization=shipped.name,
        parameters=trainer.model.parameters_total(),
        vocabulary=shape.vocabulary,
        width=shape.width,
        layers=shape.layers,
        heads=shape.heads,
        hidden=shape.hidden,
        seed=options.seed,
        steps=progress.step,
        tokens=progress.tokens,
        seconds=progress.seconds,
        threads=options.threads,
        curve=tuple(progress.curve),
        packs=options.packs,
        corpus=corpus_digest(options.seed, options.packs),
        seen=(small.right if shipped is Q8_0 else exact.right, len(seen)),
        held_back=(held_back.right, len(held_back.examples)),
        same_as_f16=(same, len(seen)),
        command=_command(options, progress.step),
    )
    write_card(options.out, facts)
    worth = calibrate(files[shipped], options.seed, packs=options.packs)
    print(f"{facts.file}: seen {facts.seen}, held back {facts.held_back}, same as F16 {facts.same_as_f16}")
    print(f"expected calibration error {worth.error_before:.3f} before, {worth.error_after:.3f} after calibrating")


def _command(options: argparse.Namespace, steps: int) -> str:
    """The line that makes this model again."""
    vectors = "" if options.vectors else " --no-vectors"
    return f"python -m edge_agent.training --steps {steps} --seed {options.seed} --threads {options.threads}{vectors}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
