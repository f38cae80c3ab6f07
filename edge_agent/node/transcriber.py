"""The recogniser as the node sees it: utterances are begun, fed and asked for, and outlive the process that reads them.

When the process dies in the middle of a sentence, the sound of every open utterance is handed to its successor, and so
are the questions. When it does not answer within a deadline it is ended, and the question is EXPIRED. One that learns
what may be said is given all the time it needs, as long as it computes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.limits import ANSWER_GRACE_MS
from edge_agent.observe.events import NodeChanged, Stream
from edge_agent.processes.frames import BadFrame, JsonObject
from edge_agent.processes.supervised import Supervised
from edge_agent.speech.choice import Choice
from edge_agent.speech.recogniser_wire import lexicon_object, read_answer
from edge_agent.speech.recognition import Lexicon, Transcript

_MODULE: Final = "edge_agent.speech.recogniser_child"


@dataclass(slots=True)
class _Utterance:
    pack: str
    pcm: list[bytes] = field(default_factory=list)
    """Everything fed so far; at most UTTERANCE_MS_MAX of sound, which the ear sees to."""
    handed: bool = False
    """Whether the living process has it."""


@dataclass(frozen=True, slots=True)
class _Question:
    utterance: int
    deadline_ms: float
    answer: asyncio.Future[Transcript]


class Transcriber:
    """Hands sound to the recogniser and asks it for words. Used on the loop."""

    def __init__(
        self, choice: Choice, lexicon_of: Callable[[str], Lexicon], packs: tuple[str, ...], stream: Stream, clock: Clock
    ) -> None:
        """`lexicon_of`: what may be said in a pack now; slow, so it is asked in a thread."""
        self._lexicon_of = lexicon_of
        self._packs = packs
        self._stream = stream
        self._clock = clock
        self._child = Supervised(_MODULE, lambda: {"load": choice.to_object()}, self, clock)
        self._lexicons: dict[str, Lexicon] = {}
        self._taught: set[str] = set()
        self._prepared: dict[str, str] = {}
        self._ready_since_ms: float | None = None
        self._faults: dict[str, EdgeAgentError] = {}
        self._utterances: dict[int, _Utterance] = {}
        self._questions: dict[int, _Question] = {}
        self._numbers = count(1)
        self._asks = count(1)
        self._learning: dict[str, asyncio.Task[None]] = {}

    @property
    def ready(self) -> bool:
        """Whether every pack's lexicon is known to a living process."""
        return self._child.ready and len(self._prepared) == len(self._packs)

    @property
    def trouble(self) -> str:
        """Why nothing can be read now; empty when it can."""
        if self.ready:
            return ""
        return self._child.last_end or "starting"

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return self._child.restarts

    @property
    def failure(self) -> EdgeAgentError | None:
        """Why the recogniser could not be started, or a pack's lexicon not be made."""
        return self._child.failure or next(iter(self._faults.values()), None)

    @property
    def pid(self) -> int | None:
        """The process that reads, or None while there is none."""
        return self._child.pid

    async def run(self) -> None:
        """Keep a recogniser alive until cancelled."""
        for pack in self._packs:
            self.learn(pack)
        await self._child.run()
        for question in self._questions.values():
            self._refuse(question)
        await asyncio.Event().wait()  # it cannot be started; those who ask are told

    def learn(self, pack: str) -> None:
        """A pack's world has changed: let the recogniser know what may be said now. Changes in quick succession
        become one."""
        if (before := self._learning.get(pack)) is not None and not before.done():
            before.cancel()
        self._learning[pack] = asyncio.get_running_loop().create_task(self._learn(pack))

    async def _learn(self, pack: str) -> None:
        try:
            lexicon = await asyncio.get_running_loop().run_in_executor(None, self._lexicon_of, pack)
        except Exception as problem:  # of a user's pack or world: who opens a stream is told
            named = problem if isinstance(problem, EdgeAgentError) else None
            self._faults[pack] = named or NodeFault(
                Code.INTERNAL, f"what may be said in {pack} is not known: {problem!r}"
            )
            self._stream.tell(NodeChanged("recogniser", self._faults[pack].message, self._faults[pack].code))
            return
        self._faults.pop(pack, None)
        if (known := self._lexicons.get(pack)) is None or known.digest != lexicon.digest:
            self._lexicons[pack] = lexicon
            self._teach(pack)

    def begin(self, pack: str) -> int:
        """A new utterance; returns its number."""
        number = next(self._numbers)
        self._utterances[number] = _Utterance(pack)
        if pack in self._taught:
            self._hand_over(number)
        return number

    def feed(self, number: int, pcm: bytes) -> None:
        """Its next sound."""
        if (utterance := self._utterances.get(number)) is not None:
            utterance.pcm.append(pcm)
            if utterance.handed:
                self._child.send({"feed": number}, pcm)

    def drop(self, number: int) -> None:
        """It is of no further interest."""
        utterance = self._utterances.pop(number, None)
        if utterance is not None and utterance.handed:
            self._child.send({"close": number})

    async def transcript(self, number: int, deadline_ms: float) -> Transcript:
        """The words of an utterance so far.

        Raises:
            ClientFault: NO_SPEECH, LOW_CONFIDENCE, EXPIRED.
            NodeFault: SPEECH_UNAVAILABLE, SPEECH_CRASHED.
        """
        if self._child.failure is not None and not self._child.ready:
            raise self._away()
        asked_ms = self._clock.now_ms()
        ask = next(self._asks)
        question = _Question(number, deadline_ms, asyncio.get_running_loop().create_future())
        self._questions[ask] = question
        self._put(ask, question)
        try:
            left_ms = deadline_ms - self._clock.now_ms() + ANSWER_GRACE_MS
            async with asyncio.timeout(max(0.0, left_ms) / 1000.0):
                return await question.answer
        except TimeoutError:
            # one that came up in the meantime has had less time than that
            if self._ready_since_ms is not None and self._ready_since_ms <= asked_ms:
                self._child.kill("did not answer in time")
            raise ClientFault(Code.EXPIRED, "the time to live passed while the words were being read") from None
        finally:
            self._questions.pop(ask, None)

    def came_up(self, facts: Mapping[str, Any]) -> None:
        """A fresh process: teach it, and hand it what its predecessor left."""
        self._stream.tell(NodeChanged("recogniser", f"loaded: {facts.get('recogniser', '?')} {facts.get('model', '')}"))
        for pack in self._lexicons:
            self._teach(pack)

    def said(self, header: JsonObject, payload: bytes) -> None:
        """A pack is prepared, or a question answered."""
        match header:
            case {"prepared": str(pack), "digest": str(digest)}:
                if pack not in self._packs or payload:
                    raise BadFrame("of a pack that nobody asked for")
                self._prepared[pack] = digest
                if self.ready:
                    self._ready_since_ms = self._ready_since_ms or self._clock.now_ms()
                    self._stream.tell(NodeChanged("recogniser", "ready"))
            case _:
                ask, answer = read_answer(header)
                question = self._questions.get(ask)
                if question is None or question.answer.done():
                    return
                if isinstance(answer, Transcript):
                    question.answer.set_result(answer)
                else:
                    question.answer.set_exception(answer)

    def owes(self) -> bool:
        """Whether it has words to give, or something to learn."""
        handed = {number for number, utterance in self._utterances.items() if utterance.handed}
        asked = any(question.utterance in handed for question in self._questions.values())
        return asked or len(self._prepared) < len(self._taught)

    def went_down(self, why: str) -> None:
        """The next one gets the questions; where none will come, they are refused."""
        self._ready_since_ms = None
        self._prepared.clear()
        self._taught.clear()
        for utterance in self._utterances.values():
            utterance.handed = False
        self._stream.tell(NodeChanged("recogniser", f"away: {why}", Code.SPEECH_CRASHED))
        if self._child.failure is not None:
            for question in self._questions.values():
                self._refuse(question)

    def _teach(self, pack: str) -> None:
        """Tell the process what may be said in a pack, then hand it what has been waiting for that."""
        if not self._child.send({"prepare": lexicon_object(self._lexicons[pack])}):
            return
        self._taught.add(pack)
        for number, utterance in self._utterances.items():
            if utterance.pack == pack and not utterance.handed:
                self._hand_over(number)

    def _hand_over(self, number: int) -> None:
        utterance = self._utterances[number]
        utterance.handed = self._child.send({"begin": number, "pack": utterance.pack})
        if utterance.pcm:
            self._child.send({"feed": number}, b"".join(utterance.pcm))
        for ask, question in self._questions.items():
            if question.utterance == number:
                self._put(ask, question)

    def _put(self, ask: int, question: _Question) -> None:
        utterance = self._utterances.get(question.utterance)
        if utterance is not None and utterance.handed:
            self._child.send({"transcript": question.utterance, "ask": ask, "deadline_ms": question.deadline_ms})

    def _refuse(self, question: _Question) -> None:
        if not question.answer.done():
            question.answer.set_exception(self._away())

    def _away(self) -> EdgeAgentError:
        failure = self._child.failure
        why = failure.message if failure is not None else self._child.last_end
        return NodeFault(Code.SPEECH_UNAVAILABLE, f"there is no recogniser: {why}")

    async def close(self) -> None:
        """Let go of what is being learnt."""
        for work in self._learning.values():
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
