"""Tokens of the tests' own recogniser: one a known word, byte-level pieces for the rest, then Whisper's own signs.

The order is Whisper's English-only one: text, `<|endoftext|>`, the other signs, then 1,501 times of 20 ms each, which
stand in CTranslate2's vocabulary and not in the tokenizer's file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

END, START = "<|endoftext|>", "<|startoftranscript|>"
BEFORE, NO_SPEECH, NO_TIMES = "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"
SIGNS = (END, START, "<|translate|>", "<|transcribe|>", "<|startoflm|>", BEFORE, NO_SPEECH, NO_TIMES)
TIMES = 1_501
TIME_MS = 20
_PIECES_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs' numbers. `first_time` stands for 0 ms, the next for 20 ms."""

    end: int
    start: int
    before: int
    no_speech: int
    no_times: int
    first_time: int
    total: int

    def time(self, milliseconds: int) -> int:
        """The nearest time."""
        return self.first_time + round(milliseconds / TIME_MS)


def speech_tokenizer(words: Sequence[str]) -> Tokenizer:
    """Every word, with the space before it, becomes one token; any other text falls into pieces and bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=_PIECES_MAX, min_frequency=1, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator((f" {word}" for word in sorted(words)), trainer)
    tokenizer.add_special_tokens([AddedToken(sign, special=True, normalized=False) for sign in SIGNS])
    return tokenizer


def signs_of(tokenizer: Tokenizer) -> Signs:
    """Where the signs stand in a tokenizer made here."""
    end, start, before, no_speech, no_times = (
        int(tokenizer.token_to_id(sign) or 0) for sign in (END, START, BEFORE, NO_SPEECH, NO_TIMES)
    )
    return Signs(end, start, before, no_speech, no_times, no_times + 1, no_times + 1 + TIMES)


def encoded(tokenizer: Tokenizer, text: str) -> list[int]:
    """A transcript's tokens; as in Whisper it begins with a space."""
    ids: list[int] = tokenizer.encode(f" {text}", add_special_tokens=False).ids
    return ids


def vocabulary_of(tokenizer: Tokenizer) -> list[str]:
    """Every token in order of its number, times included."""
    by_number = {number: token for token, number in tokenizer.get_vocab(with_added_tokens=True).items()}
    times = [f"<|{number * TIME_MS / 1_000:.2f}|>" for number in range(TIMES)]
    return [*(by_number[number] for number in range(len(by_number))), *times]
