"""The box's own input devices, through PortAudio; the only file that imports sounddevice.

Decides which device a name means and at which rate it is opened: 16 kHz where it gives that, else its own. Refuses a
name that means none or several (MIC_UNKNOWN: nothing final, it may be plugged in later) and a device that cannot be
opened (MIC_LOST). PortAudio looks for devices once, when it is loaded, and may hang when a driver does: it belongs into
a process that can be ended and started again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any, Final

from edge_agent import limits
from edge_agent.errors import Code, NodeFault
from edge_agent.speech.audio import RATE_HZ, PcmFormat
from edge_agent.speech.ring import Ring

BLOCK_MS: Final = 32
"""Sound in one call of the callback."""
RING_BLOCKS: Final = 128
"""Four seconds of sound, for a reader that is held up."""
INHERIT: Final = ("XDG_RUNTIME_DIR", "ALSA_", "PA_ALSA_", "PULSE_", "PIPEWIRE_", "JACK_")
"""Variables, or prefixes of them, by which sound servers are found; the microphone's process needs them."""

_OTHER_RATES_HZ: Final = (48_000, 44_100, 32_000, 8_000)
"""Tried in this order where a device takes neither 16 kHz nor the rate that it calls its own."""
_TRY_ANOTHER_FORMAT: Final = frozenset({-9998, -9997, -9994})
"""PortAudio's paInvalidChannelCount, paInvalidSampleRate and paSampleFormatNotSupported."""


@dataclass(frozen=True, slots=True)
class InputDevice:
    """One input as PortAudio lists it. `rate_hz` is the one it prefers, `channels` the most it gives."""

    index: int
    name: str
    host_api: str
    channels: int
    rate_hz: int
    default: bool

    @property
    def full_name(self) -> str:
        """With the sound system it is seen through; differs between devices that `name` does not tell apart."""
        return f"{self.name}, {self.host_api}"

    def to_object(self) -> dict[str, Any]:
        """As it passes between processes."""
        return asdict(self)


def input_devices() -> tuple[InputDevice, ...]:
    """Every input that PortAudio found when it was loaded into this process.

    Raises:
        NodeFault: SPEECH_UNAVAILABLE when sounddevice or the PortAudio library is missing.
    """
    library = _library()
    try:
        apis = [api["name"] for api in library.query_hostapis()]
        default = library.default.device[0]
        found = enumerate(library.query_devices())
        return tuple(
            InputDevice(
                index=index,
                name=one["name"],
                host_api=apis[one["hostapi"]],
                channels=one["max_input_channels"],
                rate_hz=round(one["default_samplerate"]),
                default=index == default,
            )
            for index, one in found
            if one["max_input_channels"] > 0
        )
    except library.PortAudioError as problem:
        raise NodeFault(Code.SPEECH_UNAVAILABLE, f"PortAudio cannot list the devices: {problem}") from problem


def find_device(name: str | None, among: Sequence[InputDevice]) -> InputDevice:
    """The device of this name, or the default one: its whole name, else a part that no other has, in any case.

    Raises:
        NodeFault: MIC_UNKNOWN, naming what there is.
    """
    if name is None:
        fitting = [one for one in among if one.default] or list(among[:1])
    else:
        wanted = name.casefold().strip()
        fitting = [one for one in among if wanted in (one.name.casefold(), one.full_name.casefold())]
        fitting = fitting or [one for one in among if wanted in one.full_name.casefold()]
    if len(fitting) == 1:
        return fitting[0]
    if not among:
        raise NodeFault(
            Code.MIC_UNKNOWN,
            "this machine shows no microphone: is one plugged in, does the sound server run, is this user in the group "
            "audio?",
        )
    if fitting:
        raise NodeFault(
            Code.MIC_UNKNOWN, f"{name!r} fits several microphones: {_listed(fitting)}; give more of one's name"
        )
    raise NodeFault(Code.MIC_UNKNOWN, f"there is no microphone {name!r}; there is {_listed(among)}")


class Capture:
    """An open input: from now on its sound goes into the ring, on a thread of PortAudio's."""

    def __init__(self, device: InputDevice, ring: Ring) -> None:
        """Open the device.

        Raises:
            NodeFault: MIC_LOST when it cannot be opened, SPEECH_UNAVAILABLE.
        """
        self.device = device
        self._ring = ring
        self._stream, self.form = self._opened(_library())

    @property
    def active(self) -> bool:
        """Whether PortAudio still believes in the device. A silent device can be active: watch the ring's beat too."""
        return bool(self._stream.active)

    @property
    def facts(self) -> dict[str, Any]:
        """What was opened, and how."""
        return {
            "device": self.device.name,
            "host_api": self.device.host_api,
            **asdict(self.form),
            "latency_ms": round(1000.0 * self._stream.latency, 1),
        }

    def close(self) -> None:
        """End it. May hang where the device has: a process that lost its device ends itself instead."""
        self._stream.close()

    def _opened(self, library: ModuleType) -> tuple[Any, PcmFormat]:
        refusals: dict[str, None] = {}
        for form in forms_of(self.device):
            try:
                stream = library.RawInputStream(
                    device=self.device.index,
                    samplerate=form.rate_hz,
                    channels=form.channels,
                    dtype="int16",
                    blocksize=form.rate_hz * BLOCK_MS // 1_000,
                    callback=self._heard,
                )
                stream.start()
            except library.PortAudioError as problem:
                refusals[str(problem)] = None
                if len(problem.args) < 2 or problem.args[1] not in _TRY_ANOTHER_FORMAT:
                    break
            else:
                return stream, form
        raise NodeFault(
            Code.MIC_LOST,
            f"the microphone {self.device.name!r} cannot be opened ({'; '.join(refusals)}): is it plugged in, does "
            "another program hold it, is this user in the group audio?",
        )

    def _heard(self, sound: Any, frames: int, time: Any, status: Any) -> None:  # noqa: ARG002 - PortAudio's shape
        self._ring.put(bytes(sound), broken=status.input_overflow or status.input_underflow)


def forms_of(device: InputDevice) -> Iterator[PcmFormat]:
    """The formats to try a device in, the likeliest first: 16 kHz before others, one channel before two."""
    rates_hz = dict.fromkeys((RATE_HZ, device.rate_hz, *_OTHER_RATES_HZ))
    for rate_hz in rates_hz:
        if limits.AUDIO_RATE_HZ_MIN <= rate_hz <= limits.AUDIO_RATE_HZ_MAX:
            for channels in range(1, min(device.channels, limits.AUDIO_CHANNELS_MAX) + 1):
                yield PcmFormat(rate_hz, channels)


def _listed(devices: Sequence[InputDevice]) -> str:
    names = [one.name for one in devices]
    return ", ".join(repr(one.full_name if names.count(one.name) > 1 else one.name) for one in devices)


def _library() -> ModuleType:
    """sounddevice, loaded on first use: this loads PortAudio, which looks for devices."""
    try:
        import sounddevice  # noqa: PLC0415
    except ImportError as problem:
        raise NodeFault(
            Code.SPEECH_UNAVAILABLE, "a microphone needs the speech extra: pip install 'edge-agent[speech]'"
        ) from problem
    except OSError as problem:
        raise NodeFault(
            Code.SPEECH_UNAVAILABLE, f"a microphone needs PortAudio ({problem}): apt-get install libportaudio2"
        ) from problem
    except Exception as problem:  # PortAudio's own, whose class cannot be named where its import failed
        raise NodeFault(Code.SPEECH_UNAVAILABLE, f"PortAudio does not start: {problem}") from problem
    return sounddevice  # type: ignore[no-any-return]
