"""From the end of speech to the action, with and without reading ahead; and what each listening process costs.

    python benchmarks/speech_latency.py --rounds 3
    python benchmarks/speech_latency.py --recogniser whisper:FOLDER --json

A real daemon with the bundled model hears sentences of the warehouse, spoken by espeak-ng in real time over the command
socket as 40 ms chunks. The clock starts when the chunk with the last speech in it was sent and stops when the answer is
here. Sentences that did not become the action they are (the recogniser erred) are counted and left out of the times.
Real-time factor: processor seconds of the process for each second of sound; memory: its peak.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge_agent.cli.background import daemon, robot, wait_ready
from edge_agent.client.connection import Connection
from edge_agent.errors import EdgeAgentError
from edge_agent.messages import FROM_NODE, Answer, AudioChunk, AudioEnd, AudioReady, AudioStart, Heard, Message
from edge_agent.messages.codec import Codec, encode
from edge_agent.settings import load_settings
from edge_agent.speech.audio import RATE_HZ, Samples
from edge_agent.speech.espeak import speak

SENTENCES: tuple[tuple[str, str], ...] = (
    ("go to dock three", "go_to"),
    ("bring the red box to packing", "bring"),
    ("turn left ninety degrees", "turn"),
    ("find the scanner", "find"),
    ("move forward two meters", "move"),
    ("follow maria", "follow"),
    ("open the north gate", "open"),
    ("take the pallet jack to dock one", "bring"),
)
CHUNK_MS = 40
BEFORE_MS, AFTER_MS = 400, 1_500
LEVEL = 0.1
"""Of full scale: root mean square of what is spoken."""
_CODEC = Codec(FROM_NODE)
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Measured:
    """One way of listening."""

    waits_ms: list[float] = field(default_factory=list)
    node_ms: list[float] = field(default_factory=list)
    wrong: int = 0
    sound_s: float = 0.0
    cost: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Processor seconds and peak megabytes, by process."""

    def row(self) -> dict[str, Any]:
        """As figures."""
        waits = np.array(self.waits_ms or [float("nan")])
        return {
            "sentences": len(self.waits_ms),
            "wrong": self.wrong,
            "p50_ms": round(float(np.percentile(waits, 50))),
            "p95_ms": round(float(np.percentile(waits, 95))),
            "node_p50_ms": round(statistics.median(self.node_ms)) if self.node_ms else None,
            **{f"{name}_rtf": round(cpu_s / self.sound_s, 3) for name, (cpu_s, _) in self.cost.items()},
            **{f"{name}_mb": round(mb) for name, (_, mb) in self.cost.items()},
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recogniser", default="sphinx", metavar="sphinx|whisper:FOLDER")
    parser.add_argument("--rounds", type=int, default=2, help="how often each sentence is said in each way")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = {}
    for eager in (False, True):
        name = "read ahead" if eager else "read at the end"
        rows[name] = measured(options.recogniser, eager, options.rounds).row()
    if options.json:
        print(json.dumps(rows))
        return
    columns = list(rows["read ahead"])
    print("| " + " | ".join(["", *columns]) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, row in rows.items():
        print("| " + " | ".join([name, *(str(row[column]) for column in columns)]) + " |")


def measured(recogniser: str, eager: bool, rounds: int) -> Measured:
    """Say every sentence to a fresh node."""
    result = Measured()
    with tempfile.TemporaryDirectory(prefix="edge-agent-") as name:
        folder = Path(name)
        config = folder / "bench.toml"
        config.write_text(_config(folder, recogniser, eager), encoding="utf-8")
        settings = load_settings(config)
        log = folder / "daemon.log"
        with daemon(config, log) as process:
            wait_ready(settings, process, log)
            with robot(settings), Connection(settings.command_address, connect_ms=2_000) as wire:
                wire.send(encode(AudioStart(stream_id="bench", pack="robot", ttl_ms=10_000)))
                _wait(wire, AudioReady, 120.0)
                seq = 0
                for round_ in range(rounds):
                    for text, action in SENTENCES:
                        seq = _say(wire, said(text, round_), action, seq, result)
                for kind in ("ear", "recogniser"):
                    result.cost[kind] = _cost(process.pid, f"{kind}_child")
                wire.send(encode(AudioEnd(stream_id="bench")))
    return result


def said(text: str, round_: int) -> Samples:
    """The sentence at a speed that changes from round to round."""
    wave = speak(text, rate_wpm=150 + 10 * round_).astype(np.float64)
    wave *= LEVEL * 32_768.0 / max(1.0, float(np.sqrt(np.mean(wave**2))))
    return np.clip(wave, -32_768, 32_767).astype(np.int16)


def _say(wire: Connection, sound: Samples, action: str, seq: int, result: Measured) -> int:
    """One sentence in real time; returns the next chunk's number."""
    step = RATE_HZ * CHUNK_MS // 1000
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    end = BEFORE_MS * RATE_HZ // 1000 + int(loud[-1])
    quiet = [np.zeros(RATE_HZ * ms // 1000, np.int16) for ms in (BEFORE_MS, AFTER_MS)]
    whole = np.concatenate((quiet[0], sound, quiet[1]))
    result.sound_s += len(whole) / RATE_HZ
    answer, spoken_s, answered_s, refused = None, 0.0, 0.0, False
    began_s = time.monotonic()
    for at in range(0, len(whole), step):
        due_s = began_s + (at + step) / RATE_HZ
        for message, came_s in _until(wire, due_s):
            if isinstance(message, Answer):
                answer, answered_s = message, came_s
            refused = refused or (isinstance(message, Heard) and message.error is not None)
        wire.send(encode(AudioChunk(stream_id="bench", seq=seq)), whole[at : at + step].tobytes())
        seq += 1
        if at <= end < at + step:
            spoken_s = time.monotonic()
    if answer is None and not refused:
        answer, answered_s = _wait(wire, Answer, 3.0)
    done = [planned.action["action"] for planned in answer.actions] if answer else []
    if answer is None or done != [action]:
        result.wrong += 1
    else:
        result.waits_ms.append((answered_s - spoken_s) * 1000.0)
        result.node_ms.append(answer.timings.total_ms)
    return seq


def _until(wire: Connection, due_s: float) -> Iterator[tuple[Message, float]]:
    """What comes before a moment."""
    while (left_s := due_s - time.monotonic()) > 0:
        frame = wire.receive(left_s * 1000.0)
        if frame is not None:
            message = _CODEC.decode(frame)
            if isinstance(message, Heard) and message.error is not None:
                print(f"not heard: {message.error.code} {message.error.message}")
            yield message, time.monotonic()


def _wait(wire: Connection, kind: type[Any], seconds: float) -> tuple[Any, float]:
    """The next message of a kind and when it came; None after so many seconds."""
    for message, came_s in _until(wire, time.monotonic() + seconds):
        if isinstance(message, kind):
            return message, came_s
    return None, 0.0


def _cost(parent: int, module: str) -> tuple[float, float]:
    """Processor seconds and peak megabytes of a daemon's child."""
    for task in Path("/proc").glob("[0-9]*"):
        try:
            status = (task / "status").read_text()
            ours = f"PPid:\t{parent}\n" in status and module in (task / "cmdline").read_bytes().decode()
            if ours:
                fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
                peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
                return (int(fields[11]) + int(fields[12])) / _TICKS, int(peak.split()[1]) / 1024.0
        except OSError:
            continue
    return float("nan"), float("nan")


def _config(folder: Path, recogniser: str, eager: bool) -> str:
    kind, _, model = recogniser.partition(":")
    return "\n".join(
        [
            f'runtime_dir = "{folder}"',
            f'state_dir = "{folder}"',
            "[[packs]]",
            'name = "robot"',
            "[speech]",
            f'recogniser = "{kind}"',
            f"eager = {str(eager).lower()}",
            *([f'whisper = "{Path(model).absolute()}"'] if model else []),
        ]
    )


if __name__ == "__main__":
    try:
        main()
    except EdgeAgentError as error:
        raise SystemExit(str(error)) from error
