"""A daemon as a user has it: its own process, real sockets, a state directory. For tests of the node; holds no test."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zmq

from edge_agent.client import Client
from edge_agent.messages import FROM_NODE, Message
from edge_agent.messages.codec import Codec, encode

PATIENCE_S = 40.0
ROBOT_WORLD = """
[[entity]]
name = "dock 3"
kind = "place"
[[entity]]
name = "packing"
kind = "place"
[[entity]]
name = "red box"
kind = "item"
"""
HOME_WORLD = """
[[entity]]
name = "front door"
kind = "lock"
area = "hall"
[[entity]]
name = "hall"
kind = "area"
"""
_SCRIPT = Path(__file__).with_name("daemon_with_script.py")
_CODEC = Codec(FROM_NODE)


class Node:
    """One daemon that can be started, killed and started again on the same directories."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.state_dir = folder / "state"
        (folder / "robot.toml").write_text(ROBOT_WORLD)
        (folder / "home.toml").write_text(HOME_WORLD)
        self.settings = {
            "packs": [
                {"name": "robot", "world": str(folder / "robot.toml")},
                {"name": "home", "world": str(folder / "home.toml")},
            ],
            "runtime_dir": str(folder / "run"),
            "state_dir": str(self.state_dir),
            **settings,
        }
        self.command_address = f"ipc://{folder}/run/command.sock"
        self.events_address = f"ipc://{folder}/run/events.sock"
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self, *arguments: str) -> Node:
        """Start the daemon and wait until it takes commands."""
        self.begin(*arguments)
        self.wait_for(lambda: '"detail": "ready"' in self.log())
        return self

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the daemon and do not wait."""
        path = self.folder / "settings.json"
        path.write_text(json.dumps(self.settings))
        self.starts += 1
        with self._log_path().open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(_SCRIPT), str(path), *arguments], stdout=log, stderr=log
            )
        return self.process

    def log(self) -> str:
        """What this start of the daemon has written to stderr."""
        return self._log_path().read_text()

    def wait_for(self, condition: Any) -> None:
        """Wait until a condition holds, or fail with the daemon's log."""
        until = time.monotonic() + PATIENCE_S
        while not condition():
            ended = self.process is not None and self.process.poll() is not None
            assert time.monotonic() < until and not ended, self.log()
            time.sleep(0.02)

    def wait_for_log(self, words: str, count: int = 1) -> None:
        """Wait until the daemon has written this so many times."""
        self.wait_for(lambda: self.log().count(words) >= count)

    def kill(self) -> None:
        """As a power cut does it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """As systemd does it; returns the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def client(self, **options: Any) -> Client:
        """A client of this daemon."""
        return Client(self.command_address, self.events_address, **options)

    def _log_path(self) -> Path:
        return self.folder / f"log-{self.starts}"


class Raw:
    """A DEALER that sends whatever bytes it likes and decodes what comes back."""

    def __init__(self, address: str) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.connect(address)

    def send(self, *frames: bytes) -> None:
        self.socket.send_multipart(frames)

    def say(self, message: Message) -> None:
        self.send(encode(message))

    def hear(self, timeout_s: float = 10.0) -> Message | None:
        """The next message, or None after the timeout."""
        if not self.socket.poll(int(timeout_s * 1000)):
            return None
        return _CODEC.decode(self.socket.recv())

    def hear_a(self, kind: type[Message], timeout_s: float = 20.0) -> Any:
        """The next message of a kind; others are let go."""
        until = time.monotonic() + timeout_s
        while (left := until - time.monotonic()) > 0:
            message = self.hear(left)
            if isinstance(message, kind):
                return message
        raise AssertionError(f"no {kind.__name__} within {timeout_s} s")

    def close(self) -> None:
        self._context.destroy(linger=0)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Watcher:
    """A SUB that keeps everything the node publishes."""

    def __init__(self, address: str) -> None:
        self.messages: list[Message] = []
        self._ending = threading.Event()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.subscribe(b"")
        self._socket.connect(address)
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ending.is_set():
            if self._socket.poll(20):
                _topic, frame = self._socket.recv_multipart()
                self.messages.append(_CODEC.decode(frame))

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self._context.destroy(linger=0)

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def fresh_node(**settings: Any) -> Iterator[Node]:
    """A node on directories of its own; a short path, because a unix socket's is limited."""
    with tempfile.TemporaryDirectory(prefix="ea-", dir="/tmp") as folder:
        node = Node(Path(folder), **settings)
        try:
            yield node
        finally:
            if node.process is not None and node.process.poll() is None:
                node.process.kill()
                node.process.wait()
