"""`doctor`: look over this machine, the engine and the node, and say what is wrong. Changes nothing."""

from __future__ import annotations

import argparse
import os
import platform
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edge_agent import __version__
from edge_agent.cli.connection import add_settings_arguments, connect, read_settings
from edge_agent.cli.doctor_health import health_detail, mode_detail
from edge_agent.cli.doctor_keys import keys_detail
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.limits_shown import every_limit
from edge_agent.cli.local import engine_of, world_of
from edge_agent.cli.screen import Screen
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.grammar.own import with_grammar
from edge_agent.grammar.selftest import self_test
from edge_agent.language.models import verify
from edge_agent.node.engines import engine_options
from edge_agent.node.speech_assembly import recogniser_choice
from edge_agent.observe.database import FILE_NAME
from edge_agent.packs.phrases import load_phrases
from edge_agent.packs.registry import load_pack
from edge_agent.settings import HealthSettings, PackSettings, Settings, SpeechSettings, TransportSettings
from edge_agent.store.pinned import verify_folder

EXAMPLE = "edge-agent doctor"

LIBRARIES = ("llama-cpp-python", "llguidance", "pyzmq", "pydantic", "hassil", "rapidfuzz")

SPEECH_LIBRARIES = {
    "sphinx": ("pocketsphinx", "onnxruntime", "faster-whisper", "soxr"),
    "whisper": ("faster-whisper", "onnxruntime", "soxr"),
}
"""What each recogniser needs; faster-whisper brings the file that tells speech from noise."""

GOOD, NOTE, BAD = "ok", "note", "bad"
_STYLE = {GOOD: "green", NOTE: "yellow", BAD: "bold red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: str
    detail: str
    facts: dict[str, Any] = field(default_factory=dict)
    """For programs: everything that the engine found out about itself."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `doctor` takes."""
    parser.add_argument("--limits", action="store_true", help="show every limit with its value instead")
    add_settings_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Look at everything, whatever is wrong with the one before; 1 when something is bad."""
    if options.limits:
        return _limits(screen)
    settings = read_settings(options)
    bad = False
    for finding in _findings(options, settings):
        bad = bad or finding.state == BAD
        screen.line((f"{finding.state:<6}", _STYLE[finding.state]), (f"{finding.what:<14}", "bold"), finding.detail)
        facts = {"facts": finding.facts} if finding.facts else {}
        screen.record({"what": finding.what, "state": finding.state, "detail": finding.detail} | facts)
    return Exit.REFUSED if bad else Exit.OK


def _limits(screen: Screen) -> Exit:
    known = every_limit()
    for one in known:
        screen.record({"limit": one.name, "value": one.value, "words": one.words})
    screen.table(
        ("limit", "value", "of what"), [(one.name, str(one.value), one.words) for one in known], right=frozenset({1})
    )
    return Exit.OK


def _findings(options: argparse.Namespace, settings: Settings) -> Iterator[Finding]:
    yield Finding("edge-agent", GOOD, f"{__version__}, Python {platform.python_version()}, {platform.machine()}")
    yield _libraries()
    for pack in settings.packs:
        yield _looked_at(f"pack {Path(pack.name).stem}", lambda pack=pack: _pack(pack))  # type: ignore[misc]
    yield _looked_at("model", lambda: _model(settings))
    node, modes, engine_runs = _node(options)
    if not engine_runs:  # a second engine beside the node's could take the memory that the first one needs
        yield _looked_at("engine", lambda: _engine(settings))
    yield _looked_at("speech", lambda: _speech(settings.speech))
    yield _looked_at("keys", lambda: _keys(settings.transport))
    yield _looked_at("health", lambda: _health(settings.health))
    yield Finding("limits", GOOD, f"{len(every_limit())} named; all of them with: edge-agent doctor --limits")
    yield _folder("runtime dir", settings.runtime_dir)
    yield _folder("state dir", settings.state_dir)
    yield _journal(settings.state_dir / FILE_NAME)
    yield node
    yield from modes


def _looked_at(what: str, look: Callable[[], Finding]) -> Finding:
    """A finding, or the error that looking ended in."""
    try:
        return look()
    except EdgeAgentError as error:
        return Finding(what, BAD, str(error))


def _libraries() -> Finding:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            return Finding("libraries", BAD, f"{name} is not installed")
    return Finding("libraries", GOOD, ", ".join(found))


def _pack(chosen: PackSettings) -> Finding:
    pack = with_grammar(load_pack(chosen.name), chosen.grammar)
    world = world_of(pack, chosen.world)
    phrases = load_phrases(pack)
    self_test(pack, world)
    detail = (
        f"{len(pack.actions)} actions, {len(phrases.intents)} with phrases, {len(world.entities)} entities; "
        "its grammar passed its self-test"
    )
    return Finding(f"pack {pack.name}", GOOD, detail)


def _model(settings: Settings) -> Finding:
    options = engine_options(settings.model)
    path, sha256 = options.model, options.sha256
    if sha256 is None:
        return Finding("model", NOTE, f"{path.name}: no sha256 in the settings, so its bytes are taken as they are")
    verify(path, sha256)
    return Finding("model", GOOD, f"{path.name}, {path.stat().st_size / 1e6:.1f} MB, bytes as published")


def _engine(settings: Settings) -> Finding:
    packs = tuple(with_grammar(load_pack(pack.name), pack.grammar) for pack in settings.packs)
    with engine_of(settings.model, packs) as engine:
        facts = engine.facts
    slower = "fallback" in facts or facts["warnings"]
    return Finding("engine", NOTE if slower else GOOD, engine_detail(facts), facts)


def engine_detail(facts: Mapping[str, Any]) -> str:
    """What a person wants to know of an engine that proved itself with a decode."""
    parts = [f"proved itself with a decode; {facts.get('parameters', 0) / 1e6:.1f} M parameters"]
    parts += [str(facts[key]) for key in ("placement", "offloaded") if facts.get(key)]
    parts += [f"WARNING: {warning}" for warning in facts.get("warnings", ())]
    if fallback := facts.get("fallback"):
        parts.append(f"{fallback}; scripts/build-engine.sh builds one that fits")
    return "; ".join(parts)


def _speech(settings: SpeechSettings) -> Finding:
    if settings.recogniser == "off":
        return Finding("speech", NOTE, "off in the settings ([speech] recogniser)")
    choice = recogniser_choice(settings)
    missing = [name for name in SPEECH_LIBRARIES[choice.name] if not _is_installed(name)]
    if missing:
        return Finding("speech", NOTE, f"not installed: {', '.join(missing)}; pip install 'edge-agent[speech]'")
    parts = [f"the embedded recogniser, pocketsphinx {version('pocketsphinx')}"]
    if choice.name == "whisper":
        verify_folder(Path(choice.model))
        parts = [f"Whisper from {choice.model}, its bytes as pinned"]
    parts.append(
        "stops are listened for by their sound" if settings.stop_words else "stops are not listened for by sound"
    )
    names = ", ".join(one.name for one in settings.microphones) or "none of this box's own"
    parts.append(f"microphones: {names}")
    return Finding("speech", GOOD, "; ".join(parts))


def _keys(settings: TransportSettings) -> Finding:
    noteworthy, detail = keys_detail(settings)
    return Finding("keys", NOTE if noteworthy else GOOD, detail)


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _folder(what: str, path: Path) -> Finding:
    if not path.exists():
        return Finding(what, NOTE, f"{path}: not there yet; the node makes it")
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid not in (os.getuid(), 0) or mode & 0o002:
        return Finding(what, BAD, f"{path}: mode {mode:04o}, owner {found.st_uid}: others can write there")
    return Finding(what, GOOD, f"{path}, mode {mode:04o}")


def _journal(path: Path) -> Finding:
    found = (one.name for one in path.parent.glob("journal.damaged-*"))
    aside = sorted(name for name in found if name.rpartition("-")[2].isdecimal())  # without the logs beside them
    if aside:
        return Finding("journal", BAD, f"damaged and set aside: {', '.join(aside)}")
    if not path.exists():
        return Finding("journal", NOTE, "none yet")
    return Finding("journal", GOOD, f"{path.stat().st_size / 1e6:.2f} MB; tell its stories with: edge-agent replay")


def _health(settings: HealthSettings) -> Finding:
    noteworthy, detail = health_detail(settings)
    return Finding("health", NOTE if noteworthy else GOOD, detail)


def _node(options: argparse.Namespace) -> tuple[Finding, tuple[Finding, ...], bool]:
    """What the running node says of itself, each mode that it is in, and whether its engine is ready."""
    try:
        with connect(options) as client:
            snapshot = client.snapshot()
    except EdgeAgentError as error:
        absent = error.code is Code.NODE_UNREACHABLE
        return Finding("node", NOTE if absent else BAD, "not running" if absent else str(error)), (), False
    parts = [f"version {snapshot.version}, epoch {snapshot.epoch}, packs {', '.join(snapshot.packs)}"]
    parts += ["its engine is ready" if snapshot.engine_ready else "its engine is not ready"]
    if snapshot.stop_id is not None:
        parts.append(f"stop {snapshot.stop_id} is latched")
    parts += [f"{robot.robot} {'present' if robot.present else 'silent'}" for robot in snapshot.robots]
    trouble = bool(snapshot.degraded) or snapshot.stop_id is not None or not snapshot.engine_ready
    modes = tuple(Finding(name, NOTE, detail) for name, detail in map(mode_detail, snapshot.degraded))
    return Finding("node", NOTE if trouble else GOOD, "; ".join(parts)), modes, snapshot.engine_ready
