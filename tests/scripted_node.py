"""A node's two sockets with a script behind them: real ZeroMQ and the real codec, no node."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import zmq

from edge_agent.messages import TO_NODE, Message
from edge_agent.messages.codec import Codec, encode
from edge_agent.messages.schema import TOPICS

Script = Callable[[Message], Iterable[Message]]
"""What comes in, to what goes back to its sender."""


class ScriptedNode:
    """Binds in a folder, answers by the script, remembers what it heard."""

    def __init__(self, folder: Path, script: Script = lambda _: ()) -> None:
        self.command_address = f"ipc://{folder}/command.sock"
        self.events_address = f"ipc://{folder}/events.sock"
        self.heard: list[Message] = []
        self._script = script
        self._bound = threading.Event()
        self._ended = threading.Event()
        self._to_publish: list[Message] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve)

    def publish(self, *events: Message) -> None:
        """Send events to whoever watches."""
        with self._lock:
            self._to_publish.extend(events)

    def heard_of(self, kind: type[Message]) -> list[Message]:
        """What came in of one class."""
        return [message for message in self.heard if isinstance(message, kind)]

    def _serve(self) -> None:
        codec = Codec(TO_NODE)
        with zmq.Context() as context, context.socket(zmq.ROUTER) as router, context.socket(zmq.PUB) as pub:
            for socket, address in ((router, self.command_address), (pub, self.events_address)):
                socket.setsockopt(zmq.LINGER, 0)
                socket.bind(address)
            self._bound.set()
            while not self._ended.is_set():
                with self._lock:
                    events, self._to_publish = self._to_publish, []
                for event in events:
                    topic = next(name for name, kind in TOPICS.items() if isinstance(event, kind))
                    pub.send_multipart([topic.encode(), encode(event)])
                if router.poll(10):
                    peer, frame = router.recv_multipart()
                    message = codec.decode(frame)
                    self.heard.append(message)
                    for reply in self._script(message):
                        router.send_multipart([peer, encode(reply)])

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._bound.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(10)
