"""Examples to predictions: each sentence in its own world, through the same interpreter as the daemon's.

Refuses nothing: what cannot be run here is sorted out by `runnable`, and an error becomes a prediction without actions.
Sound in which no words are heard, or none to rely on, is refused as the daemon does it: nothing is done.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Container, Iterable, Mapping

from edge_agent.clock import Clock
from edge_agent.errors import EdgeAgentError
from edge_agent.evaluation.comparing import REJECT
from edge_agent.evaluation.examples import Example
from edge_agent.evaluation.heard import Heard, Hears
from edge_agent.evaluation.prediction import Prediction, Refusal
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import Decider
from edge_agent.limits import ALTERNATIVES_MAX, TEXT_CHARS_MAX
from edge_agent.messages import JsonAction, RejectReason
from edge_agent.messages.command import Spoken
from edge_agent.node.interpret import Interpretation, Interpreter
from edge_agent.node.readings import is_spoken_stop
from edge_agent.packs.base import Pack
from edge_agent.speech.recognition import Transcript
from edge_agent.world.linker import Linker
from edge_agent.world.store import World

INTERPRETERS_KEPT_MAX = 8
"""Worlds whose index is kept; shared worlds come in runs, a world of its own comes once."""


def runnable(
    examples: Iterable[Example], packs: Container[str], *, hearing: bool = False
) -> tuple[list[Example], dict[str, int]]:
    """The examples that can be run with these packs, and how many of the others there are, by why.

    `hearing`: examples in sound are among them.
    """
    kept: list[Example] = []
    skipped: Counter[str] = Counter()
    for example in examples:
        if example.text is None and not hearing:
            skipped["audio"] += 1
        elif example.pack not in packs:
            skipped[f"pack {example.pack}"] += 1
        else:
            kept.append(example)
    return kept, dict(skipped)


class Predictor:
    """Answers examples one after the other."""

    def __init__(
        self,
        packs: Mapping[str, Pack],
        decider: Decider,
        clock: Clock,
        *,
        ttl_ms: float,
        hearer: Hears | None = None,
    ) -> None:
        """`hearer`: needed for examples in sound."""
        self._packs = packs
        self._decider = decider
        self._clock = clock
        self._ttl_ms = ttl_ms
        self._hearer = hearer
        self._interpreters: OrderedDict[tuple[str, str], Interpreter] = OrderedDict()
        self._grammars = {name: SentenceGrammars(pack) for name, pack in packs.items()}

    def predict(self, example: Example, snr_db: float | None = None) -> Prediction:
        """One example's prediction and the milliseconds from the sentence, or its last sample, to the checked actions.

        `snr_db`: noise is mixed under an example in sound, at this ratio.
        """
        try:
            if example.text is not None:
                return self._read(example, example.text)
            assert self._hearer is not None, "an example in sound needs a hearer"
            heard = self._hearer.hear(example, snr_db)
            if heard.transcript is None:
                return _unheard(example, heard)
            return self._read(example, heard.text, heard)
        except EdgeAgentError as problem:
            return Prediction(example.id, (), error=problem.code.value)

    def _read(self, example: Example, text: str, heard: Heard | None = None) -> Prediction:
        pack = self._packs[example.pack]
        interpreter = self._interpreter(pack, example)
        spoken = _spoken(heard.transcript) if heard and heard.transcript else None
        waited_ms = heard.final_ms if heard else 0.0
        began_ms = self._clock.now_ms()
        if stop := stop_actions(pack, text, spoken):
            latency_ms = waited_ms + self._clock.now_ms() - began_ms
            return Prediction(example.id, stop, latency_ms, confidence=1.0, proposed=stop, heard=heard)
        meaning = interpreter.interpret(text, deadline_ms=began_ms + self._ttl_ms, area=example.area, spoken=spoken)
        latency_ms = waited_ms + self._clock.now_ms() - began_ms
        linked = interpreter.linker.link(meaning.heard, spoken=spoken is not None)
        readings = meaning.reject.readings if meaning.reject else ()
        return Prediction(
            example.id,
            answered(meaning),
            latency_ms,
            confidence=meaning.confidence,
            proposed=readings[0].actions if readings else meaning.actions,
            refusal=_refusal(meaning),
            named=frozenset(entity.name for mention in linked.mentions for entity in mention.candidates),
            heard=heard,
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


def _unheard(example: Example, heard: Heard) -> Prediction:
    """The ear's or the recogniser's refusal: to whoever gets the answer, words that are no command."""
    reject: JsonAction = {"action": REJECT, "reason": RejectReason.NOT_A_COMMAND.value}
    return Prediction(example.id, (reject,), heard.final_ms, refusal=Refusal.UNHEARD, heard=heard)


def _refusal(meaning: Interpretation) -> Refusal | None:
    if meaning.reject is None:
        return None
    if meaning.reject.readings:
        return Refusal.DOUBT
    return Refusal.MODEL if meaning.output.startswith(f'[{{"action":"{REJECT}"') else Refusal.CODE


def _spoken(transcript: Transcript) -> Spoken:
    """A transcript as a command carries it."""
    readings = (reading[:TEXT_CHARS_MAX] for reading in transcript.alternatives[:ALTERNATIVES_MAX])
    return Spoken(alternatives=tuple(readings), confidence=transcript.confidence)


def stop_actions(pack: Pack, text: str, spoken: Spoken | None = None) -> tuple[JsonAction, ...]:
    """What the stop path would say to this sentence, before any model sees it: the pack's stop, or nothing."""
    if pack.action("stop") is not None and is_spoken_stop(text, spoken, prefix=pack.stop_prefix):
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
    return line | (_heard_json(prediction.heard) if prediction.heard else {})


def _heard_json(heard: Heard) -> dict[str, object]:
    line: dict[str, object] = {
        "heard": heard.text,
        "audio_ms": round(heard.audio_ms, 1),
        "listening_ms": round(heard.work_ms, 1),
        "transcription_ms": round(heard.final_ms, 1),
    }
    if heard.transcript is not None:
        line["alternatives"] = list(heard.transcript.alternatives)
        line["heard_confidence"] = round(heard.transcript.confidence, 4)
    if heard.refusal is not None:
        line["unheard"] = heard.refusal.value
    return line
