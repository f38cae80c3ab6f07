"""The door over TCP: who gets in, who does not, and what a key's end does to connections that live. Real sockets."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import zmq
import zmq.asyncio
from keyed_node import Keys, free_ports

from edge_agent import limits
from edge_agent.clock import SystemClock
from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.keys.client_key import ClientKey
from edge_agent.keys.grants import Verb
from edge_agent.keys.ring import Ring
from edge_agent.transport.door import Received
from edge_agent.transport.sockets import Network, Sockets

SOON_S = 5.0
NOTHING_S = 0.3
"""How long nothing has to come for it to count as nothing; handshakes here take some 10 ms."""


@dataclass
class Gate:
    """Bound sockets, their keys, and everybody who was turned away."""

    keys: Keys
    ring: Ring
    sockets: Sockets
    refused: list[tuple[str, str]] = field(default_factory=list)
    context: zmq.asyncio.Context = field(default_factory=zmq.asyncio.Context)
    made: list[zmq.asyncio.Socket] = field(default_factory=list)

    def dealer(self, key: ClientKey | None, **options: bytes) -> zmq.asyncio.Socket:
        """A connection to the command address, with a key or with other options of libzmq's."""
        return self._connected(zmq.DEALER, key, self.keys.command, options)

    def local(self) -> zmq.asyncio.Socket:
        """A connection to the local door."""
        return self._connected(zmq.DEALER, None, f"ipc://{self.keys.folder}/command.sock", {})

    def watcher(self, key: ClientKey | None) -> zmq.asyncio.Socket:
        socket_ = self._connected(zmq.SUB, key, self.keys.events, {})
        socket_.subscribe(b"")
        return socket_

    def _connected(
        self, kind: int, key: ClientKey | None, address: str, options: dict[str, bytes]
    ) -> zmq.asyncio.Socket:
        made = self.context.socket(kind)
        self.made.append(made)
        made.setsockopt(zmq.LINGER, 0)
        made.setsockopt(zmq.RECONNECT_IVL, 20)
        if key is not None:
            made.curve_serverkey = key.node_public.encode()
            made.curve_publickey = key.pair.public.encode()
            made.curve_secretkey = key.pair.secret.encode()
        for name, value in options.items():
            setattr(made, name, value)
        made.connect(address)
        return made

    async def receive(self) -> Received:
        """The next message at the door over TCP."""
        return await asyncio.wait_for(self.sockets.doors[1].receive(), SOON_S)

    async def receives_nothing(self) -> bool:
        """Whether no message comes."""
        try:
            await asyncio.wait_for(self.sockets.doors[1].receive(), NOTHING_S)
        except TimeoutError:
            return True
        return False

    async def publishes_to(self, watcher: zmq.asyncio.Socket, *, within_s: float) -> bool:
        """Whether something published now and then reaches a watcher."""
        until = asyncio.get_running_loop().time() + within_s
        while asyncio.get_running_loop().time() < until:
            self.sockets.publish("state", b"{}")
            if await watcher.poll(20):
                await watcher.recv_multipart()
                return True
        return False


Scene = Callable[[Gate], Awaitable[None]]


@pytest.fixture
def keys() -> Iterator[Keys]:
    command, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    with tempfile.TemporaryDirectory(prefix="ea-", dir="/tmp") as folder:
        yield Keys(Path(folder), command, events)


def play(keys: Keys, scene: Scene, *, answering: bool = True) -> Gate:
    """Play a scene before bound sockets, with a gatekeeper who answers or does not."""

    async def whole() -> Gate:
        ring = Ring(keys.folder, SystemClock().wall_ms)
        told: list[tuple[str, str]] = []
        network = Network(
            keys.command, keys.events, keys.pair, ring.find, lambda _, code, words: told.append((code, words))
        )
        addresses = (f"ipc://{keys.folder}/command.sock", f"ipc://{keys.folder}/events.sock")
        sockets = Sockets(*addresses, network, clock=SystemClock())
        gate = Gate(keys, ring, sockets, told)
        assert sockets.gatekeeper is not None
        serving = asyncio.create_task(sockets.gatekeeper.serve()) if answering else None
        try:
            await scene(gate)
        finally:
            if serving is not None:
                serving.cancel()
                with suppress(asyncio.CancelledError):
                    await serving
            for made in gate.made:
                made.close()
            gate.context.term()
            sockets.close()
        return gate

    return asyncio.run(whole())


def test_a_known_key_gets_in_and_its_messages_carry_it(keys: Keys) -> None:
    one = keys.add("one")

    async def scene(gate: Gate) -> None:
        dealer = gate.dealer(one)
        await dealer.send(b"hello")
        received = await gate.receive()
        assert (received.frames, received.key) == ((b"hello",), one.pair.public)
        assert not received.chose_its_routing_id
        assert gate.sockets.key_of(received.peer) == one.pair.public
        assert gate.sockets.send(received.peer, b"answer")
        assert await asyncio.wait_for(dealer.recv(), SOON_S) == b"answer"

    assert play(keys, scene).refused == []


@pytest.mark.parametrize("who", ["a stranger's key", "NULL", "PLAIN", "another node's key", "a revoked key"])
def test_nobody_else_gets_in(keys: Keys, who: str) -> None:
    """Nothing of theirs arrives, nothing reaches them, and somebody who is known is answered meanwhile."""
    one = keys.add("one")
    gone = keys.add("gone")
    keys.revoke("gone")

    async def scene(gate: Gate) -> None:
        stranger = keys.stranger()
        socket_ = {
            "a stranger's key": lambda: gate.dealer(stranger),
            "NULL": lambda: gate.dealer(None),
            "PLAIN": lambda: gate.dealer(None, plain_username=b"one", plain_password=b"one"),
            "another node's key": lambda: gate.dealer(
                ClientKey("one", one.pair, stranger.pair.public, keys.command, keys.events)
            ),
            "a revoked key": lambda: gate.dealer(gone),
        }[who]()
        await socket_.send(b'{"type":"halt","request_id":"r"}')
        assert await gate.receives_nothing()
        watcher = gate.watcher({"NULL": None, "a revoked key": gone}.get(who, stranger))
        assert not await gate.publishes_to(watcher, within_s=NOTHING_S)
        known = gate.dealer(one)
        await known.send(b"hello")
        assert (await gate.receive()).frames == (b"hello",)

    told = play(keys, scene).refused
    if who in ("a stranger's key", "a revoked key"):
        assert (Code.KEY_INVALID, "the key is not known here (any more)") in told


def test_while_nobody_answers_at_the_gate_nobody_gets_in(keys: Keys) -> None:
    """The trap of libzmq 2711: without a handler, CURVE alone lets every key in."""
    one = keys.add("one")

    async def scene(gate: Gate) -> None:
        for key in (one, keys.stranger()):
            await gate.dealer(key).send(b"hello")
        assert await gate.receives_nothing()

    play(keys, scene, answering=False)


def test_a_gatekeeper_that_is_lost_shuts_the_door_and_is_replaced(keys: Keys) -> None:
    """Its socket is closed under it: who is in stays in, it is mended by itself, and then others get in again."""
    one = keys.add("one")

    async def scene(gate: Gate) -> None:
        inside = gate.dealer(one)
        await inside.send(b"hello")
        await gate.receive()
        keeper = gate.sockets.gatekeeper
        assert keeper is not None and keeper.answering
        keeper._socket.close(linger=0)
        await inside.send(b"still here")
        assert (await gate.receive()).frames == (b"still here",)
        newcomer = gate.dealer(one)
        await newcomer.send(b"late")
        assert (await gate.receive()).frames == (b"late",)
        assert keeper.answering

    assert any(code == Code.INTERNAL for code, _ in play(keys, scene).refused)


def test_a_key_that_ends_is_sent_nothing_more_on_a_connection_that_lives(keys: Keys) -> None:
    one = keys.add("one")

    async def scene(gate: Gate) -> None:
        dealer = gate.dealer(one)
        await dealer.send(b"hello")
        peer = (await gate.receive()).peer
        keys.revoke("one")
        gate.ring.refresh()
        assert not gate.sockets.send(peer, b"answer")
        gate.sockets.send_last(peer, b"stop")
        assert await asyncio.wait_for(dealer.recv(), SOON_S) == b"stop"

    play(keys, scene)


def test_watchers_are_turned_out_and_only_the_known_come_back(keys: Keys) -> None:
    one, two = keys.add("one"), keys.add("two")

    async def scene(gate: Gate) -> None:
        first, second = gate.watcher(one), gate.watcher(two)
        assert await gate.publishes_to(first, within_s=SOON_S) and await gate.publishes_to(second, within_s=SOON_S)
        keys.revoke("two")
        gate.ring.refresh()
        gate.sockets.turn_out_watchers()
        while gate.sockets.look_around() or not all(door.reopen() for door in gate.sockets.doors):
            await asyncio.sleep(0.02)
        assert await gate.publishes_to(first, within_s=SOON_S)
        while await second.poll(0):
            await second.recv_multipart()
        assert not await gate.publishes_to(second, within_s=NOTHING_S)

    play(keys, scene)


def test_who_may_not_watch_hears_no_event(keys: Keys) -> None:
    mute = keys.add("mute", verbs={Verb.HALT})

    async def scene(gate: Gate) -> None:
        assert not await gate.publishes_to(gate.watcher(mute), within_s=NOTHING_S)
        await gate.dealer(mute).send(b"hello")
        assert (await gate.receive()).key == mute.pair.public

    assert (Code.FORBIDDEN, "mute may not watch") in play(keys, scene).refused


def test_a_key_that_knocks_too_often_is_asked_to_come_back(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HANDSHAKES_PER_S", 5)
    one = keys.add("one")

    async def scene(gate: Gate) -> None:
        for _ in range(int(limits.HANDSHAKES_PER_S * limits.BURST_S) + 5):
            dealer = gate.dealer(one)
            await dealer.send(b"hello")
        for _ in range(int(limits.HANDSHAKES_PER_S * limits.BURST_S)):
            await gate.receive()

    assert any(code == Code.RATE_LIMITED for code, _ in play(keys, scene).refused)


@pytest.mark.parametrize(
    "greeting",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="a browser"),
        pytest.param(b"\x01\x00", id="ZMTP 1.0"),
        pytest.param(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x01\x05\x00\x00", id="ZMTP 2.0"),
        pytest.param(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL" + bytes(48), id="ZMTP 3.0, NULL"),
        pytest.param(
            b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE" + bytes(47) + b"\x04\xff" * 50, id="a broken CURVE"
        ),
    ],
)
def test_an_odd_or_old_greeting_is_cut_off(keys: Keys, greeting: bytes) -> None:
    """By its first wrong byte, or after HANDSHAKE_MS; a known client gets in meanwhile."""
    one = keys.add("one")
    host, port = keys.command.removeprefix("tcp://").split(":")

    async def scene(gate: Gate) -> None:
        with socket.create_connection((host, int(port)), 5) as raw:
            raw.sendall(greeting)
            await gate.dealer(one).send(b"hello")
            assert (await gate.receive()).frames == (b"hello",)
            raw.settimeout(limits.HANDSHAKE_MS / 1000 + 5)

            def until_closed() -> bool:
                with suppress(ConnectionError):
                    while raw.recv(4096):
                        pass
                return True

            assert await asyncio.to_thread(until_closed)

    play(keys, scene)


def test_a_crowd_of_strangers_is_closed_and_the_known_come_back(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds who never prove themselves: the door over TCP is emptied and opened again, the local one left alone."""
    one = keys.add("one")
    host, port = keys.command.removeprefix("tcp://").split(":")

    async def scene(gate: Gate) -> None:
        dealer, local = gate.dealer(one), gate.local()
        await dealer.send(b"before")
        await gate.receive()
        monkeypatch.setattr(limits, "DESCRIPTORS_MAX", len(list(Path("/proc/self/fd").iterdir())) + 250)
        crowd = [socket.create_connection((host, int(port)), 5) for _ in range(200)]
        emptied = ""
        until = asyncio.get_running_loop().time() + SOON_S
        while not emptied and asyncio.get_running_loop().time() < until:
            emptied = gate.sockets.look_around()
            await asyncio.sleep(0.02)
        assert emptied == "TCP"
        for stranger in crowd:
            stranger.close()
        receiving = asyncio.create_task(gate.receive())
        while not receiving.done():
            assert gate.sockets.look_around() == ""
            await dealer.send(b"after")
            await asyncio.sleep(0.05)
        assert receiving.result().frames == (b"after",)
        await local.send(b"local")
        assert (await asyncio.wait_for(gate.sockets.doors[0].receive(), SOON_S)).frames == (b"local",)

    play(keys, scene)


@pytest.mark.parametrize(
    "address", ["tcp://localhost:7710", "tcp://127.0.0.1:0", "tcp://127.0.0.1:70000", "udp://*:1", "tcp://*"]
)
def test_a_tcp_address_is_an_ip_and_a_port(keys: Keys, address: str) -> None:
    keys.command = address
    with pytest.raises(ConfigurationFault) as fault:
        play(keys, lambda gate: asyncio.sleep(0))
    assert fault.value.code is Code.SETTINGS_INVALID


def test_a_port_that_is_taken_is_said(keys: Keys) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        keys.command = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(NodeFault) as fault:
            play(keys, lambda gate: asyncio.sleep(0))
    assert fault.value.code is Code.ALREADY_RUNNING
