"""From the end of a spoken "stop" to the stop on the bus, while the model is busy.

    python benchmarks/spoken_stop.py --rounds 20 --clients 2

A real daemon with the bundled model answers one typed command after the other from as many clients as asked for, so
that the engine is never idle. Meanwhile espeak-ng's voices say "stop" into a stream, in real time as 40 ms chunks, at
several speeds. The clock starts at the moment of the sound at which the word ends (its last sample above a fiftieth of
its loudest) and stops when an executor gets `stop`; the chunk that holds the end is sent up to 40 ms later. After each
the stop is released by its name. A stop that does not come within two seconds of the word is missed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from edge_agent.cli.background import daemon, wait_ready
from edge_agent.client import Client
from edge_agent.client.connection import Connection
from edge_agent.errors import EdgeAgentError
from edge_agent.messages import FROM_NODE, AudioChunk, AudioReady, AudioStart, Hello, Stop, Welcome
from edge_agent.messages.codec import Codec, encode
from edge_agent.settings import Settings, load_settings
from edge_agent.speech.audio import RATE_HZ, Samples
from edge_agent.speech.espeak import speak

VOICES = ("en-us", "en-us+f3", "en-us+m3", "en-us+f2", "en-us+m7")
SPEEDS_WPM = (130, 160, 190)
CHUNK = RATE_HZ * 40 // 1000
BEFORE_MS, AFTER_MS = 800, 2_000
LEVEL = 0.1
SENTENCES = (
    "go to dock 2",
    "bring the red box from dock three to packing",
    "turn left ninety degrees",
    "find the scanner",
)
_CODEC = Codec(FROM_NODE)


class Busy(threading.Thread):
    """A client that asks again as soon as it is answered."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._settings = settings
        self.over = threading.Event()
        self.answers = 0

    def run(self) -> None:
        with Client(self._settings.command_address, self._settings.events_address) as client:
            while not self.over.is_set():
                try:
                    client.command(SENTENCES[self.answers % len(SENTENCES)], ttl_ms=5_000)
                    self.answers += 1
                except EdgeAgentError:
                    time.sleep(0.01)  # a stop holds just now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="how many times stop is said")
    parser.add_argument("--clients", type=int, default=2, help="clients that keep the model busy")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    waits_ms, missed, answers = measured(options.rounds, options.clients)
    row = {
        "said": options.rounds,
        "missed": missed,
        "p50_ms": round(float(np.percentile(waits_ms, 50))) if waits_ms else None,
        "p95_ms": round(float(np.percentile(waits_ms, 95))) if waits_ms else None,
        "most_ms": round(max(waits_ms)) if waits_ms else None,
        "commands_answered_meanwhile": answers,
    }
    row["each_ms"] = [round(wait_ms) for wait_ms in waits_ms]
    print(json.dumps(row) if options.json else "\n".join(f"{name}: {value}" for name, value in row.items()))


def measured(rounds: int, clients: int) -> tuple[list[float], int, int]:
    """The waits, how many stops were missed, and how many commands were answered meanwhile."""
    waits_ms: list[float] = []
    with tempfile.TemporaryDirectory(prefix="edge-agent-") as name, ExitStack() as opened:
        folder = Path(name)
        config = folder / "bench.toml"
        config.write_text(f'runtime_dir = "{folder}"\nstate_dir = "{folder}"\n', encoding="utf-8")
        settings, log = load_settings(config), folder / "daemon.log"
        wait_ready(settings, opened.enter_context(daemon(config, log)), log)
        mic = opened.enter_context(Connection(settings.command_address, connect_ms=2_000))
        mic.send(encode(AudioStart(stream_id="bench")))
        _wait(mic, AudioReady, 120.0)
        robot = opened.enter_context(Connection(settings.command_address, connect_ms=2_000))
        robot.send(encode(Hello(robot="robot", removes_duplicates=True)))
        _wait(robot, Welcome, 10.0)
        owner = opened.enter_context(Client(settings.command_address, settings.events_address))
        busy = [Busy(settings) for _ in range(clients)]
        for one in busy:
            one.start()
        seq = 0
        for round_ in range(rounds):
            voice = VOICES[round_ % len(VOICES)]
            sound = speak("stop", voice, SPEEDS_WPM[round_ // len(VOICES) % len(SPEEDS_WPM)])
            wait_ms, seq = _cry(mic, robot, sound, seq)
            waits_ms += [wait_ms] if wait_ms is not None else []
            time.sleep(0.3)
            if (stop_id := owner.snapshot().stop_id) is not None:
                owner.resume(stop_id)
        for one in busy:
            one.over.set()
            one.join()
    return waits_ms, rounds - len(waits_ms), sum(one.answers for one in busy)


def _cry(mic: Connection, robot: Connection, sound: Samples, seq: int) -> tuple[float | None, int]:
    """Say it once; the milliseconds until the robot was told, and the next chunk's number."""
    while robot.receive(0.0) is not None:
        pass  # stops that were repeated
    wave = sound.astype(np.float64)
    wave *= LEVEL * 32_768.0 / max(1.0, float(np.sqrt(np.mean(wave**2))))
    word = np.clip(wave, -32_768, 32_767).astype(np.int16)
    loud = np.flatnonzero(np.abs(word) > 0.02 * np.abs(word).max())
    quiet = [np.zeros(RATE_HZ * ms // 1000, np.int16) for ms in (BEFORE_MS, AFTER_MS)]
    whole = np.concatenate((quiet[0], word, quiet[1]))
    end = len(quiet[0]) + int(loud[-1])
    ended_s = told_s = None
    began_s = time.monotonic()
    for at in range(0, len(whole), CHUNK):
        while (left_s := began_s + (at + CHUNK) / RATE_HZ - time.monotonic()) > 0:
            frame = robot.receive(left_s * 1000.0)
            if frame is not None and told_s is None and isinstance(_CODEC.decode(frame), Stop):
                told_s = time.monotonic()
        mic.send(encode(AudioChunk(stream_id="bench", seq=seq)), whole[at : at + CHUNK].tobytes())
        seq += 1
        if at <= end < at + CHUNK:
            ended_s = began_s + end / RATE_HZ
        while mic.receive(0.0) is not None:
            pass
    assert ended_s is not None
    return (None if told_s is None else (told_s - ended_s) * 1000.0), seq


def _wait(wire: Connection, kind: type[object], seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left_s := until - time.monotonic()) > 0:
        frame = wire.receive(left_s * 1000.0)
        if frame is not None and isinstance(_CODEC.decode(frame), kind):
            return
    raise SystemExit(f"no {kind.__name__} within {seconds:g} s")


if __name__ == "__main__":
    main()
