"""One sentence to checked actions or a reason: link, decide, resolve. The daemon, `interpret` and `eval` all use this.

What was heard may have several readings; `readings` says when another one than the first counts.

Synchronous, one sentence at a time, no socket and no journal. It refuses to go on when the deadline has passed, before
each stage; the engine watches the deadline between its own passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, EdgeAgentError
from edge_agent.grammar.gbnf import json_text
from edge_agent.grammar.resolve import Resolution, resolve
from edge_agent.grammar.schema import answer_schema
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import Decider, DecideRequest
from edge_agent.messages import JsonAction, Rejection
from edge_agent.messages.command import Spoken
from edge_agent.node.doubt import doubtful
from edge_agent.node.evidence import NONE, Evidence, evidence
from edge_agent.node.readings import (
    SURE_MIN,
    TRIED_MAX,
    disagreement,
    forbidding,
    may_be_overturned,
    names_something,
    other_readings,
    rests_on_sound,
    sounds_alike,
)
from edge_agent.packs.base import Pack
from edge_agent.packs.familiar import familiar_words
from edge_agent.safety.objections import objection, sharpened
from edge_agent.world.linker import Linker
from edge_agent.world.mention import Dialogue, Linked
from edge_agent.world.store import World
from edge_agent.world.text import check_text


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What a sentence means: `actions`, or `reject` and no actions.

    An answer that was not sure enough is a reject whose first reading is what would have been done. `output` is the
    model's own text. `heard` is the text that was read so: the command's own, or another reading of what was heard.
    `timings` has the milliseconds of link_ms, grammar_ms, decide_ms and resolve_ms, and `passes` the model's, of all
    readings together. `evidence` is what it was read with.
    """

    actions: tuple[JsonAction, ...]
    reject: Rejection | None
    marked: str
    output: str
    confidence: float
    passes: int
    timings: dict[str, float]
    heard: str
    evidence: Evidence = NONE


@dataclass(frozen=True, slots=True)
class Said:
    """What came with a sentence: the dialogue before it, where and by whom it was said, and whether it was heard."""

    dialogue: Dialogue
    area: str | None
    speaker: str | None
    spoken: bool
    ticket: str


@dataclass(slots=True)
class Stopwatch:
    """Milliseconds a stage, by name; refuses to start one after the deadline."""

    clock: Clock
    deadline_ms: float
    timings: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a stage into `timings[name]`."""
        began_ms = self.clock.now_ms()
        if began_ms >= self.deadline_ms:
            raise ClientFault(Code.EXPIRED, f"the time to live passed before {name.removesuffix('_ms')}")
        try:
            yield
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + self.clock.now_ms() - began_ms


_UNREADABLE = frozenset({Code.PROMPT_TOO_LONG, Code.GRAMMAR_INVALID, Code.OUTPUT_INVALID})
"""What makes another reading of what was heard none; the first one's faults are the command's."""
_FIRST_SENTENCE = "wait for two and a half seconds"


class Interpreter:
    """A pack, the world it speaks of and an engine."""

    def __init__(
        self,
        pack: Pack,
        linker: Linker,
        decider: Decider,
        clock: Clock,
        grammars: SentenceGrammars | None = None,
        *,
        with_schema: bool = False,
    ) -> None:
        """`grammars`: the pack's, where several interpreters of one thread share them.

        `with_schema`: the engine may be a server that takes no grammar, and has to be told in JSON Schema.
        """
        self.pack = pack
        self._linker = linker
        self._decider = decider
        self._clock = clock
        self._with_schema = with_schema
        self._grammars = grammars or SentenceGrammars(pack)
        self._familiar = familiar_words(pack.phrases)

    def warm_up(self, *, spoken: bool = False) -> None:
        """Read a sentence, so that the first one from outside finds every table loaded. `spoken`: it may be heard."""
        self._linker.link(_FIRST_SENTENCE)
        if spoken:
            self._linker.prepare_for_speech()

    @property
    def linker(self) -> Linker:
        """Reads sentences against the world as it is now."""
        return self._linker

    @property
    def world(self) -> World:
        """What exists now."""
        return self._linker.world

    def adopt(self, linker: Linker) -> None:
        """Speak of another world from the next sentence on; a sentence being read keeps the one it began with."""
        self._linker = linker

    def interpret(
        self,
        text: str,
        *,
        deadline_ms: float,
        dialogue: Dialogue = Dialogue(),  # noqa: B008 - frozen
        area: str | None = None,
        speaker: str | None = None,
        spoken: Spoken | None = None,
        ticket: str = "",
    ) -> Interpretation:
        """What the sentence means, by the deadline (CLOCK_BOOTTIME). `spoken`: it was heard, and may have been these.

        `ticket`: by this name its question to the engine can be withdrawn.

        Raises:
            ClientFault: EMPTY_TEXT, TOO_LONG, BAD_TEXT, EXPIRED, PROMPT_TOO_LONG.
            NodeFault: ENGINE_CRASHED, ENGINE_UNAVAILABLE, GRAMMAR_INVALID, OUTPUT_INVALID.
        """
        check_text(text)
        watch = Stopwatch(self._clock, deadline_ms)
        said = Said(dialogue, area, speaker, spoken is not None, ticket)
        linker = self._linker
        with watch.stage("link_ms"):
            linked = linker.link(text, dialogue, spoken=said.spoken)
        first = self._read(linker, linked, said, watch)
        if spoken is None:
            return first
        with watch.stage("link_ms"):
            others = [linker.link(other, dialogue, spoken=True) for other in other_readings(text, spoken)]
        meaning, chosen = self._chosen(linker, first, [linked, *others], said, watch)
        against = forbidding(chosen, [linked, *others]) if meaning.actions else None
        if against and not self._stops(meaning.actions[0]):
            return replace(meaning, actions=(), reject=against)
        return meaning

    def _chosen(
        self, linker: Linker, first: Interpretation, readings: list[Linked], said: Said, watch: Stopwatch
    ) -> tuple[Interpretation, Linked]:
        """The reading that counts: the first, unless it gives nothing here or only by sound and another one gives more.

        As many others are read as the time allows.
        """
        linked, *others = readings
        if first.reject and not may_be_overturned(linked, first.reject):
            return first, linked
        if first.actions and (not rests_on_sound(linked) or self._stops(first.actions[0])):
            return first, linked
        meant = [(first, linked)] if first.actions else []
        passes, reading_ms = first.passes, sum(watch.timings.values())
        for other in [other for other in others if sounds_alike(linked.text, other.text)][:TRIED_MAX]:
            if self._clock.now_ms() + reading_ms >= watch.deadline_ms:
                break
            try:
                meaning = self._read(linker, other, said, watch)
            except EdgeAgentError as problem:
                if problem.code not in _UNREADABLE:
                    raise
                continue
            passes += meaning.passes
            if meaning.actions:
                meant.append((meaning, other))
        stop = next((one for one in meant if self._stops(one[0].actions[0])), None)
        doubted: list[tuple[tuple[JsonAction, ...], float]] = []
        if first.reject and names_something(linked):
            doubted = [(one.actions, one.confidence) for one in first.reject.readings[:1]]
        against = disagreement([*doubted, *((one.actions, one.confidence) for one, _ in meant)])
        if against and not stop:
            return replace(first, actions=(), reject=against, passes=passes), linked
        sure = next((one for one in meant if one[0] is first or one[0].confidence >= SURE_MIN), (first, linked))
        meaning, chosen = stop or sure
        return replace(meaning, passes=passes), chosen

    def _read(self, linker: Linker, linked: Linked, said: Said, watch: Stopwatch) -> Interpretation:
        """What one reading means by itself."""
        with watch.stage("grammar_ms"):
            grammar = self._grammars.for_sentence(linked)
        with watch.stage("decide_ms"):
            request = DecideRequest(
                self.pack.name,
                linked.marked,
                grammar,
                watch.deadline_ms,
                sure_enough=self.pack.confidence_min,
                ticket=said.ticket,
                schema=json_text(answer_schema(self.pack, linked)) if self._with_schema else "",
            )
            decision = self._decider.decide(request)
        with watch.stage("resolve_ms"):

            def meaning(answer: str) -> Resolution:
                resolved = resolve(self.pack, answer, linked, linker.world, said.dialogue, said.area, said.speaker)
                if resolved.reject:
                    return Resolution((), sharpened(linked, resolved.reject, self._familiar))
                if not resolved.actions or self._stops(resolved.actions[0]):
                    return resolved
                against = objection(self.pack, linked, answer, self._familiar)
                return Resolution((), against) if against else resolved

            resolution = meaning(decision.answer)
            actions, reject = resolution.actions, resolution.reject
            least = self.pack.confidence_min
            if actions and decision.confidence < least and not self._stops(actions[0]):
                actions, reject = (), doubtful(decision, actions, least, meaning)
        return Interpretation(
            actions,
            reject,
            linked.marked,
            decision.answer,
            decision.confidence,
            decision.passes,
            watch.timings,
            linked.text,
            evidence(linker.world.revision, said.dialogue.recent, grammar, linked.text),
        )

    def _stops(self, action: JsonAction) -> bool:
        """A doubtful stop is a stop."""
        spec = self.pack.action(action["action"])
        return spec is not None and spec.hazard == "stop"
