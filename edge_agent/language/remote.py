"""A server elsewhere as the engine: an OpenAI-compatible one, by its URL, behind the same port as the child process.

Decides when it is asked again (no connection, or a server that is busy, while there is time), when it counts as away
(see `breaker`), and what an answer is worth: the product of its tokens' probabilities, which is at most what the
grammar would leave of it, or a fixed number where the server tells none. Refuses to believe it: every answer is judged
here against the sentence's own grammar.

A thread of its own looks at the server, at first and while it is away; questions come from any number of threads.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final

from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import ClientFault, Code, ConfigurationFault, EdgeAgentError, NodeFault
from edge_agent.grammar.gbnf import json_text
from edge_agent.grammar.limits import check_gbnf
from edge_agent.grammar.schema import general_schema
from edge_agent.language.breaker import Breaker
from edge_agent.language.decision import DecideRequest, Decision
from edge_agent.language.examples import examples_of
from edge_agent.language.instruction import instruction
from edge_agent.language.remote_calls import Away
from edge_agent.language.remote_dialects import Bound, Manner, Sentence, request_body
from edge_agent.language.remote_look import BUSY, look, taken
from edge_agent.language.remote_options import BUNDLED, RemoteOptions, read_key
from edge_agent.language.remote_reply import Reply, believed, read_reply
from edge_agent.observe.modes import Degraded, Mode
from edge_agent.packs.base import Pack

if TYPE_CHECKING:
    from edge_agent.language.http import HttpServer

PAUSES_MS: Final = (50.0, 150.0)
"""Waits before a question is asked the second time, and the third, which is the last."""
LOOK_MS: Final = 10_000.0
"""How long looking at a server may take."""
LOOKS_S: Final = (0.5, 1.0, 2.0, 5.0, 15.0)
"""Waits between looks at a server that is away; the last one repeats."""


class RemoteEngine:
    """A `Decider` that asks a server elsewhere. `decide` may be called from several threads at once."""

    pid: int | None = None
    """It is no process of this machine."""

    def __init__(self, options: RemoteOptions, packs: tuple[Pack, ...], *, clock: Clock | None = None) -> None:
        """Nothing is asked before `begin` or `start`.

        Raises:
            ConfigurationFault: SETTINGS_INVALID for the key, the certificates, or a library that is not installed.
        """
        self._options = options
        self._packs = {pack.name: pack for pack in packs}
        self._clock = clock or SystemClock()
        self._server = _server(options, self._clock)
        self._changed = threading.Condition()
        self._breaker = Breaker()
        self._manner: Manner | None = None
        self._lessons: dict[str, Sentence] = {}
        self._wrong: ConfigurationFault | None = None
        self._looks = 0
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def ready(self) -> bool:
        """Whether it has proven itself and is not away."""
        return not self._breaker.away and not self._closed.is_set()

    @property
    def restarts(self) -> int:
        """How often it has come back after having been away."""
        return self._breaker.returns

    @property
    def missing(self) -> tuple[Degraded, ...]:
        """What is missing now."""
        return (Degraded(Mode.NO_REMOTE, self._breaker.why),) if self._breaker.away else ()

    @property
    def facts(self) -> dict[str, Any]:
        """Where it is, what it is and what it holds answers to."""
        facts: dict[str, Any] = {"engine": "remote", "url": self._options.base_url}
        if manner := self._manner:
            facts |= {"dialect": manner.dialect.value, "model": manner.model, "held_to": manner.bound.value}
            fixed = f"none are told; every answer counts for {self._options.confidence:g}"
            facts["probabilities"] = "its tokens', a lower bound" if manner.probabilities else fixed
        return facts | ({"away": self._breaker.why} if self._breaker.away else {})

    def begin(self) -> None:
        """Start looking at the server, without waiting for it."""
        with self._changed:
            if self._watcher is None and not self._closed.is_set():
                self._watcher = threading.Thread(target=self._watch, name="remote-engine", daemon=True)
                self._watcher.start()

    def start(self) -> None:
        """Look at the server and wait until that is done. One that is away now is looked at again until it is there.

        Raises:
            ConfigurationFault: SETTINGS_INVALID when what it says does not fit the settings.
        """
        self.begin()
        with self._changed:
            self._changed.wait_for(lambda: self._looks or self._closed.is_set(), 2.0 * LOOK_MS / 1000.0)
            if self._wrong:
                raise self._wrong

    def wait_ready(self, timeout_s: float) -> bool:
        """Whether it is ready, now or within `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self.ready, timeout_s)

    def decide(self, request: DecideRequest) -> Decision:
        """See `Decider`. ENGINE_UNAVAILABLE while the server is away, OUTPUT_INVALID when it answers nonsense."""
        check_gbnf(request.grammar)
        manner, sentence = self._asked(request)
        began_ms = self._clock.now_ms()
        due_ms = min(request.deadline_ms, began_ms + self._options.timeout_ms)
        try:
            reply = self._answer(manner, sentence, due_ms, request.ticket)
            pack, is_wrapped = self._packs[request.pack], manner.bound is Bound.STRICT_SCHEMA
            answer = believed(pack, request.grammar, reply.text, wrapped=is_wrapped)
        except ClientFault as problem:
            raise self._late(problem, request, due_ms - began_ms) from problem
        except NodeFault as problem:
            self._note(problem.message, surely=isinstance(problem, Away))
            raise
        with self._changed:
            self._breaker.answered()
        return self._decision(answer, reply, self._clock.now_ms() - began_ms)

    def withdraw(self, ticket: str) -> None:
        """Nobody waits for these answers any more: their connections are closed."""
        self._server.withdraw(ticket)

    def close(self) -> None:
        """Ask nothing more."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        self._server.close()
        if self._watcher and self._watcher is not threading.current_thread():
            self._watcher.join(timeout=LOOK_MS / 1000.0)

    def _asked(self, request: DecideRequest) -> tuple[Manner, Sentence]:
        """How to ask, and what."""
        if self._closed.is_set():
            raise NodeFault(Code.ENGINE_UNAVAILABLE, "the remote engine was closed")
        manner = self._manner
        if manner is None or self._breaker.away:
            raise NodeFault(Code.ENGINE_UNAVAILABLE, f"the remote engine is away: {self._breaker.why}")
        lesson = self._lessons.get(request.pack)
        if lesson is None:
            raise NodeFault(Code.ENGINE_UNAVAILABLE, f"the engine has no prompt for the pack {request.pack!r}")
        schema = json.loads(request.schema) if request.schema else lesson.schema
        return manner, Sentence(lesson.pack, lesson.system, lesson.examples, request.marked, request.grammar, schema)

    def _answer(self, manner: Manner, sentence: Sentence, due_ms: float, ticket: str) -> Reply:
        """The server's answer, asked for up to three times while there is time."""
        body = json_text(request_body(manner, sentence)).encode()
        for pause_ms in (*PAUSES_MS, float("inf")):
            try:
                response = self._server.ask(manner.path, body, due_ms, ticket=ticket)
                if response.status not in BUSY:
                    break
                trouble = Away(f"the remote engine is busy (status {response.status})")
                pause_ms = max(pause_ms, 1000.0 * response.retry_after_s)  # noqa: PLW2901 - what the server asks for
            except Away as problem:
                trouble = problem
            if self._clock.now_ms() + pause_ms >= due_ms or self._closed.wait(pause_ms / 1000.0):
                raise trouble
        return read_reply(taken(response))

    def _decision(self, answer: str, reply: Reply, took_ms: float) -> Decision:
        sure = self._options.confidence if reply.probability is None else reply.probability
        return Decision(
            answer=answer,
            confidence=sure,
            tokens=reply.tokens,
            passes=reply.tokens,
            choices=0,
            prompt_ms=0.0,
            decode_ms=took_ms,
            probability=sure,
        )

    def _late(self, problem: ClientFault, request: DecideRequest, given_ms: float) -> EdgeAgentError:
        """What being late, or withdrawn, means to whoever asked."""
        if self._closed.is_set():
            return NodeFault(Code.ENGINE_UNAVAILABLE, "the remote engine was closed")
        if problem.code is not Code.EXPIRED:
            return problem
        with self._changed:
            self._breaker.late(given_ms)
            self._changed.notify_all()
        if self._clock.now_ms() < request.deadline_ms:
            why = f"the remote engine did not answer within {self._options.timeout_ms} ms"
            return NodeFault(Code.ENGINE_UNAVAILABLE, why)
        return problem

    def _note(self, why: str, *, surely: bool) -> None:
        with self._changed:
            self._breaker.failed(why, surely=surely)
            self._changed.notify_all()

    def _watch(self) -> None:
        """Look at the server until it is there, and again whenever it is away."""
        failures = 0
        while not self._closed.is_set():
            failures = 0 if self._look() else failures + 1
            with self._changed:
                self._changed.wait_for(lambda: self._breaker.away or self._closed.is_set())
            self._closed.wait(LOOKS_S[min(failures, len(LOOKS_S) - 1)])

    def _look(self) -> bool:
        wrong: ConfigurationFault | None = None
        why = ""
        try:
            if not self._lessons:
                self._lessons = {name: self._lesson(pack) for name, pack in self._packs.items()}
            self._server.resolve()
            pack = next(iter(self._packs.values()))
            due_ms = self._clock.now_ms() + LOOK_MS
            self._manner = look(
                lambda path, body: self._server.ask(path, body, due_ms), self._options, pack, self._lessons[pack.name]
            )
        except EdgeAgentError as problem:
            wrong = problem if isinstance(problem, ConfigurationFault) else None
            why = problem.message
        except Exception as bug:  # whatever it is, those who wait for the engine must hear of it
            why = f"it cannot be looked at: {type(bug).__name__}: {bug}"
        with self._changed:
            if why:
                self._breaker.failed(why, surely=True)
            else:
                self._breaker.came()
            self._wrong = wrong
            self._looks += 1
            self._changed.notify_all()
        return not why

    def _lesson(self, pack: Pack) -> Sentence:
        """What comes before every sentence of a pack, with all that the pack can say as its schema."""
        told = ("", ()) if self._options.prompt == BUNDLED else (instruction(pack), examples_of(pack))
        return Sentence(pack.name, *told, marked="", grammar="", schema=general_schema(pack))


def _server(options: RemoteOptions, clock: Clock) -> HttpServer:
    try:
        from edge_agent.language.http import HttpServer  # noqa: PLC0415 - its library is an extra
    except ImportError as problem:
        why = f"a remote engine needs {problem.name}; run: pip install 'edge-agent[remote]'"
        raise ConfigurationFault(Code.SETTINGS_INVALID, why, where="remote") from problem
    return HttpServer(options.base_url, clock, key=read_key(options.api_key_file), ca_file=options.ca_file)
