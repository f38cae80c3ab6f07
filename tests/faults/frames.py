"""Mutated frames: each is answered by a coded error or by nothing, and the node goes on.

A case is one frame, or one torn greeting on the bare socket. Frames begin as valid messages of every type; bytes are
flipped, cut, doubled and spliced, fields get values that nobody wants, several frames are sent for one, and some are
noise from the start. After every batch a good command must be answered, and in the end memory must stand.
"""

from __future__ import annotations

import json
import random
import socket as unix
from collections import Counter
from pathlib import Path
from typing import Any

import zmq

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import FROM_NODE, TO_NODE, ErrorReply, Snapshot, SnapshotRequest
from edge_agent.messages.codec import Codec, encode
from faults.campaign import Campaign, Result, Samples
from faults.measure import daemon_mb
from faults.plan import FaultyNode

BATCH = 500
GREETINGS_IN_BATCH = 5
GROWTH_MAX_MB = 8.0
"""From after the first tenth to the end of a portion: the caches of the last requests fill up in that time."""
CUT_OFF_BYTES = 2 * limits.FRAME_BYTES_MAX
"""Beyond this the sockets cut a peer off."""
NASTY: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, -0.0, 2**63, "", " ", "\0", "\ud800", "a" * 600, [], {}, [[[[]]]], {"a": {"a": {}}}, "￾",
    "stop\u200b", "<|eot_id|>", "../../etc/passwd", "0" * 64, -(2**53) - 1, [None] * 40,
)  # fmt: skip
_EXAMPLES = [kind.EXAMPLE for kind in TO_NODE]
_GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL" + bytes(16) + b"\0" + bytes(31)
_CODEC = Codec(FROM_NODE)


class Mutator:
    """Makes frames; the same ones for the same seed."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def frames(self) -> list[bytes]:
        """One message as it goes on the wire."""
        rng = self.rng
        match rng.randrange(10):
            case 0:
                return [rng.randbytes(rng.randrange(200))]
            case 1:
                return [self._one() for _ in range(rng.randrange(2, 6))]
            case 2:
                return [self._one(), rng.randbytes(rng.randrange(4_000))]
            case _:
                return [self._one()]

    def greeting(self) -> bytes:
        """What a peer says first, torn."""
        rng, greeting = self.rng, bytearray(_GREETING + b"\4\x19\5READY\x0bSocket-Type\0\0\0\6DEALER")
        match rng.randrange(4):
            case 0:
                return rng.randbytes(rng.randrange(1, 200))
            case 1:
                return bytes(greeting[: rng.randrange(len(greeting))])
            case 2:
                for _ in range(rng.randrange(1, 8)):
                    greeting[rng.randrange(len(greeting))] = rng.randrange(256)
                return bytes(greeting)
            case _:
                return bytes(greeting) + rng.randbytes(rng.randrange(1, 300))

    def _one(self) -> bytes:
        rng = self.rng
        message = dict(rng.choice(_EXAMPLES))
        for _ in range(rng.randrange(3)):
            self._bend(message)
        text = json.dumps(message, separators=(",", ":")).encode("utf-8", "surrogatepass")
        frame = bytearray(text)
        for _ in range(rng.choice((0, 0, 1, 1, 2, 8))):
            self._break(frame)
        return bytes(frame)

    def _bend(self, message: dict[str, Any]) -> None:
        """Still JSON."""
        rng, key = self.rng, self.rng.choice(list(message))
        match rng.randrange(5):
            case 0:
                del message[key]
                message.setdefault("type", rng.choice(_EXAMPLES)["type"])
            case 1:
                message[rng.choice(("extra", "type", "text", key + "\0"))] = rng.choice(NASTY)
            case 2:
                message[key] = rng.choice(list(rng.choice(_EXAMPLES).values()))
            case _:
                message[key] = rng.choice(NASTY)

    def _break(self, frame: bytearray) -> None:
        """Perhaps no JSON any more."""
        rng = self.rng
        place = rng.randrange(len(frame) + 1)
        match rng.randrange(6):
            case 0 if frame:
                frame[place % len(frame)] ^= 1 << rng.randrange(8)
            case 1:
                frame[place:place] = rng.randbytes(rng.randrange(1, 9))
            case 2:
                del frame[place : place + rng.randrange(1, 20)]
            case 3:
                frame[place:place] = frame[place : place + rng.randrange(1, 40)]
            case 4:
                frame[place:place] = rng.choice(
                    (b"[" * 40, b"9" * 40, b"NaN", b'"\\ud800"', b"\xf0\x9f", b"1e999", b"\0")
                )
            case _:
                frame += b" " * rng.choice((1, 1, 1, 1, 1, 65_536))


class Storm:
    """A node under frames."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.mutator = Mutator(random.Random(seed))
        self.node = FaultyNode(folder)
        self.codes: Counter[str] = Counter()
        self.violations: list[str] = []
        self._context = zmq.Context()

    def batch(self, number: int, size: int) -> int:
        """Send so many; returns how many the node has read, which it has when the last one is answered."""
        with self._context.socket(zmq.DEALER) as dealer:
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.setsockopt(zmq.SNDTIMEO, 5_000)
            dealer.connect(self.node.command_address)
            for _ in range(size):
                frames = self.mutator.frames()
                if max(map(len, frames)) > CUT_OFF_BYTES:
                    self._cut_off(frames)  # on a connection of its own: with it goes what lies behind it
                    continue
                dealer.send_multipart(frames)
                self._hear(dealer, 0)
            mark = f"mark-{number}"
            dealer.send(encode(SnapshotRequest(request_id=mark)))
            heard = self._hear(dealer, 10_000, mark)
        if not heard:
            self.violations.append(f"no answer after batch {number}; the node {'lives' if self.node.alive else 'died'}")
            return 0
        torn = [self._greet() for _ in range(GREETINGS_IN_BATCH)]
        return size + sum(torn)

    def _cut_off(self, frames: list[bytes]) -> None:
        with self._context.socket(zmq.DEALER) as dealer:
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.connect(self.node.command_address)
            dealer.send_multipart(frames)
            self._hear(dealer, 100)

    def _greet(self) -> bool:
        with unix.socket(unix.AF_UNIX, unix.SOCK_STREAM) as peer:
            peer.settimeout(1.0)
            try:
                peer.connect(str(self.node.folder / "run" / "command.sock"))
                peer.sendall(self.mutator.greeting())
            except OSError:
                return False
        return True

    def _hear(self, dealer: zmq.Socket[bytes], timeout_ms: int, mark: str = "") -> bool:
        """Take what comes; True when the mark's reply was among it."""
        while dealer.poll(timeout_ms):
            *_, frame = dealer.recv_multipart()
            try:
                message = _CODEC.decode(frame)
            except ClientFault as problem:
                self.violations.append(f"the node said what is no message: {problem}")
                continue
            if isinstance(message, ErrorReply):
                self.codes[message.code] += 1
                if message.code is Code.INTERNAL:
                    self.violations.append(f"a fault of the node's own: {message.message}")
            if isinstance(message, Snapshot) and message.request_id == mark:
                return True
        return False

    def still_serves(self) -> None:
        """A stop may be among the frames: it is released, then a good command is answered."""
        with self.node.client() as client:
            stop_id = client.snapshot().stop_id
            if stop_id is not None:
                client.resume(stop_id)
            answer = client.command("go to dock 3", ttl_ms=20_000)
            if not answer.actions:
                self.violations.append(f"a good command was answered {answer.outcome}")

    def close(self) -> None:
        self._context.destroy(linger=0)


def run(seed: int, cases: int, folder: Path) -> Result:
    """So many frames."""
    storm = Storm(seed, folder)
    storm.node.start()
    done, memory = 0, []
    try:
        for number, begun in enumerate(range(0, cases, BATCH)):
            done += storm.batch(number, min(BATCH, cases - begun))
            if storm.violations or not storm.node.alive:
                break
            storm.still_serves()
            memory.append(daemon_mb(storm.node))
    finally:
        storm.close()
    if not storm.node.alive:
        storm.violations.append(f"crash\n{storm.node.log()[-2000:]}")
    if "Traceback" in storm.node.log():
        storm.violations.append("a traceback stands in the log")
    growth = memory[-1] - memory[len(memory) // 10] if memory else 0.0
    if growth > GROWTH_MAX_MB:
        storm.violations.append(f"grows: {growth:.1f} MB over {done} frames")
    codes = {f"{code}": [float(count)] for code, count in storm.codes.items()}
    return Result(done, tuple(storm.violations), {"growth MB": [growth], **codes})


def figure(samples: Samples) -> str:
    refused = {name: sum(values) for name, values in samples.items() if name != "growth MB"}
    return (
        f"{sum(refused.values()):.0f} coded refusals of {len(refused)} kinds; "
        f"memory {max(samples['growth MB']):+.1f} MB at most in a portion"
    )


CAMPAIGN = Campaign(
    name="frames",
    promise="0 crashes on mutated frames",
    how="valid messages of every type, bent and broken; noise; several frames for one; torn greetings on a bare socket",
    cases=200_000,
    short=500,
    portion=25_000,
    run=run,
    figure=figure,
    unit="frames",
)
