"""The recogniser's process: `python -m edge_agent.speech.recogniser_child SOCKET PARENT`.

It loads one recogniser, learns the packs' lexicons and turns sound into words, one thing at a time. It holds no keys,
opens no other socket and dies with its parent. It decides nothing about its own life: its parent does.
"""

from __future__ import annotations

import socket
import sys
from typing import BinaryIO, cast

from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.processes.faults import fault_object
from edge_agent.processes.frames import BadFrame, JsonObject, read_frame, write_frame
from edge_agent.processes.mortal import die_with_parent
from edge_agent.speech.audio import Samples, samples_of
from edge_agent.speech.choice import Choice, recogniser_of
from edge_agent.speech.recogniser_wire import read_lexicon, transcript_object
from edge_agent.speech.recognition import Recogniser, Utterance


def main() -> int:
    """Serve until the socket closes."""
    die_with_parent(int(sys.argv[2]))
    with socket.socket(fileno=int(sys.argv[1])) as own, own.makefile("rwb") as file:
        try:
            return _serve(cast(BinaryIO, file))
        except (EOFError, OSError, BadFrame):
            return 0


def _serve(file: BinaryIO) -> int:
    load, _ = read_frame(file)
    try:
        recogniser = recogniser_of(Choice(**load["load"]))
    except EdgeAgentError as problem:
        write_frame(file, {"failed": fault_object(problem)})
        return 1
    write_frame(file, {"ready": dict(recogniser.facts)})
    desk = _Desk(recogniser)
    while True:
        header, payload = read_frame(file)
        reply = desk.take(header, payload)
        if reply is not None:
            write_frame(file, reply)


class _Desk:
    """The utterances that are open."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._open: dict[int, Utterance] = {}
        self._broken: dict[int, EdgeAgentError] = {}
        """Utterances that could not be listened to, and why; told when somebody asks for their words."""

    def take(self, header: JsonObject, payload: bytes) -> JsonObject | None:
        match header:
            case {"prepare": dict(lexicon)}:
                return self._prepare(lexicon)
            case {"begin": int(number), "pack": str(pack)}:
                self._begin(number, pack)
            case {"feed": int(number)}:
                self._feed(number, samples_of(payload))
            case {"transcript": int(number), "ask": int(ask), "deadline_ms": float(deadline_ms)}:
                return {"ask": ask, **self._transcript(number, deadline_ms)}
            case {"close": int(number)}:
                self._broken.pop(number, None)
                if (utterance := self._open.pop(number, None)) is not None:
                    utterance.close()
            case _:
                raise BadFrame(f"unknown: {sorted(header)}")
        return None

    def _prepare(self, lexicon: JsonObject) -> JsonObject:
        read = read_lexicon(lexicon)
        try:
            self._recogniser.prepare(read)
        except EdgeAgentError as problem:
            return {"prepared": read.pack, "digest": read.digest, "error": fault_object(problem)}
        return {"prepared": read.pack, "digest": read.digest}

    def _begin(self, number: int, pack: str) -> None:
        try:
            self._open[number] = self._recogniser.begin(pack)
        except EdgeAgentError as problem:
            self._broken[number] = problem

    def _feed(self, number: int, samples: Samples) -> None:
        if (utterance := self._open.get(number)) is None:
            return
        try:
            utterance.feed(samples)
        except EdgeAgentError as problem:
            self._broken[number] = problem
            self._open.pop(number).close()

    def _transcript(self, number: int, deadline_ms: float) -> JsonObject:
        try:
            if number in self._broken:
                raise self._broken[number]
            if number not in self._open:
                raise NodeFault(Code.SPEECH_CRASHED, "the recogniser does not know this utterance")
            return {"result": transcript_object(self._open[number].transcript(deadline_ms))}
        except EdgeAgentError as problem:
            return {"error": fault_object(problem)}


if __name__ == "__main__":
    sys.exit(main())
