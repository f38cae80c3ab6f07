"""Subscribers that come and go, and others that never read: whoever comes sees a true state, and nobody waits for them.

A case is one subscriber that starts in the middle of the events, takes a snapshot, applies what it hears after it, and
ends with exactly the state that a second snapshot tells; a gap in the numbers must be seen as one. Beside them, slow
readers hang on the bus and never read: commands must not be slower for them, nor the node's memory grow.
"""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import zmq

from edge_agent.client import Client
from edge_agent.errors import EdgeAgentError
from edge_agent.messages import (
    FROM_NODE,
    ActionState,
    CommandEvent,
    Heartbeat,
    Hello,
    Perform,
    Report,
    Snapshot,
    StateEvent,
    Welcome,
)
from edge_agent.messages.codec import Codec, encode
from faults.campaign import Campaign, Result, Samples, percentile
from faults.measure import daemon_mb
from faults.plan import FaultyNode

SLOW = 50
TIMED = 60
GROWTH_MAX_MB = 40.0
"""What slow readers may hold: libzmq keeps their messages up to the high-water mark, and drops the rest."""
RATIO_MAX = 3.0
COMPARED_MAX = 50
"""A snapshot may already have what is on its way to the disk and is shown after that; what is lost stays lost."""
ENDED = (ActionState.FINISHED, ActionState.FAILED)
_CODEC = Codec(FROM_NODE)


class Traffic:
    """Commands and an executor, so that there is always something to hear. A thread of its own."""

    def __init__(self, node: FaultyNode, seed: int) -> None:
        self._node, self._rng = node, random.Random(seed)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._go)
        self._thread.start()

    def _go(self) -> None:
        with zmq.Context() as context, context.socket(zmq.DEALER) as robot, self._node.client() as client:
            robot.setsockopt(zmq.LINGER, 0)
            robot.connect(self._node.command_address)
            robot.send(encode(Hello(robot="robot", removes_duplicates=True)))
            epoch, beat = 0, time.monotonic()
            while not self._ending.is_set():
                try:
                    client.command(self._rng.choice(("go to dock 3", "go to the moon")), ttl_ms=500)
                except EdgeAgentError:
                    continue
                while robot.poll(2):
                    message = _CODEC.decode(robot.recv())
                    if isinstance(message, Welcome):
                        epoch = message.epoch
                    if isinstance(message, Perform):
                        told = {"action_id": message.action_id, "robot": "robot", "epoch": epoch}
                        for state in (ActionState.RUNNING, ActionState.FINISHED):
                            robot.send(encode(Report.model_validate({**told, "state": state})))
                if epoch and time.monotonic() - beat > 1.0:
                    beat = time.monotonic()
                    robot.send(encode(Heartbeat(robot="robot", epoch=epoch)))

    def close(self) -> None:
        self._ending.set()
        self._thread.join()


class Follower:
    """The open actions by snapshot and events, as a dashboard keeps them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.seq = snapshot.event_seq
        self.open = {one.action_id: one.state for one in snapshot.open}
        self.gaps = 0

    def apply(self, event: StateEvent | CommandEvent) -> None:
        """One event; older ones are in the snapshot already."""
        if event.event_seq <= self.seq:
            return
        self.gaps += event.event_seq - self.seq - 1
        self.seq = event.event_seq
        if isinstance(event, StateEvent):
            if event.state in ENDED:
                self.open.pop(event.action_id, None)
            else:
                self.open[event.action_id] = event.state

    def agrees(self, snapshot: Snapshot) -> bool:
        return self.seq == snapshot.event_seq and self.open == {one.action_id: one.state for one in snapshot.open}


def one_subscriber(client: Client, address: str, heard_min: int = 5) -> str | None:
    """Start, follow, compare; what is wrong, "" when nothing is, None when too little happened to tell."""
    with zmq.Context() as context, context.socket(zmq.SUB) as bus:
        bus.setsockopt(zmq.LINGER, 0)
        bus.setsockopt(zmq.RCVHWM, 0)
        bus.subscribe(b"")
        bus.connect(address)
        if not bus.poll(2_000):
            return None
        follower, heard = Follower(client.snapshot()), 0
        end = time.monotonic() + 3.0
        while heard < heard_min and time.monotonic() < end:
            heard += _apply_all(bus, follower, 50)
        for _ in range(COMPARED_MAX):
            snapshot = client.snapshot()
            while follower.seq < snapshot.event_seq and time.monotonic() < end + 2.0:
                _apply_all(bus, follower, 20, snapshot.event_seq)
            if follower.gaps:
                return f"{follower.gaps} events are missing between {follower.seq} and the snapshot before"
            if follower.agrees(snapshot):
                return ""
            _apply_all(bus, follower, 20)
        told = {one.action_id: one.state for one in snapshot.open}
        return f"at {follower.seq} {follower.open} is open, not {told}" if heard else "nothing was heard"


def _apply_all(bus: zmq.Socket[bytes], follower: Follower, timeout_ms: int, last_seq: int | None = None) -> int:
    heard = 0
    while (last_seq is None or follower.seq < last_seq) and bus.poll(timeout_ms if not heard else 0):
        event = _CODEC.decode(bus.recv_multipart()[-1])
        if isinstance(event, StateEvent | CommandEvent):
            follower.apply(event)
            heard += 1
    return heard


def _answer_times(client: Client) -> list[float]:
    times = []
    for _ in range(TIMED):
        began = time.perf_counter()
        client.command("go to the moon", ttl_ms=5_000)
        times.append((time.perf_counter() - began) * 1000.0)
    return times


def run(seed: int, cases: int, folder: Path) -> Result:
    """So many subscribers."""
    node = FaultyNode(folder)
    node.start()
    found: list[str] = []
    done = 0
    with node.client() as client, zmq.Context() as context:
        alone = _answer_times(client)
        slow = [context.socket(zmq.SUB) for _ in range(SLOW)]
        for socket in slow:
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RCVHWM, 1)
            socket.subscribe(b"")
            socket.connect(node.events_address)
        before_mb = daemon_mb(node)
        traffic = Traffic(node, seed)
        try:
            for _ in range(cases):
                wrong = one_subscriber(client, node.events_address)
                done += wrong is not None
                found += [wrong] if wrong else []
        finally:
            traffic.close()
        beside = _answer_times(client)
        growth_mb = daemon_mb(node) - before_mb
        for socket in slow:
            socket.close(linger=0)
    if node.stop() != 0:
        found.append("crash: the node did not end well")
    if growth_mb > GROWTH_MAX_MB:
        found.append(f"grows: {growth_mb:.1f} MB beside {SLOW} who never read")
    return Result(done, tuple(found), {"alone ms": alone, "beside ms": beside, "growth MB": [growth_mb]})


def judge(samples: Samples) -> list[str]:
    ratio = percentile(samples["beside ms"], 0.5) / percentile(samples["alone ms"], 0.5)
    return [f"slow: a command takes {ratio:.1f} times as long beside slow readers"] if ratio > RATIO_MAX else []


def figure(samples: Samples) -> str:
    alone, beside = (percentile(samples[name], 0.5) for name in ("alone ms", "beside ms"))
    return (
        f"a command takes {alone:.1f} ms alone, {beside:.1f} ms beside {SLOW} who never read; "
        f"memory {max(samples['growth MB']):+.1f} MB"
    )


CAMPAIGN = Campaign(
    name="subscribers",
    promise="a subscriber that starts anew sees a true state; slow readers hold up nobody",
    how=f"subscribers in the middle of the events: snapshot, events, snapshot again; {SLOW} beside them never read",
    cases=100,
    short=3,
    portion=100,
    run=run,
    figure=figure,
    judge=judge,
    unit="subscribers",
)
