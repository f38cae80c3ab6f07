"""The worlds of the node's packs, as they are now: files, and the updates that came over the wire since.

An update holds whole, from the next command on and across restarts; a bad one is refused whole and changes nothing. The
updates belong to the file they were made on: when its content has changed, they are left behind and the file holds.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edge_agent import limits
from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, ConfigurationFault
from edge_agent.messages import EntityRecord, WorldUpdate, WorldUpdated
from edge_agent.messages.codec import encode
from edge_agent.node.interpret import Interpreter
from edge_agent.observe.events import Stream, WorldChanged
from edge_agent.observe.journal import Journal
from edge_agent.observe.records import WorldRow
from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.loading import load_world
from edge_agent.world.store import World


@dataclass(frozen=True, slots=True)
class LoadedWorld:
    """A world as it stands at boot: its file with the journalled updates on top."""

    world: World
    sha256: str
    updates: int


def load_at_boot(pack: str, path: Path, updates: Sequence[WorldRow]) -> LoadedWorld:
    """The file, and the updates that were made on exactly this file.

    Raises:
        ConfigurationFault: WORLD_INVALID.
    """
    world = load_world(path)
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as problem:
        raise ConfigurationFault(Code.WORLD_INVALID, str(problem), where=str(path)) from problem
    count = 0
    for row in updates:
        if row.pack == pack and row.world_sha256 == sha256:
            try:
                world = apply(world, WorldUpdate.model_validate_json(row.body))
            except ClientFault as problem:
                message = f"update {row.revision}, which came over the wire, no longer applies: {problem.message}"
                raise ConfigurationFault(Code.WORLD_INVALID, message, where=str(path)) from problem
            count += 1
    return LoadedWorld(world, sha256, count)


def apply(world: World, update: WorldUpdate) -> World:
    """The world after an update.

    Raises:
        ClientFault: WORLD_INVALID, naming the field.
    """
    return world.updated(update.remove, [_entity(record) for record in update.add])


def _linker_after(linker: Linker, update: WorldUpdate) -> Linker:
    return linker.updated(apply(linker.world, update))


def _entity(record: EntityRecord) -> Entity:
    return Entity(
        name=record.name,
        kind=record.kind or "",
        aliases=record.aliases,
        area=record.area or "",
        floor=record.floor or "",
        device_class=record.device_class or "",
    )


class Worlds:
    """Takes updates while the node runs."""

    def __init__(
        self,
        interpreters: dict[str, Interpreter],
        loaded: dict[str, LoadedWorld],
        *,
        journal: Journal,
        stream: Stream,
        clock: Clock,
        changed: Callable[[str], None] = lambda _pack: None,
        shut: Callable[[], str] = str,
    ) -> None:
        """`changed` hears of every world that another one has taken the place of; `shut` says why none may now."""
        self._shut = shut
        self._changed = changed
        self._interpreters = interpreters
        self._sha256 = {pack: world.sha256 for pack, world in loaded.items()}
        self._updates = {pack: world.updates for pack, world in loaded.items()}
        self._journal = journal
        self._stream = stream
        self._clock = clock
        self._changing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._indexer = ThreadPoolExecutor(1, thread_name_prefix="world")

    async def update(self, pack: str, update: WorldUpdate, client: str) -> WorldUpdated:
        """Take an update; `client` is who asked for it.

        Raises:
            ClientFault: WORLD_INVALID, or STOPPED while the node does nothing but stop; the world stays as it was.
            NodeFault: JOURNAL_UNAVAILABLE; likewise.
        """
        if why := self._shut():
            raise ClientFault(Code.STOPPED, f"worlds stay as they are: {why}")
        async with self._changing[pack]:
            if self._updates[pack] >= limits.WORLD_UPDATES_MAX:
                raise ClientFault(
                    Code.WORLD_INVALID,
                    f"{limits.WORLD_UPDATES_MAX} updates were made on this file; write them into it and restart",
                )
            interpreter = self._interpreters[pack]
            # in a thread: a hundred thousand entities take a while, and a stop must not wait for them
            linker = await asyncio.get_running_loop().run_in_executor(
                self._indexer, _linker_after, interpreter.linker, update
            )
            world = linker.world
            row = WorldRow(
                pack, world.revision, self._sha256[pack], self._clock.wall_ms(), encode(update).decode(), client
            )
            await self._journal.write(row)
            interpreter.adopt(linker)
            self._updates[pack] += 1
        self._stream.tell(WorldChanged(pack, world.revision, len(world.entities)))
        self._changed(pack)
        return WorldUpdated(
            request_id=update.request_id, pack=pack, revision=world.revision, entities=len(world.entities)
        )

    async def settled(self, pack: str) -> None:
        """Wait for an update that is being taken, so that a command after it finds it."""
        if self._changing[pack].locked():
            async with self._changing[pack]:
                return

    def close(self) -> None:
        """Take no more."""
        self._indexer.shutdown(wait=True, cancel_futures=True)
