"""Where settings become a running node: files are read, the state is opened, sockets are bound."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.grammar.own import with_grammar
from edge_agent.grammar.selftest import self_test
from edge_agent.keys.node_key import read_node_key
from edge_agent.keys.ring import Ring
from edge_agent.node.assembly import Parts, assemble
from edge_agent.node.boot import open_state, retention_of
from edge_agent.node.engines import node_engine
from edge_agent.node.fingerprint import note_configuration
from edge_agent.node.health import Engine
from edge_agent.node.watching import Watching, watched
from edge_agent.node.worlds import LoadedWorld, load_at_boot
from edge_agent.observe.database import hold
from edge_agent.observe.events import HandshakeRefused, NodeChanged, Stream
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import load_pack
from edge_agent.safety.policy import Policy
from edge_agent.safety.reading import policy_of, waiting_rules
from edge_agent.settings import PackSettings, Settings, TransportSettings
from edge_agent.transport.crowd import raise_descriptor_limit
from edge_agent.transport.sockets import Network, Sockets, prepare_runtime_dir

EngineOf = Callable[[Settings, tuple[Pack, ...]], Engine]


def run_node(settings: Settings, engine_of: EngineOf = node_engine) -> int:
    """Run the daemon until SIGTERM or SIGINT; returns the process's exit code.

    Raises:
        ConfigurationFault: a setting, a pack, a world or the model is wrong, INSECURE_BIND.
        NodeFault: ALREADY_RUNNING, or the engine or a grammar cannot be used.
    """
    clock = SystemClock()
    prepare_runtime_dir(settings.runtime_dir)
    raise_descriptor_limit()
    packs = load_packs(settings.packs)
    held = hold(settings.state_dir)
    try:
        with watched(settings, packs, clock, sys.stderr) as watching:
            asyncio.run(_serve(settings, packs, engine_of, watching, clock))
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


def read_policy(
    settings: Settings, packs: Mapping[str, Pack], loaded: Mapping[str, LoadedWorld], stream: Stream
) -> Policy:
    """The owner's rules; those that wait for something to come are said in the log.

    Raises:
        ConfigurationFault: SETTINGS_INVALID.
    """
    if settings.policy.second_person and settings.transport.tcp_command is None:
        message = "local clients cannot be told apart, so nobody could ever say yes; it needs [transport] and keys"
        raise ConfigurationFault(Code.SETTINGS_INVALID, message, where="policy.second_person")
    worlds = {name: one.world for name, one in loaded.items()}
    policy = policy_of(settings.policy, packs, worlds)
    for words in waiting_rules(policy.rules, settings.robot, worlds):
        stream.tell(NodeChanged("policy", words))
    return policy


async def _serve(
    settings: Settings, packs: dict[str, Pack], engine_of: EngineOf, watching: Watching, clock: Clock
) -> None:
    stream = watching.stream
    network, ring = open_network(settings.transport, stream, clock)  # before anything slow: a wrong key is said at once
    with ExitStack() as open_parts:
        engine = engine_of(settings, tuple(packs.values()))
        open_parts.callback(engine.close)
        # it loads in its own process while the worlds are read here; the daemon asks again, and hears what went wrong
        asyncio.get_running_loop().run_in_executor(None, engine.start).add_done_callback(_noticed)
        state = open_state(settings.state_dir, clock, stream, retention_of(settings))
        open_parts.callback(state.close, clock)
        worlds = {
            name: load_at_boot(name, world_path(chosen, packs[name]), state.past.world_updates)
            for name, chosen in zip(packs, settings.packs, strict=True)
        }
        for name, pack in packs.items():
            self_test(pack, worlds[name].world)
        note_configuration(state.journal, settings, packs, worlds, state.start)
        policy = read_policy(settings, packs, worlds, stream)
        sockets = Sockets(settings.command_address, settings.events_address, network, clock=clock)
        open_parts.callback(sockets.close)
        parts = Parts(settings, packs, worlds, policy, state, engine, watching, clock, ring)
        daemon = assemble(parts, sockets)
        # what stands now stays: one full collection over an index of 100,000 entities cost a sentence 168 ms
        gc.collect()
        gc.freeze()
        await daemon.run()


def open_network(settings: TransportSettings, stream: Stream, clock: Clock) -> tuple[Network, Ring] | tuple[None, None]:
    """What the door over TCP needs, where the settings open one.

    Raises:
        ConfigurationFault: INSECURE_BIND when there is no key of the node's or no client's, KEY_INVALID.
    """
    if settings.tcp_command is None or settings.tcp_events is None:
        return None, None
    try:
        pair = read_node_key(settings.keys)
    except ConfigurationFault as problem:
        if problem.code is not Code.KEY_MISSING:
            raise
        raise ConfigurationFault(
            Code.INSECURE_BIND,
            f"no key of this node is in {settings.keys}; edge-agent keys init",
            where="transport.keys",
        ) from problem
    ring = Ring(settings.keys, clock.wall_ms)
    if not ring.known():
        raise ConfigurationFault(
            Code.INSECURE_BIND,
            f"nobody has a key: none is good in {settings.keys}; edge-agent keys add",
            where="transport.keys",
        )

    def refused(address: str, code: str, words: str) -> None:
        stream.tell(HandshakeRefused(address, code, words))

    return Network(settings.tcp_command, settings.tcp_events, pair, ring.find, refused), ring


def _noticed(start: asyncio.Future[None]) -> None:
    """Whoever waits for the engine gets its fault from the engine itself."""
    if not start.cancelled():
        start.exception()
