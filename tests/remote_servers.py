"""Servers elsewhere for tests, on this machine: llama-cpp-python's own with the bundled model, and one that misbehaves.

The second is an HTTP server that lists its models and answers the first question as a good one does; what it answers to
each sentence is a function of the test's, which may send anything or nothing.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

PATIENCE_S = 60.0
KNOWN = '[{"action":"reject","reason":"ambiguous"}]'
"""The only answer that the first question allows."""
FIRST = "hello there"
"""The first question's sentence."""

Behaviour = Callable[["Talk"], None]


def completion(text: str, **choice: Any) -> bytes:
    """A chat completion with this answer."""
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop", **choice}]
    return json.dumps({"object": "chat.completion", "choices": choices, "usage": {"completion_tokens": 7}}).encode()


def answer(text: str, **choice: Any) -> Behaviour:
    """Answers with this text."""
    return lambda talk: talk.reply(completion(text, **choice))


def body(data: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> Behaviour:
    """Answers with these bytes."""
    return lambda talk: talk.reply(data, status=status, kind=kind, headers=headers)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Does each of these once, and the last one from then on."""
    left = list(behaviours)
    return lambda talk: (left.pop(0) if len(left) > 1 else left[0])(talk)


def never(talk: Talk) -> None:
    """Says nothing until the other side hangs up."""
    talk.wait_for_hanging_up()


def hang_up(talk: Talk) -> None:
    """Ends the connection without a word."""
    talk.end()


def break_off(talk: Talk) -> None:
    """Promises a thousand bytes and sends ten."""
    talk.handler.send_response(200)
    talk.handler.send_header("Content-Length", "1000")
    talk.handler.end_headers()
    talk.handler.wfile.write(b'{"choices"')
    talk.end()


def speak_no_http(talk: Talk) -> None:
    """Sends what is no HTTP."""
    talk.handler.wfile.write(b"\x00\xff SSH-2.0-OpenSSH_9.2\r\n\r\n")
    talk.end()


def drip(talk: Talk) -> None:
    """Sends a byte now and then, without end."""
    talk.handler.send_response(200)
    talk.handler.send_header("Content-Length", "100000")
    talk.handler.end_headers()
    talk.drip()


def drip_headers(talk: Talk) -> None:
    """The same, from the first byte on."""
    talk.handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    talk.drip()


@dataclass
class Asked:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: Any
    connection: tuple[str, int]


@dataclass
class Site:
    """What the server lists, how it behaves to each sentence, and what it was asked."""

    listed: Any = field(default_factory=lambda: {"data": [{"id": "some-model", "owned_by": "vllm"}]})
    first: Behaviour = field(default_factory=lambda: answer(KNOWN))
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    routes: dict[str, Behaviour] = field(default_factory=dict)
    """By path, before everything else."""
    asked: list[Asked] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)
    """The other side has closed a connection on which it was kept waiting."""
    closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def questions(self, sentence: str) -> list[Asked]:
        """The requests about one sentence."""
        return [one for one in self.asked if one.body and said(one.body) == sentence]

    def behave(self, asked: Asked) -> Behaviour:
        if asked.path in self.routes:
            return self.routes[asked.path]
        if asked.body is None:
            return body(json.dumps(self.listed).encode()) if asked.path == "/v1/models" else body(b"{}", 404)
        sentence = said(asked.body)
        return self.first if sentence == FIRST else self.behaviours[sentence]


@dataclass
class Talk:
    """One request being answered."""

    handler: BaseHTTPRequestHandler
    site: Site

    def reply(
        self, data: bytes, *, status: int = 200, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        self.handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(data)

    def wait_for_hanging_up(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while not self.site.closing.is_set() and time.monotonic() < until:
            readable, _, _ = select.select([self.handler.connection], [], [], 0.02)
            if readable and not self.handler.connection.recv(1, socket.MSG_PEEK):
                self.site.hung_up.set()
                break
        self.end()

    def drip(self) -> None:
        with suppress(OSError):
            while not self.site.closing.wait(0.02):
                self.handler.wfile.write(b" ")
                self.handler.wfile.flush()
        self.site.hung_up.set()
        self.end()

    def end(self) -> None:
        self.handler.close_connection = True


def said(request: Any) -> str:
    """The sentence that a request asks about."""
    if "prompt" in request:
        return str(request["prompt"].split("\n")[1])
    return str(request["messages"][-1]["content"])


@contextmanager
def serving(site: Site, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """The server, answering at `site.url` while the block runs."""

    connections: list[socket.socket] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            connections.append(self.connection)

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, request: Any) -> None:
            asked = Asked(self.path, dict(self.headers), request, self.client_address)
            site.asked.append(asked)
            with suppress(OSError):
                site.behave(asked)(Talk(self, site))

        def log_message(self, format: str, *args: object) -> None:
            """The tests' own output says enough."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Clients that hang up are what the tests are about."""

    server = Server(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
        for connection in connections:  # as the end of a process closes them
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def wait_for(condition: Callable[[], bool]) -> None:
    """Until a condition holds."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def llama_cpp_server(model: Path, log: Path, *, port: int | None = None, **settings: str) -> Iterator[str]:
    """llama-cpp-python's server with this model in a process of its own; its URL."""
    port = port or free_port()
    options = {"model": str(model), "host": "127.0.0.1", "port": str(port), "n_threads": "1", "verbose": "false"}
    arguments = [part for name, value in {**options, **settings}.items() for part in (f"--{name}", value)]
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "llama_cpp.server", *arguments], stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + PATIENCE_S
        while not _lists(url):
            assert process.poll() is None and time.monotonic() < until, log.read_text(errors="replace")
            time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


def _lists(url: str) -> bool:
    try:
        with urlopen(f"{url}/v1/models", timeout=1) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
