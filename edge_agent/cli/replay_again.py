"""`replay --rerun`: journalled commands read again with today's settings, packs, worlds and model.

First what is not the same as then: version, model, packs, worlds. Then, command by command, at which stage the reading
parts from the one in the journal. The world is the file as it is now, with the updates up to the revision that the
command met, if they were made on this very file.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from edge_agent import __version__
from edge_agent.cli.answers import label
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.local import engine_of
from edge_agent.cli.screen import Screen
from edge_agent.clock import SystemClock
from edge_agent.language.decision import Decider
from edge_agent.node.compose import load_packs, world_path
from edge_agent.node.evidence import Evidence
from edge_agent.node.fingerprint import model_print, model_sha256, pack_sha256
from edge_agent.node.interpret import Interpreter
from edge_agent.node.rerun import Again, read_again
from edge_agent.node.worlds import load_at_boot
from edge_agent.observe.records import CommandRow, ConfigurationRow
from edge_agent.observe.stories import worlds_until
from edge_agent.observe.tables import select
from edge_agent.packs.base import Pack
from edge_agent.settings import Settings
from edge_agent.world.linker import Linker

TTL_MS: Final = 60_000
"""Nobody waits for a robot here."""


def rerun(settings: Settings, screen: Screen, connection: sqlite3.Connection, commands: Sequence[CommandRow]) -> Exit:
    """Read them again and show; REFUSED when anything is different.

    Raises:
        EdgeAgentError: a pack, a world or the model cannot be used.
    """
    packs = load_packs(settings.packs)
    paths = {name: world_path(chosen, packs[name]) for name, chosen in zip(packs, settings.packs, strict=True)}
    for words in _changes(settings, packs, paths, connection, {command.epoch for command in commands}):
        screen.record({"changed": words})
        screen.line(label("changed", "yellow"), words)
    clock, counts = SystemClock(), Counter[str]()
    with engine_of(settings.model, list(packs.values())) as engine:
        reader = _Reader(packs, paths, connection, engine)
        for command in commands:
            if command.pack not in packs:
                again = Again(command.command_id, None, f"the pack {command.pack} is not among the settings")
            else:
                again = read_again(command, reader.of(command), clock.now_ms() + TTL_MS)
            counts[_result(again)] += 1
            _show(screen, command, again)
    screen.record({"commands": len(commands), **counts})
    screen.line(label("in all", "bold"), ", ".join(f"{count} {what}" for what, count in counts.items()) or "none")
    return Exit.REFUSED if counts["different"] else Exit.OK


class _Reader:
    """Interpreters by pack and world revision; a run of commands seldom needs more than one."""

    def __init__(
        self, packs: Mapping[str, Pack], paths: Mapping[str, Path], connection: sqlite3.Connection, engine: Decider
    ) -> None:
        self._packs = packs
        self._paths = paths
        self._connection = connection
        self._engine = engine
        self._latest: tuple[str, int] | None = None
        self._interpreter: Interpreter | None = None

    def of(self, command: CommandRow) -> Interpreter:
        """The one that reads as this command's did, as far as files and updates allow."""
        evidence = Evidence.from_json(command.evidence)
        key = (command.pack, evidence.world_revision if evidence is not None else 0)
        if self._interpreter is None or key != self._latest:
            updates = worlds_until(self._connection, *key)
            world = load_at_boot(command.pack, self._paths[command.pack], updates).world
            self._interpreter = Interpreter(self._packs[command.pack], Linker(world), self._engine, SystemClock())
            self._latest = key
        return self._interpreter


def _changes(
    settings: Settings,
    packs: Mapping[str, Pack],
    paths: Mapping[str, Path],
    connection: sqlite3.Connection,
    epochs: set[int],
) -> Iterator[str]:
    """What today's run is made of that was otherwise when the commands were read, in words."""
    model = model_print(settings)
    model["sha256"] = model["sha256"] or model_sha256(settings.model)
    now_packs = {name: pack_sha256(pack) for name, pack in packs.items()}
    now_worlds = {name: load_at_boot(name, path, ()).sha256 for name, path in paths.items()}
    told: set[str] = set()
    for then in (row for row in select(connection, ConfigurationRow) if row.epoch in epochs):
        for words in _different(then, model, now_packs, now_worlds):
            if words not in told:
                told.add(words)
                yield words
    if missing := epochs - {row.epoch for row in select(connection, ConfigurationRow)}:
        starts = ", ".join(map(str, sorted(missing)))
        yield f"nothing says what start {starts} of the node ran with"
    if settings.remote is not None:
        yield f"the server {settings.remote.url} is not asked: only this box's own model reads again"


def _different(
    then: ConfigurationRow, model: Mapping[str, str], packs: Mapping[str, str], worlds: Mapping[str, str]
) -> Iterator[str]:
    if then.version != __version__:
        yield f"version {then.version}, now {__version__}"
    was = json.loads(then.model)
    if was.get("sha256") and was["sha256"] != model["sha256"]:
        yield f"model {was['file']} {was['sha256'][:16]}, now {model['file']} {model['sha256'][:16]}"
    if was.get("remote"):
        yield f"the server {was['remote']} decided then, where it answered"
    for what, before, now in (
        ("pack", json.loads(then.packs), packs),
        ("world", {name: one["sha256"] for name, one in json.loads(then.worlds).items()}, worlds),
    ):
        for name in before.keys() & now.keys():
            if before[name] != now[name]:
                yield f"{what} {name} {before[name][:16]}, now {now[name][:16]}"


def _result(again: Again) -> str:
    if again.differences is None:
        return "nothing to compare"
    return "different" if again.differences else "same"


def _show(screen: Screen, command: CommandRow, again: Again) -> None:
    differences = [{"stage": one.stage, "then": one.then, "now": one.now} for one in again.differences or ()]
    result = None if again.differences is None else not again.differences
    screen.record(
        {"command_id": command.command_id, "same": result, "differences": differences, "note": again.note or None}
    )
    word, style = {None: ("-", "dim"), True: ("same", "green"), False: ("different", "red")}[result]
    aside = f"  {again.note}" if again.note else ""
    screen.line(label(word, style), f"{command.command_id}  {command.text}", (aside, "dim"))
    for one in again.differences or ():
        screen.line(label(""), (f"{one.stage.value:<9} then ", "dim"), one.then or "nothing")
        screen.line(label(""), (f"{'':<9} now  ", "dim"), one.now or "nothing")
