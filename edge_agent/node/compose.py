"""Where settings become a running node: the only place that knows every part."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from edge_agent.clock import Clock, SystemClock
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.grammar.selftest import self_test
from edge_agent.language.models import bundled_model
from edge_agent.language.process import EngineProcess
from edge_agent.messages import Message
from edge_agent.messages.codec import encode
from edge_agent.node.acceptance import Acceptance
from edge_agent.node.answering import Answering
from edge_agent.node.approval import Approval
from edge_agent.node.board import Board
from edge_agent.node.boot import State, open_state
from edge_agent.node.confirm import Confirmations
from edge_agent.node.daemon import Daemon
from edge_agent.node.dialogue import Dialogues
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.health import Engine, Health
from edge_agent.node.interpret import Interpreter
from edge_agent.node.ledger import Ledger
from edge_agent.node.orders import Admission
from edge_agent.node.pipeline import Pipeline
from edge_agent.node.reception import Reception
from edge_agent.node.requests import Requests
from edge_agent.node.snapshot import Snapshots
from edge_agent.node.stops import Stops
from edge_agent.node.tasks import Tasks
from edge_agent.node.understanding import Understanding
from edge_agent.node.worlds import LoadedWorld, Worlds, load_at_boot
from edge_agent.observe.database import hold
from edge_agent.observe.events import Stream
from edge_agent.observe.log import Log
from edge_agent.observe.systemd import Systemd
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import load_pack
from edge_agent.safety.policy import Policy
from edge_agent.settings import PackSettings, Settings
from edge_agent.transport.sockets import Sockets, prepare_runtime_dir
from edge_agent.world.linker import Linker

EngineOf = Callable[[Settings, tuple[Pack, ...]], Engine]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What exists before the node is put together."""

    settings: Settings
    packs: dict[str, Pack]
    worlds: dict[str, LoadedWorld]
    state: State
    engine: Engine
    stream: Stream
    clock: Clock


def llama_engine(settings: Settings, packs: tuple[Pack, ...]) -> Engine:
    """llama.cpp in a process of its own."""
    model = settings.model
    return EngineProcess(
        model.path or bundled_model(),
        n_ctx=model.n_ctx,
        n_threads=model.n_threads,
        n_gpu_layers=model.n_gpu_layers,
        sha256=model.sha256,
        packs=packs,
    )


def run_node(settings: Settings, engine_of: EngineOf = llama_engine) -> int:
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
        ConfigurationFault: UNKNOWN_PACK, PACK_INVALID, SETTINGS_INVALID when one is named twice.
    """
    packs: dict[str, Pack] = {}
    for one in chosen:
        pack = load_pack(one.name)
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
        state = open_state(settings.state_dir, clock, stream)
        open_parts.callback(state.journal.close)
        worlds = {
            name: load_at_boot(name, world_path(chosen, packs[name]), state.past.world_updates)
            for name, chosen in zip(packs, settings.packs, strict=True)
        }
        for name, pack in packs.items():
            self_test(pack, worlds[name].world)
        engine = engine_of(settings, tuple(packs.values()))
        sockets = Sockets(
            settings.command_address,
            settings.events_address,
            insecure_loopback=settings.transport.insecure_loopback,
        )
        open_parts.callback(sockets.close)
        parts = _Parts(settings, packs, worlds, state, engine, stream, clock)
        await _compose(parts, sockets).run()


def _compose(parts: _Parts, sockets: Sockets) -> Daemon:
    settings, stream, clock, journal = parts.settings, parts.stream, parts.clock, parts.state.journal
    epoch = parts.state.epoch
    numbers = count(1)
    interpreters = {
        name: Interpreter(pack, Linker(parts.worlds[name].world), parts.engine, clock)
        for name, pack in parts.packs.items()
    }

    def reply(peer: bytes, message: Message) -> None:
        sockets.send(peer, encode(message))

    tasks, requests, dialogues = Tasks(stream), Requests(), Dialogues()
    board = Board(sockets.publish, stream, epoch)
    ledger = Ledger(journal, board, clock)
    dispatcher = Dispatcher(
        ledger=ledger,
        send=sockets.send,
        stream=stream,
        clock=clock,
        tasks=tasks,
        epoch=epoch,
        rules=settings.executor,
    )
    stops = Stops(
        dispatcher=dispatcher,
        journal=journal,
        board=board,
        stream=stream,
        send=sockets.send,
        clock=clock,
        resend_ms=settings.executor.stop_resend_ms,
    )
    if parts.state.latched is not None:
        stops.restore(parts.state.latched)
    engine_thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
    worlds = Worlds(interpreters, parts.worlds, journal=journal, stream=stream, clock=clock)
    confirmations = Confirmations(settings.policy.confirm_ttl_ms)
    admission = Admission(parts.packs, settings.robot, dispatcher.knows)
    health = Health(parts.engine, journal, stream, parts.state.lasting)
    pipeline = Pipeline(
        acceptance=Acceptance(admission, requests, stops, journal, stream, clock, reply, epoch, numbers),
        understanding=Understanding(
            interpreters,
            worlds,
            dialogues,
            Policy(frozenset(settings.policy.confirm)),
            stops,
            stream,
            clock,
            engine_thread,
        ),
        answering=Answering(
            journal, ledger, dispatcher, confirmations, dialogues, requests, board, stream, clock, reply, numbers
        ),
        stops=stops,
        clock=clock,
    )
    reception = Reception(
        admission=admission,
        pipeline=pipeline,
        approval=Approval(confirmations, dispatcher, journal, clock, epoch),
        worlds=worlds,
        stops=stops,
        dispatcher=dispatcher,
        snapshots=Snapshots(board, dispatcher, stops, health, tuple(parts.packs)),
        tasks=tasks,
        stream=stream,
        clock=clock,
        reply=reply,
    )
    return Daemon(
        sockets=sockets,
        reception=reception,
        dispatcher=dispatcher,
        stops=stops,
        confirmations=confirmations,
        worlds=worlds,
        journal=journal,
        health=health,
        engine=parts.engine,
        engine_thread=engine_thread,
        tasks=tasks,
        stream=stream,
        systemd=Systemd(),
        clock=clock,
    )
