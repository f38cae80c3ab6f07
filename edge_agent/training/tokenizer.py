"""The bundled model's tokenizer: byte-level BPE with single digits, equal to llama.cpp's `pre = smollm`.

Each mark of a marked sentence (`[1` … `[20`, `[a` … `[j`, `[me`, `[here`, `[it`, `[there`, `]`) is one token. The
user's own words cannot hold a bracket after normalization, so nobody can write a mark.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from edge_agent.limits import ENTITY_MENTIONS_MAX, QUANTITY_MENTIONS_MAX
from edge_agent.world.mention import DEICTIC_WORDS

BEGIN, END, PAD = "<s>", "</s>", "<pad>"
CONTROLS = (BEGIN, END, PAD)
LABELS = (
    *(str(number) for number in range(1, ENTITY_MENTIONS_MAX + 1)),
    *(chr(ord("a") + index) for index in range(QUANTITY_MENTIONS_MAX)),
    *DEICTIC_WORDS,
)
MARKS = (*(f"[{label}" for label in LABELS), "]")
VOCABULARY = 10_240


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a GGUF file needs of a tokenizer: every token in order of its id, and the merges in order of rank."""

    tokens: tuple[str, ...]
    merges: tuple[str, ...]


def train_tokenizer(sentences: Iterable[str], size: int = VOCABULARY) -> Tokenizer:
    """Learn the merges from marked sentences, answers and plain English words."""
    tokenizer = _cutting_as_smollm(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(CONTROLS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    room = size - len(MARKS)
    trainer.vocab_size = room
    tokenizer.train_from_iterator((_without_marks(text) for text in sentences), trainer)
    return _with_controls_and_marks(tokenizer)


def rebuilt_tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """The tokenizer that a GGUF file describes, cutting every text as the one it was written from did.

    Raises:
        ValueError: the tokens are not those of a tokenizer made here (a control or a mark is missing or elsewhere).
    """
    added = next((count for count, token in enumerate(reversed(vocabulary.tokens)) if token not in MARKS), 0)
    learnt = {token: number for number, token in enumerate(vocabulary.tokens[: len(vocabulary.tokens) - added])}
    merges = [(left, right) for left, _, right in (merge.partition(" ") for merge in vocabulary.merges)]
    if not set(CONTROLS) <= learnt.keys():
        raise ValueError(f"the vocabulary has no {', '.join(sorted(set(CONTROLS) - learnt.keys()))}")
    try:
        model = models.BPE(vocab=learnt, merges=merges)
    except Exception as problem:  # the library raises nothing narrower
        raise ValueError(f"the merges do not fit the tokens: {problem}") from problem
    tokenizer = _with_controls_and_marks(_cutting_as_smollm(model))
    if vocabulary_of(tokenizer) != vocabulary:
        raise ValueError("the vocabulary does not end in the marks")
    return tokenizer


def _cutting_as_smollm(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _with_controls_and_marks(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROLS])
    tokenizer.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in MARKS])
    return tokenizer


def _without_marks(text: str) -> str:
    """The text with every mark cut out, so that no merge is spent on what is one token already."""
    for mark in sorted(MARKS, key=len, reverse=True):
        text = text.replace(mark, "")
    return text


def vocabulary_of(tokenizer: Tokenizer) -> Vocabulary:
    """Tokens and merges as a GGUF file lists them."""
    by_id = {number: token for token, number in tokenizer.get_vocab(with_added_tokens=True).items()}
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    pairs = tuple(pair if isinstance(pair, str) else " ".join(pair) for pair in merges)
    return Vocabulary(tuple(by_id[number] for number in range(len(by_id))), pairs)


def load_tokenizer(path: Path) -> Tokenizer:
    """A tokenizer saved by `Tokenizer.save`."""
    return Tokenizer.from_file(str(path))


def prompt_of(pack: str, marked: str) -> str:
    """What the model sees after `<s>`; the answer and `</s>` follow. The engine builds the same text."""
    return f"{pack}\n{marked}\n"
