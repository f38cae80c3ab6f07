"""STOP text to bus within 20 ms, with the model saturated, every queue full, and the disk full in a part of the cases.

A case is one stop, counted only when the node had just said that every place was taken, or that its disk was full. The
time runs from before the stop is handed to the client's socket until a subscriber has it; what the executor sees is
measured beside it. Stops come as sentences and as `halt`, in turn, and beside them sit subscribers that never read.
"""

from __future__ import annotations

import random
import resource
import time
from pathlib import Path

import zmq

from edge_agent import limits
from edge_agent.errors import Code
from edge_agent.messages import (
    FROM_NODE,
    Command,
    ErrorReply,
    Halt,
    Heartbeat,
    Hello,
    Message,
    Resume,
    Resumed,
    Stop,
    Stopped,
    Welcome,
)
from edge_agent.messages.codec import Codec, encode
from faults.campaign import Campaign, Result, Samples, percentile, spread
from faults.plan import FaultyNode, until

TARGET_MS = 20.0
SUBSCRIBERS = 100
FILL_S = 5.0
TEXTS = (
    "bring the red box from dock 3 to packing then go to dock 3",
    "go to dock 3 then go to packing then go to dock 3",
    "take the red box to packing and wait two seconds",
)
_CODEC = Codec(FROM_NODE)


class Rig:
    """A node, somebody who floods it, an executor, a watcher, and many who do not read."""

    def __init__(self, seed: int, folder: Path, subscribers: int = SUBSCRIBERS) -> None:
        self.rng = random.Random(seed)
        self.node = FaultyNode(folder)
        self.node.start("--model")
        self._context = zmq.Context()
        self._context.setsockopt(zmq.MAX_SOCKETS, 4 * SUBSCRIBERS + 100)
        self.flood, self.voice, self.robot = (self._socket(zmq.DEALER, self.node.command_address) for _ in range(3))
        self.bus = self._socket(zmq.SUB, self.node.events_address)
        self._asleep = [self._socket(zmq.SUB, self.node.events_address) for _ in range(subscribers)]
        self.robot.send(encode(Hello(robot="robot", removes_duplicates=True)))
        welcome = self._hear(self.robot, Welcome, 5.0)
        assert isinstance(welcome, Welcome)
        self.epoch = welcome.epoch
        self._number = 0

    def _socket(self, kind: int, address: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVHWM, 0 if kind == zmq.DEALER else 1_000)
        if kind == zmq.SUB:
            socket.subscribe(b"")
        socket.connect(address)
        return socket

    def fill(self, *, disk_full: bool) -> bool:
        """More commands than the node takes; whether it says that every place is taken (or that the disk is full)."""
        for _ in range(limits.COMMANDS_IN_FLIGHT_MAX + 20):
            text = self.rng.choice(TEXTS)
            self.flood.send(encode(Command(request_id=self._id(), text=text, ttl_ms=60_000)))
        sign = Code.JOURNAL_UNAVAILABLE if disk_full else Code.QUEUE_FULL
        end = time.monotonic() + FILL_S
        while time.monotonic() < end:
            message = self._next(self.flood, 0.02)
            if isinstance(message, ErrorReply) and message.code is sign:
                return True
        return False

    def set_disk_full(self, full: bool) -> None:
        """No file of the daemon may grow: a full disk, for it alone."""
        limit = 1 if full else resource.RLIM_INFINITY
        resource.prlimit(self.node.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def stop(self, *, in_words: bool) -> tuple[str, float, float]:
        """One stop: its id, and the milliseconds to the bus and to the executor."""
        self._forget(self.bus)
        self._forget(self.robot)
        message = Command(request_id=self._id(), text="stop", ttl_ms=2_000) if in_words else Halt(request_id=self._id())
        poller = zmq.Poller()
        poller.register(self.bus, zmq.POLLIN)
        poller.register(self.robot, zmq.POLLIN)
        seen: dict[zmq.Socket[bytes], float] = {}
        stop_id, began = "", time.perf_counter()
        self.voice.send(encode(message))
        while len(seen) < 2 and time.perf_counter() - began < 5.0:
            for socket in dict(poller.poll(50)):
                now = time.perf_counter()
                heard = _CODEC.decode(socket.recv_multipart()[-1])
                if isinstance(heard, Stop) and socket not in seen:
                    seen[socket], stop_id = (now - began) * 1000.0, heard.stop_id
        if len(seen) < 2:
            return stop_id, 5_000.0, 5_000.0
        self.robot.send(encode(Stopped(stop_id=stop_id, robot="robot", epoch=self.epoch)))
        return stop_id, seen[self.bus], seen[self.robot]

    def resume(self, stop_id: str) -> bool:
        """Release it, and forget what the flood had asked."""
        self.voice.send(encode(Resume(request_id=self._id(), stop_id=stop_id)))
        resumed = self._hear(self.voice, Resumed, 10.0) is not None
        self._forget(self.flood)
        self.robot.send(encode(Heartbeat(robot="robot", epoch=self.epoch)))
        return resumed

    def _id(self) -> str:
        self._number += 1
        return f"r-{self._number}"

    def _next(self, socket: zmq.Socket[bytes], timeout_s: float) -> Message | None:
        return _CODEC.decode(socket.recv_multipart()[-1]) if socket.poll(int(timeout_s * 1000)) else None

    def _hear(self, socket: zmq.Socket[bytes], kind: type[Message], timeout_s: float) -> Message | None:
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            message = self._next(socket, left)
            if isinstance(message, kind):
                return message
        return None

    def _forget(self, socket: zmq.Socket[bytes]) -> None:
        while socket.poll(0):
            socket.recv_multipart()

    def close(self) -> None:
        self._context.destroy(linger=0)
        self.node.kill()


def run(seed: int, cases: int, folder: Path) -> Result:
    """So many stops: every second one in words, every third one with the disk full."""
    rig = Rig(seed, folder)
    bus: dict[str, list[float]] = {"stop ms": [], "halt ms": [], "disk full ms": [], "executor ms": []}
    violations: list[str] = []
    try:
        for number in range(cases):
            in_words, full = number % 2 == 0, number % 3 == 2
            rig.set_disk_full(full)
            full_enough = rig.fill(disk_full=full)
            stop_id, bus_ms, robot_ms = rig.stop(in_words=in_words)
            if not stop_id:
                violations.append(f"stop {number} did not reach the bus")
                break
            rig.set_disk_full(False)
            if full_enough:
                bus["disk full ms" if full else "stop ms" if in_words else "halt ms"].append(bus_ms)
                bus["executor ms"].append(robot_ms)
            if not until(lambda: rig.resume(stop_id), 20.0):  # noqa: B023
                violations.append(f"stop {number} could not be released")
                break
    finally:
        rig.close()
    return Result(len(bus["executor ms"]), tuple(violations), bus)


def judge(samples: Samples) -> list[str]:
    found = []
    for name, values in samples.items():
        p99 = percentile(values, 0.99)
        if len(values) >= 20 and p99 > TARGET_MS:
            found.append(f"slow: {name} has a p99 of {p99:.1f} ms")
    return found


def figure(samples: Samples) -> str:
    return (
        f"in words: {spread(samples, 'stop ms')}; halt: {spread(samples, 'halt ms')}; "
        f"disk full: {spread(samples, 'disk full ms')}; at the executor: {spread(samples, 'executor ms')}"
    )


CAMPAIGN = Campaign(
    name="stop",
    promise="STOP text → bus p99 ≤ 20 ms with the model saturated and the disk full",
    how="the real model, every place for commands taken, 100 subscribers that never read; a third with the disk full",
    cases=360,
    short=4,
    portion=120,
    run=run,
    figure=figure,
    judge=judge,
    alone=True,
    unit="stops",
)
