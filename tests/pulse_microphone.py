"""A PulseAudio of the test's own, with null sinks whose monitors are the microphones. For tests; holds no test.

What is played into such a sink, the microphone of its name hears, by the same libraries as a real one: PortAudio,
ALSA, PulseAudio. ALSA gets a configuration of its own too, so that no microphone of the machine is ever opened. Works
for root and for users; touches nothing outside the folder it makes.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

RATE_HZ = 16_000
START_S_MAX = 20.0
PLUGIN = "libasound_module_pcm_pulse.so"


def why_not() -> str:
    """What is missing for a microphone of this kind; empty when nothing is."""
    missing = [name for name in ("pulseaudio", "paplay", "pactl") if shutil.which(name) is None]
    missing += [] if find_library("portaudio") else ["libportaudio2"]
    places = (Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib"))
    missing += [] if any(any(place.glob(f"**/alsa-lib/{PLUGIN}")) for place in places) else ["libasound2-plugins"]
    return f"not installed: {', '.join(missing)}" if missing else ""


needs_pulse = pytest.mark.skipif(bool(why_not()), reason=why_not() or "everything is there")


@dataclass(slots=True)
class PulseMicrophones:
    """A sound server that can be unplugged: `environment` is what a node needs to find the microphones by their names.

    The first of `names` is the default input.
    """

    folder: Path
    names: tuple[str, ...]
    environment: dict[str, str] = field(init=False)
    _server: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.environment = {
            "ALSA_CONFIG_PATH": str(self.folder / "asound.conf"),
            "XDG_RUNTIME_DIR": str(self.folder),
            "JACK_NO_START_SERVER": "1",
        }
        devices = {"default": self.names[0], **{name: name for name in self.names}}
        lines = [
            f'pcm.{name} {{ type pulse server "{self.address}" device "{sink}.monitor" }}\n'
            for name, sink in devices.items()
        ]
        (self.folder / "asound.conf").write_text("".join(lines))

    @property
    def address(self) -> str:
        """Of the sound server."""
        return f"unix:{self.folder}/pulse.sock"

    def start(self) -> None:
        """Plug all of them in: start the server and wait until every microphone is there."""
        (self.folder / "pulse.sock").unlink(missing_ok=True)
        # without rewinds a null sink plays in steps of 50 ms; with them its monitor may be silent for a second at first
        steady = " norewinds=1" if _version() >= 16 else ""
        script = [f"load-module module-native-protocol-unix auth-anonymous=1 socket={self.folder}/pulse.sock"]
        script += [
            f"load-module module-null-sink sink_name={name} rate={RATE_HZ} channels=1{steady}" for name in self.names
        ]
        (self.folder / "script.pa").write_text("\n".join(script) + "\n")
        # it ends by itself where whoever runs the tests was killed
        options = ["--daemonize=no", "--exit-idle-time=600", "--use-pid-file=no", "--disable-shm=yes"]
        options += ["--realtime=no", "--high-priority=no", "-n", "-F", str(self.folder / "script.pa")]
        with (self.folder / "pulse.log").open("ab") as log:
            self._server = subprocess.Popen(["pulseaudio", *options], stdout=log, stderr=log, env=self._own())
        until = time.monotonic() + START_S_MAX
        while any(f"{name}.monitor" not in self._control("list", "short", "sources") for name in self.names):
            assert time.monotonic() < until, (self.folder / "pulse.log").read_text()
            time.sleep(0.05)

    def unplug(self) -> None:
        """All microphones are gone at once, as when a USB hub is pulled out: the server is killed."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def unplug_one(self, name: str) -> None:
        """This microphone is gone and the server stays. Where it has another one, it moves those who listen to that."""
        lines = self._control("list", "short", "modules").splitlines()
        module = next(line.split()[0] for line in lines if f"sink_name={name} " in line)
        self._control("unload-module", module)

    def freeze(self) -> None:
        """The server stands still: nothing fails, nothing comes."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def play(self, sound: Path | NDArray[np.int16], *, into: str | None = None) -> None:
        """Say it into a microphone, the default one unless named; returns when it was played.

        `sound` is a WAV file, or samples of 16 kHz, shape (n,).
        """
        path = sound if isinstance(sound, Path) else self.folder / "played.wav"
        if not isinstance(sound, Path):
            write_wav(path, sound)
        command = ["paplay", f"--server={self.address}", f"--device={into or self.names[0]}", str(path)]
        subprocess.run(command, check=True, env=self._own(), timeout=60, capture_output=True)

    def _control(self, *words: str) -> str:
        command = ["pactl", f"--server={self.address}", *words]
        done = subprocess.run(command, env=self._own(), capture_output=True, text=True, timeout=20, check=False)
        return done.stdout

    def _own(self) -> dict[str, str]:
        # a home of its own: cookies and settings of whoever runs the tests are neither read nor written
        folder = str(self.folder)
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "XDG_RUNTIME_DIR": folder, "LC_ALL": "C"}


@contextmanager
def pulse_microphones(*names: str) -> Iterator[PulseMicrophones]:
    """Microphones of these names, plugged in; gone at the end. Names are words of letters and digits."""
    # a socket's path may have 107 bytes, which pytest's own folders can exceed
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        microphones = PulseMicrophones(Path(folder), names or ("kitchen",))
        try:
            microphones.start()
            yield microphones
        finally:
            microphones.unplug()


def write_wav(path: Path, samples: NDArray[np.int16], *, rate_hz: int = RATE_HZ) -> None:
    """Samples, shape (n,), as a WAV file of one channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())


def _version() -> int:
    told = subprocess.run(["pulseaudio", "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    found = re.search(r"(\d+)", told)
    return int(found.group(1)) if found else 0
