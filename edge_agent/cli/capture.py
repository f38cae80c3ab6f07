"""Sound from one of this box's own inputs, through a short-lived child: a driver that hangs or crashes costs one line.

Refuses (MIC_LOST, MIC_UNKNOWN, SPEECH_UNAVAILABLE, SPEECH_CRASHED) what the child refuses, and a child that is silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final

from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.processes.faults import read_fault
from edge_agent.processes.frames import BadFrame, JsonObject, read_frame, write_frame
from edge_agent.processes.spawn import spawn
from edge_agent.speech.audio import PcmFormat
from edge_agent.speech.microphone import INHERIT

ANSWER_S_MAX: Final = 15.0
"""Longer than the child waits for a sound system that hangs."""


@contextmanager
def microphone_child(asked: JsonObject) -> Iterator[tuple[dict[str, Any], BinaryIO]]:
    """A child of one's own: what it is ready with, and where it goes on to speak.

    Raises:
        EdgeAgentError: what it could not do, with its code.
    """
    try:
        child = spawn("edge_agent.speech.microphone_child", inherit=INHERIT)
    except OSError as problem:
        raise NodeFault(Code.SPEECH_UNAVAILABLE, f"no process can be started: {problem}") from problem
    with child.socket:
        try:
            child.socket.settimeout(ANSWER_S_MAX)
            with child.socket.makefile("wb") as asking, child.socket.makefile("rb") as heard:
                write_frame(asking, asked)
                header, _ = answer_of(heard)
                if "failed" in header:
                    raise _fault(header["failed"])
                yield header["ready"], heard
        finally:
            child.kill()
            child.wait()


def answer_of(heard: BinaryIO) -> tuple[JsonObject, bytes]:
    """The child's next frame.

    Raises:
        NodeFault: MIC_LOST, SPEECH_CRASHED.
    """
    try:
        return read_frame(heard)
    except TimeoutError as problem:
        raise NodeFault(Code.MIC_LOST, f"the sound system was silent for {ANSWER_S_MAX:g} s") from problem
    except (EOFError, OSError, BadFrame) as problem:
        raise _crashed() from problem


def _fault(message: Any) -> EdgeAgentError:
    return read_fault(message) or _crashed()


def _crashed() -> NodeFault:
    return NodeFault(Code.SPEECH_CRASHED, "the microphone's process died inside the sound system; try another device")


def form_of(facts: dict[str, Any]) -> PcmFormat:
    """What an opened input sends."""
    return PcmFormat(facts["rate_hz"], facts["channels"], facts["encoding"])


def sound_of(heard: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """An opened input's sound as it comes, and how often some was lost before it.

    Raises:
        NodeFault: MIC_LOST, SPEECH_CRASHED.
    """
    while True:
        header, pcm = answer_of(heard)
        if "fault" in header:
            raise _fault(header["fault"])
        yield pcm, header["xruns"]
