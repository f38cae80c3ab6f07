"""Our ways: one engine asked one token a pass, with forced tokens skipped, and with a draft; each pass is timed."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from edge_agent.benchmarking.samples import Sample, Way
from edge_agent.clock import SystemClock
from edge_agent.language.decision import DecideRequest
from edge_agent.language.decoder import Decoded, Decoding
from edge_agent.language.local import LocalEngine
from edge_agent.language.local import Way as EngineWay
from edge_agent.language.options import EngineOptions
from edge_agent.language.prompt import Prompt


class OurEngine:
    """A loaded model; `prepare` it, then measure."""

    def __init__(self, options: EngineOptions) -> None:
        self._engine = LocalEngine(options, SystemClock())

    def facts(self) -> dict[str, object]:
        """What was loaded."""
        return self._engine.facts()

    def prepare(self, prompts: Mapping[str, Prompt]) -> dict[str, object]:
        """Compute the packs' prompts."""
        return self._engine.prepare(prompts)

    def accepts(self, grammar: str, answer: str) -> bool:
        """Whether the grammar has this answer."""
        return self._engine.constraints.accepts(grammar, answer)

    def measure(self, request: DecideRequest, way: Way, draft: str) -> Sample:
        """Decide one sentence in one way; `draft` is what the ways with a draft check."""
        passed_s: list[float] = []
        begun = time.perf_counter()
        decision, decoded = self._engine.run(request, _timed(self._way(way, draft), passed_s))
        ended = time.perf_counter()
        first = passed_s[0] if passed_s else ended
        return Sample(
            answer=decision.answer,
            tokens=decision.tokens,
            passes=decision.passes,
            first_ms=(first - begun) * 1000.0,
            rest_ms=(ended - first) * 1000.0,
            settled=decoded.settled,
            margin=decoded.margin if math.isfinite(decoded.margin) else None,
        )

    def _way(self, way: Way, draft: str) -> EngineWay:
        match way:
            case Way.PLAIN:
                return self._engine.plain
            case Way.FORCED:
                return self._engine.undrafted
            case _:
                return self._engine.drafted(draft)


def _timed(way: EngineWay, passed_s: list[float]) -> EngineWay:
    """The same way; notes when each of its passes was through."""

    def timed(request: DecideRequest, prompt: list[int]) -> Decoding:
        steps = way(request, prompt)
        try:
            wanted = next(steps)
            while True:
                rows = yield wanted
                passed_s.append(time.perf_counter())
                wanted = steps.send(rows)
        except StopIteration as end:
            decoded: Decoded = end.value
        return decoded

    return timed
