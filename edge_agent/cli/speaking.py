"""Commands in sound, from a recording or spoken now: sent as a stream, shown as they are heard and answered."""

from __future__ import annotations

import math
import select
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from edge_agent.cli.answers import label
from edge_agent.cli.capture import form_of, microphone_child, sound_of
from edge_agent.cli.exit_codes import Exit, exit_of_error
from edge_agent.cli.saying import Decide, settle, show
from edge_agent.cli.screen import Screen
from edge_agent.client import Client
from edge_agent.client.requests import error_of, new_id
from edge_agent.errors import ClientFault, Code, ConfigurationFault, EdgeAgentError
from edge_agent.messages import Answer, AudioStart, Context, ErrorReply, Heard
from edge_agent.messages.codec import build

if TYPE_CHECKING:
    from edge_agent.speech.audio import Samples

CHUNK_BYTES: Final = 3_200
"""A tenth of a second of our own samples."""
VOICE: Final = "en-us+f3"
VOICE_WPM: Final = 150
"""The synthetic voice that the embedded recogniser, which learned from people, understands best of those tried."""
TAIL_S: Final = 0.3
"""What a sound system is late by, and a finger early."""
_LOOK_S: Final = 0.02
_PLACE: Final = ("area", "speaker")


@dataclass(frozen=True, slots=True)
class Sound:
    """PCM and what it is."""

    chunks: Iterator[bytes]
    rate_hz: int
    channels: int = 1
    encoding: Literal["s16le", "f32le"] = "s16le"
    mode: Literal["continuous", "push_to_talk"] = "push_to_talk"


class Source(Protocol):
    """Where sound comes from."""

    def sound(self, screen: Screen) -> AbstractContextManager[Sound]:
        """Open it.

        Raises:
            EdgeAgentError: AUDIO_INVALID, SPEECH_UNAVAILABLE, MIC_UNKNOWN, MIC_LOST.
        """


@dataclass(frozen=True, slots=True)
class Recording:
    """A sound file."""

    path: Path
    continuous: bool = False

    @contextmanager
    def sound(self, screen: Screen) -> Iterator[Sound]:  # noqa: ARG002 - the port's
        """The file's samples, in portions."""
        try:
            from edge_agent.speech.audio import RATE_HZ  # noqa: PLC0415 - numpy, for sound only
            from edge_agent.speech.files import read_audio  # noqa: PLC0415 - libsndfile, likewise
        except ImportError as problem:
            raise _not_installed(problem) from problem
        yield Sound(_portions(read_audio(self.path)), RATE_HZ, mode="continuous" if self.continuous else "push_to_talk")


@dataclass(frozen=True, slots=True)
class Synthesised:
    """A sentence in espeak-ng's voice, for a demonstration without a microphone."""

    text: str

    @contextmanager
    def sound(self, screen: Screen) -> Iterator[Sound]:  # noqa: ARG002 - the port's
        """The sentence, in portions."""
        try:
            from edge_agent.speech.audio import RATE_HZ  # noqa: PLC0415 - numpy, for sound only
            from edge_agent.speech.espeak import speak as spoken  # noqa: PLC0415 - a native library, likewise
        except ImportError as problem:
            raise _not_installed(problem) from problem
        yield Sound(_portions(spoken(self.text, VOICE, VOICE_WPM)), RATE_HZ)


@dataclass(frozen=True, slots=True)
class PushToTalk:
    """An input of this machine, from one Return to the next."""

    device: str

    @contextmanager
    def sound(self, screen: Screen) -> Iterator[Sound]:
        """Wait for the first Return, then listen until the second."""
        if not sys.stdin.isatty():
            raise ClientFault(Code.MIC_UNKNOWN, "push-to-talk needs a terminal: Return begins and ends it")
        screen.line(("Return, speak, Return", "bold"))
        sys.stdin.readline()
        with microphone_child({"open": {"device": self.device or None}}) as (facts, heard):
            screen.line(("listening", "green"), f"  {facts['device']}")
            form = form_of(facts)
            yield Sound(_held((pcm for pcm, _ in sound_of(heard))), form.rate_hz, form.channels, form.encoding)


def speak(
    client: Client,
    screen: Screen,
    source: Source,
    fields: Mapping[str, str | int | None],
    *,
    agree: Decide,
    follow: bool,
) -> tuple[list[Answer], Exit]:
    """Send the sound, show what was heard and every answer, settle what waits for a yes, and follow the actions.

    Raises:
        EdgeAgentError: what the node refused the stream with.
    """
    ends: list[Exit] = []
    answers: list[Answer] = []
    with source.sound(screen) as sound:
        for message in client.speak(sound.chunks, _start(sound, fields)):
            match message:
                case Heard():
                    ends += _show_heard(screen, message)
                case Answer():
                    show(screen, message)
                    answers.append(message)
                case ErrorReply():
                    screen.error(error_of(message))
                    ends.append(exit_of_error(error_of(message)))
    ends += [settle(client, screen, answer, agree=agree, follow=follow) for answer in answers]
    return answers, next((end for end in ends if end is not Exit.OK), Exit.OK if ends else Exit.REFUSED)


def _portions(samples: Samples) -> Iterator[bytes]:
    step = CHUNK_BYTES // samples.itemsize
    return (samples[at : at + step].tobytes() for at in range(0, len(samples), step))


def _not_installed(problem: ImportError) -> ConfigurationFault:
    return ConfigurationFault(
        Code.SPEECH_UNAVAILABLE, f"{problem.name} is not installed; pip install 'edge-agent[speech]'"
    )


def _start(sound: Sound, fields: Mapping[str, Any]) -> AudioStart:
    said = {name: value for name, value in fields.items() if value is not None}
    place = {name: said.pop(name) for name in _PLACE if name in said}
    return build(
        AudioStart,
        stream_id=new_id(),
        rate_hz=sound.rate_hz,
        channels=sound.channels,
        encoding=sound.encoding,
        mode=sound.mode,
        context=build(Context, **place),
        **said,
    )


def _show_heard(screen: Screen, heard: Heard) -> list[Exit]:
    """Show what was heard; how it ended, where that was the end of it."""
    screen.record(heard.model_dump(mode="json", exclude_none=True))
    if heard.error is not None:
        screen.line(label("heard", "yellow"), (heard.error.code.value, "yellow"), f"  {heard.error.message}")
        return [Exit.REFUSED]
    others = f"  or: {' | '.join(heard.alternatives)}" if heard.alternatives else ""
    screen.line(label("heard"), (heard.text, "bold"), (f"  {heard.confidence:.2f}{others}", "dim"))
    return []


def _held(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The sound from now to Return, and what the sound system still had of it then.

    It is taken in by a thread: a node that is only loading must not make us deaf.
    """
    heard: SimpleQueue[bytes | EdgeAgentError] = SimpleQueue()

    def listen() -> None:
        try:
            for chunk in chunks:
                heard.put(chunk)
        except EdgeAgentError as problem:
            heard.put(problem)

    threading.Thread(target=listen, name="microphone", daemon=True).start()
    until_s = math.inf
    while time.monotonic() < until_s or not heard.empty():
        if until_s == math.inf and _return_pressed():
            until_s = time.monotonic() + TAIL_S
        with suppress(Empty):
            chunk = heard.get(timeout=_LOOK_S)
            if isinstance(chunk, EdgeAgentError):
                raise chunk
            yield chunk


def _return_pressed() -> bool:
    return bool(select.select([sys.stdin], [], [], 0.0)[0]) and bool(sys.stdin.readline())
