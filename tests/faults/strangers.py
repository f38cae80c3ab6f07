"""Nobody in who does not belong: NULL, PLAIN, unknown and revoked keys, torn handshakes, a gate without its keeper.

A node with the door over TCP open. A case is one attempt to be heard: a stop, a command or a subscription by somebody
without a right to it, over a connection that was really there. Each carries a mark of its own, and none may reach the
node's log, the journal or the bus; a client with a good key is answered all the while. A revoked key is revoked on a
connection that lives. At the end the process is stopped and gone on, so that handshakes meet a keeper who does not
answer.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket as tcp
from collections.abc import Callable
from pathlib import Path

import zmq
from keyed_node import OPERATOR, KeyedNode

from edge_agent.client import Client
from edge_agent.errors import EdgeAgentError
from edge_agent.keys.client_key import ClientKey
from edge_agent.messages import Halt
from edge_agent.messages.codec import encode
from faults.campaign import Campaign, Result, Samples
from faults.frames import Mutator
from faults.plan import FaultyNode, until

HEARD_MS = 60
LOOK_EVERY = 25
NOTICED_S = 1.0
"""A change of the keys' file is noticed within 0.2 s."""


class Stranger:
    """Connections of those who should not get in."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = random.Random(seed)
        self.node = FaultyNode(folder)
        self.keyed = KeyedNode(self.node)
        self.good = self.keyed.keys.add("good", **OPERATOR)
        self.found: list[str] = []
        self.by_kind: dict[str, int] = {}
        self._mutator = Mutator(self.rng)
        self._context = zmq.Context()
        self._number = 0

    def attempt(self) -> None:
        """One of the ways, at random."""
        ways: dict[str, Callable[[], bool]] = {
            "NULL": lambda: self._speak(None),
            "PLAIN": lambda: self._speak(None, plain=True),
            "unknown key": lambda: self._speak(self.keyed.keys.stranger()),
            "wrong node's key": lambda: self._speak(self._of_another_node()),
            "revoked key": self._revoked,
            "torn handshake": self._torn,
            "unknown watcher": self._watch,
        }
        kind = self.rng.choice([*ways, *(way for way in ways if way != "revoked key")])
        self.by_kind[kind] = self.by_kind.get(kind, 0) + ways[kind]()

    def _socket(self, kind: int, key: ClientKey | None, address: str, *, plain: bool = False) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        if key is not None:
            socket.curve_serverkey = key.node_public.encode()
            socket.curve_publickey = key.pair.public.encode()
            socket.curve_secretkey = key.pair.secret.encode()
        if plain:
            socket.plain_username, socket.plain_password = b"good", b"good"
        if kind == zmq.SUB:
            socket.subscribe(b"")
        socket.connect(address)
        return socket

    def _speak(self, key: ClientKey | None, *, plain: bool = False) -> bool:
        """A stop, which is never limited: nothing may come back, and the mark may stand nowhere."""
        socket = self._socket(zmq.DEALER, key, self.keyed.keys.command, plain=plain)
        connected = socket.get_monitor_socket(zmq.EVENT_CONNECTED)
        self._number += 1
        try:
            with contextlib.suppress(zmq.Again):  # turned away already, and libzmq does not try again
                socket.send(encode(Halt(request_id=f"stranger-{self._number}", reason="stranger")), zmq.DONTWAIT)
            happened = bool(connected.poll(1_000))
            if socket.poll(HEARD_MS):
                self.found.append(f"a stranger was answered: {socket.recv()[:200]!r}")
        finally:
            socket.disable_monitor()
            connected.close(linger=0)
            socket.close(linger=0)
        return happened

    def _of_another_node(self) -> ClientKey:
        other = self.keyed.keys.stranger()
        return ClientKey(self.good.name, self.good.pair, other.pair.public, self.good.command, self.good.events)

    def _revoked(self) -> bool:
        """Known and answered; then revoked, and not answered any more on the same connection."""
        name = f"gone-{self.rng.randrange(10**9)}"
        key = self.keyed.keys.add(name, **OPERATOR)
        with self.keyed.client(key, answer_ms=1_000) as client:
            try:
                client.command("go to the moon", ttl_ms=900)
            except EdgeAgentError as problem:
                self.found.append(f"a known key was not answered: {problem}")
                return False
            self.keyed.keys.revoke(name)
            if not until(lambda: not _answers(client), NOTICED_S):
                self.found.append(f"a revoked key was answered on for {NOTICED_S:g} s")
            try:
                client.halt("stranger")
                self.found.append("a revoked key stopped the robots")
            except EdgeAgentError:
                pass
        return True

    def _torn(self) -> bool:
        """Bytes that are no handshake, on the bare socket."""
        host, port = self.keyed.keys.command.removeprefix("tcp://").split(":")
        with tcp.create_connection((host, int(port)), timeout=2.0) as peer:
            peer.sendall(self._mutator.greeting().replace(b"NULL\0", b"CURVE"))
        return True

    def _watch(self) -> bool:
        """Nothing of the events reaches somebody unknown, though the node beats and a command is answered."""
        key = self.rng.choice((None, self.keyed.keys.stranger()))
        socket = self._socket(zmq.SUB, key, self.keyed.keys.events)
        try:
            self.serves_the_known()
            if socket.poll(HEARD_MS):
                self.found.append(f"a stranger hears the events: {socket.recv_multipart()!r:.200}")
        finally:
            socket.close(linger=0)
        return True

    def serves_the_known(self) -> None:
        with self.keyed.client(self.good) as client:
            try:
                if not client.command("go to dock 3", ttl_ms=5_000).actions:
                    self.found.append("a good key's command came to nothing")
                if client.snapshot().stop_id is not None:
                    self.found.append("somebody stopped the robots who may not")
            except EdgeAgentError as problem:
                self.found.append(f"a good key was not answered: {problem}")

    def while_nobody_answers(self) -> None:
        """The process stands still, so its gatekeeper does; a stranger's handshake from that time must not hold."""
        os.kill(self.node.pid, signal.SIGSTOP)
        socket = self._socket(zmq.DEALER, self.keyed.keys.stranger(), self.keyed.keys.command)
        socket.send(encode(Halt(request_id="stranger-in-the-dark", reason="stranger")))
        socket.poll(300)
        os.kill(self.node.pid, signal.SIGCONT)
        if socket.poll(500):
            self.found.append("a stranger was answered whose handshake met nobody")
        socket.close(linger=0)
        self.by_kind["keeper away"] = self.by_kind.get("keeper away", 0) + 1

    def close(self) -> None:
        self._context.destroy(linger=0)


def _answers(client: Client) -> bool:
    try:
        client.command("go to the moon", ttl_ms=900)
    except EdgeAgentError:
        return False
    return True


def run(seed: int, cases: int, folder: Path) -> Result:
    """So many attempts."""
    stranger = Stranger(seed, folder)
    stranger.node.start()
    try:
        for number in range(cases):
            stranger.attempt()
            if number % LOOK_EVERY == 0:
                stranger.serves_the_known()
            if stranger.found:
                break
        stranger.while_nobody_answers()
        stranger.serves_the_known()
    finally:
        stranger.close()
    log = stranger.node.log()
    if '"stranger' in log or "stranger-" in log:
        stranger.found.append("a stranger's message stands in the log")
    if stranger.node.stop() != 0:
        stranger.found.append(f"crash: the node did not end well\n{log[-1500:]}")
    by_kind = {kind: [float(count)] for kind, count in stranger.by_kind.items()}
    return Result(sum(stranger.by_kind.values()), tuple(stranger.found), by_kind)


def figure(samples: Samples) -> str:
    return ", ".join(f"{kind} {sum(counts):.0f}" for kind, counts in sorted(samples.items()))


CAMPAIGN = Campaign(
    name="strangers",
    promise="0 unauthenticated messages in",
    how="over TCP without a key, with PLAIN, an unknown one, one revoked while connected, torn handshakes, no keeper",
    cases=300,
    short=3,
    portion=150,
    run=run,
    figure=figure,
    unit="attempts",
)
