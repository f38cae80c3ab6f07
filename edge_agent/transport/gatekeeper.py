"""Who gets in over TCP: answers ZeroMQ's question at every CURVE handshake (ZAP, https://rfc.zeromq.org/spec/27).

Without a handler libzmq lets every key in (issue 2711) unless the domain is enforced, as it is here (`door`): while
nobody answers, nobody gets in. A question that cannot be read is a no, and whatever goes wrong with one question ends
nothing.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Final

import zmq
import zmq.asyncio
from zmq.utils import z85

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import Code
from edge_agent.keys.grants import Grant, Verb
from edge_agent.keys.rates import Rates

ADDRESS: Final = "inproc://zeromq.zap.01"
"""Fixed by the specification; one handler a context."""
COMMAND_DOMAIN: Final = "command"
EVENTS_DOMAIN: Final = "events"
_VERSION: Final = b"1.0"
_FRAMES: Final = 9
"""Peer, empty, version, request id, domain, address, routing id, mechanism, and CURVE's one credential."""
_AGAIN_S: Final = 0.1

Find = Callable[[str], Grant | None]
"""A key's grant while it is good."""
Refused = Callable[[str, str, str], None]
"""Told of everybody turned away: address, code, words."""


class Gatekeeper:
    """Answers for one context, from one loop. Make it before the sockets it answers for."""

    def __init__(self, context: zmq.asyncio.Context, find: Find, refused: Refused, clock: Clock) -> None:
        self._context = context
        self._find = find
        self._refused = refused
        self._handshakes = Rates(limits.HANDSHAKES_PER_S, clock)
        self.answering = False
        """Whether handshakes are answered now; while they are not, nobody gets in."""
        self._socket = self._bound()

    async def serve(self) -> None:
        """Answer until cancelled; a broken socket is made anew."""
        try:
            while True:
                self.answering = True
                try:
                    await self._answer_all()
                except zmq.ZMQError as problem:
                    await self._mend(str(problem))
                except asyncio.CancelledError:
                    task = asyncio.current_task()
                    if task is None or task.cancelling():
                        raise
                    await self._mend("its socket was closed")  # pyzmq cancels whoever waits for one that closes
        finally:
            self.answering = False

    async def _mend(self, problem: str) -> None:
        self.answering = False
        self._refused("", Code.INTERNAL, f"nobody gets in until the gate is mended: {problem}")
        self._socket.close(linger=0)
        await asyncio.sleep(_AGAIN_S)
        self._socket = self._bound()

    def close(self) -> None:
        """From now on nobody gets in."""
        self.answering = False
        self._socket.close(linger=0)

    def _bound(self) -> zmq.asyncio.Socket:
        socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind(ADDRESS)
        return socket

    async def _answer_all(self) -> None:
        while True:
            frames = await self._socket.recv_multipart()
            if len(frames) < 4:  # nobody but libzmq can ask here, and it asks in full
                continue
            status, words, user = self._decide(frames)
            await self._socket.send_multipart([*frames[:2], _VERSION, frames[3], status, words.encode(), user, b""])

    def _decide(self, frames: list[bytes]) -> tuple[bytes, str, bytes]:
        """ZAP's status, its words, and the User-Id, which is the public key itself: a name may change its key."""
        try:
            domain, address = frames[4].decode(), frames[5].decode()
            if len(frames) != _FRAMES or frames[2] != _VERSION or frames[7] != b"CURVE" or len(frames[8]) != 32:
                return self._no(address, Code.KEY_INVALID, "CURVE is asked for")
            public = z85.encode(frames[8]).decode()
            grant = self._find(public)
            if grant is None:
                return self._no(address, Code.KEY_INVALID, "the key is not known here (any more)")
            if domain == EVENTS_DOMAIN and not grant.allows(Verb.WATCH):
                return self._no(address, Code.FORBIDDEN, f"{grant.name} may not watch")
            if domain not in (COMMAND_DOMAIN, EVENTS_DOMAIN):
                return self._no(address, Code.FORBIDDEN, f"no domain {domain[:16]!r}")
            if not self._handshakes.take(public) or _spare_descriptors() < limits.DESCRIPTORS_SPARE:
                self._refused(address, Code.RATE_LIMITED, f"{grant.name} is asked to come back")
                return b"300", "come back later", b""
        except Exception as bug:  # one question must not end the answering of all
            return self._no("", Code.INTERNAL, f"{type(bug).__name__}: {bug}")
        return b"200", "OK", public.encode()

    def _no(self, address: str, code: Code, words: str) -> tuple[bytes, str, bytes]:
        self._refused(address, code, words)
        # 300 is "not now": after a 400 libzmq's clients never try again, and a robot that was on before it was enrolled
        # would have to be switched on anew
        return b"300", "no", b""


def _spare_descriptors() -> int:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return limits.DESCRIPTORS_SPARE
    return soft - sum(1 for _ in Path("/proc/self/fd").iterdir())
