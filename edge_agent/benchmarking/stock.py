"""The stock way: llama-cpp-python's `Llama.create_completion` with a GBNF grammar, as its documentation has it.

Decides nothing: the same prompt as ours in the same tokens, the same grammar, temperature 0. What a prompt has in
common with the one before is not computed again, which is that class's own doing. It cannot be told to leave the
processor's extra matrix kernels alone, so on some builds and processors it dies at its first pass.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import llama_cpp
from llama_cpp.llama_grammar import LlamaGrammar

from edge_agent.benchmarking.samples import Sample
from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.language.decision import DecideRequest
from edge_agent.language.options import EngineOptions
from edge_agent.language.prompt import Piece, Prompt
from edge_agent.limits import ANSWER_TOKENS_MAX

ROOM_TOKENS = 1_024
"""Beside the longest prompt: the sentence and its answer."""


class _Counted(llama_cpp.Llama):
    """Counts its passes and notes when each began."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.began_s: list[float] = []

    def eval(self, tokens: Sequence[int]) -> None:
        self.began_s.append(time.perf_counter())
        super().eval(tokens)


class StockEngine:
    """A loaded model that completes."""

    def __init__(self, options: EngineOptions, prompts: Mapping[str, Prompt]) -> None:
        try:
            words = llama_cpp.Llama(model_path=str(options.model), vocab_only=True, verbose=False)
            self._before = {pack: _tokens(words, prompt.before) for pack, prompt in prompts.items()}
            self._after = {pack: _tokens(words, prompt.after) for pack, prompt in prompts.items()}
            words.close()
            self._llama = _Counted(
                model_path=str(options.model),
                n_ctx=max(options.n_ctx, *(len(tokens) + ROOM_TOKENS for tokens in self._before.values())),
                n_threads=options.n_threads,
                n_threads_batch=options.n_threads,
                n_gpu_layers=options.n_gpu_layers,
                verbose=False,
            )
        except ValueError as problem:
            why = f"llama-cpp-python cannot load it: {problem}"
            raise ConfigurationFault(Code.MODEL_DAMAGED, why, where=str(options.model)) from problem

    def measure(self, request: DecideRequest) -> Sample:
        """Complete one sentence's prompt.

        Raises:
            NodeFault: OUTPUT_INVALID when the answer has no end.
        """
        llama = self._llama
        begun = time.perf_counter()
        sentence = llama.tokenize(request.marked.encode(), add_bos=False, special=False)
        llama.began_s.clear()
        completion = llama.create_completion(
            [*self._before[request.pack], *sentence, *self._after[request.pack]],
            grammar=LlamaGrammar.from_string(request.grammar, verbose=False),
            max_tokens=ANSWER_TOKENS_MAX,
            temperature=0.0,
        )
        ended = time.perf_counter()
        assert isinstance(completion, dict), "nothing is streamed"
        choice = completion["choices"][0]
        if choice["finish_reason"] != "stop":
            raise NodeFault(Code.OUTPUT_INVALID, f"the stock answer was cut at {ANSWER_TOKENS_MAX} tokens")
        first = llama.began_s[1] if len(llama.began_s) > 1 else ended
        return Sample(
            answer=choice["text"],
            tokens=completion["usage"]["completion_tokens"],
            passes=len(llama.began_s),
            first_ms=(first - begun) * 1000.0,
            rest_ms=(ended - first) * 1000.0,
        )


def _tokens(llama: llama_cpp.Llama, pieces: Iterable[Piece]) -> list[int]:
    return [
        token for piece in pieces for token in llama.tokenize(piece.text.encode(), add_bos=False, special=piece.special)
    ]
