"""Turns examples into padded batches of near-equal length, in order and reproducibly, on worker processes or none.

The stream is cut into blocks; block `k` depends on the seed and on `k` alone, so a resumed run goes on where it
stopped.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, cycle, islice
from multiprocessing import get_context, parent_process
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from queue import Empty, Full

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from edge_agent.errors import Code, NodeFault
from edge_agent.training.tokenizer import BEGIN, END, PAD, prompt_of
from edge_agent.world.mention import Linked

BLOCK_EXAMPLES = 8192
BATCH_TOKENS = 3072
LENGTH_STEP = 4
LENGTH_MAX = 256
SENTENCE_SHARE = 0.1
SENTENCE_WEIGHT = 0.5
"""Of the sentence's own tokens a tenth is scored at half weight: 0.05 a token on average."""
BLOCKS_AHEAD = 2
PATIENCE_S = 5.0
"""How often a waiting worker looks whether its trainer still lives."""


@dataclass(frozen=True, slots=True)
class Example:
    """One thing to learn. `group` names the template it came from, `linked` is what the linker read."""

    pack: str
    marked: str
    answer: str
    group: str = ""
    linked: Linked | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids (rows, positions) and the weight of each position as something to predict (same shape)."""

    tokens: NDArray[np.int64]
    weights: NDArray[np.float32]


Source = Callable[[random.Random], Iterator[Example]]
"""Endless examples from one random stream."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Blocks of `size` examples, numbered from `start` on; of those every `every`-th."""

    source: Source
    seed: int
    start: int = 0
    size: int = BLOCK_EXAMPLES
    every: int = 1


def blocks(stream: Stream, tokenizer: Tokenizer) -> Iterator[list[Batch]]:
    """The stream's blocks as batches, endlessly."""
    for number in count(stream.start, stream.every):
        rng = random.Random(f"{stream.seed}/{number}")
        examples = list(islice(stream.source(rng), stream.size))
        yield batches(encode(examples, tokenizer), tokenizer, rng)


def encode(examples: Sequence[Example], tokenizer: Tokenizer) -> list[tuple[list[int], int]]:
    """Token ids of each example, and where its answer begins. Longer ones than LENGTH_MAX are left out."""
    prompts = tokenizer.encode_batch([BEGIN + prompt_of(example.pack, example.marked) for example in examples])
    answers = tokenizer.encode_batch([example.answer + END for example in examples])
    pairs = [
        (prompt.ids + answer.ids, len(prompt.ids))
        for prompt, answer in zip(prompts, answers, strict=True)
        if len(prompt.ids) + len(answer.ids) <= LENGTH_MAX
    ]
    return sorted(pairs, key=lambda pair: len(pair[0]))


def batches(rows: Sequence[tuple[list[int], int]], tokenizer: Tokenizer, rng: random.Random) -> list[Batch]:
    """Cut rows sorted by length into batches of about BATCH_TOKENS, in random order."""
    pad = tokenizer.token_to_id(PAD)
    if pad is None:
        raise ValueError(f"the tokenizer has no {PAD}")
    cut, first = [], 0
    while first < len(rows):
        last = first
        while last < len(rows) and (last - first + 1) * _padded(len(rows[last][0])) <= BATCH_TOKENS:
            last += 1
        cut.append(_batch(rows[first:last], pad, rng))
        first = last
    rng.shuffle(cut)
    return cut


def _padded(length: int) -> int:
    return -(-length // LENGTH_STEP) * LENGTH_STEP


def _batch(rows: Sequence[tuple[list[int], int]], pad: int, rng: random.Random) -> Batch:
    length = _padded(len(rows[-1][0]))
    tokens = np.full((len(rows), length), pad, dtype=np.int64)
    chosen = np.random.default_rng(rng.getrandbits(64)).random(tokens.shape) < SENTENCE_SHARE
    weights = np.where(chosen, np.float32(SENTENCE_WEIGHT), np.float32(0))
    weights[:, 0] = 0
    for row, (ids, answer_start) in enumerate(rows):
        tokens[row, : len(ids)] = ids
        weights[row, answer_start : len(ids)] = 1
        weights[row, len(ids) :] = 0
    return Batch(tokens, weights)


def blocks_from_worker(stream: Stream, tokenizer: Tokenizer, workers: int = 1) -> Iterator[list[Batch]]:
    """The same blocks as `blocks`, in the same order, made ahead in processes of their own.

    One worker feeds a CPU's training; a GPU needs all the cores there are. Closing the iterator ends them.
    """
    context = get_context("spawn")
    queues: list[Queue[list[Batch]]] = [context.Queue(BLOCKS_AHEAD) for _ in range(workers)]
    shares = [replace(stream, start=stream.start + number, every=stream.every * workers) for number in range(workers)]
    made = [
        context.Process(target=_work, args=(queue, share, tokenizer.to_str()), daemon=True)
        for queue, share in zip(queues, shares, strict=True)
    ]
    for process in made:
        process.start()
    try:
        for queue, process in cycle(zip(queues, made, strict=True)):
            yield _taken(queue, process)
    finally:
        for process in made:
            process.terminate()
            process.join()


def _taken(queue: Queue[list[Batch]], process: SpawnProcess) -> list[Batch]:
    """A worker's next block, waited for as long as the worker lives."""
    while True:
        try:
            return queue.get(timeout=PATIENCE_S)
        except Empty:
            if not process.is_alive():
                why = "the process that makes the sentences has ended; what it said stands above"
                raise NodeFault(Code.INTERNAL, why) from None


def _work(queue: Queue[list[Batch]], stream: Stream, tokenizer_text: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the trainer's, which saves and then ends this process
    trainer = parent_process()
    for made in blocks(stream, Tokenizer.from_str(tokenizer_text)):
        while trainer is not None and trainer.is_alive():
            try:
                queue.put(made, timeout=PATIENCE_S)
                break
            except Full:
                continue
        else:
            return
