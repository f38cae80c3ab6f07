"""`python -m edge_agent.training.stopword`: the layers that know a stop word by its sound, made from nothing.

Speaks the clips, hears each through the very networks that the ear uses, trains two layers on what they say, writes
them. The same sounds give the same file; a few of espeak-ng's voices sound a little different each time.
Needs the extras `speech` and `training`, and Debian's flite.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edge_agent.speech.keyword_head import HISTORY, SHIPPED, STEPS, WORDS, KeywordHead, load_head, save_head
from edge_agent.speech.keyword_network import EMBEDDING, EmbeddingModel, EmbeddingStream
from edge_agent.training.stopword_sounds import RATE, Clip, Sounds

BLOCK_CLIPS: Final = 200
BLOCKS: Final = 8
"""1,600 clips, some five minutes of one core. More teach more: docs/spoken-stop.md."""
HELD_BACK: Final = 10
"""One clip in so many trains nothing."""
HIDDEN: Final = 64
EPOCHS: Final = 12
BATCH: Final = 512
RATE_OF_LEARNING: Final = 2e-3
LATE_S, EARLY_S, INSIDE, AFTER_S = 0.2, 0.03, 0.45, 0.35
"""A step says yes from 30 ms before a word's end to 200 ms after it. Steps inside the word's second half, and up to
350 ms after it, say neither."""
NOTHING_EVERY: Final = 4
"""Steps without a stop word are many and alike: one in so many is learnt from. Even, as HISTORY is, so that the other
half of the steps need not be worked out."""

Rows = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Lessons:
    """Steps: what the networks said, shape (n, 384); 0 or the word's number from 1; the clip."""

    heard: Rows
    right: NDArray[np.int64]
    clip: NDArray[np.int64]


def main(arguments: list[str]) -> int:
    """Make the layers, or only count how many clips they have right."""
    parser = argparse.ArgumentParser(prog="python -m edge_agent.training.stopword", description=__doc__)
    parser.add_argument("--blocks", type=int, default=BLOCKS, help=f"of {BLOCK_CLIPS} clips")
    parser.add_argument("--jobs", type=int, default=1, help="processes that make clips; any number gives the same")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    began = time.process_time()
    with ProcessPoolExecutor(options.jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        blocks = list(pool.map(_block, [(options.seed, number) for number in range(options.blocks)]))
    lessons = Lessons(*(np.concatenate([getattr(block, name) for block in blocks]) for name in Lessons.__slots__))
    head = learnt(lessons, options.seed)
    save_head(options.out, head)
    head = load_head(options.out)
    for word, found, said in right_of(head, lessons):
        print(f"held back: {word}: {found} of {said} steps")
    print(f"{options.out}: {head.digest}, {time.process_time() - began:.0f} s of one core")
    return 0


def _block(which: tuple[int, int]) -> Lessons:
    """One block of a seed's clips, in a process of its own."""
    seed, block = which
    lessons = lessons_of(islice(Sounds(seed, block), BLOCK_CLIPS), block * BLOCK_CLIPS)
    print(f"block {block}: {len(lessons.right)} steps", flush=True)
    return lessons


def lessons_of(clips: Iterable[Clip], first: int = 0) -> Lessons:
    """What the networks say of the clips, step by step; the clips are numbered from `first`."""
    model = EmbeddingModel()
    stream = EmbeddingStream(model)
    heard: list[NDArray[np.float16]] = []
    right: list[int] = []
    source: list[int] = []
    for number, clip in enumerate(clips, first):
        stream.reset()
        windows = stream.windows(clip.samples)
        answers = {at: _answer(clip, windows[at][0] * RATE / 1_000.0) for at in range(STEPS, len(windows))}
        said = {at: answer for at, answer in answers.items() if answer or (answer == 0 and at % NOTHING_EVERY == 0)}
        needed = {at - back for at in said for back in HISTORY}
        known = {at: model.embedding(windows[at][1]) for at in sorted(needed)}
        for at, answer in said.items():
            heard.append(np.concatenate([known[at - back] for back in HISTORY]).astype(np.float16))
            right.append(answer)
            source.append(number)
    return Lessons(np.stack(heard), np.array(right), np.array(source))


def _answer(clip: Clip, at: float) -> int | None:
    """What is right when the sound until this sample is known: a word's number, 0, or None for neither."""
    answer: int | None = 0
    for place in clip.places:
        if place.word and place.end - EARLY_S * RATE <= at <= place.end + LATE_S * RATE:
            return 1 + WORDS.index(place.word)
        if place.begin + INSIDE * (place.end - place.begin) < at < place.end + AFTER_S * RATE:
            answer = None
    return answer


def learnt(lessons: Lessons, seed: int) -> KeywordHead:
    """Two layers trained on the lessons that are not held back."""
    torch.manual_seed(seed)
    kept = lessons.clip % HELD_BACK != 0
    heard = lessons.heard[kept].astype(np.float32)
    shift, scale = heard.mean(axis=0), 1.0 / (heard.std(axis=0) + 1e-3)
    inputs, right = torch.from_numpy((heard - shift) * scale), torch.from_numpy(lessons.right[kept])
    first, second = nn.Linear(len(HISTORY) * EMBEDDING, HIDDEN), nn.Linear(HIDDEN, len(WORDS) + 1)
    net = nn.Sequential(nn.Dropout(0.2), first, nn.ReLU(), nn.Dropout(0.2), second)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE_OF_LEARNING, weight_decay=1e-3)
    steps = EPOCHS * -(-len(inputs) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE_OF_LEARNING, total_steps=steps + 1)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.02)
    for _ in range(EPOCHS):
        order = torch.randperm(len(inputs))
        for at in range(0, len(inputs), BATCH):
            batch = order[at : at + BATCH]
            optimiser.zero_grad()
            loss_of(net(inputs[batch]), right[batch]).backward()
            optimiser.step()
            schedule.step()
    weights = [layer.weight.detach().numpy().T for layer in (first, second)]
    biases = [layer.bias.detach().numpy() for layer in (first, second)]
    return KeywordHead(shift, scale, weights[0], biases[0], weights[1], biases[1])


def right_of(head: KeywordHead, lessons: Lessons) -> Iterator[tuple[str, int, int]]:
    """For each word, and for none, how many held-back steps are judged right, and how many there are."""
    kept = lessons.clip % HELD_BACK == 0
    hidden = np.maximum((lessons.heard[kept] - head.shift) * head.scale @ head.first + head.first_bias, 0.0)
    judged = (hidden @ head.second + head.second_bias).argmax(axis=1)
    for number, word in enumerate(("none", *WORDS)):
        said = lessons.right[kept] == number
        yield word, int((judged[said] == number).sum()), int(said.sum())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
