"""Bytes to one HTTP server and back, each request whole by its deadline: the one file that knows the HTTP library.

Decides how long every step may take: whatever is left until the deadline, counted anew before each read and write, so a
server that drips is as late as one that is silent. Connections are kept and shared by all threads; one whose request
failed, ran out of time or was withdrawn is closed, which tells the server to stop. Refuses (EXPIRED, STOPPED,
ENGINE_UNAVAILABLE, OUTPUT_INVALID) whatever is no whole response of a sane size. It follows no redirect and asks no
proxy, so the key goes nowhere else.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpcore2

from edge_agent.clock import Clock
from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.language.remote_calls import Away, Call, Calls, Response, late, withdrawn
from edge_agent.limits import REMOTE_CONNECTIONS_KEPT, REMOTE_KEPT_S, REMOTE_REQUESTS_MAX, REMOTE_RESPONSE_BYTES_MAX

_Address = tuple[Any, ...]


class _Stream(httpcore2.NetworkStream):
    """One connection. Its own timeouts are the running request's, so the library's are not looked at."""

    def __init__(self, connected: socket.socket, calls: Calls) -> None:
        self._socket = connected
        self._calls = calls

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - see above
        self._step()
        return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - likewise
        left = memoryview(buffer)
        while left:
            self._step()
            try:
                left = left[self._socket.send(left) :]
            except TimeoutError:
                raise
            except OSError as problem:  # the library then reads what the server had to say before it hung up
                raise httpcore2.WriteError(str(problem)) from problem

    def close(self) -> None:
        self._socket.close()

    def shut_down(self) -> None:
        """End what another thread waits for."""
        with suppress(OSError):  # it may have ended by itself
            # the plain socket's: that of TLS would take the reading thread's state away first
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - likewise
    ) -> _Stream:
        self._step()
        try:
            return _Stream(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname), self._calls)
        except OSError:
            self.close()
            raise

    def get_extra_info(self, info: str) -> Any:
        """Whether an idle connection can be read: then the other side has hung up on it."""
        if info != "is_readable":
            return None
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return bool(waiting.poll(0))

    def _step(self) -> None:
        call = self._calls.current
        call.hang_up = self.shut_down
        self._socket.settimeout(call.left_s())


class _Network(httpcore2.NetworkBackend):
    """Opens connections to the addresses that were last found for the server."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.addresses: tuple[_Address, ...] = ()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the request's own
        local_address: str | None = None,  # noqa: ARG002 - never asked for
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - likewise
    ) -> _Stream:
        trouble: OSError = ConnectionError(f"no address is known for {host} port {port}")
        for place, (family, address) in enumerate(addresses := self.addresses):
            # an address that is silent leaves the others their share of the time
            share_s = self._calls.current.left_s() / (len(addresses) - place)
            connecting = socket.socket(family, socket.SOCK_STREAM)
            try:
                connecting.settimeout(share_s)
                connecting.connect(address)
                connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return _Stream(connecting, self._calls)
            except OSError as problem:
                connecting.close()
                trouble = problem
        raise trouble


class HttpServer:
    """One server by its URL. `ask` is called from any thread."""

    def __init__(self, url: str, clock: Clock, *, key: str = "", ca_file: Path | None = None) -> None:
        """`url`: http or https, with a path in front of the API's own where there is one.

        Raises:
            ConfigurationFault: SETTINGS_INVALID when the file of certificates cannot be used.
        """
        parts = urlsplit(url)
        self._url = url.rstrip("/")
        self._where = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        self._clock = clock
        self._headers: dict[bytes | str, bytes | str] = {"Accept": "application/json", "User-Agent": "edge-agent"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._calls = Calls()
        self._network = _Network(self._calls)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_trusting(ca_file) if parts.scheme == "https" else None,
            max_connections=REMOTE_REQUESTS_MAX,
            max_keepalive_connections=REMOTE_CONNECTIONS_KEPT,
            keepalive_expiry=REMOTE_KEPT_S,
            network_backend=self._network,
        )

    def resolve(self) -> None:
        """Look the server's name up. The system's resolver knows no deadline, so no request waits for it.

        Raises:
            NodeFault: ENGINE_UNAVAILABLE.
        """
        host, port = self._where
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:
            raise Away(f"the remote engine's name is not found: {problem}") from problem
        self._network.addresses = tuple((family, address) for family, _, _, _, address in found)

    def ask(self, path: str, body: bytes | None, deadline_ms: float, *, ticket: str = "") -> Response:
        """GET `path`, or POST `body` (JSON) to it, by `deadline_ms` (CLOCK_BOOTTIME).

        Raises:
            ClientFault: EXPIRED, or STOPPED when it was withdrawn.
            NodeFault: ENGINE_UNAVAILABLE when there is no connection or it ends early, OUTPUT_INVALID when the response
                has too many bytes.
        """
        call = Call(deadline_ms, ticket, self._clock)
        self._calls.begin(call)
        try:
            return self._exchange(path, body, call)
        except (TimeoutError, httpcore2.TimeoutException) as problem:
            call.left_s()
            raise late() from problem
        except (OSError, httpcore2.NetworkError, httpcore2.ProtocolError) as problem:
            if call.withdrawn:
                raise withdrawn() from problem
            raise Away(f"the remote engine cannot be reached: {problem or type(problem).__name__}") from problem
        finally:
            self._calls.end(call)

    def _exchange(self, path: str, body: bytes | None, call: Call) -> Response:
        method = "GET" if body is None else "POST"
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        extensions = {"timeout": {"pool": call.left_s()}}
        with self._pool.stream(
            method, f"{self._url}{path}", headers=headers, content=body, extensions=extensions
        ) as response:
            whole = bytearray()
            for chunk in response.iter_stream():
                whole += chunk
                if len(whole) > REMOTE_RESPONSE_BYTES_MAX:
                    why = f"the remote engine sent more than {REMOTE_RESPONSE_BYTES_MAX} bytes"
                    raise NodeFault(Code.OUTPUT_INVALID, why)
            self._calls.end(call)  # from here on the connection may be another request's
            return Response(response.status, bytes(whole), _retry_after_s(response.headers))

    def withdraw(self, ticket: str) -> None:
        """End the requests with this ticket: their connections are closed."""
        self._calls.withdraw(ticket)

    def close(self) -> None:
        """End every request and close every connection."""
        self._calls.close()
        self._pool.close()


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as problem:
        why = f"holds no certificates that can be used: {problem}"
        raise ConfigurationFault(Code.SETTINGS_INVALID, why, where=f"remote.ca_file: {ca_file}") from problem


def _retry_after_s(headers: Iterable[tuple[bytes, bytes]]) -> float:
    value = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    return float(value) if value.isdigit() else 0.0
