"""The microphone's process: `python -m edge_agent.speech.microphone_child SOCKET PARENT`.

Told {"open": {"device": NAME or null}}, it answers {"ready": {…}} with the first sound, then sends {"pcm": N, "xruns":
M} and a block of sound beside it, again and again. When the device is gone it says {"fault": {…}} and ends. Told
{"list": {}}, it answers {"ready": {"microphones": […]}} and ends. What cannot be done is {"failed": {…}}, and the end.

Decides when a device counts as lost: PortAudio says so, or its callback was silent for MICROPHONE_SILENT_MS_MAX, or it
does not open within MICROPHONE_OPEN_S_MAX. It never tries again itself: PortAudio sees a device that was plugged in
only in a new process.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from typing import BinaryIO, Final

from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.limits import MICROPHONE_FIRST_SOUND_MS_MAX, MICROPHONE_OPEN_S_MAX, MICROPHONE_SILENT_MS_MAX
from edge_agent.processes.faults import fault_object
from edge_agent.processes.frames import BadFrame, JsonObject, read_frame, write_frame
from edge_agent.processes.mortal import die_with_parent
from edge_agent.speech.microphone import RING_BLOCKS, Capture, find_device, input_devices
from edge_agent.speech.ring import Beat, Ring

_LOOK_S: Final = 0.01
"""Between two looks at the ring: what it adds to the delay of sound."""
_LOOK_MS_MAX: Final = 100.0


def main() -> int:
    """Do the one thing that the parent asks for, until the device or the parent is gone."""
    die_with_parent(int(sys.argv[2]))
    parent = socket.socket(fileno=int(sys.argv[1]))
    try:
        asked, _ = read_frame(parent.makefile("rb"))
        _serve(asked, parent.makefile("wb"))
    except (EOFError, OSError, BadFrame):
        pass  # the parent is gone, and nobody is left to be told
    # PortAudio's own farewell can hang on a device that is gone
    os._exit(0)


def _serve(asked: JsonObject, parent: BinaryIO) -> None:
    watchdog = _open_in_time(parent)
    try:
        match asked:
            case {"list": {}}:
                write_frame(parent, {"ready": {"microphones": [one.to_object() for one in input_devices()]}})
                return
            case {"open": {"device": str() | None as name}}:
                ring = Ring(RING_BLOCKS)
                capture = Capture(find_device(name, input_devices()), ring)
            case _:
                raise NodeFault(Code.INTERNAL, f"the microphone's process does not know {sorted(asked)}")
        watchdog.cancel()
        _await_sound(capture, ring, SystemClock())
        write_frame(parent, {"ready": capture.facts})
    except EdgeAgentError as problem:
        write_frame(parent, {"failed": fault_object(problem)})
        return
    finally:
        watchdog.cancel()
    lost = _listen(capture, ring, SystemClock(), parent)
    write_frame(parent, {"fault": fault_object(lost)})


def _await_sound(capture: Capture, ring: Ring, clock: Clock) -> None:
    beat = Beat(_LOOK_MS_MAX)
    while not ring.beats:
        if not capture.active or beat.still_ms(ring.beats, clock.now_ms()) > MICROPHONE_FIRST_SOUND_MS_MAX:
            raise NodeFault(Code.MIC_LOST, f"the microphone {capture.device.name!r} was opened and no sound came of it")
        time.sleep(_LOOK_S)


def _listen(capture: Capture, ring: Ring, clock: Clock, parent: BinaryIO) -> NodeFault:
    """Send everything that is heard; returns when the device is lost."""
    beat = Beat(_LOOK_MS_MAX)
    sequence = 0
    while capture.active and beat.still_ms(ring.beats, clock.now_ms()) < MICROPHONE_SILENT_MS_MAX:
        while block := ring.take():
            sequence += 1
            write_frame(parent, {"pcm": sequence, "xruns": block.xruns}, block.pcm)
        time.sleep(_LOOK_S)
    return NodeFault(
        Code.MIC_LOST,
        f"the microphone {capture.device.name!r} went silent: unplugged, or its sound server ended",
    )


def _open_in_time(parent: BinaryIO) -> threading.Timer:
    """Ends this process where opening hangs inside a library, which nothing else can."""

    def give_up() -> None:
        late = NodeFault(Code.MIC_LOST, f"the sound system did not answer within {MICROPHONE_OPEN_S_MAX:g} s")
        write_frame(parent, {"failed": fault_object(late)})
        os._exit(1)

    watchdog = threading.Timer(MICROPHONE_OPEN_S_MAX, give_up)
    watchdog.daemon = True
    watchdog.start()
    return watchdog


if __name__ == "__main__":
    sys.exit(main())
