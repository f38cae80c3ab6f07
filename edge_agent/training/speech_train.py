"""Trains the small Whisper that the tests transcribe with, and writes it as faster-whisper reads it.

    python -m edge_agent.training.speech_train --out tests/data/whisper-nano

Decides the course: Muon for the matrices, AdamW for the rest, warm-up, even rates and a fall at the end, by steps; the
encoder is taught to name what it hears, and the decoder where to listen: espeak-ng tells both. It is a test fixture: a
few hundred words of one warehouse, in the voices of a synthesiser. For people's speech there are real models.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from edge_agent.training.speech_check import Errors, measure
from edge_agent.training.speech_corpus import Heard, noises, said
from edge_agent.training.speech_export import export_speech
from edge_agent.training.speech_lessons import BATCH, IGNORED, Lesson, Lessons
from edge_agent.training.speech_model import SpeechShape, Whisper
from edge_agent.training.speech_sentences import repertoire
from edge_agent.training.speech_tokens import signs_of, speech_tokenizer

STEPS = 2_500
UTTERANCES = 8_000
MATRIX_RATE, OTHER_RATE = 3.5e-3, 2e-3
WARMUP_STEPS = 60
FALLING_SHARE = 0.3
"""The last part of the course, in which the rates fall to nothing."""
CLIP = 1.0
NAMING_WEIGHT, LISTENING_WEIGHT = 0.5, 0.3
"""What naming the sounds and listening in the right place weigh, beside the tokens' 1."""
REPORT_STEPS = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to train, and from which seed. The same plan on the same processor gives the same model."""

    steps: int = STEPS
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean losses in nats up to a step: a token's, what a position sounds, where a token listens."""

    step: int
    tokens: float
    naming: float
    listening: float


class SpeechTrainer:
    """A model, its optimizers and its curve."""

    def __init__(self, shape: SpeechShape, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.model = plan, Whisper(shape)
        self.curve: list[Losses] = []
        named = list(self.model.named_parameters())
        matrices = [weight for name, weight in named if _is_matrix(name, weight)]
        others = [weight for name, weight in named if not _is_matrix(name, weight)]
        self._muon = torch.optim.Muon(
            matrices, lr=MATRIX_RATE, weight_decay=0.05, adjust_lr_fn="match_rms_adamw", ns_steps=4
        )
        self._adam = torch.optim.AdamW(others, lr=OTHER_RATE, betas=(0.9, 0.98), weight_decay=0.0)

    def run(self, lesson_of: Callable[[int], Lesson], report: Callable[[str], None]) -> None:
        """Train to the plan's end on the lesson of each step."""
        began, recent = time.monotonic(), list[Losses]()
        for step in range(1, self.plan.steps + 1):
            recent.append(self.step(step, lesson_of(step)))
            if step % REPORT_STEPS == 0 or step == self.plan.steps:
                self.curve.append(_mean(recent))
                report(f"{_line_of(self.curve[-1])}  {time.monotonic() - began:.0f} s")
                recent.clear()

    def step(self, step: int, lesson: Lesson) -> Losses:
        """One update; the losses before it."""
        falling = (self.plan.steps - step) / (FALLING_SHARE * self.plan.steps)
        scale = max(0.01, min(1.0, step / WARMUP_STEPS, falling))
        self._muon.param_groups[0]["lr"] = MATRIX_RATE * scale
        self._adam.param_groups[0]["lr"] = OTHER_RATE * scale
        losses = tokens, naming, listening = self.losses(lesson)
        (tokens + NAMING_WEIGHT * naming + LISTENING_WEIGHT * listening).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        for optimizer in (self._muon, self._adam):
            optimizer.step()  # type: ignore[no-untyped-call, unused-ignore]
            optimizer.zero_grad(set_to_none=True)
        return Losses(step, *(loss.item() for loss in losses))

    def losses(self, lesson: Lesson) -> tuple[Tensor, Tensor, Tensor]:
        """Mean loss in nats: a token, a position's phoneme and word, a token's listening."""
        with torch.autocast("cpu", torch.bfloat16):
            sound = self.model.hear(lesson.features)
            scores, listened = self.model.write(lesson.known, sound)
            phonemes, words = self.model.named(sound)
        tokens = _cross_entropy(scores, lesson.wanted)
        return (
            tokens,
            _cross_entropy(phonemes, lesson.phonemes) + _cross_entropy(words, lesson.words),
            _astray(lesson, listened),
        )


def _cross_entropy(scores: Tensor, wanted: Tensor) -> Tensor:
    return functional.cross_entropy(scores.float().flatten(0, 1), wanted.flatten(), ignore_index=IGNORED)


def _astray(lesson: Lesson, listened: list[Tensor]) -> Tensor:
    """How far from its word each token listens: the last layer's first head should be at the word itself.

    The layer before it should be at the word before, from where the next one is found.
    """
    losses: list[Tensor] = []
    for back, shares in enumerate(reversed(listened)):
        places = lesson.places - back
        there = (places[:, :, None] == lesson.heard[:, None]) & (places[:, :, None] > 0)
        right = (shares[..., :-1].float() * there).sum(-1)
        losses.append(-right[there.any(-1)].clamp_min(1e-4).log().mean())
    return torch.stack(losses).mean()


def _is_matrix(name: str, weight: Tensor) -> bool:
    return weight.dim() == 2 and name.startswith(("encoder.", "decoder."))


def _mean(losses: list[Losses]) -> Losses:
    means = (sum(getattr(each, name) for each in losses) / len(losses) for name in ("tokens", "naming", "listening"))
    return Losses(losses[-1].step, *means)


def _line_of(losses: Losses) -> str:
    return (
        f"step {losses.step}  tokens {losses.tokens:.3f}  naming {losses.naming:.3f}  listening {losses.listening:.3f}"
    )


def main(arguments: list[str]) -> int:
    """Train, write, measure."""
    options = _options(arguments)
    torch.set_num_threads(1)  # another number rounds otherwise
    if options.check is None:
        _train(options)
    measured = measure(options.check or options.out, options.seed)
    print("\n".join(_line(errors) for errors in measured))
    return 0


def _train(options: argparse.Namespace) -> None:
    known = repertoire(options.seed)
    spoken = said(known.trained, options.utterances, options.seed, print)
    tokenizer = speech_tokenizer(known.words)
    heard = Heard(spoken, noises(options.seed, known.trained), options.seed)
    lessons = Lessons(tokenizer, known.words, heard, options.seed)
    trainer = SpeechTrainer(SpeechShape(signs_of(tokenizer).total), Plan(options.steps, options.seed))
    trainer.run(lessons.lesson, print)
    export_speech(trainer.model, tokenizer, options.out)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m edge_agent.training.speech_train", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("tests/data/whisper-nano"), help="the folder to write")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of {BATCH} utterances each")
    parser.add_argument("--utterances", type=int, default=UTTERANCES, help="how many are spoken, before noise")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="only measure this model")
    return parser.parse_args(arguments)


def _line(errors: Errors) -> str:
    return f"{errors.name}: {errors.share:.1%} word errors ({errors.wrong} of {errors.words}), {errors.whole:.1%} whole"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
