"""An ear or a recogniser that stands still, or is killed, while somebody speaks: it is replaced and hears again.

The real processes, the embedded recogniser, speech by espeak-ng. A case is one SIGSTOP or SIGKILL of one of the two
with a stream open; it ends when another process has taken its place and a sentence that is spoken again and again is
answered. A typed command is answered meanwhile.
"""

from __future__ import annotations

import importlib.util
import os
import random
import signal
import time
from pathlib import Path

import zmq

from edge_agent.messages import (
    FROM_NODE,
    Answer,
    AudioChunk,
    AudioEnded,
    AudioProgress,
    AudioReady,
    AudioStart,
    Command,
    ErrorReply,
    Message,
)
from edge_agent.messages.codec import Codec, encode
from faults.campaign import Campaign, Result, Samples, spread
from faults.plan import FaultyNode

CHUNK_MS = 40
SPEED = 2.0
"""Times as fast as it is spoken."""
AHEAD_MS = 3_000
"""Sound sent ahead of what has been listened to."""
TTL_MS = 3_000
REPLACED_MAX_S = 12.0
HEARD_MAX_S = 40.0
"""A fresh recogniser learns every name first."""
LOADED_MAX_S = 60.0
SENTENCE = "go to dock three"
_BYTES_PER_MS = 32
_CODEC = Codec(FROM_NODE)


class Speaker:
    """Streams that say one sentence over and over; where one is closed, another is opened."""

    def __init__(self, address: str, sound: bytes) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(address)
        size = CHUNK_MS * _BYTES_PER_MS
        self._chunks = [sound[place : place + size] for place in range(0, len(sound) - size, size)]
        self._streams = self._typed = 0
        self._seq = 0
        self._open = False
        self._listened_ms = 0.0
        self._spoken_answers = self._typed_answers = 0

    def play(self, for_s: float) -> bool:
        """Speak for so long; whether an answer to what was spoken came."""
        end, before = time.monotonic() + for_s, self._spoken_answers
        while self._spoken_answers == before and time.monotonic() < end:
            if not self._open and not self._begin(end):
                return False
            if self._seq * CHUNK_MS - self._listened_ms < AHEAD_MS:
                self._say(
                    AudioChunk(stream_id=self._stream_id, seq=self._seq), self._chunks[self._seq % len(self._chunks)]
                )
                self._seq += 1
            self._take(CHUNK_MS / SPEED)
        return self._spoken_answers > before

    def type(self) -> bool:
        """Whether a typed command is answered."""
        self._typed += 1
        self._say(Command(request_id=f"t-{self._typed}", text="go to packing", ttl_ms=5_000))
        end = time.monotonic() + 5.0
        while self._typed_answers < self._typed and time.monotonic() < end:
            self._take(50)
        return self._typed_answers == self._typed

    @property
    def _stream_id(self) -> str:
        return f"mic-{self._streams}"

    def _begin(self, end: float) -> bool:
        self._streams, self._seq, self._listened_ms = self._streams + 1, 0, 0.0
        self._say(AudioStart(stream_id=self._stream_id, ttl_ms=TTL_MS))
        while not self._open and time.monotonic() < end:
            self._take(50)
        return self._open

    def _say(self, message: Message, *more: bytes) -> None:
        self._socket.send_multipart([encode(message), *more])

    def _take(self, timeout_ms: float) -> None:
        """What comes within the time."""
        while self._socket.poll(int(timeout_ms)):
            timeout_ms = 0
            match _CODEC.decode(self._socket.recv_multipart()[-1]):
                case AudioReady(stream_id=self._stream_id):
                    self._open = True
                case AudioProgress() as progress:
                    self._listened_ms = progress.position_ms
                case AudioEnded() | ErrorReply(request_id=self._stream_id):
                    self._open = False
                case Answer(request_id=request_id) if request_id.startswith("t-"):
                    self._typed_answers += 1
                case Answer():
                    self._spoken_answers += 1

    def close(self) -> None:
        self._context.destroy(linger=0)


class Losing:
    """A node that is spoken to, and whose listeners are ended."""

    def __init__(self, seed: int, folder: Path, sound: bytes) -> None:
        self.rng = random.Random(seed)
        self.node = FaultyNode(folder, speech={})
        self.node.start()
        self.speaker = Speaker(self.node.command_address, sound)
        self.found: list[str] = []
        self.times: dict[str, list[float]] = {"heard again s": []}

    def one_loss(self, who: str) -> None:
        """End one of the two, and wait for its successor and for an answer."""
        how, number = self.rng.choice((("stopped", signal.SIGSTOP), ("killed", signal.SIGKILL)))
        child = next((pid for pid, line in self.node.children().items() if f"{who}_child" in line), None)
        if child is None:
            self.found.append(f"there is no {who}")
            return
        self.speaker.play(0.2)
        os.kill(child, number)
        began = time.monotonic()
        if not self.speaker.type():
            self.found.append(f"a typed command was not answered beside a lost {who}")
        replaced_s = heard_s = None
        while heard_s is None and (left_s := HEARD_MAX_S - (time.monotonic() - began)) > 0:
            heard = self.speaker.play(min(left_s, 0.2))
            if replaced_s is None and child not in self.node.children():
                replaced_s = time.monotonic() - began
            if heard and replaced_s is not None:
                heard_s = time.monotonic() - began
        if replaced_s is None or replaced_s > REPLACED_MAX_S:
            self.found.append(f"the {who} that was {how} is not replaced within {REPLACED_MAX_S:g} s")
        elif heard_s is None:
            self.found.append(f"nothing is heard {HEARD_MAX_S:g} s after the {who} was {how}")
        else:
            self.times.setdefault(f"{who} {how} s", []).append(replaced_s)
            self.times["heard again s"].append(heard_s)


def run(seed: int, cases: int, folder: Path) -> Result:
    """So many ends, of the ear and of the recogniser in turn."""
    if importlib.util.find_spec("pocketsphinx") is None:
        return Result(0, ("there is no recogniser here: pip install edge-agent[speech]",))
    from speech_sounds import joined, silence, spoken

    losing = Losing(seed, folder, joined(spoken(SENTENCE), silence(900)).tobytes())
    if not losing.speaker.play(LOADED_MAX_S):
        losing.found.append("nobody hears what is spoken, before anything was done")
    for number in range(cases):
        if losing.found:
            break
        losing.one_loss(("ear", "recogniser")[number % 2])
    losing.speaker.close()
    if losing.node.stop() != 0:
        losing.found.append("crash: the node did not end well")
    return Result(len(losing.times["heard again s"]), tuple(losing.found), losing.times)


def figure(samples: Samples) -> str:
    return "; ".join(f"{name.removesuffix(' s')}: {spread(samples, name, 's')}" for name in samples if samples[name])


CAMPAIGN = Campaign(
    name="hang-speech",
    promise="hang → restart ≤ 12 s, of who listens",
    how="SIGSTOP, and SIGKILL, of the ear and of the recogniser while somebody speaks; spoken to until it answers",
    cases=30,
    short=0,
    portion=30,
    run=run,
    figure=figure,
    unit="ends",
)
