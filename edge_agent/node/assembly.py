"""Putting the node's parts together: the only place that knows every one of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

from edge_agent.clock import Clock
from edge_agent.keys.grants import LOCAL
from edge_agent.keys.ring import Ring
from edge_agent.language.decision import Decider
from edge_agent.limits import SEQUENCES_MAX
from edge_agent.node.acceptance import Acceptance, Reply
from edge_agent.node.access import Access, Sight
from edge_agent.node.ahead import ReadingAhead
from edge_agent.node.answering import Answering
from edge_agent.node.approval import Approval
from edge_agent.node.arrivals import Arrivals
from edge_agent.node.attached import Attached
from edge_agent.node.board import Board
from edge_agent.node.boot import State
from edge_agent.node.confirm import Confirmations
from edge_agent.node.daemon import Daemon
from edge_agent.node.dialogue import Dialogues
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.doorkeeper import Doorkeeper
from edge_agent.node.health import Engine, Health
from edge_agent.node.hearing import Hearing
from edge_agent.node.interpret import Interpreter
from edge_agent.node.ledger import Ledger
from edge_agent.node.lines import Lines
from edge_agent.node.lineup import Lineup
from edge_agent.node.orders import Admission
from edge_agent.node.pipeline import Pipeline
from edge_agent.node.plan import Guard
from edge_agent.node.pulse import Pulse
from edge_agent.node.reception import Reception
from edge_agent.node.requests import Requests
from edge_agent.node.snapshot import Snapshots
from edge_agent.node.speech_assembly import SpokenDesk, listening_half
from edge_agent.node.speech_side import SpeechSide
from edge_agent.node.stops import Stops
from edge_agent.node.tasks import Tasks
from edge_agent.node.turns import Lending, Turns
from edge_agent.node.understanding import Understanding
from edge_agent.node.watching import Watching
from edge_agent.node.worlds import LoadedWorld, Worlds
from edge_agent.observe.events import Stream
from edge_agent.observe.modes import Degraded, Mode
from edge_agent.observe.systemd import Systemd
from edge_agent.packs.base import Pack
from edge_agent.safety.policy import Policy
from edge_agent.settings import Settings
from edge_agent.transport.sockets import Sockets
from edge_agent.world.linker import Linker


@dataclass(frozen=True, slots=True)
class Parts:
    """What was read and opened before."""

    settings: Settings
    packs: dict[str, Pack]
    worlds: dict[str, LoadedWorld]
    policy: Policy
    state: State
    engine: Engine
    watching: Watching
    clock: Clock
    ring: Ring | None = None
    """Who is known at the door over TCP; None where there is none."""

    def knows(self, client: str) -> bool:
        """Whether somebody has a good key now, or needs none."""
        return client == LOCAL.name or (self.ring is not None and self.ring.has(client))

    @property
    def stream(self) -> Stream:
        """Where every part tells what happens."""
        return self.watching.stream


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """The half of the node that moves robots, and stops them."""

    tasks: Tasks
    board: Board
    ledger: Ledger
    dispatcher: Dispatcher
    stops: Stops


def assemble(parts: Parts, sockets: Sockets) -> Daemon:
    """A node that is ready to run."""
    settings, clock, stream, journal = parts.settings, parts.clock, parts.stream, parts.state.journal

    attached = Attached(sockets.send)
    reply = attached.reply
    turns = Turns()
    interpreters = _interpreters(parts, Lending(parts.engine, turns))
    guard = Guard(parts.policy, lambda pack: interpreters[pack].world, parts.knows)
    out = _outgoing(parts, sockets, guard)
    worlds = _worlds(parts, out, interpreters, changed=lambda pack: speech.learn(pack))
    confirmations = Confirmations(settings.policy.confirm_ttl_ms)
    understanding = _understanding(parts, out, interpreters, worlds=worlds, turns=turns, guard=guard)
    admission = Admission(parts.packs, settings.robot, out.dispatcher.lines.greeted)
    health = Health(parts.engine, journal, stream, parts.state.lasting)
    access = _access(parts, out)
    desk = SpokenDesk(ReadingAhead(understanding, admission, out.stops), access, sockets.key_of)
    speech = _listening(parts, out, interpreters, admission=admission, attached=attached, desk=desk)
    doorkeeper = Doorkeeper(parts.ring, sockets, out.dispatcher, stream, clock)
    health.watch(speech.degraded, doorkeeper.degraded, parts.watching.degraded, lambda: _stop_only(parts, out.stops))
    reception = Reception(
        access=access,
        admission=admission,
        pipeline=_pipeline(
            parts,
            out,
            admission=admission,
            reading_ahead=desk.reading_ahead,
            understanding=understanding,
            confirmations=confirmations,
            reply=reply,
        ),
        approval=_approval(parts, out, confirmations, guard),
        worlds=worlds,
        stops=out.stops,
        hearing=Hearing(out.dispatcher, out.ledger, sockets.send, clock),
        speech=speech,
        snapshots=Snapshots(out.board, out.dispatcher, out.stops, health, tuple(parts.packs), clock),
        tasks=out.tasks,
        stream=stream,
        clock=clock,
        reply=reply,
        last_word=sockets.send_last,
        arrivals=Arrivals(),
        epoch=parts.state.epoch,
    )
    desk.reception = reception
    return Daemon(
        sockets=sockets,
        doorkeeper=doorkeeper,
        reception=reception,
        dispatcher=out.dispatcher,
        stops=out.stops,
        confirmations=confirmations,
        worlds=worlds,
        journal=journal,
        health=health,
        pulse=_pulse(parts, out, reception, interpreters, health),
        speech=speech,
        engine=parts.engine,
        workers=understanding.workers,
        tasks=out.tasks,
        stream=stream,
        systemd=Systemd(),
        clock=clock,
    )


def _worlds(
    parts: Parts, out: _Outgoing, interpreters: dict[str, Interpreter], *, changed: Callable[[str], None]
) -> Worlds:
    return Worlds(
        interpreters,
        parts.worlds,
        journal=parts.state.journal,
        stream=parts.stream,
        clock=parts.clock,
        changed=changed,
        shut=lambda: "; ".join(one.words for one in _stop_only(parts, out.stops)),
    )


def _approval(parts: Parts, out: _Outgoing, confirmations: Confirmations, guard: Guard) -> Approval:
    return Approval(
        confirmations=confirmations,
        dispatcher=out.dispatcher,
        journal=parts.state.journal,
        clock=parts.clock,
        epoch=parts.state.epoch,
        hindrance=guard.hindrance,
        second_person=parts.settings.policy.second_person,
    )


def _pulse(
    parts: Parts, out: _Outgoing, reception: Reception, interpreters: dict[str, Interpreter], health: Health
) -> Pulse:
    return Pulse(
        board=out.board,
        dispatcher=out.dispatcher,
        stops=out.stops,
        health=health,
        engine=parts.engine,
        journal=parts.state.journal,
        speech=reception.speech,
        requests=reception.pipeline.acceptance.requests,
        tasks=out.tasks,
        interpreters=interpreters,
        machine=lambda: parts.watching.machine.state,
        stream=parts.stream,
        clock=parts.clock,
        began_ms=parts.clock.now_ms(),
    )


def _stop_only(parts: Parts, stops: Stops) -> tuple[Degraded, ...]:
    """Whether the stop still holds that was latched because the journal could not be trusted."""
    latched = stops.latched
    holds = bool(parts.state.lasting) and latched is not None and latched is parts.state.latched
    return (Degraded(Mode.STOP_ONLY, f"release {latched.stop_id}: {latched.reason}"),) if holds and latched else ()


def _access(parts: Parts, out: _Outgoing) -> Access:
    def robot_of(action_id: str) -> str | None:
        job = out.dispatcher.lines.open_job(action_id)
        return job.robot if job is not None else None

    sight = Sight(parts.settings.robot, robot_of, lambda: out.stops.latched is not None)
    return Access(parts.ring, sight, parts.clock)


def _interpreters(parts: Parts, engine: Decider) -> dict[str, Interpreter]:
    interpreters = {
        name: Interpreter(
            pack, Linker(parts.worlds[name].world), engine, parts.clock, with_schema=parts.settings.remote is not None
        )
        for name, pack in parts.packs.items()
    }
    for interpreter in interpreters.values():
        interpreter.warm_up()
    return interpreters


def _understanding(
    parts: Parts,
    out: _Outgoing,
    interpreters: dict[str, Interpreter],
    *,
    worlds: Worlds,
    turns: Turns,
    guard: Guard,
) -> Understanding:
    return Understanding(
        interpreters=interpreters,
        worlds=worlds,
        dialogues=Dialogues(),
        guard=guard,
        stops=out.stops,
        stream=parts.stream,
        clock=parts.clock,
        workers=ThreadPoolExecutor(SEQUENCES_MAX, thread_name_prefix="reading"),
        turns=turns,
        withdraw=parts.engine.withdraw,
    )


def _outgoing(parts: Parts, sockets: Sockets, guard: Guard) -> _Outgoing:
    settings, clock, stream, state = parts.settings, parts.clock, parts.stream, parts.state
    tasks = Tasks(stream)
    board = Board(sockets.publish, stream, state.epoch)
    ledger = Ledger(state.journal, board, clock)
    dispatcher = Dispatcher(
        lines=Lines(),
        ledger=ledger,
        send=sockets.send,
        stream=stream,
        clock=clock,
        tasks=tasks,
        epoch=state.epoch,
        rules=settings.executor,
        hindrance=guard.hindrance,
    )
    stops = Stops(
        dispatcher=dispatcher,
        journal=state.journal,
        board=board,
        stream=stream,
        send=sockets.send,
        clock=clock,
        resend_ms=settings.executor.stop_resend_ms,
    )
    if state.latched is not None:
        stops.restore(state.latched)
    return _Outgoing(tasks, board, ledger, dispatcher, stops)


def _listening(
    parts: Parts,
    out: _Outgoing,
    interpreters: dict[str, Interpreter],
    *,
    admission: Admission,
    attached: Attached,
    desk: SpokenDesk,
) -> SpeechSide:
    return listening_half(
        parts.settings.speech,
        interpreters,
        admission=admission,
        attached=attached,
        board=out.board,
        desk=desk,
        stops=out.stops,
        tasks=out.tasks,
        stream=parts.stream,
        clock=parts.clock,
    )


def _pipeline(
    parts: Parts,
    out: _Outgoing,
    *,
    admission: Admission,
    reading_ahead: ReadingAhead,
    understanding: Understanding,
    confirmations: Confirmations,
    reply: Reply,
) -> Pipeline:
    journal, stream, clock, epoch = parts.state.journal, parts.stream, parts.clock, parts.state.epoch
    requests, numbers = Requests(), count(1)
    return Pipeline(
        acceptance=Acceptance(admission, requests, out.stops, journal, stream, clock, reply, epoch, numbers),
        reading_ahead=reading_ahead,
        understanding=understanding,
        answering=Answering(
            journal=journal,
            ledger=out.ledger,
            dispatcher=out.dispatcher,
            confirmations=confirmations,
            dialogues=understanding.dialogues,
            requests=requests,
            board=out.board,
            stream=stream,
            clock=clock,
            reply=reply,
            numbers=numbers,
        ),
        lineup=Lineup(),
        stops=out.stops,
        clock=clock,
    )
