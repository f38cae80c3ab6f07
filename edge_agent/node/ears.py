"""The ear as the node sees it: streams of sound go in, events come out, and a dead ear is replaced.

What a stream was in the middle of when the ear died is lost and named so (SPEECH_CRASHED): half a sentence must not be
read as a whole one. The streams themselves go on in the new ear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Protocol

from edge_agent.clock import Clock
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.limits import EAR_STILL_MS
from edge_agent.observe.events import NodeChanged, Stream
from edge_agent.processes.frames import JsonObject
from edge_agent.processes.supervised import Supervised
from edge_agent.speech.audio import PcmFormat
from edge_agent.speech.ear_wire import Ended, Position, Told, open_object, read_ear
from edge_agent.speech.events import EarEvent
from edge_agent.speech.segmenter import Mode

_MODULE: Final = "edge_agent.speech.ear_child"


class Hearer(Protocol):
    """A stream's owner. Called on the loop; must not block."""

    def heard(self, event: EarEvent) -> None:
        """Something happened in the stream's sound."""

    def listened(self, position_ms: float) -> None:
        """Sound up to here has been listened to."""

    def finished(self) -> None:
        """The stream's end has been reached; nothing more comes."""

    def interrupted(self) -> None:
        """The ear died."""

    def begun_anew(self) -> None:
        """Its successor listens, and counts from 0 ms."""


@dataclass(frozen=True, slots=True)
class _Opened:
    form: PcmFormat
    mode: Mode
    hearer: Hearer


class Ears:
    """All streams, in one process. Used on the loop."""

    def __init__(self, rules: Mapping[str, float], stop_phrases: tuple[str, ...], stream: Stream, clock: Clock) -> None:
        """`rules`: the cutter's silences, in milliseconds; no `stop_phrases`: no stop is listened for."""
        self._rules = dict(rules)
        self._stream = stream
        self._clock = clock
        self._unanswered_since_ms: float | None = None
        self._child = Supervised(_MODULE, lambda: {"load": {"stop_phrases": list(stop_phrases)}}, self, clock)
        self._opened: dict[int, _Opened] = {}
        self._numbers = count(1)
        self._lives = 0
        self._stop_trouble = ""

    @property
    def ready(self) -> bool:
        """Whether an ear listens."""
        return self._child.ready

    @property
    def trouble(self) -> str:
        """Why nothing is heard now; empty when it is."""
        return "" if self._child.ready else self._child.last_end or "starting"

    @property
    def stop_trouble(self) -> str:
        """Why no stop is known by its sound, where one should be; empty when all is well."""
        return self._stop_trouble

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return self._child.restarts

    @property
    def failure(self) -> EdgeAgentError | None:
        """Why the ear could not be started."""
        return self._child.failure

    @property
    def pid(self) -> int | None:
        """The process that listens, or None while there is none."""
        return self._child.pid

    def tick(self) -> None:
        """Look at the time: an ear that stands still is ended, and another one started."""
        since_ms = self._unanswered_since_ms
        if since_ms is not None and self._clock.now_ms() - since_ms >= EAR_STILL_MS:
            self._unanswered_since_ms = None
            self._child.kill("stood still")

    async def run(self) -> None:
        """Keep an ear alive until cancelled."""
        await self._child.run()

    def open(self, form: PcmFormat, mode: Mode, hearer: Hearer) -> int:
        """A new stream; returns its number."""
        number = next(self._numbers)
        self._opened[number] = _Opened(form, mode, hearer)
        self._send_open(number)
        return number

    def hear(self, number: int, pcm: bytes) -> bool:
        """Its next sound; False when the ear cannot take it."""
        if self._unanswered_since_ms is None:
            self._unanswered_since_ms = self._clock.now_ms()
        return self._child.send({"pcm": number}, pcm)

    def gap(self, number: int, missing_ms: float) -> None:
        """Some of its sound is missing here."""
        self._child.send({"gap": number, "missing_ms": missing_ms})

    def settle(self, number: int, end_ms: float, paused_ms: float) -> None:
        """What was said until the pause at `paused_ms` is whole: a silence this long ends it."""
        self._child.send({"settle": number, "end_ms": end_ms, "paused_ms": paused_ms})

    def end(self, number: int) -> bool:
        """No more sound; `finished` follows. False when there is no ear to say so."""
        return self._child.send({"end": number})

    def close(self, number: int) -> None:
        """It is of no further interest."""
        if self._opened.pop(number, None) is not None:
            self._child.send({"close": number})

    def came_up(self, facts: Mapping[str, Any]) -> None:
        """A fresh ear: open what is open."""
        self._unanswered_since_ms = None
        self._stop_trouble = str(facts.get("stop_trouble") or "")
        self._stream.tell(NodeChanged("ear", "ready"))
        if self._stop_trouble:
            self._stream.tell(NodeChanged("ear", f"no spoken stop: {self._stop_trouble}", Code.SPEECH_UNAVAILABLE))
        for number, opened in self._opened.items():
            self._send_open(number)
            if self._lives:  # whoever speaks now may be in the middle of a sentence
                self.gap(number, 0.0)
                opened.hearer.begun_anew()
        self._lives += 1

    def said(self, header: JsonObject, payload: bytes) -> None:
        """An event, a position or an end."""
        self._unanswered_since_ms = None
        told = read_ear(header, payload)
        opened = self._opened.get(told.stream)
        if opened is None:
            return  # of a stream that was closed in the meantime
        match told:
            case Told(_, event):
                opened.hearer.heard(event)
            case Position(_, position_ms):
                opened.hearer.listened(position_ms)
            case Ended():
                del self._opened[told.stream]
                opened.hearer.finished()

    def owes(self) -> bool:
        """Sound that it has not answered is timed by `tick`: a stop may be in it, and an ear is never slow."""
        return False

    def went_down(self, why: str) -> None:
        """Everybody's sentence in progress is lost."""
        self._stream.tell(NodeChanged("ear", f"away: {why}", Code.SPEECH_CRASHED))
        for opened in tuple(self._opened.values()):
            opened.hearer.interrupted()

    def _send_open(self, number: int) -> None:
        opened = self._opened[number]
        self._child.send(open_object(number, opened.form, opened.mode, self._rules))
