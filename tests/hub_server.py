"""A hub for tests: an HTTP server on this machine that answers for one repository as the Hugging Face hub does.

It knows the two requests that a pull makes, the record of a repository and a file's bytes from an offset on, and can
be told to break off, to hand out wrong bytes, or to record a size that no disk has room for.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Hub:
    """What the server holds, what it does wrong, and what it was asked."""

    repository: str
    files: dict[str, bytes]
    large: frozenset[str] = frozenset()
    """Files that the hub keeps beside git and records a sha256 of."""
    commit: str = "a" * 40
    cut_after: dict[str, int] = field(default_factory=dict)
    """Bytes after which an answer with this file breaks off, however often it is asked."""
    handed_out: dict[str, bytes] = field(default_factory=dict)
    """Bytes that are handed out in place of those that are recorded."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Sizes that are recorded in place of the true ones."""
    portal: bytes = b""
    """What a network that wants a sign-in first answers to everything."""
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Files that were asked for, and from which byte on."""
    url: str = ""

    def record(self) -> dict[str, object]:
        """What the hub says of its repository."""
        return {"id": self.repository, "sha": self.commit, "siblings": [self._file(name) for name in self.files]}

    def _file(self, name: str) -> dict[str, object]:
        data = self.files[name]
        size = self.sizes.get(name, len(data))
        entry: dict[str, object] = {
            "rfilename": name,
            "size": size,
            "blobId": hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest(),
        }
        if name in self.large:
            entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": size, "pointerSize": 134}
        return entry


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub, answering at `hub.url` while the block runs."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if hub.portal:
                self._whole(hub.portal)
            elif path == f"/api/models/{hub.repository}/revision/main":
                self._whole(json.dumps(hub.record()).encode())
            elif path.startswith(prefix := f"/{hub.repository}/resolve/{hub.commit}/"):
                self._bytes(path.removeprefix(prefix))
            else:
                self.send_error(404)

        def _whole(self, data: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _bytes(self, name: str) -> None:
            data = hub.handed_out.get(name, hub.files[name])
            begin = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
            hub.asked.append((name, begin))
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - begin))
            self.end_headers()
            end = hub.cut_after.get(name, len(data))
            self.wfile.write(data[begin:end])
            if end < len(data):
                self.close_connection = True

        def log_message(self, *words: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        hub.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
