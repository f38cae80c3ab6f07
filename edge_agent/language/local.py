"""An engine in this very process: the model, its packs' prompts, and three ways to decode.

`decide` is what the engine's process runs. `plain` takes its savings away and `reference` is llama.cpp's own grammar
sampler, one token a pass; both are kept to prove the first one right and to measure it. Decides how much context is
needed: the prompts of all packs and WORKING_TOKENS for the sentence, whatever smaller number was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, ConfigurationFault, NodeFault
from edge_agent.language.calibration import KEY, Calibration
from edge_agent.language.constraint import Constraints
from edge_agent.language.decision import DecideRequest, Decision, Reading
from edge_agent.language.decoder import TOKENS_MAX, Decoded, decode
from edge_agent.language.drafts import Drafts
from edge_agent.language.engine import Context, Log, Weights, build_facts
from edge_agent.language.models import opened_model
from edge_agent.language.options import EngineOptions
from edge_agent.language.prompt import STYLE_TOKENS, Piece, Prompt, Style, style_of
from edge_agent.language.readings import other_ways
from edge_agent.language.trial import run_trials
from edge_agent.language.wire import JsonObject
from edge_agent.packs.base import REJECT

WORKING_TOKENS = 1_024
"""Cells kept free for one sentence and its answer."""

_REFUSAL = f'[{{"action":"{REJECT}"'
"""How an answer begins that refuses: it is carried out by nobody, so nobody need be asked what else it may mean."""

_SLOW_PARAMETERS = 200_000_000
"""From this size on a pass is stopped inside at the deadline; smaller ones end in milliseconds anyway."""

Way = Callable[[DecideRequest, Context, list[int]], Decoded]
"""A way to decode a request, given the context at the end of the pack's prompt and the sentence's tokens."""


class LocalEngine:
    """A loaded model. `prepare` it with the packs' prompts, then ask."""

    def __init__(self, options: EngineOptions, clock: Clock) -> None:
        self._clock = clock
        self._options = options
        with opened_model(options.model, options.sha256) as path:
            self.weights = Weights(
                path, n_gpu_layers=options.n_gpu_layers, extra_buffers=options.extra_buffers, log=Log()
            )
        self.calibration = Calibration.of_text(self.weights.metadata(KEY))
        self.vocabulary = self.weights.vocabulary()
        self.constraints = Constraints(self.vocabulary)
        self._drafts = Drafts()
        self._context: Context | None = None
        self._places: dict[str, int] = {}
        self._after: dict[str, list[int]] = {}
        has_token = {name: self.weights.special(name) is not None for name in STYLE_TOKENS}
        self.style = Style(options.style) if options.style else style_of(has_token)

    def facts(self) -> dict[str, Any]:
        """What was loaded, for `doctor`."""
        return {
            **build_facts(),
            "model": self.weights.description,
            "parameters": self.weights.parameters,
            "vocab": self.weights.vocab_size,
            "style": self.style.value,
            "calibration": self.calibration.text(),
            "offloaded": self.weights.log.offloaded,
            "extra_buffers": self._options.extra_buffers,
        }

    def prepare(self, prompts: Mapping[str, Prompt]) -> dict[str, Any]:
        """Compute every pack's prompt; the first real decode of this engine.

        Raises:
            ConfigurationFault: MODEL_DAMAGED when the vocabulary lacks a token of the prompt's style.
        """
        before = {pack: self._tokens(prompt.before) for pack, prompt in prompts.items()}
        needed = sum(len(tokens) for tokens in before.values()) + WORKING_TOKENS
        context = self.weights.context(
            n_ctx=max(self._options.n_ctx, needed), n_threads=self._options.n_threads, sequences=len(before) + 1
        )
        self._context = context
        for place, (pack, tokens) in enumerate(before.items()):
            context.keep_prefix(place, tokens)
            self._places[pack] = place
            self._after[pack] = self._tokens(prompts[pack].after)
        return {"n_ctx": context.size, "prompt_tokens": {pack: len(tokens) for pack, tokens in before.items()}}

    def try_grammars(self, trials: Sequence[JsonObject]) -> int:
        """Put packs' trials to both readers of their grammars; how many answers were tried.

        Raises:
            NodeFault: GRAMMAR_INVALID.
        """
        return run_trials(trials, self.constraints, self.weights, self.vocabulary.ends)

    def decide(self, request: DecideRequest) -> Decision:
        """See `Decider`."""
        decision, decoded = self.run(request, self.fast)
        if decision.confidence >= request.sure_enough or decision.answer.startswith(_REFUSAL):
            return decision
        return replace(decision, readings=self._readings(request, decision.answer, decoded))

    def run(self, request: DecideRequest, way: Way) -> tuple[Decision, Decoded]:
        """Decide one sentence by `fast`, `plain` or `reference`."""
        started = time.perf_counter()
        context = self._context
        if context is None or request.pack not in self._places:
            raise NodeFault(Code.ENGINE_UNAVAILABLE, f"the engine has no prompt for the pack {request.pack!r}")
        prompt = [*self.weights.tokenize(request.marked), *self._after[request.pack]]
        if len(prompt) + TOKENS_MAX > context.free:
            raise ClientFault(Code.PROMPT_TOO_LONG, f"the sentence has {len(prompt)} tokens")
        if self.weights.parameters >= _SLOW_PARAMETERS:
            context.stop_when(lambda: self._clock.now_ms() >= request.deadline_ms)
        context.begin(self._places[request.pack])
        prepared = time.perf_counter()
        decoded = way(request, context, prompt)
        answer = self.weights.text(decoded.tokens, self.vocabulary.pieces)
        decision = Decision(
            answer=answer,
            confidence=self.calibration.confidence(decoded.probability),
            tokens=len(decoded.tokens),
            passes=decoded.passes,
            choices=len(decoded.choices),
            prompt_ms=(prepared - started) * 1000.0,
            decode_ms=(time.perf_counter() - prepared) * 1000.0,
            probability=min(1.0, decoded.probability),
        )
        return decision, decoded

    def fast(self, request: DecideRequest, context: Context, prompt: list[int]) -> Decoded:
        """Masked greedy decoding with forced tokens skipped."""
        return self._masked(request, context, prompt, savings=True)

    def plain(self, request: DecideRequest, context: Context, prompt: list[int]) -> Decoded:
        """The same with one token a pass."""
        return self._masked(request, context, prompt, savings=False)

    def reference(self, request: DecideRequest, context: Context, prompt: list[int]) -> Decoded:
        """llama.cpp's own grammar and greedy samplers, one token a pass."""
        sampler = self.weights.sampler(request.grammar)
        tokens: list[int] = []
        try:
            context.read(prompt, 1)
            while (token := context.sample(sampler)) not in self.vocabulary.ends:
                if self._clock.now_ms() >= request.deadline_ms:
                    raise ClientFault(Code.EXPIRED, "the time ran out while the answer was being decided")
                if len(tokens) >= TOKENS_MAX:
                    raise NodeFault(Code.OUTPUT_INVALID, f"the answer was cut at {TOKENS_MAX} tokens")
                tokens.append(token)
                context.read([token], 1)
        finally:
            sampler.close()
        return Decoded(tuple(tokens), choices=(), passes=len(tokens) + 1)

    def _readings(self, request: DecideRequest, given: str, decoded: Decoded) -> tuple[Reading, ...]:
        """What else a doubtful sentence may mean. Half of the time left may go into it: the answer has to arrive."""
        now_ms = self._clock.now_ms()
        hurried = replace(request, deadline_ms=now_ms + (request.deadline_ms - now_ms) / 2.0)
        found: dict[str, Reading] = {}

        def again(begun: Sequence[int]) -> Decoded | None:
            def way(asked: DecideRequest, context: Context, prompt: list[int]) -> Decoded:
                return self._masked(asked, context, prompt, savings=True, begun=begun)

            try:
                return self.run(hurried, way)[1]
            except (ClientFault, NodeFault):  # out of time, or an odd way that leads nowhere: one reading less
                return None

        for other, probability in other_ways(decoded, again):
            answer = self.weights.text(other.tokens, self.vocabulary.pieces)
            if answer != given:
                found.setdefault(answer, Reading(answer, self.calibration.confidence(probability)))
        return tuple(found.values())

    def _masked(
        self,
        request: DecideRequest,
        context: Context,
        prompt: list[int],
        *,
        savings: bool,
        begun: Sequence[int] = (),
    ) -> Decoded:
        draft = self._drafts.of(request.pack, request.marked)
        decoded = decode(
            context,
            self.constraints.begin(request.grammar),
            prompt,
            ends=self.vocabulary.ends,
            expired=lambda: self._clock.now_ms() >= request.deadline_ms,
            guessing=savings,
            skipping=savings,
            begun=begun,
            draft=draft.after if savings else None,
        )
        if savings and not begun:
            draft.learn(decoded.tokens, [choice.place for choice in decoded.choices])
        return decoded

    def _tokens(self, pieces: tuple[Piece, ...]) -> list[int]:
        tokens: list[int] = []
        for piece in pieces:
            if not piece.special:
                tokens += self.weights.tokenize(piece.text)
                continue
            token = self.weights.special(piece.text)
            if token is None:
                why = f"the vocabulary has no token {piece.text}; choose another prompt style"
                raise ConfigurationFault(Code.MODEL_DAMAGED, why)
            tokens.append(token)
        return tokens

    def close(self) -> None:
        if self._context:
            self._context.close()
            self._context = None
        self.weights.close()
