"""GET /metrics and GET /healthz over HTTP, on loopback or a socket's file, and nothing else.

It runs in a thread with a loop of its own: on the node's loop, writing the text would hold up a stop, and a crowd of
scrapers would be served before a command. Whoever asks slowly is cut off after SCRAPE_MS_MAX, one connection too many
closes the oldest, one is taken in ACCEPT_S, the text is made at most once in RENDER_S, and an address that is taken is
tried again: the node does without. Refuses every address that others could reach (INSECURE_BIND).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from edge_agent import limits
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.observe.readiness import Ready

RENDER_S: Final = 0.5
ACCEPT_S: Final = 0.005
"""Between two connections, so that a crowd of them costs the node's loop no more than a few."""
AGAIN_S: Final = 5.0
"""How long until an address that was taken is tried again."""
_BACKLOG: Final = 64
"""Connections that the kernel keeps until they are taken; with fewer, a crowd makes others wait for whole seconds."""
_SOCKET_MODE: Final = 0o660
_REASONS: Final = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Not Ready"}
_END: Final = b"\r\n\r\n"
_TEXT: Final = "text/plain; charset=utf-8"

Address = tuple[str, int] | Path
"""IP and port (0: any that is free), or a socket's file."""


def scrape_address(text: str) -> Address:
    """Read the setting `health.metrics`.

    Raises:
        ConfigurationFault: INSECURE_BIND for what is not loopback, SETTINGS_INVALID for what is no address.
    """
    if text.startswith("/") and text.isprintable():
        return Path(text)
    host, _, port = text.rpartition(":")
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
        number = int(port) if port.isascii() and port.isdecimal() else -1
    except ValueError:
        address, number = None, -1
    if address is None or not 0 <= number <= 65_535:
        told = f"IP:PORT of loopback or an absolute path is expected, not {text!r}"
        raise ConfigurationFault(Code.SETTINGS_INVALID, told, where="health.metrics")
    if not address.is_loopback:
        told = f"{text} is not loopback: metrics are served to everybody who asks"
        raise ConfigurationFault(Code.INSECURE_BIND, told, where="health.metrics")
    return str(address), number


class ScrapeServer:
    """Serves until it is closed."""

    def __init__(
        self,
        address: Address,
        render: Callable[[], bytes],
        content_type: str,
        look: Callable[[], Ready],
        *,
        again_s: float = AGAIN_S,
    ) -> None:
        """Bind, or note why not and try again every `again_s`."""
        self._address = address
        self._render = render
        self._content_type = content_type
        self._look = look
        self._again_s = again_s
        self._body, self._rendered_s = b"", float("-inf")
        self._open: dict[asyncio.Task[None], None] = {}
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._tried = threading.Event()
        self.trouble = ""
        """Why it does not serve now; empty when it does."""
        self.where = str(address) if isinstance(address, Path) else _shown(*address)
        """Where it serves."""
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()
        self._tried.wait()

    def close(self) -> None:
        """Serve no more."""
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._tried.set()

    async def _serve(self) -> None:
        while not self._ending.is_set():
            try:
                listening = self._bound()
            except OSError as problem:
                self.trouble = f"{self.where}: {problem.strerror or problem}"
                self._tried.set()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), self._again_s)
                continue
            with listening:
                self.trouble = ""
                self._tried.set()
                accepting = self._loop.create_task(self._accept(listening))
                await self._ending.wait()
                await _ended((accepting, *self._open))

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(listening)
            except OSError:  # no descriptor is left, or the peer has gone already
                await asyncio.sleep(ACCEPT_S)
                continue
            if len(self._open) >= limits.SCRAPE_CONNECTIONS_MAX:
                next(iter(self._open)).cancel()
            task = self._loop.create_task(self._one(connection))
            self._open[task] = None
            task.add_done_callback(lambda done: self._open.pop(done, None))
            await asyncio.sleep(ACCEPT_S)

    async def _one(self, connection: socket.socket) -> None:
        """One connection: one request, one answer."""
        reader, writer = await asyncio.open_connection(sock=connection, limit=limits.SCRAPE_REQUEST_BYTES_MAX)
        try:
            async with asyncio.timeout(limits.SCRAPE_MS_MAX / 1000.0):
                # so that drain waits until the peer has taken everything
                writer.transport.set_write_buffer_limits(high=0)
                request = await reader.readuntil(_END)
                writer.write(self._answer(request))
                await writer.drain()
                writer.close()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
            pass  # of the peer's making
        finally:
            if not writer.is_closing():
                writer.transport.abort()

    def _bound(self) -> socket.socket:
        """A listening socket.

        Raises:
            OSError: somebody else listens there, or it is not ours to bind.
        """
        if isinstance(self._address, Path):
            bound = _bound_file(self._address)
        else:
            family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
            bound = socket.create_server(self._address, family=family, backlog=_BACKLOG)
            self.where = _shown(*bound.getsockname()[:2])
        bound.setblocking(False)
        return bound

    def _answer(self, request: bytes) -> bytes:
        line = request.partition(b"\r\n")[0].decode("latin-1").split(" ")
        if len(line) != 3 or not line[2].startswith("HTTP/1."):
            return _response(400, _TEXT, b"one HTTP request is expected\n")
        method, target, _ = line
        match target.partition("?")[0]:
            case "/metrics" | "/healthz" if method != "GET":
                return _response(405, _TEXT, b"GET it\n")
            case "/metrics":
                return _response(200, self._content_type, self._text())
            case "/healthz":
                ready = self._look()
                told = {"ready": not ready.missing, "missing": ready.missing, "degraded": ready.degraded}
                return _response(503 if ready.missing else 200, "application/json", json.dumps(told).encode() + b"\n")
        return _response(404, _TEXT, b"there is /metrics and /healthz\n")

    def _text(self) -> bytes:
        now_s = time.monotonic()
        if now_s - self._rendered_s >= RENDER_S:
            self._body, self._rendered_s = self._render(), now_s
        return self._body


def _response(status: int, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


def _bound_file(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and not _is_served(path):
            path.unlink()  # of a process that is gone
        os.fchmod(bound.fileno(), _SOCKET_MODE)  # Linux gives the file this mode, the umask taken off
        bound.bind(str(path))
        path.chmod(_SOCKET_MODE)
        bound.listen(_BACKLOG)
    except BaseException:
        bound.close()
        raise
    return bound


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
