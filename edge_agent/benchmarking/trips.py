"""Commands sent to running nodes, from socket to socket: one at a time to several in turn, or by many clients at once.

Decides which node is asked first (another one each time, so that whatever follows a wait meets all of them) and what is
late: an answer other than `expired` that took the node longer than the command's time to live.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from statistics import fmean

from edge_agent.benchmarking.samples import percentile
from edge_agent.client import Client
from edge_agent.errors import EdgeAgentError
from edge_agent.messages import Outcome

STAGES = ("admit", "journal", "link", "grammar", "queue", "decide", "resolve", "dispatch", "other")
"""Of an answer's timings, in the order in which they pass."""


@dataclass(frozen=True, slots=True)
class Trip:
    """One command. `end` is the answer's outcome, or the code of an error in its place."""

    trip_ms: float
    """From sending to the answer in the client's hands."""
    end: str
    passes: int
    stages: Mapping[str, float]
    """Milliseconds by stage, `total` among them; empty for an error."""
    marked: str

    @property
    def outside_ms(self) -> float:
        """In the node and outside the model."""
        return self.stages["total"] - self.stages["decide"]


@dataclass(frozen=True, slots=True)
class NodeRow:
    """Trips to one node. Times are of commands that ended in actions."""

    node: str
    commands: int
    actions: int
    trip_p50_ms: float
    trip_p95_ms: float
    node_p50_ms: float
    decide_p50_ms: float
    outside_p50_ms: float
    outside_p95_ms: float
    passes_mean: float
    stages_p50_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LoadRow:
    """Many clients at one node."""

    clients: int
    commands: int
    seconds: float
    per_s: float
    """Answered commands a second, the expired ones not counted."""
    ratio: float
    """Of that to one client's."""
    trip_p50_ms: float
    trip_p95_ms: float
    passes_mean: float
    expired: int
    late: int
    failed: int
    """Ended neither in actions nor in a reject nor expired."""


def trip(client: Client, text: str, pack: str, ttl_ms: int) -> Trip:
    """Send one command and wait for its answer. A stop that the answer latched is released again."""
    begun = time.perf_counter()
    try:
        answer = client.command(text, pack=pack, ttl_ms=ttl_ms)
    except EdgeAgentError as problem:
        return Trip((time.perf_counter() - begun) * 1000.0, problem.code.value, 0, {}, "")
    took_ms = (time.perf_counter() - begun) * 1000.0
    if answer.outcome is Outcome.STOPPED and (stop_id := client.snapshot().stop_id):
        client.resume(stop_id)
    stages = {name.removesuffix("_ms"): value for name, value in answer.timings.model_dump().items()}
    return Trip(took_ms, answer.outcome.value, answer.passes, stages, answer.marked)


def interleaved(
    nodes: Mapping[str, Client], texts: Sequence[str], pack: str, ttl_ms: int, step: Callable[[], None]
) -> dict[str, list[Trip]]:
    """Every text to every node, one command at a time; `step` is called after each text."""
    trips: dict[str, list[Trip]] = {name: [] for name in nodes}
    names = list(nodes)
    for place, text in enumerate(texts):
        first = place % len(names)
        for name in names[first:] + names[:first]:
            trips[name].append(trip(nodes[name], text, pack, ttl_ms))
        step()
    return trips


def node_row(name: str, trips: Sequence[Trip]) -> NodeRow:
    """What the trips to one node come to."""
    done = [one for one in trips if one.end == Outcome.ACTIONS.value]

    def of_stage(stage: str, percent: float = 50) -> float:
        return percentile([one.stages[stage] for one in done], percent)

    return NodeRow(
        node=name,
        commands=len(trips),
        actions=len(done),
        trip_p50_ms=percentile([one.trip_ms for one in done], 50),
        trip_p95_ms=percentile([one.trip_ms for one in done], 95),
        node_p50_ms=of_stage("total"),
        decide_p50_ms=of_stage("decide"),
        outside_p50_ms=percentile([one.outside_ms for one in done], 50),
        outside_p95_ms=percentile([one.outside_ms for one in done], 95),
        passes_mean=fmean([one.passes for one in done] or [0]),
        stages_p50_ms={stage: of_stage(stage) for stage in STAGES},
    )


def crowd(
    connect: Callable[[], Client], clients: int, texts: Sequence[str], pack: str, ttl_ms: int
) -> tuple[list[Trip], float]:
    """So many clients share the texts, each with one command on its way at a time; the trips, and how many seconds.

    Raises:
        EdgeAgentError: a client does not reach the node.
    """
    left: queue.SimpleQueue[str] = queue.SimpleQueue()
    for text in texts:
        left.put(text)
    trips: list[Trip] = []
    begin = threading.Event()

    def work(client: Client) -> None:
        begin.wait()
        with suppress(queue.Empty):
            while True:
                trips.append(trip(client, left.get_nowait(), pack, ttl_ms))

    with ExitStack() as connected:
        threads = []
        for _ in range(clients):
            client = connected.enter_context(connect())
            client.snapshot()  # whatever a first exchange costs is no part of it
            # a client belongs to one thread: handed over here, and back when that thread has ended
            threads.append(threading.Thread(target=work, args=(client,), daemon=True))
        for thread in threads:
            thread.start()
        begun = time.perf_counter()
        begin.set()
        for thread in threads:
            thread.join()
        return trips, time.perf_counter() - begun


def load_row(clients: int, trips: Sequence[Trip], seconds: float, ttl_ms: int, one_per_s: float | None) -> LoadRow:
    """What the trips of many clients come to; `one_per_s`: what one client reached, None where this is it."""
    answered = [one for one in trips if one.end in (Outcome.ACTIONS.value, Outcome.REJECT.value)]
    expired = sum(one.end == Outcome.EXPIRED.value for one in trips)
    per_s = len(answered) / seconds
    return LoadRow(
        clients=clients,
        commands=len(trips),
        seconds=seconds,
        per_s=per_s,
        ratio=per_s / one_per_s if one_per_s else 1.0,
        trip_p50_ms=percentile([one.trip_ms for one in answered], 50),
        trip_p95_ms=percentile([one.trip_ms for one in answered], 95),
        passes_mean=fmean([one.passes for one in answered] or [0]),
        expired=expired,
        late=sum(one.stages["total"] > ttl_ms for one in answered),
        failed=len(trips) - len(answered) - expired,
    )
