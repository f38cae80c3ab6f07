"""The node's sign of life: a beat on the bus and on the stream, from the loop that does the work, so that it stops when
that does. Reads every part, and changes nothing but its own count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.messages import Beat
from edge_agent.messages.status import JournalHead
from edge_agent.node.board import Board
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.health import Engine, Health
from edge_agent.node.interpret import Interpreter
from edge_agent.node.requests import Requests
from edge_agent.node.speech_side import SpeechSide
from edge_agent.node.stops import Stops
from edge_agent.node.tasks import Tasks
from edge_agent.observe.events import NodeBeat, Stream
from edge_agent.observe.journal import Journal
from edge_agent.observe.vitals import Child, MachineState, Vitals


@dataclass(slots=True)
class Pulse:
    """Looks at every part once in BEAT_MS."""

    board: Board
    dispatcher: Dispatcher
    stops: Stops
    health: Health
    engine: Engine
    journal: Journal
    speech: SpeechSide
    requests: Requests
    tasks: Tasks
    interpreters: Mapping[str, Interpreter]
    machine: Callable[[], MachineState]
    stream: Stream
    clock: Clock
    began_ms: float
    _seq: int = 0
    _beat_ms: float = float("-inf")
    _looked_ms: float | None = None
    _lag_ms: float = field(default=0.0)

    def tick(self, tick_ms: float) -> None:
        """Time has passed: note how late the loop is that calls every `tick_ms`, and beat when it is time."""
        now_ms = self.clock.now_ms()
        if self._looked_ms is not None:
            self._lag_ms = max(self._lag_ms, now_ms - self._looked_ms - tick_ms)
        self._looked_ms = now_ms
        if now_ms - self._beat_ms >= limits.BEAT_MS:
            self._beat_ms = now_ms
            self._beat(now_ms)

    def _beat(self, now_ms: float) -> None:
        vitals = self._vitals(now_ms)
        self._seq += 1
        self._lag_ms = 0.0
        latched = self.stops.latched
        self.board.show_beat(
            Beat(
                epoch=self.board.epoch,
                seq=self._seq,
                uptime_ms=round(vitals.uptime_ms, 1),
                every_ms=limits.BEAT_MS,
                last_event_seq=self.board.event_seq,
                engine_ready=vitals.engine_ready,
                open_actions=sum(vitals.actions.values()),
                degraded=tuple(dict.fromkeys(str(one.mode) for one in vitals.degraded)),
                stop_id=latched.stop_id if latched is not None else None,
                journal=self._head(),
            )
        )
        self.stream.tell(NodeBeat(self._seq, vitals))

    def _head(self) -> JournalHead | None:
        head = self.journal.head
        return JournalHead(seq=head.seq, link=head.link.hex()) if head.seq else None

    def _vitals(self, now_ms: float) -> Vitals:
        jobs = self.dispatcher.lines.open_jobs()
        lines = [line for line in self.dispatcher.lines.all() if line.executor is not None]
        return Vitals(
            uptime_ms=now_ms - self.began_ms,
            engine_ready=self.health.engine_ready,
            degraded=self.health.degraded(),
            stop_latched=self.stops.latched is not None,
            commands=len(self.requests),
            tasks=len(self.tasks),
            actions=Counter(str(job.state) for job in jobs),
            unconfirmed=sum(job.unconfirmed for job in jobs),
            robots={line.robot: self.dispatcher.present(line) for line in lines},
            entities={name: len(one.world.entities) for name, one in self.interpreters.items()},
            audio_streams=len(self.speech.streams),
            journal_waiting=self.journal.waiting,
            journal_owed=self.journal.owed,
            children={"engine": Child(self.engine.ready, self.engine.restarts), **self.speech.children()},
            loop_lag_ms=self._lag_ms,
            machine=self.machine(),
        )
