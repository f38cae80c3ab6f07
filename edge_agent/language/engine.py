"""A model file in llama.cpp: weights, vocabulary, grammar sampler. It lives in the engine's process.

Decides nothing: it loads, tokenizes and says what the file holds. Native code can die in here: whoever uses it stands
in a process that may be lost.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import llama_cpp

from edge_agent.errors import ClientFault, Code, ConfigurationFault, NodeFault
from edge_agent.language.placement import Card
from edge_agent.language.vocabulary import Vocabulary

_LOG_LINES_MAX = 40
_WARN = 3
"""GGML_LOG_LEVEL_WARN; the binding does not name it."""
_DRIVERS = ("/proc/driver/nvidia/version", "/dev/nvhost-gpu", "/dev/nvgpu/igpu0")
_GPU, _INTEGRATED_GPU = 1, 2
"""GGML_BACKEND_DEVICE_TYPE_GPU and _IGPU; the binding does not name them."""
_METADATA_BYTES_MAX = 256
_PIECE_BYTES_MAX = 4_096


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
        if not self._model and n_gpu_layers != 0 and llama_cpp.llama_supports_gpu_offload():
            why = f"llama.cpp could not load the model with {n_gpu_layers} layers on the card: {log.last()}"
            raise NodeFault(Code.ENGINE_UNAVAILABLE, why)
        if not self._model:
            raise ConfigurationFault(Code.MODEL_DAMAGED, f"llama.cpp cannot load this model: {log.last()}")
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        if llama_cpp.llama_vocab_type(self._vocab) == llama_cpp.LLAMA_VOCAB_TYPE_NONE:
            self.close()
            raise ConfigurationFault(Code.MODEL_DAMAGED, "the file has no tokenizer")

    @property
    def pointer(self) -> Any:
        """llama.cpp's own model, for a `Context` of it."""
        return self._model

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


def cards() -> list[Card]:
    """The GPUs that this build sees, in llama.cpp's order."""
    library = llama_cpp.llama_cpp._lib
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    library.ggml_backend_dev_count.restype = size
    library.ggml_backend_dev_get.argtypes, library.ggml_backend_dev_get.restype = [size], pointer
    library.ggml_backend_dev_type.argtypes, library.ggml_backend_dev_type.restype = [pointer], ctypes.c_int
    library.ggml_backend_dev_description.argtypes = [pointer]
    library.ggml_backend_dev_description.restype = ctypes.c_char_p
    library.ggml_backend_dev_memory.argtypes = [pointer, ctypes.POINTER(size), ctypes.POINTER(size)]
    library.ggml_backend_dev_memory.restype = None
    llama_cpp.llama_backend_init()
    found = []
    for place in range(library.ggml_backend_dev_count()):
        device = library.ggml_backend_dev_get(place)
        kind = library.ggml_backend_dev_type(device)
        if kind not in (_GPU, _INTEGRATED_GPU):
            continue
        free, total = size(0), size(0)
        library.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        name = library.ggml_backend_dev_description(device).decode("utf-8", "replace")
        found.append(Card(name, int(free.value), int(total.value), integrated=kind == _INTEGRATED_GPU))
    return found


def has_gpu_driver() -> bool:
    """Whether a driver of NVIDIA's is loaded on this machine, a Jetson's among them."""
    return any(Path(path).exists() for path in _DRIVERS)


def build_facts() -> dict[str, Any]:
    """What this build of llama.cpp is and can do."""
    return {
        "binding": llama_cpp.__version__,
        "system": llama_cpp.llama_print_system_info().decode("utf-8", "replace").strip(),
        "gpu_build": bool(llama_cpp.llama_supports_gpu_offload()),
        "libraries": _libraries(),
    }


def _libraries() -> str:
    """Which build lies here: a rebuild with other flags has the same version and may compute otherwise."""
    folder = Path(llama_cpp.__file__).parent / "lib"
    files = sorted(folder.glob("lib*")) if folder.is_dir() else []
    known = [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:16]
