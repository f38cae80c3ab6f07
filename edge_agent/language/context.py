"""Sequences of tokens with their keys and values, in llama.cpp. It lives in the engine's process.

Decides nothing: it reads what it is told to in one pass and hands out logits. The first sequences hold the packs'
prompts, computed once or loaded from the disk. Working sequences share a prompt's cells (`kv_unified`), so that only
the sentence is new. On a GPU a pass is filled up to one of a few sizes with tokens of a scratch sequence, because a
graph is used again only for a pass of the same shape.
"""

from __future__ import annotations

import ctypes
import errno
from bisect import bisect_left
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import llama_cpp
import numpy as np

from edge_agent.errors import Code, NodeFault
from edge_agent.language.batching import Part, PassAborted
from edge_agent.language.decoder import Logits
from edge_agent.language.engine import Weights
from edge_agent.language.options import ContextOptions
from edge_agent.limits import PASS_ROWS_MAX, PASS_TOKENS_MAX

_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, PASS_TOKENS_MAX)
"""Sizes that a pass is filled up to, tokens and rows alike."""
_NO_ROOM, _STOPPED = 1, 2
"""llama_decode's answers that are no failures of its own."""
_CACHE_TYPES: Final = {
    "f16": llama_cpp.GGML_TYPE_F16,
    "q8_0": llama_cpp.GGML_TYPE_Q8_0,
    "q4_0": llama_cpp.GGML_TYPE_Q4_0,
}
_FLASH: Final = {
    "auto": llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}


class Context:
    """Kept prefixes `0 … prefixes - 1`, then working sequences."""

    def __init__(self, weights: Weights, options: ContextOptions, now_ms: Callable[[], float]) -> None:
        """
        Raises:
            NodeFault: ENGINE_UNAVAILABLE when memory for `options.n_ctx` cells cannot be had.
        """
        self._scratch = options.prefixes + options.sequences
        self.working = range(options.prefixes, self._scratch)
        parameters = _parameters(options, sequences=self._scratch + 1)
        self._context = llama_cpp.llama_init_from_model(weights.pointer, parameters)
        if not self._context:
            why = f"no context of {options.n_ctx} tokens can be made (memory?): {weights.log.last()}"
            raise NodeFault(Code.ENGINE_UNAVAILABLE, why)
        self._vocab_size = weights.vocab_size
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = _Batch()
        self._fills = options.fill
        self._lengths: dict[int, int] = {}
        self._starts: dict[int, int] = {}
        self._last = 0
        self._now_ms = now_ms
        self._give_up_ms = 0.0
        self._abort = llama_cpp.ggml_abort_callback(lambda _: self._now_ms() >= self._give_up_ms)

    @property
    def size(self) -> int:
        """Cells in all."""
        return int(llama_cpp.llama_n_ctx(self._context))

    @property
    def free(self) -> int:
        """Cells that the prefixes, and what a pass is filled up with, leave to the working sequences."""
        return self.size - sum(self._lengths.values()) - (PASS_TOKENS_MAX // 2 if self._fills else 0)

    @property
    def tokens_max(self) -> int:
        return PASS_TOKENS_MAX

    @property
    def rows_max(self) -> int:
        return PASS_ROWS_MAX

    def give_up_inside(self) -> None:
        """Let a pass end inside once its time is up; on a CPU only, elsewhere a pass runs to its end.

        The clock is asked at every step of a pass, which a small model would feel.
        """
        llama_cpp.llama_set_abort_callback(self._context, self._abort, ctypes.c_void_p(0))

    def keep_prefix(self, sequence: int, tokens: Sequence[int]) -> None:
        """Compute a fixed prefix into a sequence of its own."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        self._lengths[sequence] = 0
        self._starts[sequence] = 0
        for place in range(0, len(tokens), PASS_TOKENS_MAX):
            part = Part(sequence, place, tuple(tokens[place : place + PASS_TOKENS_MAX]), ())
            self.read([part], float("inf"))
        self._lengths[sequence] = len(tokens)

    def save_prefix(self, sequence: int, path: Path, tokens: Sequence[int]) -> None:
        """Write a kept prefix to a file.

        Raises:
            OSError: the file does not take it.
        """
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        written = llama_cpp.llama_state_seq_save_file(self._context, str(path).encode(), sequence, array, len(tokens))
        if not written:
            raise OSError(errno.EIO, "the prompt could not be written", str(path))

    def load_prefix(self, sequence: int, path: str, tokens: Sequence[int]) -> bool:
        """Whether the file held exactly this prefix and it is kept now. The file's bytes must be known to be whole."""
        found = (llama_cpp.llama_token * (len(tokens) + 1))()
        count = ctypes.c_size_t(0)
        read = llama_cpp.llama_state_seq_load_file(
            self._context, path.encode(), sequence, found, len(found), ctypes.byref(count)
        )
        if read and list(found[: count.value]) == list(tokens):
            self._lengths[sequence] = len(tokens)
            return True
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return False

    def begin(self, sequence: int, prefix: int) -> None:
        self.drop(sequence)
        llama_cpp.llama_memory_seq_cp(self._memory, prefix, sequence, -1, -1)
        self._starts[sequence] = self._lengths[prefix]

    def cut(self, sequence: int, place: int) -> None:
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, self._starts[sequence] + place, -1)

    def drop(self, sequence: int) -> None:
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def read(self, parts: Sequence[Part], give_up_ms: float) -> list[list[Logits]]:
        self._give_up_ms = give_up_ms
        batch = self._batch
        batch.clear()
        firsts = [batch.add(part, self._starts[part.sequence] + part.place) for part in parts]
        if self._fills:
            batch.fill(self._scratch)
        status = llama_cpp.llama_decode(self._context, batch.native)
        if self._fills:
            self.drop(self._scratch)
        if status == _STOPPED:
            raise PassAborted
        if status == _NO_ROOM:
            raise NodeFault(Code.ENGINE_CRASHED, f"no cells for {batch.native.n_tokens} tokens that were reckoned free")
        if status != 0:
            raise NodeFault(Code.ENGINE_CRASHED, f"llama_decode failed with {status}")
        places = [[first + row for row in part.rows] for first, part in zip(firsts, parts, strict=True)]
        self._last = next((own[-1] for own in reversed(places) if own), self._last)
        return [[self._row(place) for place in own] for own in places]

    def sample(self, sampler: Any) -> int:
        """What a sampler chain of llama.cpp's takes after the last row of the last pass."""
        return int(llama_cpp.llama_sampler_sample(sampler, self._context, self._last))

    def _row(self, place: int) -> Logits:
        pointer = llama_cpp.llama_get_logits_ith(self._context, place)
        if not pointer:
            raise NodeFault(Code.ENGINE_CRASHED, f"no logits in row {place}")
        return np.ctypeslib.as_array(pointer, shape=(self._vocab_size,))

    def close(self) -> None:
        if self._context:
            llama_cpp.llama_free(self._context)
            self._context = None


class _Batch:
    """llama.cpp's batch over arrays of our own, so that they are filled without a loop over tokens."""

    def __init__(self) -> None:
        self._token = np.zeros(PASS_TOKENS_MAX, dtype=np.int32)
        self._pos = np.zeros(PASS_TOKENS_MAX, dtype=np.int32)
        self._counts = np.ones(PASS_TOKENS_MAX, dtype=np.int32)
        self._sequence = np.zeros(PASS_TOKENS_MAX, dtype=np.int32)
        self._wanted = np.zeros(PASS_TOKENS_MAX, dtype=np.int8)
        numbers = ctypes.POINTER(ctypes.c_int32)
        base = self._sequence.ctypes.data
        self._each = (numbers * (PASS_TOKENS_MAX + 1))(
            *(ctypes.cast(base + 4 * place, numbers) for place in range(PASS_TOKENS_MAX))
        )
        self.native = llama_cpp.llama_batch(
            n_tokens=0,
            token=self._token.ctypes.data_as(numbers),
            embd=None,
            pos=self._pos.ctypes.data_as(numbers),
            n_seq_id=self._counts.ctypes.data_as(numbers),
            seq_id=ctypes.cast(self._each, ctypes.POINTER(numbers)),
            logits=self._wanted.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )

    def clear(self) -> None:
        self.native.n_tokens = 0

    def add(self, part: Part, position: int) -> int:
        """Append a part, whose first token stands at this position of its sequence; its first place in the batch."""
        first, count = int(self.native.n_tokens), len(part.tokens)
        after = first + count
        self._token[first:after] = part.tokens
        self._pos[first:after] = np.arange(position, position + count)
        self._sequence[first:after] = part.sequence
        self._wanted[first:after] = 0
        self._wanted[[first + row for row in part.rows]] = 1
        self.native.n_tokens = after
        return first

    def fill(self, scratch: int) -> None:
        """Fill up to the next of the sizes, tokens and rows."""
        count = int(self.native.n_tokens)
        rows = int(self._wanted[:count].sum())
        tokens = _bucket(count)
        if tokens > count:
            self.add(Part(scratch, 0, (0,) * (tokens - count), ()), 0)
        missing = min(_bucket(rows), tokens, PASS_ROWS_MAX) - rows if rows else 0
        self._wanted[np.flatnonzero(self._wanted[:tokens] == 0)[::-1][:missing]] = 1


def _bucket(count: int) -> int:
    return _BUCKETS[bisect_left(_BUCKETS, count)]


def _parameters(options: ContextOptions, sequences: int) -> Any:
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = options.n_ctx
    params.n_batch = params.n_ubatch = PASS_TOKENS_MAX
    params.n_outputs_max = max(PASS_ROWS_MAX, sequences)  # fewer than sequences abort the process
    params.n_seq_max = sequences
    params.n_threads = params.n_threads_batch = options.n_threads
    params.type_k = params.type_v = _CACHE_TYPES[options.kv_type]
    params.flash_attn_type = _FLASH[options.flash_attention]
    params.kv_unified = True
    params.no_perf = True
    return params
