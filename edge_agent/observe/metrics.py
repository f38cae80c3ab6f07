"""Prometheus' view of the node: a listener of the stream, and the text that a scrape gets. Alone with its library.

Labels come from closed sets (stages, outcomes, error codes, states, packs, modes, children) or are held to the first so
many (robots, sensors): nothing that anybody says or sends can make another series. `render` may be called from another
thread than the loop's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from edge_agent import limits
from edge_agent.errors import Code
from edge_agent.messages import ActionState, Outcome, Timings
from edge_agent.observe.events import (
    ActionChanged,
    CommandAccepted,
    CommandAnswered,
    ConfirmationChanged,
    HandshakeRefused,
    MessageRefused,
    NodeBeat,
    NodeEvent,
    StageCompleted,
    StopLatched,
)
from edge_agent.observe.metric_table import METRICS, PREFIX, Kind
from edge_agent.observe.modes import Mode
from edge_agent.observe.vitals import MachineState, Vitals

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
OTHER: Final = "other"
SENSORS_MAX: Final = 2 * limits.ZONES_MAX
STAGES: Final = frozenset(name.removesuffix("_ms") for name in Timings.model_fields if name != "total_ms")
_CODES: Final = frozenset(Code)
_OUTCOMES: Final = frozenset(Outcome)
_STATES: Final = frozenset(ActionState)
_OPEN: Final = tuple(state for state in ActionState if state not in (ActionState.FINISHED, ActionState.FAILED))


class Metrics:
    """A listener of the stream. `packs`: the node's own."""

    def __init__(self, packs: Iterable[str]) -> None:
        # or each has a second series, of when it was first counted, that nobody asks for
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._packs = frozenset(packs)
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        self._shown: dict[str, set[str]] = {}
        for one in METRICS:
            name, registry = PREFIX + one.name, self._registry
            match one.kind:
                case Kind.COUNTER:
                    self._counters[one.name] = Counter(name, one.meaning, one.labels, registry=registry)
                case Kind.GAUGE:
                    self._gauges[one.name] = Gauge(name, one.meaning, one.labels, registry=registry)
                case Kind.HISTOGRAM:
                    self._histograms[one.name] = Histogram(
                        name, one.meaning, one.labels, registry=registry, buckets=one.buckets
                    )
        ProcessCollector(registry=self._registry)

    def __call__(self, event: NodeEvent) -> None:
        """Count one event."""
        match event:
            case StageCompleted(stage=stage, elapsed_ms=elapsed_ms):
                self._observe("stage_seconds", elapsed_ms / 1000.0, _of(stage, STAGES))
            case CommandAccepted(pack=pack):
                self._count("commands_accepted_total", _of(pack, self._packs))
            case CommandAnswered():
                self._count_answer(event)
            case MessageRefused(code=code):
                self._count("refused_total", _of(code, _CODES))
            case HandshakeRefused(code=code):
                self._count("handshakes_refused_total", _of(code, _CODES))
            case ConfirmationChanged(outcome=outcome):
                self._count("confirmations_total", outcome)
            case ActionChanged(state=state):
                self._count("action_changes_total", _of(state, _STATES))
            case StopLatched(to_bus_ms=to_bus_ms):
                self._count("stops_total")
                if to_bus_ms is not None:
                    self._observe("stop_seconds", to_bus_ms / 1000.0)
            case NodeBeat(vitals=vitals):
                self._count("beats_total")
                self._show(vitals)
                self._show_machine(vitals.machine)

    def render(self) -> bytes:
        """Everything in Prometheus' text format; some milliseconds of work."""
        return generate_latest(self._registry)

    def _count_answer(self, event: CommandAnswered) -> None:
        pack = _of(event.pack, self._packs)
        self._count("answers_total", pack, _of(event.outcome, _OUTCOMES))
        self._observe("answer_seconds", event.total_ms / 1000.0, pack)
        if event.passes:
            self._observe("passes", event.passes)
        if event.code:
            self._count("failures_total", _of(event.code, _CODES))

    def _show(self, vitals: Vitals) -> None:
        modes = {one.mode for one in vitals.degraded}
        self._set("uptime_seconds", vitals.uptime_ms / 1000.0)
        self._set_each("degraded", {mode: mode in modes for mode in Mode})
        self._set("engine_ready", vitals.engine_ready)
        self._set("stop_latched", vitals.stop_latched)
        self._set("commands_in_flight", vitals.commands)
        self._set("tasks", vitals.tasks)
        self._set_each("actions_open", {state: vitals.actions.get(state, 0) for state in _OPEN})
        self._set("actions_unconfirmed", vitals.unconfirmed)
        self._set_each("robot_present", vitals.robots, limits.ROBOTS_MAX)
        self._set_each("world_entities", vitals.entities)
        self._set("audio_streams", vitals.audio_streams)
        self._set("journal_waiting", vitals.journal_waiting)
        self._set("journal_owed", vitals.journal_owed)
        self._set_each("child_ready", {name: child.ready for name, child in vitals.children.items()})
        self._set_each("child_restarts", {name: child.restarts for name, child in vitals.children.items()})
        self._set("loop_lag_seconds", vitals.loop_lag_ms / 1000.0)

    def _show_machine(self, machine: MachineState) -> None:
        self._set("journal_bytes", machine.journal_bytes)
        self._set("disk_free_bytes", machine.disk_free_bytes)
        self._set("memory_available_bytes", machine.memory_available_bytes)
        trips = {one.name: one.trip_c for one in machine.temperatures if one.trip_c is not None}
        self._set_each("temperature_celsius", {one.name: one.celsius for one in machine.temperatures}, SENSORS_MAX)
        self._set_each("temperature_trip_celsius", trips, SENSORS_MAX)
        self._set_each("gpu_memory_used_bytes", {card.name: card.used_bytes for card in machine.cards})
        self._set_each("gpu_memory_bytes", {card.name: card.total_bytes for card in machine.cards})

    def _count(self, name: str, *labels: str) -> None:
        counter = self._counters[name]
        (counter.labels(*labels) if labels else counter).inc()

    def _observe(self, name: str, value: float, *labels: str) -> None:
        histogram = self._histograms[name]
        (histogram.labels(*labels) if labels else histogram).observe(value)

    def _set(self, name: str, value: float | None) -> None:
        """None: it is not known."""
        self._gauges[name].set(math.nan if value is None else value)

    def _set_each(self, name: str, values: Mapping[str, float], most: int = limits.ROBOTS_MAX) -> None:
        """A series for each of `values`, the first `most` of them; what is not among them any more is left out."""
        gauge, shown = self._gauges[name], self._shown.setdefault(name, set())
        for gone in shown - values.keys():
            gauge.remove(gone)
            shown.discard(gone)
        for label, value in values.items():
            if label in shown or len(shown) < most:
                shown.add(label)
                gauge.labels(label).set(value)


def _of(value: str, known: Iterable[str]) -> str:
    """The value itself where it is one of those that are known."""
    return str(value) if value in known else OTHER
