"""`microphones`: which inputs this box has, how to name one in the settings, and whether it hears anything.

Everything of the sound system's happens in a short-lived child: a driver that hangs or crashes costs one line here.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge_agent.cli.capture import form_of, microphone_child, sound_of
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen
from edge_agent.speech.audio import PcmFormat, decode_pcm
from edge_agent.speech.microphone import InputDevice, find_device

EXAMPLE = 'edge-agent microphones\nedge-agent microphones --level 5 --device "USB"'

FLOOR_DBFS: Final = -96.0
"""Below the smallest step of 16 bits; digital silence is shown as this."""
DEAF_DBFS: Final = -60.0
"""A microphone in a quiet room hears more than this."""


@dataclass(slots=True)
class Level:
    """How loud the sound was, all of it so far."""

    squares: float = 0.0
    count: int = 0
    peak: float = 0.0

    def add(self, pcm: bytes, form: PcmFormat) -> tuple[float, float]:
        """The next sound; returns its own root mean square and the largest sample, both in dBFS."""
        wave = decode_pcm(pcm, form)
        squares, peak = float(np.square(wave, dtype=np.float64).sum()), float(np.abs(wave).max(initial=0.0))
        self.squares, self.count, self.peak = self.squares + squares, self.count + len(wave), max(self.peak, peak)
        return dbfs(math.sqrt(squares / max(1, len(wave)))), dbfs(peak)

    @property
    def rms_dbfs(self) -> float:
        """Of everything: root mean square in dB below full scale."""
        return dbfs(math.sqrt(self.squares / max(1, self.count)))

    @property
    def peak_dbfs(self) -> float:
        """Of everything: the largest sample in dB below full scale."""
        return dbfs(self.peak)


def dbfs(amplitude: float) -> float:
    """An amplitude from 0 to 1 in dB below full scale, FLOOR_DBFS at the least."""
    return max(FLOOR_DBFS, 20.0 * math.log10(amplitude)) if amplitude > 0.0 else FLOOR_DBFS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `microphones` takes."""
    parser.add_argument("--level", type=_seconds, metavar="SECONDS", help="listen to one and show how loud it is")
    parser.add_argument(
        "--device", metavar="NAME", help="with --level: this one, or a part of its name; else the default"
    )


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """List the inputs, or listen to one."""
    if options.level is not None:
        return _listen(options.device, options.level, screen)
    with microphone_child({"list": {}}) as (facts, _):
        devices = [InputDevice(**one) for one in facts["microphones"]]
    if options.device:
        devices = [find_device(options.device, devices)]
    rows = [
        ("*" if one.default else "", one.name, one.host_api, str(one.channels), f"{one.rate_hz} Hz") for one in devices
    ]
    screen.table(("", "name", "through", "channels", "own rate"), rows, right=frozenset({3, 4}))
    for one in devices:
        screen.record(one.to_object())
    if not devices:
        screen.line("no microphone: is one plugged in, does the sound server run, is this user in the group audio?")
        return Exit.REFUSED
    chosen = next((one for one in devices if not one.default), devices[0])
    screen.line()
    screen.line(("* is used where the settings name no device. To name one, or a part of its name:", "dim"))
    screen.line("  [[speech.microphones]]")
    screen.line('  name = "counter"')
    screen.line(f"  device = {json.dumps(chosen.name, ensure_ascii=False)}")
    return Exit.OK


def _listen(device: str | None, seconds: float, screen: Screen) -> Exit:
    level = Level()
    xruns = 0
    with microphone_child({"open": {"device": device}}) as (facts, heard), screen.meter(str(facts["device"])) as meter:
        form = form_of(facts)
        for pcm, lost in sound_of(heard):
            rms, peak = level.add(pcm, form)
            xruns = lost
            meter(min(1.0, max(0.0, 1.0 - peak / FLOOR_DBFS)), f"{rms:6.1f} dBFS, peak {peak:6.1f}")
            if level.count >= seconds * form.rate_hz:
                break
    hears = level.peak_dbfs > DEAF_DBFS
    verdict = "it hears" if hears else "it hears nothing: is it muted, or plugged in where nothing listens?"
    if level.peak >= 1.0 - 2.0**-15:
        verdict = "it is too loud and clips: turn its gain down"
    screen.line(
        (str(facts["device"]), "bold"),
        f"  {level.rms_dbfs:.1f} dBFS, peak {level.peak_dbfs:.1f}  ",
        (f"{verdict}{f', {xruns} times sound was lost' if xruns else ''}", "green" if hears else "yellow"),
    )
    levels = {"rms_dbfs": round(level.rms_dbfs, 1), "peak_dbfs": round(level.peak_dbfs, 1)}
    screen.record({**facts, **levels, "seconds": level.count / form.rate_hz, "xruns": xruns, "hears": hears})
    return Exit.OK if hears else Exit.REFUSED


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 3_600.0:
        raise argparse.ArgumentTypeError("from 0.1 to 3600 seconds")
    return value
