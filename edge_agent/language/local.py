"""An engine in this very process: the model, its packs' prompts, and the ways to decode.

`add` and `step` are what the engine's process runs: many sentences in common passes. `decide` and `run` decide one by
itself. `plain` takes the savings away and `reference` is llama.cpp's own grammar sampler, one token a pass; both are
kept to prove the others right and to measure them. Decides how much context is needed: the prompts of all packs and
WORKING_TOKENS for each sentence worked on at the same time, whatever smaller number was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, ConfigurationFault, EdgeAgentError, NodeFault
from edge_agent.language.batching import Batching, Finished, Job
from edge_agent.language.calibration import KEY, Calibration
from edge_agent.language.constraint import Constraints
from edge_agent.language.context import Context
from edge_agent.language.decision import DecideRequest, Decision, Reading
from edge_agent.language.decoder import ALL, NONE, Decoded, Decoding, Logits, Read, Savings, decode
from edge_agent.language.drafts import SHARE_MIN, SHARE_MIN_GPU, Drafts
from edge_agent.language.engine import Log, Weights, build_facts, cards, has_gpu_driver
from edge_agent.language.kept import kept_for
from edge_agent.language.lookahead import Drafted, nothing_drafted
from edge_agent.language.models import header_of, opened_model
from edge_agent.language.options import ContextOptions, EngineOptions
from edge_agent.language.placement import PROMPT_TOKENS, Placement, partial_offload, place
from edge_agent.language.prefixes import Prefixes
from edge_agent.language.prompt import STYLE_TOKENS, Piece, Prompt, Style, style_of
from edge_agent.language.proofs import proof_of, proven, remember
from edge_agent.language.readings import other_ways
from edge_agent.language.trial import run_trials
from edge_agent.language.wire import JsonObject
from edge_agent.limits import ANSWER_TOKENS_MAX
from edge_agent.packs.base import REJECT

WORKING_TOKENS: Final = 1_024
"""Cells for one sentence and its answer when it has them to itself."""
SHARED_TOKENS: Final = 160
"""Cells for each further sentence at the same time: what nearly all need. Where it is too little, the latest waits."""

_REFUSAL = f'[{{"action":"{REJECT}"'
"""How an answer begins that refuses: it is carried out by nobody, so nobody need be asked what else it may mean."""

_SLOW_PARAMETERS = 200_000_000
"""From this size on a pass is stopped inside at the deadline; smaller ones end in milliseconds anyway."""

T = TypeVar("T")
Steps = Generator[Read, Sequence[Logits], T]
Way = Callable[[DecideRequest, list[int]], Decoding]
"""A way to decode a request, given the sentence's tokens."""


class LocalEngine:
    """A loaded model. `prepare` it with the packs' prompts, then ask."""

    def __init__(self, options: EngineOptions, clock: Clock) -> None:
        self._clock = clock
        self._options = options
        self.placement = self._placed()
        with opened_model(options.model, options.sha256) as path:
            self.weights = Weights(
                path, n_gpu_layers=self.placement.n_gpu_layers, extra_buffers=options.extra_buffers, log=Log()
            )
        self.calibration = Calibration.of_text(self.weights.metadata(KEY))
        self.vocabulary = self.weights.vocabulary()
        self.constraints = Constraints(self.vocabulary)
        self.tie = 0.0
        """Logits closer than this are settled by reading alone; known once it is prepared."""
        self._kept = kept_for(options)
        self._drafts = Drafts(SHARE_MIN_GPU if self._on_gpu else SHARE_MIN)
        self._context: Context | None = None
        self._batching: Batching[Any] | None = None
        self._places: dict[str, int] = {}
        self._after: dict[str, list[int]] = {}
        has_token = {name: self.weights.special(name) is not None for name in STYLE_TOKENS}
        self.style = Style(options.style) if options.style else style_of(has_token)

    def _placed(self) -> Placement:
        """Where the layers go. The prompts' cells are reckoned, as nobody has tokenized them yet."""
        options = self._options
        card = next(iter(cards()), None)
        if card is None:
            return place(None, None, options, n_ctx=options.n_ctx, has_driver=has_gpu_driver())
        cells = PROMPT_TOKENS + WORKING_TOKENS + SHARED_TOKENS * (options.sequences - 1)
        return place(header_of(options.model), card, options, n_ctx=max(options.n_ctx, cells), has_driver=True)

    @property
    def _on_gpu(self) -> bool:
        return self.placement.n_gpu_layers != 0

    def facts(self) -> dict[str, Any]:
        """What was loaded, for `doctor`."""
        return {
            **build_facts(),
            "placement": self.placement.message,
            "warnings": [one for one in (self.placement.warning, partial_offload(self.weights.log.offloaded)) if one],
            "model": self.weights.description,
            "parameters": self.weights.parameters,
            "vocab": self.weights.vocab_size,
            "style": self.style.value,
            "calibration": self.calibration.text(),
            "offloaded": self.weights.log.offloaded,
            "extra_buffers": self._options.extra_buffers,
        }

    def prepare(self, prompts: Mapping[str, Prompt]) -> dict[str, Any]:
        """Compute every pack's prompt, or load what was kept of it; the first real decode of this engine.

        Raises:
            ConfigurationFault: MODEL_DAMAGED when the vocabulary lacks a token of the prompt's style.
        """
        before = {pack: self._tokens(prompt.before) for pack, prompt in prompts.items()}
        options, sequences = self._options, self._options.sequences
        needed = sum(map(len, before.values())) + WORKING_TOKENS + SHARED_TOKENS * (sequences - 1)
        context = Context(
            self.weights,
            ContextOptions(
                prefixes=len(before),
                sequences=sequences,
                n_ctx=max(options.n_ctx, needed),
                n_threads=options.n_threads,
                kv_type=options.kv_type,
                flash_attention=options.flash_attention,
                fill=self._on_gpu,
            ),
            self._clock.now_ms,
        )
        if self.weights.parameters >= _SLOW_PARAMETERS:
            context.give_up_inside()
        self._context, self._batching = context, Batching(context, self._clock.now_ms)
        self._places = {pack: place for place, pack in enumerate(before)}
        self._after = {pack: self._tokens(prompt.after) for pack, prompt in prompts.items()}
        prefixes = Prefixes(context, self.weights, self._kept)
        for pack, tokens in before.items():
            prefixes.keep(self._places[pack], tokens, self._after[pack])
        self.tie = prefixes.tie if options.settle else 0.0
        return {
            "n_ctx": context.size,
            "sequences": sequences,
            "prompt_tokens": {pack: len(tokens) for pack, tokens in before.items()},
            "tie": self.tie,
            **prefixes.facts(),
        }

    def try_grammars(self, trials: Sequence[JsonObject]) -> int:
        """Put packs' trials to both readers of their grammars, unless they were before; how many answers were tried.

        Raises:
            NodeFault: GRAMMAR_INVALID.
        """
        proof = proof_of(self._kept, trials)
        if count := proven(proof):
            return count
        count = run_trials(trials, self.constraints, self.weights, self.vocabulary.ends)
        remember(proof, count)
        return count

    def learn_usual(self, pack: str, answers: Sequence[tuple[Sequence[str], str, int]]) -> None:
        """What is usually answered to sentences with such marks, and how often, to draft from."""
        for marks, answer, count in answers:
            self._drafts.learn_usual(pack, tuple(marks), answer, count)

    def add(self, request: DecideRequest, ticket: str, way: Way | None = None) -> None:
        """Take a sentence in; a later `step` says what became of it, and with a `way` of its own what `run` says."""
        steps: Steps[Any] = self._one_way(request, way) if way else self._deciding(request)
        self._shared.add(Job(ticket, self._place(request), request.deadline_ms, steps))

    def withdraw(self, ticket: str) -> None:
        """Nobody waits for this sentence any more."""
        self._shared.withdraw(ticket)

    def step(self) -> list[Finished[Any]]:
        """One pass for all sentences that were added; those that are decided now."""
        return self._shared.step()

    @property
    def busy(self) -> bool:
        """Whether a step would do something."""
        return self._batching is not None and self._batching.busy

    def decide(self, request: DecideRequest) -> Decision:
        """See `Decider`; by itself, while nothing else is being decided."""
        return self._alone(request, self._deciding(request))

    def run(self, request: DecideRequest, way: Way) -> tuple[Decision, Decoded]:
        """Decide one sentence by `fast`, `plain`, `drafted(text)` or `reference`, by itself."""
        return self._alone(request, self._one_way(request, way))

    def fast(self, request: DecideRequest, prompt: list[int]) -> Decoding:
        """Masked greedy decoding with forced tokens skipped, and drafts from memory or from the request checked."""
        draft = self._drafts.of(request.pack, request.marked, request.draft)
        decoded = yield from self._masked(request, prompt, drafted=draft.after)
        draft.learn(b"".join(self.vocabulary.pieces[token] for token in decoded.tokens))
        return decoded

    def undrafted(self, request: DecideRequest, prompt: list[int]) -> Decoding:
        """Forced tokens skipped, and nothing remembered of any other sentence."""
        return self._masked(request, prompt)

    def drafted(self, text: str) -> Way:
        """Forced tokens skipped, and this text as the only draft."""

        def after(written: bytes) -> bytes:
            return whole[len(written) :] if whole.startswith(written) else b""

        def way(request: DecideRequest, prompt: list[int]) -> Decoding:
            return self._masked(request, prompt, drafted=after)

        whole = text.encode()
        return way

    def plain(self, request: DecideRequest, prompt: list[int]) -> Decoding:
        """The same with one token a pass."""
        return self._masked(request, prompt, savings=NONE)

    def reference(self, request: DecideRequest, prompt: list[int]) -> Decoding:
        """llama.cpp's own grammar and greedy samplers, one token a pass."""
        sampler = self.weights.sampler(request.grammar)
        context = self._context
        assert context is not None, "`run` has looked"
        tokens: list[int] = []
        try:
            while True:
                if self._clock.now_ms() >= request.deadline_ms:
                    raise ClientFault(Code.EXPIRED, "the time ran out while the answer was being decided")
                if len(tokens) >= ANSWER_TOKENS_MAX:
                    raise NodeFault(Code.OUTPUT_INVALID, f"the answer was cut at {ANSWER_TOKENS_MAX} tokens")
                yield Read((*prompt, *tokens), (len(prompt) + len(tokens) - 1,))
                token = context.sample(sampler.chain)
                if token in self.vocabulary.ends:
                    return Decoded(tuple(tokens), choices=(), passes=len(tokens) + 1)
                tokens.append(token)
        finally:
            sampler.close()

    @property
    def _shared(self) -> Batching[Any]:
        if self._batching is None:
            raise NodeFault(Code.ENGINE_UNAVAILABLE, "the engine has no prompts yet")
        return self._batching

    def _place(self, request: DecideRequest) -> int:
        if request.pack not in self._places:
            raise NodeFault(Code.ENGINE_UNAVAILABLE, f"the engine has no prompt for the pack {request.pack!r}")
        return self._places[request.pack]

    def _alone(self, request: DecideRequest, steps: Steps[T]) -> T:
        self._shared.add(Job("", self._place(request), request.deadline_ms, steps))
        while True:
            for finished in self._shared.step():
                if isinstance(finished.result, EdgeAgentError):
                    raise finished.result
                result: T = finished.result
                return result

    def _deciding(self, request: DecideRequest) -> Steps[Decision]:
        """The answer, and what else a doubtful sentence may mean."""
        decision, decoded = yield from self._one_way(request, self.fast)
        if decision.confidence >= request.sure_enough or decision.answer.startswith(_REFUSAL):
            return decision
        readings = yield from self._readings(request, decision.answer, decoded)
        return replace(decision, readings=readings)

    def _one_way(self, request: DecideRequest, way: Way) -> Steps[tuple[Decision, Decoded]]:
        started = time.perf_counter()
        prompt = self._prompt(request)
        prepared = time.perf_counter()
        decoded = yield from way(request, prompt)
        decision = Decision(
            answer=self.weights.text(decoded.tokens, self.vocabulary.pieces),
            confidence=self.calibration.confidence(decoded.probability),
            tokens=len(decoded.tokens),
            passes=decoded.passes,
            choices=len(decoded.choices),
            prompt_ms=(prepared - started) * 1000.0,
            decode_ms=(time.perf_counter() - prepared) * 1000.0,
            probability=min(1.0, decoded.probability),
            supposed=decoded.supposed,
            right=decoded.right,
        )
        return decision, decoded

    def _prompt(self, request: DecideRequest) -> list[int]:
        prompt = [*self.weights.tokenize(request.marked), *self._after[request.pack]]
        if self._context is None or len(prompt) + ANSWER_TOKENS_MAX > self._context.free:
            raise ClientFault(Code.PROMPT_TOO_LONG, f"the sentence has {len(prompt)} tokens")
        return prompt

    def _readings(self, request: DecideRequest, given: str, decoded: Decoded) -> Steps[tuple[Reading, ...]]:
        """What else a doubtful sentence may mean. Half of the time left may go into it: the answer has to arrive."""
        now_ms = self._clock.now_ms()
        hurried = replace(request, deadline_ms=now_ms + (request.deadline_ms - now_ms) / 2.0)
        prompt = self._prompt(request)
        found: list[tuple[float, str]] = []
        for way in other_ways(decoded):
            try:
                other = yield from self._masked(hurried, prompt, begun=way.begun)
            except (ClientFault, NodeFault):  # out of time, or an odd way that leads nowhere: one reading less
                continue
            found.append((way.probability * other.probability, self.weights.text(other.tokens, self.vocabulary.pieces)))
        answers: dict[str, Reading] = {}
        for probability, answer in sorted(found, key=lambda pair: -pair[0]):
            if answer != given:
                answers.setdefault(answer, Reading(answer, self.calibration.confidence(probability)))
        return tuple(answers.values())

    def _masked(
        self,
        request: DecideRequest,
        prompt: list[int],
        *,
        savings: Savings = ALL,
        begun: Sequence[int] = (),
        drafted: Drafted = nothing_drafted,
    ) -> Decoding:
        return decode(
            self.constraints.begin(request.grammar),
            prompt,
            ends=self.vocabulary.ends,
            expired=lambda: self._clock.now_ms() >= request.deadline_ms,
            savings=savings,
            begun=begun,
            drafted=drafted,
            tie=self.tie,
        )

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
            self._context = self._batching = None
        self.weights.close()
