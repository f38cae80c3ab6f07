"""llama.cpp through the low-level binding; the only file that imports it. It lives in the engine's process.

Decides nothing: it loads, tokenizes, reads tokens into sequences and hands out logits. Sequence `i` holds the prompt
of pack `i`, computed once; a working sequence shares its cells (`kv_unified`) and only the sentence is new. Native code
can die in here: whoever uses it stands in a process that may be lost.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import ClientFault, Code, ConfigurationFault, NodeFault
from edge_agent.language.vocabulary import Vocabulary

BATCH_TOKENS_MAX = 512
"""Tokens of one forward pass; longer stretches are read in several."""
ROWS_MAX = 16
"""Rows of logits asked for in one pass."""
_LOG_LINES_MAX = 40
_WARN = 3
"""GGML_LOG_LEVEL_WARN; the binding does not name it."""
_METADATA_BYTES_MAX = 256
_PIECE_BYTES_MAX = 4_096
_NO_ROOM, _STOPPED = 1, 2
"""llama_decode's answers that are no failures."""


class Log:
    """llama.cpp's last words, kept for error messages and `doctor`; nothing is printed."""

    _callbacks: ClassVar[list[object]] = []
    """llama.cpp keeps the pointer for the whole process and may call it after this log is gone: never freed."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.offloaded = ""
        callback = llama_cpp.llama_log_callback(self._hear)
        self._callbacks.append(callback)
        llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))

    def _hear(self, level: int, text: bytes, _data: Any) -> None:
        line = text.decode("utf-8", "replace").strip()
        if "offloaded" in line:
            self.offloaded = line.split(":")[-1].strip()
        if line and level >= _WARN:
            self.lines = [*self.lines[1 - _LOG_LINES_MAX :], line]

    def last(self) -> str:
        """The last few warnings and errors in one line."""
        return " | ".join(self.lines[-3:])[:500]


class Weights:
    """A loaded model file and its vocabulary."""

    def __init__(self, path: str, *, n_gpu_layers: int, extra_buffers: bool, log: Log) -> None:
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = n_gpu_layers
        params.use_extra_bufts = extra_buffers
        self.log = log
        self._model = llama_cpp.llama_model_load_from_file(path.encode(), params)
        if not self._model:
            raise ConfigurationFault(Code.MODEL_DAMAGED, f"llama.cpp cannot load this model: {log.last()}")
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        if llama_cpp.llama_vocab_type(self._vocab) == llama_cpp.LLAMA_VOCAB_TYPE_NONE:
            self.close()
            raise ConfigurationFault(Code.MODEL_DAMAGED, "the file has no tokenizer")

    def context(self, *, n_ctx: int, n_threads: int, sequences: int) -> Context:
        """A context of at least `n_ctx` cells for `sequences` sequences."""
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = n_ctx
        params.n_batch = params.n_ubatch = BATCH_TOKENS_MAX
        params.n_outputs_max = ROWS_MAX
        params.n_seq_max = sequences
        params.n_threads = params.n_threads_batch = n_threads
        params.kv_unified = True
        params.no_perf = True
        pointer = llama_cpp.llama_init_from_model(self._model, params)
        if not pointer:
            why = f"no context of {n_ctx} tokens can be made (memory?): {self.log.last()}"
            raise NodeFault(Code.ENGINE_UNAVAILABLE, why)
        return Context(pointer, self.vocab_size)

    @property
    def vocab_size(self) -> int:
        return int(llama_cpp.llama_vocab_n_tokens(self._vocab))

    @property
    def parameters(self) -> int:
        return int(llama_cpp.llama_model_n_params(self._model))

    def metadata(self, key: str) -> str | None:
        """A text that the file holds under this key, or None."""
        buffer = ctypes.create_string_buffer(_METADATA_BYTES_MAX)
        length = llama_cpp.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return None if length < 0 else buffer.value.decode("utf-8", "replace")

    @property
    def description(self) -> str:
        buffer = ctypes.create_string_buffer(256)
        llama_cpp.llama_model_desc(self._model, buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace")

    def tokenize(self, text: str) -> list[int]:
        """Plain text: no special token ever comes of it (the bundled model's marks are ordinary tokens)."""
        return self._tokenize(text, special=False)

    def special(self, name: str) -> int | None:
        """The control token of exactly this name, or None."""
        tokens = self._tokenize(name, special=True)
        alone = len(tokens) == 1 and llama_cpp.llama_vocab_is_control(self._vocab, tokens[0])
        return tokens[0] if alone else None

    def _tokenize(self, text: str, *, special: bool) -> list[int]:
        data = text.encode("utf-8", "surrogatepass")
        buffer = (llama_cpp.llama_token * (len(data) + 8))()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), buffer, len(buffer), False, special)
        if count < 0:
            raise ClientFault(Code.PROMPT_TOO_LONG, f"{len(data)} bytes give more tokens than that")
        return list(buffer[:count])

    def text(self, tokens: Sequence[int], pieces: Sequence[bytes]) -> str:
        """The text of an answer's tokens.

        Raises:
            NodeFault: OUTPUT_INVALID when they are not UTF-8.
        """
        try:
            return b"".join(pieces[token] for token in tokens).decode("utf-8")
        except UnicodeDecodeError as problem:
            raise NodeFault(Code.OUTPUT_INVALID, "the answer is not UTF-8") from problem

    def vocabulary(self) -> Vocabulary:
        """Every token as bytes; about a second for 128k tokens."""
        buffer = ctypes.create_string_buffer(_PIECE_BYTES_MAX)
        pieces = []
        controls, ends = set(), set()
        for token in range(self.vocab_size):
            length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, _PIECE_BYTES_MAX, 0, True)
            pieces.append(buffer.raw[: max(0, length)] if length <= 256 else ctypes.string_at(buffer, length))
            if llama_cpp.llama_vocab_is_control(self._vocab, token):
                controls.add(token)
            if llama_cpp.llama_vocab_is_eog(self._vocab, token):
                ends.add(token)
        function = ctypes.cast(llama_cpp.llama_cpp._lib.llama_tokenize, ctypes.c_void_p).value
        return Vocabulary(
            pieces=tuple(pieces),
            controls=frozenset(controls),
            ends=frozenset(ends),
            pointer=self._vocab,
            tokenize_pointer=function or 0,
        )

    def sampler(self, gbnf: str) -> GrammarSampler:
        """llama.cpp's own grammar sampler; None of the fast path is in it.

        Raises:
            NodeFault: GRAMMAR_INVALID.
        """
        return GrammarSampler(self._vocab, gbnf)

    def close(self) -> None:
        if self._model:
            llama_cpp.llama_model_free(self._model)
            self._model = None


class Context:
    """Sequences of tokens and their keys and values. `read` and `forget` act on the working sequence."""

    def __init__(self, pointer: Any, vocab_size: int) -> None:
        self._context = pointer
        self._vocab_size = vocab_size
        self._memory = llama_cpp.llama_get_memory(pointer)
        self._batch = llama_cpp.llama_batch_init(BATCH_TOKENS_MAX, 0, 1)
        self._lengths: dict[int, int] = {}
        self._stop = llama_cpp.ggml_abort_callback(lambda _: False)
        self._working = int(llama_cpp.llama_n_seq_max(pointer)) - 1
        self._end = 0

    @property
    def size(self) -> int:
        """Cells in all."""
        return int(llama_cpp.llama_n_ctx(self._context))

    @property
    def free(self) -> int:
        """Cells that the prefixes leave to the working sequence."""
        return self.size - sum(self._lengths.values())

    def stop_when(self, expired: Callable[[], bool]) -> None:
        """Give up inside a pass once `expired` says so; on a CPU only, elsewhere a pass runs to its end.

        It is asked at every step of a pass, which a small model would feel.
        """
        self._stop = llama_cpp.ggml_abort_callback(lambda _: expired())
        llama_cpp.llama_set_abort_callback(self._context, self._stop, ctypes.c_void_p(0))

    def keep_prefix(self, sequence: int, tokens: Sequence[int]) -> None:
        """Compute a fixed prefix into a sequence of its own."""
        self._forward(sequence, 0, tokens, 0)
        self._lengths[sequence] = len(tokens)

    def begin(self, sequence: int) -> None:
        """Set the working sequence to the end of a kept prefix."""
        llama_cpp.llama_memory_seq_rm(self._memory, self._working, -1, -1)
        llama_cpp.llama_memory_seq_cp(self._memory, sequence, self._working, -1, -1)
        self._end = self._lengths[sequence]

    def read(self, tokens: Sequence[int], rows: int) -> list[NDArray[np.float32]]:
        """Read tokens; the logits after each of the last `rows` (at most ROWS_MAX) of them.

        The rows are views into the context: they hold until the next read.
        """
        last = self._forward(self._working, self._end, tokens, rows)
        self._end += len(tokens)
        return [self._logits(last - rows + place) for place in range(rows)]

    def forget(self, count: int) -> None:
        self._end -= count
        llama_cpp.llama_memory_seq_rm(self._memory, self._working, self._end, -1)

    def sample(self, sampler: GrammarSampler) -> int:
        """What llama.cpp's own sampler takes after the last token read."""
        return int(llama_cpp.llama_sampler_sample(sampler.chain, self._context, -1))

    def _forward(self, sequence: int, start: int, tokens: Sequence[int], rows: int) -> int:
        """Read tokens in as many passes as it takes; how many the last one held, all rows wanted among them."""
        wanted = len(tokens) - rows
        first = after = 0
        while after < len(tokens):
            first = after
            after = len(tokens)
            if after - first > BATCH_TOKENS_MAX:
                after = min(first + BATCH_TOKENS_MAX, wanted)
            part = tokens[first:after]
            batch = self._batch
            batch.n_tokens = len(part)
            for place, token in enumerate(part):
                batch.token[place] = token
                batch.pos[place] = start + first + place
                batch.n_seq_id[place] = 1
                batch.seq_id[place][0] = sequence
                batch.logits[place] = first + place >= wanted
            status = llama_cpp.llama_decode(self._context, batch)
            if status == _NO_ROOM:
                raise ClientFault(Code.PROMPT_TOO_LONG, f"no room for {len(tokens)} more tokens in {self.size}")
            if status == _STOPPED:
                raise ClientFault(Code.EXPIRED, "the time ran out inside a forward pass")
            if status != 0:
                raise NodeFault(Code.ENGINE_CRASHED, f"llama_decode failed with {status}")
        return after - first

    def _logits(self, place: int) -> NDArray[np.float32]:
        pointer = llama_cpp.llama_get_logits_ith(self._context, place)
        if not pointer:
            raise NodeFault(Code.ENGINE_CRASHED, f"no logits in row {place}")
        return np.ctypeslib.as_array(pointer, shape=(self._vocab_size,))

    def close(self) -> None:
        if self._context:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._context)
            self._context = None


class GrammarSampler:
    """llama.cpp's grammar and greedy samplers in a chain."""

    def __init__(self, vocab: Any, gbnf: str) -> None:
        grammar = llama_cpp.llama_sampler_init_grammar(vocab, gbnf.encode(), b"root")
        if not grammar:
            raise NodeFault(Code.GRAMMAR_INVALID, "llama.cpp cannot read the grammar")
        self.chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        llama_cpp.llama_sampler_chain_add(self.chain, grammar)
        llama_cpp.llama_sampler_chain_add(self.chain, llama_cpp.llama_sampler_init_greedy())
        self._grammar = grammar

    def takes(self, tokens: Sequence[int]) -> bool:
        """Whether these tokens, from the beginning, are all taken; the last one may be an end token."""
        llama_cpp.llama_sampler_reset(self._grammar)
        for token in tokens:
            if not self.allows(token):
                return False
            self.accept(token)
        return True

    def allows(self, token: int) -> bool:
        """Whether the grammar takes this token here."""
        entry = (llama_cpp.llama_token_data * 1)(llama_cpp.llama_token_data(token, 0.0, 0.0))
        candidates = llama_cpp.llama_token_data_array(entry, 1, -1, False)
        llama_cpp.llama_sampler_apply(self._grammar, ctypes.byref(candidates))
        return bool(entry[0].logit > -1e30)

    def accept(self, token: int) -> None:
        """Go on behind a token that `allows` has confirmed; any other aborts the process."""
        llama_cpp.llama_sampler_accept(self._grammar, token)

    def close(self) -> None:
        if self.chain:
            llama_cpp.llama_sampler_free(self.chain)
            self.chain = None


def build_facts() -> dict[str, Any]:
    """What this build of llama.cpp is and can do."""
    return {
        "binding": llama_cpp.__version__,
        "system": llama_cpp.llama_print_system_info().decode("utf-8", "replace").strip(),
        "gpu_build": bool(llama_cpp.llama_supports_gpu_offload()),
    }
