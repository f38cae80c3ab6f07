"""`transcribe`: what is heard in a sound file, by the recogniser the node would use. Nothing is sent anywhere."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.local import world_of
from edge_agent.cli.screen import Screen
from edge_agent.clock import SystemClock
from edge_agent.errors import ClientFault, Code, ConfigurationFault
from edge_agent.evaluation.heard import Heard
from edge_agent.packs.registry import load_pack
from edge_agent.speech.choice import Choice, recogniser_of
from edge_agent.store.pinned import files_of

EXAMPLE = """\
edge-agent transcribe order.wav --pack kiosk
edge-agent transcribe order.wav --pack kiosk --recogniser whisper:models/whisper-small.en"""

TTL_MS = 600_000
"""Nobody waits for a robot here; a slow machine may take its time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `transcribe` takes."""
    parser.add_argument("file", type=Path, metavar="FILE", help="WAV, FLAC or OGG; the whole of it is one utterance")
    parser.add_argument("--pack", default="robot", metavar="NAME|FILE", help="robot, home, kiosk or a pack file")
    parser.add_argument("--world", type=Path, metavar="FILE", help="TOML (default: the pack's example world)")
    add_recogniser_arguments(parser)


def add_recogniser_arguments(parser: argparse.ArgumentParser) -> None:
    """Which recogniser listens."""
    parser.add_argument(
        "--recogniser",
        default="sphinx",
        metavar="sphinx|whisper:FOLDER",
        help="the embedded one (default), or a Whisper model in CTranslate2's format",
    )


def recogniser_choice(options: argparse.Namespace) -> Choice:
    """The recogniser that the options name; a Whisper folder with a manifest is checked against it.

    Raises:
        ConfigurationFault: SETTINGS_INVALID, MODEL_DAMAGED.
    """
    name, _, folder = options.recogniser.partition(":")
    if name == "sphinx" and not folder:
        return Choice()
    if name == "whisper" and folder:
        return Choice("whisper", folder, dict(files_of(Path(folder))))
    why = f"{options.recogniser!r} is no recogniser: sphinx, or whisper: and the folder of a model"
    raise ConfigurationFault(Code.SETTINGS_INVALID, why, where="--recogniser")


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Listen and show. Raises ClientFault (NO_SPEECH, LOW_CONFIDENCE, …) where there are no words to rely on."""
    choice = recogniser_choice(options)
    pack = load_pack(options.pack)
    world = world_of(pack, options.world)
    try:
        # libraries of speech, which only those need who have sound
        from edge_agent.evaluation.hearing import listen  # noqa: PLC0415
        from edge_agent.speech.files import read_audio  # noqa: PLC0415
        from edge_agent.speech.wording import lexicon_of  # noqa: PLC0415
    except ImportError as problem:
        why = f"{problem.name} is not installed; pip install 'edge-agent[speech]'"
        raise ConfigurationFault(Code.SPEECH_UNAVAILABLE, why) from problem
    clock = SystemClock()
    samples = read_audio(options.file)
    recogniser = recogniser_of(choice)
    recogniser.prepare(lexicon_of(pack, world))
    heard = listen(recogniser, pack.name, samples, clock, deadline_ms=clock.now_ms() + TTL_MS)
    if heard.refusal is not None:
        raise ClientFault(heard.refusal, heard.why, where=str(options.file))
    _show(screen, heard)
    return Exit.OK


def _show(screen: Screen, heard: Heard) -> None:
    assert heard.transcript is not None
    said = heard.transcript
    screen.line((said.text, "bold"), (f"  {100 * said.confidence:.0f} % sure", "dim"))
    for other in said.alternatives:
        screen.line(("  or ", "dim"), other)
    if said.words:
        screen.table(
            ("word", "from ms", "to ms", "sure"),
            [
                (word.text, f"{word.begin_ms:.0f}", f"{word.end_ms:.0f}", f"{100 * word.confidence:.0f} %")
                for word in said.words
            ],
            right=frozenset({1, 2, 3}),
        )
    factor = heard.work_ms / max(1.0, heard.audio_ms)
    waited = f"{heard.final_ms:.0f} ms after its end"
    screen.line((f"  {heard.audio_ms / 1_000:.1f} s of sound, words {waited}, real-time factor {factor:.2f}", "dim"))
    screen.record(
        {
            "text": said.text,
            "alternatives": list(said.alternatives),
            "confidence": said.confidence,
            "no_speech": said.no_speech,
            "words": [asdict(word) for word in said.words],
            "audio_ms": heard.audio_ms,
            "listening_ms": heard.work_ms,
            "transcription_ms": heard.final_ms,
        }
    )
