"""Examples to predictions: each sentence in its own world, through the same interpreter as the daemon's.

Refuses nothing: what cannot be run here is sorted out by `runnable`, and an error becomes a prediction without actions.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping

from edge_agent.clock import Clock
from edge_agent.errors import EdgeAgentError
from edge_agent.evaluation.comparing import REJECT
from edge_agent.evaluation.examples import Example
from edge_agent.evaluation.prediction import Prediction, Refusal
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import Decider
from edge_agent.messages import JsonAction
from edge_agent.node.interpret import Interpretation, Interpreter
from edge_agent.packs.base import Pack
from edge_agent.safety.stop import is_stop
from edge_agent.world.linker import Linker
from edge_agent.world.store import World

INTERPRETERS_KEPT_MAX = 8
"""Worlds whose index is kept; shared worlds come in runs, a world of its own comes once."""


def runnable(examples: Iterable[Example], packs: Mapping[str, Pack]) -> tuple[list[Example], dict[str, int]]:
    """The examples that can be run with these packs, and how many of the others there are, by why."""
    kept: list[Example] = []
    skipped: Counter[str] = Counter()
    for example in examples:
        if example.text is None:
            skipped["audio"] += 1
        elif example.pack not in packs:
            skipped[f"pack {example.pack}"] += 1
        else:
            kept.append(example)
    return kept, dict(skipped)


class Predictor:
    """Answers examples one after the other."""

    def __init__(self, packs: Mapping[str, Pack], decider: Decider, clock: Clock, *, ttl_ms: float) -> None:
        self._packs = packs
        self._decider = decider
        self._clock = clock
        self._ttl_ms = ttl_ms
        self._interpreters: OrderedDict[tuple[str, str], Interpreter] = OrderedDict()
        self._grammars = {name: SentenceGrammars(pack) for name, pack in packs.items()}

    def predict(self, example: Example) -> Prediction:
        """One example's prediction and the milliseconds from the sentence to the checked actions."""
        text = example.text or ""
        pack = self._packs[example.pack]
        try:
            interpreter = self._interpreter(pack, example)
            began_ms = self._clock.now_ms()
            if stop := stop_actions(pack, text):
                return Prediction(example.id, stop, self._clock.now_ms() - began_ms, confidence=1.0, proposed=stop)
            meaning = interpreter.interpret(text, deadline_ms=began_ms + self._ttl_ms, area=example.area)
            latency_ms = self._clock.now_ms() - began_ms
            linked = interpreter.linker.link(text)
        except EdgeAgentError as problem:
            return Prediction(example.id, (), error=problem.code.value)
        readings = meaning.reject.readings if meaning.reject else ()
        return Prediction(
            example.id,
            answered(meaning),
            latency_ms,
            confidence=meaning.confidence,
            proposed=readings[0].actions if readings else meaning.actions,
            refusal=_refusal(meaning),
            named=frozenset(entity.name for mention in linked.mentions for entity in mention.candidates),
        )

    def _interpreter(self, pack: Pack, example: Example) -> Interpreter:
        key = (pack.name, example.world_key)
        if key not in self._interpreters:
            linker = Linker(World.of(example.world))
            self._interpreters[key] = Interpreter(pack, linker, self._decider, self._clock, self._grammars[pack.name])
            if len(self._interpreters) > INTERPRETERS_KEPT_MAX:
                self._interpreters.popitem(last=False)
        self._interpreters.move_to_end(key)
        return self._interpreters[key]


def answered(interpretation: Interpretation) -> tuple[JsonAction, ...]:
    """An interpretation as a list of actions: a refusal is the one action `reject`."""
    if interpretation.reject is not None:
        return ({"action": REJECT, "reason": interpretation.reject.reason.value},)
    return interpretation.actions


def _refusal(meaning: Interpretation) -> Refusal | None:
    if meaning.reject is None:
        return None
    if meaning.reject.readings:
        return Refusal.DOUBT
    return Refusal.MODEL if meaning.output.startswith(f'[{{"action":"{REJECT}"') else Refusal.CODE


def stop_actions(pack: Pack, text: str) -> tuple[JsonAction, ...]:
    """What the stop path would say to this sentence, before any model sees it: the pack's stop, or nothing."""
    if pack.action("stop") is not None and is_stop(text, prefix=pack.stop_prefix):
        return ({"action": "stop"},)
    return ()


def prediction_json(prediction: Prediction) -> dict[str, object]:
    """One line of a predictions file."""
    line: dict[str, object] = {"id": prediction.id, "actions": list(prediction.actions)}
    if prediction.latency_ms is not None:
        line["latency_ms"] = round(prediction.latency_ms, 3)
    if prediction.confidence is not None:
        line["confidence"] = round(prediction.confidence, 4)
    if prediction.error:
        line["error"] = prediction.error
    return line
