"""An hour in which nobody speaks: how often the ear hears an utterance in it, and what a recogniser makes of it.

    python benchmarks/quiet_hour.py [--minutes 60] [--seed 1] [--json] [--recogniser sphinx|FOLDER] [--pack robot]

Silence, hiss, rain, hum, machines, music, tones, a siren and knocks, each at several levels, a minute of each in turn
in one stream, as a microphone would hear them. They are made here by seeded generators; there is no voice in them.
Counted, by kind of sound and for the hour: utterances that began, that were dropped as clicks, and that **ended**,
which are those that a recogniser is asked about.

With a recogniser, what ended is transcribed; and so that its own gate is tried as well, ten seconds of each minute are
handed to it past the ear, as if there were none. Counted are readings (words that would be interpreted), refusals by
code, and the **actions** that the bundled model makes, in the pack's example world, of what the ear let through. A stop
word that the spotter hears is counted too. The real-time factor is processor time of the ear and its spotter.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.clock import SystemClock
from edge_agent.errors import EdgeAgentError
from edge_agent.language.process import EngineProcess
from edge_agent.messages import JsonAction, Spoken
from edge_agent.node.engines import bundled_options
from edge_agent.node.interpret import Interpreter
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import load_pack
from edge_agent.speech.audio import RATE_HZ, PcmFormat, Samples, samples_of, to_samples
from edge_agent.speech.choice import Choice, recogniser_of
from edge_agent.speech.ear import Ear
from edge_agent.speech.events import EarEvent, SpeechBegan, SpeechDropped, SpeechEnded, SpeechHeard, StopHeard
from edge_agent.speech.recognition import Recogniser
from edge_agent.speech.spotting import StopSpotter
from edge_agent.speech.wording import lexicon_of
from edge_agent.world.linker import Linker
from edge_agent.world.loading import load_world
from edge_agent.world.store import World

CHUNK_SAMPLES = 1_600
LEVELS_DB = (-55.0, -40.0, -30.0, -20.0)
PAST_THE_EAR_S = 10
PATIENCE_MS = 30_000.0
CLOCK = SystemClock()

Wave = NDArray[np.float64]
Maker = Callable[[NDArray[np.float64], np.random.Generator], Wave]
"""Time in seconds and chance in, a wave of any loudness out."""


def hiss(time_s: Wave, chance: np.random.Generator) -> Wave:
    return chance.standard_normal(len(time_s))


def coloured(slope: float) -> Maker:
    """Noise whose power falls with the frequency: 1 is pink, 2 is brown."""

    def make(time_s: Wave, chance: np.random.Generator) -> Wave:
        spectrum = np.fft.rfft(chance.standard_normal(len(time_s)))
        return np.fft.irfft(spectrum / np.arange(1, len(spectrum) + 1) ** (slope / 2.0), len(time_s))

    return make


def rain(time_s: Wave, chance: np.random.Generator) -> Wave:
    """Pink noise that swells and fades."""
    return coloured(1.0)(time_s, chance) * (1.0 + 0.7 * np.sin(2.0 * np.pi * 0.21 * time_s + chance.uniform(0, 6)))


def hum(time_s: Wave, _chance: np.random.Generator) -> Wave:
    """Mains, with its overtones."""
    return sum((np.sin(2.0 * np.pi * 50.0 * n * time_s) / n for n in range(1, 12)), np.zeros(len(time_s)))


def machine(time_s: Wave, chance: np.random.Generator) -> Wave:
    """A motor that turns faster and slower, under load: overtones of a wandering tone, and noise in its rhythm."""
    speed_hz = 90.0 + 25.0 * np.sin(2.0 * np.pi * 0.13 * time_s) + 8.0 * np.sin(2.0 * np.pi * 0.7 * time_s)
    phase = 2.0 * np.pi * np.cumsum(speed_hz) / RATE_HZ
    tones = sum((np.sin(n * phase) / n for n in range(1, 15)), np.zeros(len(time_s)))
    return tones + 0.5 * chance.standard_normal(len(time_s)) * (1.0 + np.sin(phase / 4.0))


def plucked(time_s: Wave, chance: np.random.Generator) -> Wave:
    """Chords on a scale over a bass, two a second."""
    return _music(time_s, chance, lambda note_s, pitch_hz: _harmonics(note_s, pitch_hz) * np.exp(-3.0 * note_s))


def bowed(time_s: Wave, chance: np.random.Generator) -> Wave:
    """Held notes with vibrato, like strings; as near to singing as music without a voice comes."""

    def note(note_s: Wave, pitch_hz: float) -> Wave:
        bent_s = note_s + 0.0006 * np.sin(2.0 * np.pi * 5.5 * note_s)
        return _harmonics(bent_s, pitch_hz) * np.minimum(1.0, note_s / 0.08) * np.exp(-0.5 * note_s)

    return _music(time_s, chance, note)


def beeps(time_s: Wave, chance: np.random.Generator) -> Wave:
    """The tones of devices, of several pitches, a few a second."""
    pitches = chance.choice([440.0, 660.0, 880.0, 1_200.0, 2_000.0], size=len(time_s) // 4_000 + 1)
    sounding = chance.random(len(pitches)) < 0.4
    place = np.arange(len(time_s)) // 4_000
    return np.sin(2.0 * np.pi * pitches[place] * time_s) * sounding[place]


def siren(time_s: Wave, _chance: np.random.Generator) -> Wave:
    pitch_hz = 800.0 + 350.0 * np.sin(2.0 * np.pi * 0.4 * time_s)
    return np.sin(2.0 * np.pi * np.cumsum(pitch_hz) / RATE_HZ)


def knocks(time_s: Wave, chance: np.random.Generator) -> Wave:
    """Doors, tools, keys: short noises of several lengths at any time."""
    wave = np.zeros(len(time_s))
    for begin in np.flatnonzero(chance.random(len(time_s)) < 1.5 / RATE_HZ):
        length = min(len(wave) - int(begin), int(chance.uniform(0.005, 0.15) * RATE_HZ))
        fading = np.exp(-5.0 * np.arange(length) / length)
        wave[begin : begin + length] += chance.standard_normal(length) * fading * chance.uniform(0.2, 1.0)
    return wave


SOUNDS: dict[str, Maker] = {
    "hiss": hiss,
    "pink noise": coloured(1.0),
    "brown noise": coloured(2.0),
    "rain": rain,
    "hum": hum,
    "machine": machine,
    "plucked music": plucked,
    "bowed music": bowed,
    "beeps": beeps,
    "siren": siren,
    "knocks": knocks,
}
"""All but silence, which has one level."""


@dataclass(slots=True)
class Tally:
    """What one kind of sound came to."""

    minutes: int = 0
    began: int = 0
    dropped: int = 0
    ended: int = 0
    readings: list[str] = field(default_factory=list)
    """Words that a recogniser gave for what the ear let through."""
    past_the_ear: list[str] = field(default_factory=list)
    """Words that it gave for what was handed to it without the ear."""
    refused: Counter[str] = field(default_factory=Counter)
    actions: list[JsonAction] = field(default_factory=list)
    stops: int = 0

    def count(self, events: list[EarEvent]) -> None:
        self.began += sum(isinstance(event, SpeechBegan) for event in events)
        self.dropped += sum(isinstance(event, SpeechDropped) for event in events)
        self.ended += sum(isinstance(event, SpeechEnded) for event in events)
        self.stops += sum(isinstance(event, StopHeard) for event in events)


def quiet_minutes(count: int, chance: np.random.Generator) -> Iterator[tuple[str, Samples]]:
    """A minute of each sound in turn; after each round another level."""
    time_s = np.arange(60 * RATE_HZ) / RATE_HZ
    names = ["silence", *SOUNDS]
    for turn in range(count):
        name = names[turn % len(names)]
        wave = SOUNDS[name](time_s, chance) if name in SOUNDS else np.zeros(len(time_s))
        level_db = LEVELS_DB[turn // len(names) % len(LEVELS_DB)]
        power = float(np.mean(wave**2)) or 1.0
        yield name, to_samples((wave * 10.0 ** (level_db / 20.0) / np.sqrt(power)).astype(np.float32))


def heard_words(recogniser: Recogniser, pack: str, samples: Samples, refused: Counter[str]) -> list[str]:
    """The reading of a sound, or none; what was refused is counted."""
    utterance = recogniser.begin(pack)
    try:
        utterance.feed(samples)
        return [utterance.transcript(CLOCK.now_ms() + PATIENCE_MS).text]
    except EdgeAgentError as problem:
        refused[problem.code] += 1
        return []
    finally:
        utterance.close()


def listened(ear: Ear, sound: Samples) -> Iterator[list[EarEvent]]:
    for begin in range(0, len(sound), CHUNK_SAMPLES):
        yield ear.hear(sound[begin : begin + CHUNK_SAMPLES].tobytes())


def main() -> None:
    options = _options()
    recogniser = _recogniser(options.recogniser, options.pack) if options.recogniser else None
    tallies: dict[str, Tally] = {}
    ear, pcm, listening_s = Ear(PcmFormat(), spotter=StopSpotter()), bytearray(), 0.0
    for name, sound in quiet_minutes(options.minutes, np.random.default_rng(options.seed)):
        tally = tallies.setdefault(name, Tally())
        tally.minutes += 1
        began_s = time.process_time()
        told = list(listened(ear, sound))
        listening_s += time.process_time() - began_s
        for event in (event for events in told for event in events):
            tally.count([event])
            match event:
                case SpeechBegan():
                    pcm.clear()
                case SpeechHeard(_, heard):
                    pcm += heard
                case SpeechEnded() if recogniser:
                    tally.readings += heard_words(recogniser, options.pack, samples_of(bytes(pcm)), tally.refused)
        if recogniser:
            held = sound[: PAST_THE_EAR_S * RATE_HZ]
            tally.past_the_ear += heard_words(recogniser, options.pack, held, tally.refused)
    if recogniser:
        _carry_out(options.pack, tallies.values())
    print(_as_json(tallies) if options.json else _as_table(tallies, listening_s / 60.0 / options.minutes))


def _carry_out(name: str, tallies: Iterable[Tally]) -> None:
    """What would have been done."""
    pack = load_pack(name)
    with EngineProcess(bundled_options(), (pack,)) as engine:
        interpreter = Interpreter(pack, Linker(_world(pack)), engine, CLOCK)
        for tally in tallies:
            for text in tally.readings:
                spoken = Spoken(confidence=1.0)
                meaning = interpreter.interpret(text, deadline_ms=CLOCK.now_ms() + PATIENCE_MS, spoken=spoken)
                tally.actions += meaning.actions


def _world(pack: Pack) -> World:
    return load_world(pack.example_world) if pack.example_world else World.of(())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recogniser", help="sphinx, or the folder of a Whisper model")
    parser.add_argument("--pack", default="robot")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _recogniser(name: str, pack: str) -> Recogniser:
    choice = Choice() if name == "sphinx" else Choice("whisper", model=str(Path(name).resolve()))
    recogniser = recogniser_of(choice)
    loaded = load_pack(pack)
    recogniser.prepare(lexicon_of(loaded, _world(loaded)))
    return recogniser


def _music(time_s: Wave, chance: np.random.Generator, note: Callable[[Wave, float], Wave]) -> Wave:
    wave = np.zeros(len(time_s))
    beat = RATE_HZ // 2
    for begin in range(0, len(wave), beat):
        for step in (*chance.choice([0, 2, 4, 5, 7, 9, 11, 12], size=3, replace=False), -12):
            length = min(2 * beat, len(wave) - begin)
            wave[begin : begin + length] += note(np.arange(length) / RATE_HZ, 220.0 * 2.0 ** (step / 12.0))
    return wave


def _harmonics(note_s: Wave, pitch_hz: float) -> Wave:
    return sum((np.sin(2.0 * np.pi * pitch_hz * n * note_s) / n**1.3 for n in range(1, 10)), np.zeros(len(note_s)))


def _as_json(tallies: dict[str, Tally]) -> str:
    rows = {
        name: {
            "minutes": tally.minutes,
            "began": tally.began,
            "dropped": tally.dropped,
            "ended": tally.ended,
            "readings": tally.readings,
            "past_the_ear": tally.past_the_ear,
            "refused": dict(tally.refused),
            "actions": tally.actions,
            "stops": tally.stops,
        }
        for name, tally in tallies.items()
    }
    return json.dumps(rows, indent=2)


def _as_table(tallies: dict[str, Tally], real_time_factor: float) -> str:
    lines = [
        "| sound | minutes | began | dropped | ended | read | read past the ear | actions | stops | refused |",
        "|---|" + "--:|" * 9,
    ]
    for name, tally in tallies.items():
        refused = ", ".join(f"{code} {count}" for code, count in sorted(tally.refused.items())) or "none"
        counts = (tally.minutes, tally.began, tally.dropped, tally.ended, len(tally.readings))
        counts += (len(tally.past_the_ear), len(tally.actions), tally.stops)
        lines.append(f"| {name} | {' | '.join(map(str, counts))} | {refused} |")
    hours = sum(tally.minutes for tally in tallies.values()) / 60.0
    ended = sum(tally.ended for tally in tallies.values())
    actions = sum(len(tally.actions) for tally in tallies.values())
    stops = sum(tally.stops for tally in tallies.values())
    rates = f"{ended / hours:.1f} utterances, {actions / hours:.1f} actions, {stops / hours:.1f} stops an hour"
    lines.append(f"\n{rates}; real-time factor of the ear {real_time_factor:.4f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
