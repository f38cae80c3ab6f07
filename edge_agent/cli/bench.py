"""`bench`: one model asked in several ways, and nodes of its own from socket to socket; tables, pages and pictures."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edge_agent.benchmarking.machine import IN_MEMORY, cost_of, file_system, processor
from edge_agent.benchmarking.plots import Plots
from edge_agent.benchmarking.samples import way_rows
from edge_agent.benchmarking.sentences import sentences
from edge_agent.benchmarking.tables import Table, load_table, nodes_table, ways_table
from edge_agent.benchmarking.trips import LoadRow, Trip, crowd, interleaved, load_row, node_row
from edge_agent.benchmarking.ways import asked_of, compare
from edge_agent.benchmarking.worlds import few_of, grown, world_toml
from edge_agent.cli.bench_node import NodePlan, bench_node, client_of
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.local import add_model_arguments, model_settings, world_of
from edge_agent.cli.screen import Screen
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.limits import SEQUENCES_MAX, TTL_MS_MAX, WORLD_ENTITIES_MAX
from edge_agent.node.engines import engine_options
from edge_agent.packs.base import Pack
from edge_agent.packs.registry import load_pack
from edge_agent.settings import ModelSettings
from edge_agent.world.entities import Entity

EXAMPLE = """\
edge-agent bench
edge-agent bench --only ways --model llama-3-8b-instruct-q4_k_m.gguf --gpu-layers -1 --markdown ways.md
edge-agent bench --only node --only entities --sentences 200 --plots plots"""

SENTENCES_MAX: Final = 10_000
CLIENTS_MAX: Final = 256
FEW_ENTITIES: Final = 10
"""The smallest world; larger ones begin with it, so that the same sentences are about the same things."""
EACH_CLIENT: Final = 2
"""Commands of each client at the least, so that a crowd is one for most of the time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `bench` takes."""
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=PARTS,
        metavar="PART",
        help=f"of {', '.join(PARTS)} (default: all)",
    )
    parser.add_argument("--pack", default="robot", metavar="NAME", help="whose phrases are said (default: robot)")
    parser.add_argument("--world", type=Path, metavar="FILE", help="what they are about (default: the example world)")
    parser.add_argument("--sentences", type=int, default=24, metavar="N", help="how many (default: 24)")
    parser.add_argument("--seed", type=int, default=1, help="equal seeds give equal sentences (default: 1)")
    parser.add_argument(
        "--entities", default="10,1000,100000", metavar="N,N", help="sizes of worlds (default: 10,1000,100000)"
    )
    parser.add_argument("--clients", default="1,8,32", metavar="N,N", help="clients at once (default: 1,8,32)")
    parser.add_argument("--sequences", type=int, default=8, metavar="N", help="decided at the same time (default: 8)")
    parser.add_argument("--ttl-ms", type=int, default=60_000, metavar="MS", help="of each command (default: a minute)")
    parser.add_argument(
        "--any-confidence", action="store_true", help="no answer is doubtful: for models of random weights"
    )
    parser.add_argument("--no-settle", action="store_true", help="near ties are not settled by another pass")
    parser.add_argument("--card-bandwidth", type=float, metavar="GB/S", help="of a card that no preset knows")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables as Markdown")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="also draw them as PNG")
    add_model_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Measure each part, show its table, write what was asked for."""
    _check(options)
    bench = _bench(options, screen)
    tables = []
    for part in dict.fromkeys(options.only or PARTS):
        table = PARTS[part](bench)
        tables.append(table)
        _show(screen, table)
        if options.markdown is not None:
            _write(options, tables)
    for path in bench.plots.written if bench.plots else ():
        screen.line(("picture   ", "dim"), str(path))
    return Exit.OK


@dataclass(frozen=True, slots=True)
class _Bench:
    """What is measured, and where it is shown."""

    options: argparse.Namespace
    screen: Screen
    plots: Plots | None
    pack: Pack
    entities: Sequence[Entity]
    world: Path
    model: ModelSettings
    name: str
    """Of the model's file, with the machine."""

    @property
    def said(self) -> str:
        """Which sentences were said."""
        return f"{self.pack.name}, {self.options.sentences} sentences of seed {self.options.seed}"

    @property
    def node(self) -> NodePlan:
        sure_enough = 0.0 if self.options.any_confidence else None
        return NodePlan(self.options.pack, self.world.absolute(), self.model, sure_enough)


def _ways(bench: _Bench) -> Table:
    options = bench.options
    asked = asked_of(bench.pack, world_of(bench.pack, bench.world), options.sentences, options.seed)
    engine = replace(engine_options(bench.model), sequences=1)
    with bench.screen.progress("ways", 2 * len(asked)) as step:
        found = compare(asked, engine, step)
    cost = cost_of(engine, gpu_build=bool(found.facts["gpu_build"]), card_gb_s=options.card_bandwidth)
    rows = way_rows(found.samples, cost)
    title = f"One model in several ways: {bench.name}; {bench.said}"
    if bench.plots:
        bench.plots.ways(title, rows)
    table = ways_table(title, rows, found.agreements(), cost)
    tokens = found.prompt_tokens[bench.pack.name]
    notes = [f"The pack's prompt has {tokens} tokens, computed once in either way and not counted."]
    notes += [f"llama-cpp-python was not measured: {found.stock_fault}"] if found.stock_fault else []
    return replace(table, notes=(*table.notes, *notes))


def _node(bench: _Bench) -> Table:
    disk = f"journal on {file_system(Path(tempfile.gettempdir())) or 'the disk'}"
    places: dict[str, Path | None] = {"journal in memory": IN_MEMORY} if IN_MEMORY.is_dir() else {}
    places[disk] = None
    texts = sentences(bench.pack, bench.entities, bench.options.sentences, bench.options.seed)
    with ExitStack() as nodes:
        clients = {
            name: nodes.enter_context(client_of(nodes.enter_context(bench_node(bench.node, state_in=place))))
            for name, place in places.items()
        }
        with bench.screen.progress("commands", len(texts)) as step:
            trips = interleaved(clients, texts, bench.pack.name, bench.options.ttl_ms, step)
    title = f"A node from socket to socket: {bench.name}; {bench.said}"
    notes = (
        "In memory the disk's sync costs nothing; the difference is what it adds.",
        "Times are of commands that ended in actions.",
    )
    return _nodes(bench, "node", title, trips, notes)


def _entities(bench: _Bench) -> Table:
    few = few_of(bench.entities, FEW_ENTITIES)
    texts = sentences(bench.pack, few, bench.options.sentences, bench.options.seed)
    sizes = _numbers(bench.options, "entities", FEW_ENTITIES, WORLD_ENTITIES_MAX)
    with ExitStack() as nodes, tempfile.TemporaryDirectory(prefix="edge-agent-") as folder:
        clients = {}
        for size in sizes:
            world = Path(folder) / f"{size}.toml"
            world.write_text(world_toml(grown(few, bench.pack, size, bench.options.seed)), encoding="utf-8")
            state_in = IN_MEMORY if IN_MEMORY.is_dir() else None
            settings = nodes.enter_context(bench_node(replace(bench.node, world=world), state_in=state_in))
            clients[f"{size:,} entities"] = nodes.enter_context(client_of(settings))
        with bench.screen.progress("commands", len(texts)) as step:
            trips = interleaved(clients, texts, bench.pack.name, bench.options.ttl_ms, step)
    first, *others = trips.values()
    alike = [sum(one.marked == other.marked for one, other in zip(first, more, strict=True)) for more in others]
    notes = [
        f"Read alike in all worlds: {min([len(texts), *alike])} of {len(texts)} sentences. The journal is in memory."
    ]
    return _nodes(bench, "entities", f"Worlds of different sizes: {bench.name}; {bench.said}", trips, notes)


def _nodes(bench: _Bench, part: str, title: str, trips: Mapping[str, Sequence[Trip]], notes: Sequence[str]) -> Table:
    rows = [node_row(name, found) for name, found in trips.items()]
    if bench.plots:
        bench.plots.nodes(title, rows, f"{part}.png")
    return nodes_table(title, part, rows, notes)


def _clients(bench: _Bench) -> Table:
    options = bench.options
    counts = _numbers(options, "clients", 1, CLIENTS_MAX)
    texts = sentences(bench.pack, bench.entities, max(options.sentences, EACH_CLIENT * max(counts)), options.seed)
    rows: list[LoadRow] = []
    with (
        tempfile.TemporaryDirectory(prefix="edge-agent-") as state,
        bench.screen.progress("crowds", len(counts)) as step,
    ):
        for count in counts:
            # a fresh node each time: what one remembers of its answers would help the next crowd
            with bench_node(bench.node, state_dir=Path(state)) as settings:
                trips, seconds = crowd(lambda: client_of(settings), count, texts, bench.pack.name, options.ttl_ms)
            rows.append(load_row(count, trips, seconds, options.ttl_ms, rows[0].per_s if rows else None))
            step()
    title = f"Many clients at one node: {bench.name}; {bench.pack.name}, {len(texts)} sentences of seed {options.seed}"
    if bench.plots:
        bench.plots.load(title, rows)
    note = (
        f"Up to {bench.model.sequences} sentences are decided at the same time; each command has {options.ttl_ms:,} ms."
    )
    return load_table(title, rows, [note])


PARTS: Final[Mapping[str, Callable[[_Bench], Table]]] = {
    "ways": _ways,
    "node": _node,
    "entities": _entities,
    "clients": _clients,
}


def _bench(options: argparse.Namespace, screen: Screen) -> _Bench:
    pack = load_pack(options.pack)
    world = world_of(pack, options.world)
    model = model_settings(options)
    found = model.path.absolute() if model.path else None
    model = model.model_copy(
        update={"path": found, "sequences": options.sequences, "settle_ties": not options.no_settle}
    )
    engine = engine_options(model)
    path = options.world or pack.example_world
    assert path is not None, "`world_of` has looked"
    threads = f"{engine.n_threads} thread{'s' if engine.n_threads > 1 else ''}"
    plots = Plots(options.plots) if options.plots is not None else None
    name = f"{engine.model.name} on {processor()}, {threads}"
    return _Bench(options, screen, plots, pack, world.entities, path, model, name)


def _check(options: argparse.Namespace) -> None:
    """Numbers that measure nothing are refused by the name of their option."""
    limits = (("sentences", SENTENCES_MAX), ("sequences", SEQUENCES_MAX), ("ttl_ms", TTL_MS_MAX), ("threads", 1_024))
    for name, most in limits:
        value = getattr(options, name)
        if not 1 <= value <= most:
            where = f"--{name.replace('_', '-')} {value}"
            raise ConfigurationFault(Code.BENCH_INVALID, f"is from 1 to {most:,}", where=where)
    _numbers(options, "entities", FEW_ENTITIES, WORLD_ENTITIES_MAX)
    _numbers(options, "clients", 1, CLIENTS_MAX)


def _numbers(options: argparse.Namespace, name: str, least: int, most: int) -> list[int]:
    given: str = getattr(options, name)
    try:
        numbers = [int(word) for word in given.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(least <= number <= most for number in numbers):
        why = f"are numbers from {least} to {most:,}, with commas between"
        raise ConfigurationFault(Code.BENCH_INVALID, why, where=f"--{name} {given}")
    return numbers


def _show(screen: Screen, table: Table) -> None:
    for record in table.records:
        screen.record(record)
    screen.line((table.title, "bold"))
    columns, rows = table.on_screen()
    screen.table(columns, rows, right=frozenset(range(1, len(columns))))
    for note in table.notes:
        screen.line((note, "dim"))
    screen.line("")


def _write(options: argparse.Namespace, tables: Sequence[Table]) -> None:
    path: Path = options.markdown
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(table.markdown() for table in tables) + "\n", encoding="utf-8")
    except OSError as problem:
        raise ConfigurationFault(Code.BENCH_INVALID, f"cannot be written: {problem}", where=str(path)) from problem
