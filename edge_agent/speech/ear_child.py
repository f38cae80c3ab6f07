"""The ear's process: `python -m edge_agent.speech.ear_child SOCKET PARENT`.

It loads Silero and the stop spotter and listens to any number of streams over one socket, in the order in which their
sound comes. It holds no keys, opens no other socket and dies with its parent. It decides nothing about its own life:
its parent does.
"""

from __future__ import annotations

import socket
import sys
from typing import BinaryIO

from edge_agent.errors import EdgeAgentError, NodeFault
from edge_agent.processes.faults import fault_object
from edge_agent.processes.frames import BadFrame, JsonObject, read_frame, write_frame
from edge_agent.processes.mortal import die_with_parent
from edge_agent.speech.ear import Ear
from edge_agent.speech.ear_wire import event_frame, read_open
from edge_agent.speech.events import EarEvent, StreamFault
from edge_agent.speech.silero import SileroModel
from edge_agent.speech.spotting import StopModels, StopSpotter

Frame = tuple[JsonObject, bytes]


def main() -> int:
    """Serve until the socket closes."""
    die_with_parent(int(sys.argv[2]))
    with socket.socket(fileno=int(sys.argv[1])) as own:
        try:
            return _serve(own.makefile("rb"), own.makefile("wb"))
        except (EOFError, OSError, BadFrame):
            return 0


def _serve(asked: BinaryIO, told: BinaryIO) -> int:
    load, _ = read_frame(asked)
    try:
        desk = _Desk(tuple(load["load"]["stop_phrases"]))
    except EdgeAgentError as problem:
        write_frame(told, {"failed": fault_object(problem)})
        return 1
    write_frame(told, {"ready": desk.facts})
    while True:
        for header, payload in desk.take(*read_frame(asked)):
            write_frame(told, header, payload)


class _Desk:
    """The streams that are open."""

    def __init__(self, stop_phrases: tuple[str, ...]) -> None:
        self._stop_phrases = stop_phrases
        self._model = SileroModel()
        self._stop_models: StopModels | None = None
        self._stop_trouble = ""
        if stop_phrases:
            try:
                self._stop_models = StopModels.load()
            except NodeFault as problem:  # an ear that knows no stop by its sound still hears sentences
                self._stop_trouble = problem.message
        self._ears: dict[int, Ear] = {}

    @property
    def facts(self) -> JsonObject:
        listens = list(self._stop_phrases) if self._stop_models else []
        return {
            "vad": "silero",
            "vad_sha256": self._model.sha256,
            "stop_phrases": listens,
            "stop_trouble": self._stop_trouble,
        }

    def take(self, header: JsonObject, payload: bytes) -> list[Frame]:
        """One message of the node's, and what it is told of it."""
        match header:
            case {"open": {"stream": int(stream)}} if stream not in self._ears:
                return self._open(stream, header["open"])
            case {"pcm": int(stream)} | {"gap": int(stream)} | {"settle": int(stream)}:
                ear = self._ears.get(stream)  # what was under way when a stream ended is nobody's
                return self._listen(stream, ear, header, payload) if ear else []
            case {"end": int(stream)}:
                ear = self._ears.pop(stream, None)
                return [*self._told(stream, ear.finish() if ear else []), ({"ended": stream}, b"")]
            case {"close": int(stream)}:
                self._ears.pop(stream, None)
                return []
        raise BadFrame(f"unknown: {sorted(header)}")

    def _open(self, stream: int, opening: JsonObject) -> list[Frame]:
        try:
            form, mode, rules = read_open(opening)
            self._ears[stream] = Ear(form, mode=mode, spotter=self._spotter(), rules=rules, model=self._model)
        except EdgeAgentError as problem:
            return self._told(stream, [StreamFault(problem.code, str(problem.message), over=True)])
        return []

    def _spotter(self) -> StopSpotter | None:
        return StopSpotter(self._stop_phrases, models=self._stop_models) if self._stop_models else None

    def _listen(self, stream: int, ear: Ear, header: JsonObject, payload: bytes) -> list[Frame]:
        match header:
            case {"pcm": _}:
                return [*self._told(stream, ear.hear(payload)), ({"position": stream, "ms": ear.position_ms}, b"")]
            case {"gap": _, "missing_ms": int() | float() as missing_ms}:
                return self._told(stream, ear.gap(missing_ms))
            case {"settle": _, "end_ms": int() | float() as end_ms}:
                return self._told(stream, ear.settle(end_ms, header.get("paused_ms")))
        raise BadFrame(f"a field is missing: {sorted(header)}")

    def _told(self, stream: int, events: list[EarEvent]) -> list[Frame]:
        for event in events:
            if isinstance(event, StreamFault) and event.over:
                self._ears.pop(stream, None)
        return [event_frame(stream, event) for event in events]


if __name__ == "__main__":
    sys.exit(main())
