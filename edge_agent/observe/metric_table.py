"""Every metric of the node's own, as a table: what it is called, what it counts, and which labels it may have.

docs/health.md has the same table; a test compares them. Values only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREFIX: Final = "edge_agent_"
SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Upper bounds of buckets: from half a millisecond to a command's whole time to live."""
PASSES: Final = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)


class Kind(StrEnum):
    """Prometheus' kinds."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `name` stands behind PREFIX."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, meaning, labels)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(name, Kind.HISTOGRAM, meaning, labels, buckets)


METRICS: Final[tuple[Metric, ...]] = (
    _counter("commands_accepted_total", "commands that are in the journal", "pack"),
    _counter("answers_total", "answers, by how the command ended", "pack", "outcome"),
    _counter("failures_total", "answers that failed, by error code", "code"),
    _counter("refused_total", "messages that were refused, by error code", "code"),
    _counter("handshakes_refused_total", "connections over TCP that were not let in, by error code", "code"),
    _histogram("answer_seconds", "from a command's receipt to its answer", SECONDS, "pack"),
    _histogram("stage_seconds", "one stage of one command; the stages of `timings`", SECONDS, "stage"),
    _histogram("passes", "forward passes of the model in one answer", PASSES),
    _counter("action_changes_total", "actions that came into a state", "state"),
    _counter("confirmations_total", "what came of actions that need a yes", "outcome"),
    _counter("stops_total", "stops that were latched"),
    _histogram("stop_seconds", "from a stop's message to every executor and the bus", SECONDS),
    _counter("beats_total", "beats of the node: seconds in which its loop went round"),
    _gauge("uptime_seconds", "since this start of the node"),
    _gauge("degraded", "1 while the node is in this mode", "mode"),
    _gauge("engine_ready", "1 while sentences are decided"),
    _gauge("stop_latched", "1 while a stop holds"),
    _gauge("commands_in_flight", "commands that have no answer yet"),
    _gauge("tasks", "messages and sends that are being worked on"),
    _gauge("actions_open", "actions that have not ended", "state"),
    _gauge("actions_unconfirmed", "of those, the ones that wait for a yes"),
    _gauge("robot_present", "1 while the robot's executor is heard of", "robot"),
    _gauge("world_entities", "entities of the pack's world", "pack"),
    _gauge("audio_streams", "streams of sound that are open"),
    _gauge("journal_waiting", "jobs that wait for the journal's thread"),
    _gauge("journal_owed", "facts that the disk has not taken yet"),
    _gauge("journal_bytes", "size of the journal's files"),
    _gauge("disk_free_bytes", "free space where the journal lies"),
    _gauge("child_ready", "1 while this process of the node's does its work", "child"),
    _gauge("child_restarts", "how often it was started again", "child"),
    _gauge("loop_lag_seconds", "the most that the loop was late in the last second"),
    _gauge("memory_available_bytes", "memory of the machine that can be had; a Jetson's GPU shares it"),
    _gauge("temperature_celsius", "temperature of a thermal zone or a card", "sensor"),
    _gauge("temperature_trip_celsius", "where it begins to throttle", "sensor"),
    _gauge("gpu_memory_used_bytes", "memory of a card that is in use, by whomever", "gpu"),
    _gauge("gpu_memory_bytes", "memory of a card", "gpu"),
)
