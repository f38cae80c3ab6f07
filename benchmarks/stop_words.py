"""How well stop words are spotted: hits, false alarms per hour and delay, for several thresholds.

    python benchmarks/stop_words.py [--other FOLDER ...] [--every N]

The stop words are spoken by flite's and festival's voices (Debian: flite, festival, festvox-kallpc16k,
festvox-kdlpc16k, festvox-us-slt-hts), clean and in noise. `--other`: folders with sound in which nobody says stop.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from edge_agent.speech.audio import RATE_HZ, Samples, to_samples, to_wave
from edge_agent.speech.files import read_audio
from edge_agent.speech.spotting import QUIET_MS, StopSpotter

CRIES = {
    "stop": "stop", "halt": "halt", "freeze": "freeze", "emergency stop": "stop", "stop now": "stop",
    "stop stop stop": "stop", "no no stop": "stop", "stop the robot": "stop", "please stop": "stop",
    "robot stop right now": "stop", "wait wait stop moving": "stop", "hey stop it": "stop", "oh no halt": "halt",
    "everybody freeze": "freeze", "i said stop": "stop",
}  # fmt: skip
"""What is said, and the word in it that should be heard."""
NEGATED = ("don't stop", "do not stop now", "never stop", "don't halt", "please do not freeze")
OTHERWISE = (
    "bring the red box from the shop to me", "there is a spot of coffee on the top step",
    "put the stock into the store",
    "the hall is hot", "salt and vinegar please", "three cheese fries please", "turn the hot water off",
    "go to the dock and wait there", "start the music on the top floor", "how tall is the wall of the hall",
)  # fmt: skip
SOUNDS = {"stop": ("s t aa p", "s t ao p"), "halt": ("hh ao l t", "hh aa l t"), "freeze": ("f r iy z",)}
FLITE = ("kal16", "awb", "rms", "slt")
FESTIVAL = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")
TRAINED = ("flite kal16", "flite awb", "flite slt")
"""These voices taught the network; the others never did."""
SPEEDS = (0.75, 1.0, 1.3)
NOISES = (("clean", None), ("pink", 20.0), ("pink", 10.0), ("pink", 5.0), ("babble", 10.0), ("babble", 5.0))
SHIFTS = (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)
CHUNK = 640
EARLY_MS, LATE_MS = 450.0, 800.0
"""A report counts as a hit from so long before the word's end to so long after it."""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence as sound; `end_ms` is where its stop word ends, by the voice's own account."""

    voice: str
    text: str
    word: str
    samples: Samples
    end_ms: float


def spoken(every: int) -> Iterator[Said]:
    """Each cry by each voice at each speed."""
    numbers = count()
    for voice in (*(f"flite {name}" for name in FLITE), *(f"festival {name}" for name in FESTIVAL)):
        if shutil.which(voice.split()[0]) is None:
            print(f"{voice}: not installed")
            continue
        for speed in SPEEDS:
            for text, word in CRIES.items():
                if next(numbers) % every == 0:
                    yield said(voice, text, word, speed)


def said(voice: str, text: str, word: str, speed: float) -> Said:
    """One sentence between two seconds of silence."""
    program, name = voice.split()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "said.wav")
        if program == "flite":
            line = ["flite", "-voice", name, "-t", f" {text}", "-psdur", "--setf", f"duration_stretch={speed}"]
            listed = subprocess.run([*line, "-o", str(path)], capture_output=True, text=True, check=True).stdout
        else:
            script = Path(folder, "say.scm")
            script.write_text(
                f"(voice_{name}) (Parameter.set 'Duration_Stretch {speed})"
                f'(set! u (utt.synth (Utterance Text "{text}"))) (utt.save.wave u "{path}" \'riff)'
                '(mapcar (lambda (s) (format t "%s:%f\\n" (item.name s) (item.feat s "end")))'
                " (utt.relation.items u 'Segment))",
                encoding="utf-8",
            )
            listed = subprocess.run(["festival", "-b", script], capture_output=True, text=True, check=True).stdout
        wave = to_wave(read_audio(path))
    sounds = [part.rsplit(":", 1) for part in listed.split() if ":" in part]
    names = [name for name, _ in sounds]
    ends = [
        float(sounds[at + len(pattern.split()) - 1][1])
        for pattern in SOUNDS.get(word, ())
        for at in range(len(names))
        if names[at : at + len(pattern.split())] == pattern.split()
    ]
    silence = np.zeros(RATE_HZ, np.float32)
    loud = 0.3 / float(np.abs(wave).max())
    samples = to_samples(np.concatenate([silence, wave * np.float32(loud), silence]))
    return Said(voice, text, word, samples, 1_000.0 + 1_000.0 * min(ends, default=0.0))


def noisy(samples: Samples, kind: str, below_db: float | None, talk: Samples, seed: int) -> Samples:
    """In noise so many decibels below the speech, and from 0 to 20 dB less loud."""
    random = np.random.default_rng(seed)
    wave = to_wave(samples)
    loud = np.abs(wave) > np.abs(wave).max() * 0.05
    level = float(np.sqrt((wave[loud] ** 2).mean()))
    if below_db is not None:
        if kind == "babble":
            noise = sum(to_wave(np.roll(talk, int(random.integers(len(talk))))[: len(wave)]) for _ in range(6))
        else:
            spectrum = np.fft.rfft(random.standard_normal(len(wave)))
            noise = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1.0), len(wave))
        wave = wave + noise / np.std(noise) * level * 10 ** (-below_db / 20)
    return to_samples((wave * 10 ** (-random.uniform(0, 20) / 20)).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Weighed:
    """A word that was at all like a stop word, and the millisecond of sound that had come in by then."""

    word: str
    score: float
    at_ms: float


def weighed(spotter: StopSpotter, samples: Samples) -> list[Weighed]:
    """All of them, below the threshold too."""
    spotter.reset()
    return [
        Weighed(found.phrase, found.score, 1_000.0 * (at + CHUNK) / RATE_HZ)
        for at in range(0, len(samples), CHUNK)
        for found in spotter.weighed(samples[at : at + CHUNK])
    ]


def alarms(found: list[Weighed], shift: float) -> Counter[str]:
    """How often each word would be told, once a second at most."""
    told: Counter[str] = Counter()
    quiet_until_ms = -1.0
    for word in found:
        if word.score > shift and word.at_ms >= quiet_until_ms:
            told[word.word] += 1
            quiet_until_ms = word.at_ms + QUIET_MS
    return told


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", type=Path, nargs="*", default=[])
    parser.add_argument("--every", type=int, default=1, help="only each so many-th cry")
    parser.add_argument("--seconds", type=float, default=1e9, help="at most so much of each folder")
    options = parser.parse_args()
    spotter = StopSpotter()
    near = [said(voice, text, "", 1.0).samples for voice in _voices() for text in OTHERWISE]
    negated = [said(voice, text, "", 1.0).samples for voice in _voices() for text in NEGATED]
    talk = np.concatenate([*near, np.zeros(1, np.int16)])
    began, sound_s = time.process_time(), 0.0
    cries = []
    for (kind, below_db), cry in ((noise, cry) for cry in spoken(options.every) for noise in NOISES):
        samples = noisy(cry.samples, kind, below_db, talk, len(cries))
        sound_s += len(samples) / RATE_HZ
        cries.append((cry, f"{kind} {below_db:.0f} dB" if below_db else kind, weighed(spotter, samples)))
    print(f"{len(cries)} cries; real-time factor {(time.process_time() - began) / sound_s:.3f} with the speaking")
    others = {folder.name: _others(spotter, _files(folder, options.seconds)) for folder in options.other}
    others |= {"near words": _others(spotter, near), "noises": _others(spotter, noises())}
    for shift in SHIFTS:
        print(f"\nthreshold {shift:+}: {_hits(cries, shift)}")
        for name, (minutes, found) in others.items():
            told = sum((alarms(words, shift) for words in found), Counter[str]())
            print(f"  {name}: {60 * told.total() / minutes:.1f} an hour in {minutes:.1f} minutes {dict(told)}")
        reported = sum(bool(alarms(weighed(spotter, samples), shift)) for samples in negated)
        print(f"  negated: {reported} of {len(negated)} reported", flush=True)


def noises() -> Iterator[Samples]:
    """Ten minutes without a word: silence, hiss, a fan, tones like music, knocks."""
    random = np.random.default_rng(1)
    count, time_s = 120 * RATE_HZ, np.arange(120 * RATE_HZ) / RATE_HZ
    hiss = random.standard_normal(count)
    notes_hz = np.repeat(220 * 2 ** (random.integers(0, 24, 480) / 12), RATE_HZ // 4)
    knocks = np.zeros(count)
    knocks[random.integers(0, count, 240)] = 1.0
    knocks = np.convolve(knocks, np.exp(-np.arange(800) / 80) * random.standard_normal(800))[:count]
    for wave in (
        hiss * 1e-4, hiss * 0.1, np.convolve(hiss, np.ones(40) / 40, "same") * (1 + 0.5 * np.sin(150 * time_s)),
        sum(np.sin(2 * np.pi * part * np.cumsum(notes_hz) / RATE_HZ) / part for part in (1, 2, 3)) * 0.2, knocks * 0.3,
    ):  # fmt: skip
        yield to_samples(np.asarray(wave, np.float32))


def _voices() -> list[str]:
    return [voice for voice in ("flite rms", "festival ked_diphone") if shutil.which(voice.split()[0])]


def _others(spotter: StopSpotter, sounds: Iterable[Samples]) -> tuple[float, list[list[Weighed]]]:
    """Minutes of them, and what was found in each."""
    minutes, found = 0.0, []
    for samples in sounds:
        minutes += len(samples) / RATE_HZ / 60
        found.append(weighed(spotter, samples))
    return minutes, found


def _files(folder: Path, seconds: float) -> Iterator[Samples]:
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".wav", ".flac", ".ogg"}):
        samples = read_audio(path)
        seconds -= len(samples) / RATE_HZ
        yield samples
        if seconds < 0:
            return


def _hits(cries: list[tuple[Said, str, list[Weighed]]], shift: float) -> str:
    hits: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    delays: list[float] = []
    for cry, noise, found in cries:
        late = [it.at_ms - cry.end_ms for it in found if it.score > shift]
        right = [ms for ms in late if -EARLY_MS <= ms <= LATE_MS]
        delays += right[:1]
        for group in (noise, cry.word, "voice that taught" if cry.voice in TRAINED else "other voice"):
            tried[group] += 1
            hits[group] += bool(right)
    late = list(np.percentile(delays or [0.0], [50, 95]))
    shares = ", ".join(f"{group} {100 * hits[group] / tried[group]:.0f}%" for group in tried)
    return f"{shares}; sound after the word's end: p50 {late[0]:.0f} ms, p95 {late[1]:.0f} ms"


if __name__ == "__main__":
    main()
