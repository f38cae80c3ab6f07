"""One sentence to checked actions or a reason: link, decide, resolve. The daemon, `interpret` and `eval` all use this.

Synchronous, one sentence at a time, no socket and no journal. It refuses to go on when the deadline has passed, before
each stage; the engine watches the deadline between its own passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code
from edge_agent.grammar.resolve import Resolution, resolve
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import Decider, DecideRequest
from edge_agent.messages import JsonAction, Rejection
from edge_agent.node.doubt import doubtful
from edge_agent.packs.base import Pack
from edge_agent.packs.familiar import familiar_words
from edge_agent.safety.objections import objection, sharpened
from edge_agent.world.linker import Linker
from edge_agent.world.mention import Dialogue
from edge_agent.world.store import World
from edge_agent.world.text import check_text


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What a sentence means: `actions`, or `reject` and no actions.

    An answer that was not sure enough is a reject whose first reading is what would have been done. `output` is the
    model's own text. `timings` has the milliseconds of link_ms, grammar_ms, decide_ms and resolve_ms.
    """

    actions: tuple[JsonAction, ...]
    reject: Rejection | None
    marked: str
    output: str
    confidence: float
    passes: int
    timings: dict[str, float]


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


_FIRST_SENTENCE = "wait for two and a half seconds"


class Interpreter:
    """A pack, the world it speaks of and an engine."""

    def __init__(
        self, pack: Pack, linker: Linker, decider: Decider, clock: Clock, grammars: SentenceGrammars | None = None
    ) -> None:
        """`grammars`: the pack's, where several interpreters of one thread share them."""
        self.pack = pack
        self._linker = linker
        self._decider = decider
        self._clock = clock
        self._grammars = grammars or SentenceGrammars(pack)
        self._familiar = familiar_words(pack.phrases)

    def warm_up(self) -> None:
        """Read a sentence, so that the first one from outside finds every table loaded."""
        self._linker.link(_FIRST_SENTENCE)

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
    ) -> Interpretation:
        """What the sentence means, by the deadline (CLOCK_BOOTTIME).

        Raises:
            ClientFault: EMPTY_TEXT, TOO_LONG, BAD_TEXT, EXPIRED, PROMPT_TOO_LONG.
            NodeFault: ENGINE_CRASHED, ENGINE_UNAVAILABLE, GRAMMAR_INVALID, OUTPUT_INVALID.
        """
        check_text(text)
        watch = Stopwatch(self._clock, deadline_ms)
        linker = self._linker
        with watch.stage("link_ms"):
            linked = linker.link(text, dialogue)
        with watch.stage("grammar_ms"):
            grammar = self._grammars.for_sentence(linked)
        with watch.stage("decide_ms"):
            request = DecideRequest(self.pack.name, linked.marked, grammar, deadline_ms, self.pack.confidence_min)
            decision = self._decider.decide(request)
        with watch.stage("resolve_ms"):

            def meaning(answer: str) -> Resolution:
                resolved = resolve(self.pack, answer, linked, linker.world, dialogue, area, speaker)
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
            actions, reject, linked.marked, decision.answer, decision.confidence, decision.passes, watch.timings
        )

    def _stops(self, action: JsonAction) -> bool:
        """A doubtful stop is a stop."""
        spec = self.pack.action(action["action"])
        return spec is not None and spec.hazard == "stop"
