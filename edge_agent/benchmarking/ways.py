"""One model asked the same sentences in several ways, sentence by sentence and way by way, in processes side by side.

Decides the order (each sentence in every way before the next one, so that what disturbs the machine disturbs all ways),
what a wrong draft is (an answer to another sentence that this one's grammar has too) and what counts as a near tie. A
first round by our decoder, which is not counted, warms the machine up and says what the answers are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from edge_agent.benchmarking.measuring import Measuring, measuring
from edge_agent.benchmarking.samples import Agreement, Sample, Way
from edge_agent.benchmarking.sentences import sentences
from edge_agent.clock import SystemClock
from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.grammar.resolve import resolve
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.instruction import pack_prompt
from edge_agent.language.options import EngineOptions
from edge_agent.language.prompt import Prompt, Style
from edge_agent.messages.answer import RejectReason
from edge_agent.packs.base import REJECT, Pack
from edge_agent.world.linker import Linker
from edge_agent.world.mention import Dialogue, Linked
from edge_agent.world.store import World

PATIENCE_MS = 600_000
"""No deadline that would end a measurement."""
NEAR_TIE = 0.02
"""In logits; below it, or below what the engine found its batches to round, other batches may give another answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A sentence as every way is asked it."""

    pack: Pack
    world: World
    linked: Linked
    request: DecideRequest

    def actions(self, answer: str) -> object:
        """What an answer comes to; an error's code where it comes to nothing."""
        try:
            return resolve(self.pack, answer, self.linked, self.world, Dialogue(), None, None)
        except EdgeAgentError as problem:
            return problem.code


@dataclass(frozen=True, slots=True)
class Compared:
    """What was measured: every sentence's sample in each way, in the order asked."""

    facts: Mapping[str, object]
    prompt_tokens: Mapping[str, int]
    tie: float
    """How far apart logits were found to be when the same was read in other batches, with the engine's own margin."""
    asked: Sequence[Asked]
    samples: Mapping[Way, Sequence[Sample]]
    stock_fault: str
    """Why the stock way could not be measured, or ""."""

    def agreements(self) -> list[Agreement]:
        """Each way's answers against those with forced tokens skipped."""
        tie = max(NEAR_TIE, self.tie)
        return [
            _agreement(way, self.asked, found, self.samples[Way.FORCED], tie)
            for way, found in self.samples.items()
            if way is not Way.FORCED and found
        ]


def asked_of(pack: Pack, world: World, count: int, seed: int) -> list[Asked]:
    """So many of the pack's sentences about this world.

    Raises:
        ConfigurationFault: PHRASES_INVALID, WORLD_INVALID.
    """
    linker, grammars = Linker(world), SentenceGrammars(pack)
    found = []
    for text in sentences(pack, world.entities, count, seed):
        linked = linker.link(text)
        request = DecideRequest(pack.name, linked.marked, grammars.for_sentence(linked), 0.0)
        found.append(Asked(pack, world, linked, request))
    return found


def compare(asked: Sequence[Asked], options: EngineOptions, step: Callable[[], None]) -> Compared:
    """Decide every sentence in every way; `step` is called after each sentence of both rounds.

    Raises:
        EdgeAgentError: the model cannot be had, or our engine failed.
    """
    packs = {one.pack.name: one.pack for one in asked}
    with ExitStack() as processes:
        ours = processes.enter_context(measuring())
        facts = ours.load_ours(options)
        prompts = {name: pack_prompt(pack, Style(facts["style"])) for name, pack in packs.items()}
        facts |= ours.prepare(prompts)
        stock = processes.enter_context(measuring())
        answers = []
        for one in asked:
            answers.append(ours.measure(_due(one), Way.FORCED).answer)
            step()
        fault = _warmed(stock, options, prompts, asked[0])
        samples: dict[Way, list[Sample]] = {way: [] for way in Way}
        for place, one in enumerate(asked):
            if not fault:
                samples[Way.STOCK].append(stock.measure(_due(one), Way.STOCK))
            drafts = {Way.RIGHT: answers[place], Way.WRONG: _wrong(ours, one, place, answers)}
            for way in (Way.PLAIN, Way.FORCED, Way.RIGHT, Way.WRONG):
                samples[way].append(ours.measure(_due(one), way, drafts.get(way, "")))
            step()
    return Compared(facts, facts["prompt_tokens"], facts["tie"], asked, samples, fault)


def _warmed(stock: Measuring, options: EngineOptions, prompts: Mapping[str, Prompt], first: Asked) -> str:
    """Load the stock engine and let it compute the prompt; why it cannot, or ""."""
    try:
        stock.load_stock(options, prompts)
        stock.measure(_due(first), Way.STOCK)
    except NodeFault as problem:
        if problem.code is not Code.ENGINE_CRASHED:
            raise
        return problem.message
    return ""


def _due(one: Asked) -> DecideRequest:
    return replace(one.request, deadline_ms=SystemClock().now_ms() + PATIENCE_MS)


def _wrong(ours: Measuring, one: Asked, place: int, answers: Sequence[str]) -> str:
    """An answer of the same grammar that is not this sentence's: another sentence's, else a refusal."""
    right = answers[place]
    for other in (*answers[place + 1 :], *answers[:place], *_refusals()):
        if other != right and ours.accepts(one.request.grammar, other):
            return other
    raise NodeFault(Code.INTERNAL, "no grammar is without two refusals")


def _refusals() -> Iterator[str]:
    for reason in RejectReason:
        yield json.dumps([{"action": REJECT, "reason": reason.value}], separators=(",", ":"))


def _agreement(
    way: Way, asked: Sequence[Asked], found: Sequence[Sample], ours: Sequence[Sample], tie: float
) -> Agreement:
    answers = actions = ties = 0
    for one, theirs, own in zip(asked, found, ours, strict=True):
        same = one.actions(theirs.answer) == one.actions(own.answer)
        answers += theirs.answer == own.answer
        actions += same
        ties += not same and own.margin is not None and own.margin < tie
    return Agreement(way, len(found), answers, actions, ties)
