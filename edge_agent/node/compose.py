"""Where settings become a running node: files are read, the state is opened, sockets are bound."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.grammar.own import with_grammar
from edge_agent.grammar.selftest import self_test
from edge_agent.node.assembly import Parts, assemble
from edge_agent.node.boot import open_state
from edge_agent.node.engines import node_engine
from edge_agent.node.health import Engine
from edge_agent.node.worlds import load_at_boot
from edge_agent.observe.database import hold
from edge_agent.observe.events import Stream
from edge_agent.observe.log import Log
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import load_pack
from edge_agent.settings import PackSettings, Settings
from edge_agent.transport.sockets import Sockets, prepare_runtime_dir

EngineOf = Callable[[Settings, tuple[Pack, ...]], Engine]


def run_node(settings: Settings, engine_of: EngineOf = node_engine) -> int:
    """Run the daemon until SIGTERM or SIGINT; returns the process's exit code.

    Raises:
        ConfigurationFault: a setting, a pack, a world or the model is wrong, INSECURE_BIND.
        NodeFault: ALREADY_RUNNING, or the engine or a grammar cannot be used.
    """
    clock = SystemClock()
    stream = Stream(Log(sys.stderr, clock.wall_ms, as_json=not sys.stderr.isatty()))
    prepare_runtime_dir(settings.runtime_dir)
    packs = load_packs(settings.packs)
    held = hold(settings.state_dir)
    try:
        asyncio.run(_serve(settings, packs, engine_of, stream, clock))
    finally:
        os.close(held)
    return 0


def load_packs(chosen: tuple[PackSettings, ...]) -> dict[str, Pack]:
    """The packs by name, in the order of the settings.

    Raises:
        ConfigurationFault: UNKNOWN_PACK, PACK_INVALID, GRAMMAR_INVALID, SETTINGS_INVALID when one is named twice.
    """
    packs: dict[str, Pack] = {}
    for one in chosen:
        pack = with_grammar(load_pack(one.name), one.grammar)
        if one.confidence_min is not None:
            pack = replace(pack, confidence_min=one.confidence_min)
        if pack.name in packs:
            raise ConfigurationFault(Code.SETTINGS_INVALID, f"the pack {pack.name} stands twice", where="packs")
        packs[pack.name] = pack
    return packs


def world_path(chosen: PackSettings, pack: Pack) -> Path:
    """The file of a pack's world.

    Raises:
        ConfigurationFault: SETTINGS_INVALID when there is neither a world nor an example.
    """
    path = chosen.world or pack.example_world
    if path is None:
        raise ConfigurationFault(
            Code.SETTINGS_INVALID, f"the pack {pack.name} brings no example world; name one", where="packs.world"
        )
    return path


async def _serve(settings: Settings, packs: dict[str, Pack], engine_of: EngineOf, stream: Stream, clock: Clock) -> None:
    with ExitStack() as open_parts:
        engine = engine_of(settings, tuple(packs.values()))
        open_parts.callback(engine.close)
        # it loads in its own process while the worlds are read here; the daemon asks again, and hears what went wrong
        asyncio.get_running_loop().run_in_executor(None, engine.start).add_done_callback(_noticed)
        state = open_state(settings.state_dir, clock, stream)
        open_parts.callback(state.journal.close)
        worlds = {
            name: load_at_boot(name, world_path(chosen, packs[name]), state.past.world_updates)
            for name, chosen in zip(packs, settings.packs, strict=True)
        }
        for name, pack in packs.items():
            self_test(pack, worlds[name].world)
        sockets = Sockets(
            settings.command_address,
            settings.events_address,
            insecure_loopback=settings.transport.insecure_loopback,
        )
        open_parts.callback(sockets.close)
        parts = Parts(settings, packs, worlds, state, engine, stream, clock)
        daemon = assemble(parts, sockets)
        # what stands now stays: one full collection over an index of 100,000 entities cost a sentence 168 ms
        gc.collect()
        gc.freeze()
        await daemon.run()


def _noticed(start: asyncio.Future[None]) -> None:
    """Whoever waits for the engine gets its fault from the engine itself."""
    if not start.cancelled():
        start.exception()
