"""Batches for the tests' own recogniser: sounds as tensors, what was written before, and what should follow.

Decides how often a transcript has times, how often a prompt stands before it as hotwords do, and which of the words
already written are taken for others, so that the decoder listens rather than guesses. Everything follows from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from edge_agent.training.speech_corpus import Example, Heard, Labels, milliseconds
from edge_agent.training.speech_features import MELS
from edge_agent.training.speech_model import FRAMES_BEYOND, POSITIONS
from edge_agent.training.speech_tokens import encoded, signs_of
from edge_agent.training.words import english

BATCH = 16
POOL = 12
"""Batches that are drawn together and sorted by length, so that each can be computed in a short window."""
FULL_WINDOW_SHARE = 0.15
"""How many batches are computed in the full window all the same, as they will be heard."""
TIMED_SHARE = 0.25
PROMPTED_SHARE, PROMPTS_FROM = 0.3, 700
"""How many batches have a prompt, and from which step on."""
PROMPT_TOKENS, LONG_PROMPT_TOKENS, LONG_PROMPT_SHARE = (2, 40), (40, 224), 0.25
PROMPT_SAID_SHARE, PROMPT_STRANGE_SHARE = 0.5, 0.25
"""How often a prompt holds some of what is said, and how many of its names are of words that are not learnt."""
CONFUSED_SHARE = 0.12
IGNORED = -100


@dataclass(frozen=True, slots=True)
class Lesson:
    """One batch as tensors. `known` is what was written, `wanted` what should follow, IGNORED where it is all one.

    `phonemes` and `words` (batch, window) say what each position sounds; words are places in the vocabulary, from 1.
    `places` (batch, tokens) says which word of its sentence a wanted token belongs to, from 1, and `heard` (batch,
    window) which word is said at a position; 0 is none.
    """

    features: Tensor
    known: Tensor
    wanted: Tensor
    phonemes: Tensor
    words: Tensor
    places: Tensor
    heard: Tensor


@dataclass(frozen=True, slots=True)
class Row:
    """One transcript: what the decoder is given, what it is to answer, and the word of each answer."""

    known: list[int]
    wanted: list[int]
    places: list[int]


class Lessons:
    """Endless batches of what is heard. `words` are those that a prompt draws its names from."""

    def __init__(self, tokenizer: Tokenizer, words: Sequence[str], heard: Heard, seed: int, batch: int = BATCH) -> None:
        self._tokenizer, self._heard, self._batch = tokenizer, heard, batch
        self._signs = signs_of(tokenizer)
        self._words = tuple(words)
        self._places = {word: place for place, word in enumerate(words, 1)}
        self._word_tokens = [encoded(tokenizer, word)[0] for word in words]
        self._rng = np.random.default_rng(seed)
        self._order = random.Random(seed)
        self._pool: list[list[Example]] = []

    def lesson(self, step: int) -> Lesson:
        """The batch of a step; steps are asked for in their order."""
        prompted = step > PROMPTS_FROM and self._rng.random() < PROMPTED_SHARE
        return self._lesson(self._examples(), prompted=prompted)

    def _examples(self) -> list[Example]:
        """The next batch: examples of about one length."""
        if not self._pool:
            drawn = [self._heard.example() for _ in range(POOL * self._batch)]
            drawn.sort(key=lambda example: example.features.shape[1])
            self._pool = [drawn[at : at + self._batch] for at in range(0, len(drawn), self._batch)]
            self._order.shuffle(self._pool)
        return self._pool.pop()

    def _lesson(self, examples: Sequence[Example], *, prompted: bool) -> Lesson:
        longest = max(example.features.shape[1] for example in examples)
        window = POSITIONS if self._rng.random() < FULL_WINDOW_SHARE else longest // 2 + 2
        features = np.zeros((len(examples), MELS, 2 * window + FRAMES_BEYOND), dtype=np.float32)
        labels = np.zeros((3, len(examples), window), dtype=np.int64)
        length = self._order.randrange(
            *(LONG_PROMPT_TOKENS if self._order.random() < LONG_PROMPT_SHARE else PROMPT_TOKENS)
        )
        rows: list[Row] = []
        for number, example in enumerate(examples):
            features[number, :, : example.features.shape[1]] = example.features
            vocabulary = np.array([0, *(self._places[word] for word in example.text.split())])
            for kind, values in enumerate((example.phonemes, vocabulary[example.words], example.words)):
                labels[kind, number, : len(values[::2])] = values[::2]
            row = self._row(example)
            prompt = self._prompt(example.text, length) if prompted else []
            before = len(prompt)
            rows.append(Row([*prompt, *row.known], [IGNORED] * before + row.wanted, [0] * before + row.places))
        width = max(len(row.known) for row in rows)
        phonemes, words, heard = map(torch.from_numpy, labels)
        return Lesson(
            torch.from_numpy(features),
            torch.tensor([row.known + [self._signs.end] * (width - len(row.known)) for row in rows]),
            torch.tensor([row.wanted + [IGNORED] * (width - len(row.wanted)) for row in rows]),
            phonemes,
            words,
            torch.tensor([row.places + [0] * (width - len(row.places)) for row in rows]),
            heard,
        )

    def _row(self, example: Example) -> Row:
        """What the decoder is given and what it is to answer, with times or without."""
        signs = self._signs
        if not example.text:
            return Row([signs.start, signs.no_times], [signs.no_speech, signs.end], [0, 0])
        pieces = [encoded(self._tokenizer, word) for word in example.text.split()]
        tokens = [token for piece in pieces for token in piece]
        places = [place for place, piece in enumerate(pieces, 1) for _ in piece]
        if self._rng.random() >= TIMED_SHARE:
            return Row(
                [signs.start, signs.no_times, *self._confused(tokens)],
                [signs.no_times, *tokens, signs.end],
                [0, *places, 0],
            )
        begin, end = _times(example.words)
        first, last = signs.time(begin), signs.time(end)
        known = [signs.start, first, *self._confused(tokens), last]
        return Row(known, [first, *tokens, last, signs.end], [0, *places, 0, 0])

    def _confused(self, words: list[int]) -> list[int]:
        rng = self._order
        return [rng.choice(self._word_tokens) if rng.random() < CONFUSED_SHARE else word for word in words]

    def _prompt(self, text: str, length: int) -> list[int]:
        """Names that may be said, as hotwords come: some of them are, most are not. `length` in tokens."""
        rng = self._order
        names = [
            rng.choice(english()) if rng.random() < PROMPT_STRANGE_SHARE else " ".join(rng.choices(self._words, k=2))
            for _ in range(length // 2)
        ]
        if text and rng.random() < PROMPT_SAID_SHARE:
            said = text.split()
            at = rng.randrange(len(said))
            names.insert(rng.randint(0, len(names)), " ".join(said[at : at + 2]))
        return [self._signs.before, *encoded(self._tokenizer, ", ".join(names))[:length]]


def _times(words: Labels) -> tuple[int, int]:
    """When the first word begins and the last one ends, in milliseconds."""
    there = np.flatnonzero(words)
    return milliseconds(int(there[0])), milliseconds(int(there[-1]) + 1)
