"""500 peers that never speak, or speak half a greeting: a good client is answered within 2 s all the same.

A case is one question of a good client, over a connection of its own, while all the idle ones hang on the door that it
uses, the local one and the one over TCP in turn; it counts when at least 90 % of them were connected. Half of them say
nothing, the others a part of the greeting, and they come back when the node cuts them off.
"""

from __future__ import annotations

import random
import resource
import socket
import time
from pathlib import Path

from keyed_node import OPERATOR, KeyedNode

from faults.campaign import Campaign, Result, Samples, spread
from faults.plan import FaultyNode

PEERS = 500
ANSWER_MAX_MS = 2_000.0
FILLED_S = 2.0
_GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL" + bytes(16) + b"\0" + bytes(31)


class Crowd:
    """Peers that do nothing useful."""

    def __init__(self, address: str, rng: random.Random, size: int = PEERS) -> None:
        """`address`: as ZeroMQ has it, ipc or tcp."""
        self._address, self._rng, self._size = address, rng, size
        self._peers: list[socket.socket] = []

    def fill_up(self) -> None:
        """Throw out those that were cut off, and let others in."""
        for peer in [one for one in self._peers if _cut_off(one)]:
            peer.close()
            self._peers.remove(peer)
        end = time.monotonic() + FILLED_S
        while len(self._peers) < self._size and time.monotonic() < end:
            peer, where = _bare(self._address)
            try:
                peer.connect(where)
                peer.sendall(_GREETING[: self._rng.randrange(len(_GREETING))] if self._rng.random() < 0.5 else b"")
            except OSError:
                peer.close()
                time.sleep(0.001)  # nobody listens, or the queue of those who wait is full
            else:
                self._peers.append(peer)

    def connected(self) -> int:
        """How many the node has not cut off."""
        return sum(not _cut_off(one) for one in self._peers)

    def leave(self) -> None:
        for peer in self._peers:
            peer.close()
        self._peers = []


def _bare(address: str) -> tuple[socket.socket, str | tuple[str, int]]:
    """A socket of an address's kind, not connected, and where to connect it."""
    kind, _, rest = address.partition("://")
    if kind == "ipc":
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), rest
    host, port = rest.rsplit(":", 1)
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM), (host, int(port))


def _cut_off(peer: socket.socket) -> bool:
    peer.setblocking(False)
    try:
        while peer.recv(256):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def allow_many_descriptors(count: int) -> None:
    """To this process, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count)), hard))


def run(seed: int, cases: int, folder: Path) -> Result:
    """So many questions among the idle."""
    allow_many_descriptors(6 * PEERS)
    node = FaultyNode(folder)
    keyed = KeyedNode(node)
    key = keyed.keys.add("good", **OPERATOR)
    node.start()
    rng = random.Random(seed)
    crowds = [Crowd(node.command_address, rng), Crowd(keyed.keys.command, rng)]
    found: list[str] = []
    answered: dict[str, list[float]] = {"local ms": [], "TCP ms": []}
    for number in range(cases):
        crowd, local = crowds[number % 2], number % 2 == 0
        crowd.fill_up()
        many = crowd.connected() >= 0.9 * PEERS
        began = time.monotonic()
        with node.client() if local else keyed.client(key) as client:
            answer = client.command("go to dock 3", ttl_ms=20_000)
            took_ms = (time.monotonic() - began) * 1000.0
            if not answer.actions:
                found.append(f"a good client was answered {answer.outcome}")
        if took_ms > ANSWER_MAX_MS:
            found.append(f"slow: a good client was answered after {took_ms:.0f} ms")
        if many:
            answered["local ms" if local else "TCP ms"].append(took_ms)
    for crowd in crowds:
        crowd.leave()
    if node.stop() != 0:
        found.append("crash: the node did not end well")
    return Result(sum(map(len, answered.values())), tuple(found), answered)


def figure(samples: Samples) -> str:
    return f"connected and answered, local: {spread(samples, 'local ms')}; over TCP: {spread(samples, 'TCP ms')}"


CAMPAIGN = Campaign(
    name="peers",
    promise="500 idle peers: a good client still answered ≤ 2 s",
    how="500 connections to each door that say nothing or half a greeting, and come back when they are cut off",
    cases=300,
    short=3,
    portion=300,
    run=run,
    figure=figure,
    unit="questions",
)
