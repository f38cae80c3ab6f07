"""Whoever speaks to a node under test: streams in real time, and sentences that its recognisers are sure of."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from node_harness import Node, Raw
from speech_sounds import Samples, joined, silence
from speech_sounds import spoken as spoken_by

from edge_agent.messages import Answer, AudioChunk, AudioEnd, AudioReady, AudioStart, ErrorReply
from edge_agent.messages.codec import encode

CHUNK_MS = 40
READY_S = 60.0
TTL_MS = 30_000
"""A busy machine answers late here, rather than not at all."""
COMMAND = "go to dock three"
ACTION = {"action": "go_to", "place": "dock 3"}


class Speaker(Raw):
    """A client with one stream."""

    def __init__(self, node: Node, stream_id: str = "mic", **start: Any) -> None:
        super().__init__(node.command_address)
        self.stream_id = stream_id
        self.seq = 0
        self.say(AudioStart(stream_id=stream_id, **{"ttl_ms": TTL_MS, **start}))
        self.hear_a(AudioReady, READY_S)

    def play(self, sound: Samples, *, speed: float = 4.0) -> None:
        """Send sound in chunks, so many times faster than it is spoken; 1 is real time."""
        data = sound.tobytes()
        step = 32 * CHUNK_MS
        for at in range(0, len(data), step):
            self.chunk(data[at : at + step])
            time.sleep(CHUNK_MS / 1000.0 / speed)

    def chunk(self, pcm: bytes) -> None:
        self.send(encode(AudioChunk(stream_id=self.stream_id, seq=self.seq)), pcm)
        self.seq += 1

    def end(self) -> None:
        self.say(AudioEnd(stream_id=self.stream_id))

    def error(self) -> ErrorReply:
        """The next error."""
        found = self.hear_a(ErrorReply, 20.0)
        assert isinstance(found, ErrorReply)
        return found


def spoken(text: str) -> Samples:
    """In the synthetic voice that both recognisers are surest of, wherever their windows fall and however the processor
    rounds (docs/whisper-nano.md)."""
    return spoken_by(text, voice="en-us+m1", words_per_minute=150)


def sentence(text: str = COMMAND, before_ms: float = 300.0, after_ms: float = 900.0) -> Samples:
    """A sentence with quiet around it."""
    return joined(silence(before_ms), spoken(text), silence(after_ms))


def actions_of(answer: Answer) -> list[dict[str, Any]]:
    return [planned.action for planned in answer.actions]


def child_of(node: Node, module: str) -> int:
    """The process id of one of the daemon's children."""
    assert node.process is not None
    for task in Path("/proc").glob("[0-9]*"):
        try:
            status = (task / "status").read_text()
            line = (task / "cmdline").read_bytes().decode()
        except OSError:
            continue
        if f"PPid:\t{node.process.pid}\n" in status and module in line:
            return int(task.name)
    raise AssertionError(f"no {module} runs")
