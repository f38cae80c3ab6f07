"""`plan`: what a model needs of a device, how many of its layers a card holds, and how long a command takes."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.language.models import bundled_model, header_of
from edge_agent.planning.cache import Cache
from edge_agent.planning.devices import GIB, Device, Memory, device_of, reserve_of, unknown_card
from edge_agent.planning.machine import this_machine
from edge_agent.planning.mixtures import mixture_of
from edge_agent.planning.plan import Plan, plan_of
from edge_agent.planning.shapes import NAMED, Model, model_of, named_model
from edge_agent.planning.speed import PASSES

EXAMPLE = """\
edge-agent plan
edge-agent plan llama-3-8b-instruct-q4_k_m.gguf --device rtx-4090 --ctx 4096
edge-agent plan --shape llama-3-70b --quantization Q4_K_M --device rtx-4090 --kv q8_0 --json"""

COLUMNS = ("memory", "GB", "GiB", "")
_CELLS_MAX = 1 << 24
_SEQUENCES_MAX = 256
"""As many as llama.cpp takes."""
_PASSES_MAX = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `plan` takes."""
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a GGUF, of which the header is enough (default: bundled)"
    )
    parser.add_argument("--shape", metavar="NAME", help=f"instead of a file: {', '.join(NAMED)}")
    parser.add_argument("--quantization", default="Q4_K_M", metavar="Q", help="of the shape (default: Q4_K_M)")
    parser.add_argument("--device", metavar="NAME", help="a device by name (default: this machine, measured)")
    parser.add_argument("--ctx", type=int, default=2_048, metavar="N", help="cells of context (default: 2048)")
    parser.add_argument(
        "--kv", default="f16", metavar="TYPE", help="type of the cache: f16, q8_0, q4_0 … (default: f16)"
    )
    parser.add_argument("--kv-k", metavar="TYPE", help="type of the keys alone")
    parser.add_argument("--kv-v", metavar="TYPE", help="type of the values alone")
    parser.add_argument("--no-flash-attention", action="store_true", help="plan without flash attention")
    parser.add_argument("--passes", type=float, default=PASSES, metavar="N", help="passes a command (default: 4)")
    parser.add_argument("--sequences", type=int, default=1, metavar="N", help="commands at the same time (default: 1)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads, on this machine (default: 1)")
    for where, whose in (("card", "the card's"), ("host", "the processor's")):
        parser.add_argument(f"--{where}-memory", type=float, metavar="GIB", help=f"{whose} memory is this large")
        parser.add_argument(f"--{where}-bandwidth", type=float, metavar="GB/S", help=f"{whose} memory is this fast")


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Show the plan; 1 when the model does not fit the device at all."""
    _check(options)
    model, remarks = _model(options)
    cache = Cache(
        options.ctx,
        (options.kv_k or options.kv).lower(),
        (options.kv_v or options.kv).lower(),
        flash_attention=not options.no_flash_attention,
    )
    device = _device(options)
    if options.device is None and device.card is not None:
        remarks += ("whether this build of llama.cpp can use the card: edge-agent doctor",)
    plan = plan_of(model, device, cache, passes=options.passes, sequences=options.sequences, remarks=remarks)
    _show(plan, options.sequences, screen)
    screen.record(plan.to_object())
    return Exit.OK if plan.fit.fits else Exit.REFUSED


def _check(options: argparse.Namespace) -> None:
    """Numbers that no machine and no model has are refused by the name of their option."""
    limits = (
        ("ctx", _CELLS_MAX),
        ("sequences", _SEQUENCES_MAX),
        ("passes", _PASSES_MAX),
        ("threads", 1_024),
        ("card_memory", 1e6),
        ("host_memory", 1e6),
        ("card_bandwidth", 1e6),
        ("host_bandwidth", 1e6),
    )
    for name, most in limits:
        value = getattr(options, name)
        least = 1 if isinstance(value, int) or name == "passes" else 1e-3
        if value is not None and not least <= value <= most:
            why = f"is from {least:g} to {most:,.0f}"
            raise ConfigurationFault(Code.PLAN_INVALID, why, where=f"--{name.replace('_', '-')} {value}")
    if options.file is not None and options.shape is not None:
        raise ConfigurationFault(
            Code.PLAN_INVALID, "name a file or a shape, not both", where=f"--shape {options.shape}"
        )


def _model(options: argparse.Namespace) -> tuple[Model, tuple[str, ...]]:
    if options.shape is not None:
        return named_model(options.shape, mixture_of(options.quantization)), ()
    path = options.file or bundled_model()
    header = header_of(path)
    model = model_of(header, path.name)
    missing = header.file_bytes - path.stat().st_size
    if missing > 0:
        return model, (f"the file ends {missing / 1e6:,.1f} MB before its weights do: it can be planned, not loaded",)
    return model, ()


def _device(options: argparse.Namespace) -> Device:
    """The device, with what the options say of it in place of what is known."""
    if options.device is None:
        device = this_machine(options.threads, options.card_bandwidth)
    else:
        device = device_of(options.device)
    card, host = device.card, device.host
    if options.card_memory is not None or options.card_bandwidth is not None:
        if card is None and (options.card_memory is None or options.card_bandwidth is None):
            why = "a card that is not there needs its memory and its bandwidth"
            raise ConfigurationFault(Code.PLAN_INVALID, why, where="--card-memory, --card-bandwidth")
        card = _changed(card or unknown_card(0, 0.0), options.card_memory, options.card_bandwidth)
        card = replace(card, reserve=reserve_of(card.size) if host is not None else card.reserve)
    if options.host_memory is not None or options.host_bandwidth is not None:
        if host is None:
            why = "this device has one memory for both; change it with --card-memory and --card-bandwidth"
            raise ConfigurationFault(Code.PLAN_INVALID, why, where=f"--device {options.device}")
        host = _changed(host, options.host_memory, options.host_bandwidth)
    return replace(device, card=card, host=host)


def _changed(memory: Memory, gib: float | None, gb_s: float | None) -> Memory:
    size = memory.size if gib is None else math.floor(gib * GIB)
    return replace(memory, size=size, gb_s=memory.gb_s if gb_s is None else gb_s)


def _show(plan: Plan, sequences: int, screen: Screen) -> None:
    """The plan for a person."""
    shape, cache = plan.model.shape, plan.cache
    experts = f", {shape.experts_used} of {shape.experts} experts" if shape.experts else ""
    heading = f"{plan.model.parameters / 1e6:,.1f} M parameters, {shape.layers} layers{experts}"
    screen.line(("model     ", "dim"), (shape.name, "bold"), f"  {plan.model.quantization}, {heading}")
    screen.line(("device    ", "dim"), (plan.device.title, "bold"))
    for words, memory in (("  card    ", plan.device.card), ("  host    ", plan.device.host)):
        if memory is not None:
            screen.line((words, "dim"), _memory(memory))
    shared = f", shared by {sequences} commands" if sequences > 1 else ""
    screen.line(("context   ", "dim"), f"{cache.cells} cells{shared}, keys {cache.keys}, values {cache.values}")
    screen.line("")
    rows = [
        ("weights", plan.demand.weights, "exact"),
        ("KV cache", plan.demand.cache, "exact" if plan.cache_is_exact else "at most"),
        ("to compute in", plan.demand.compute, "about"),
    ]
    if plan.fit.is_split or (plan.fit.card and plan.device.host is not None):
        rows += [("on the card", plan.fit.card, ""), ("on the host", plan.fit.host, "")]
    screen.table(
        COLUMNS,
        [(name, f"{size / 1e9:,.3f}", f"{size / GIB:,.3f}", words) for name, size, words in rows],
        right=frozenset({1, 2}),
    )
    screen.line("")
    screen.line(("layers    ", "dim"), (plan.fit.message, "" if plan.fit.fits else "bold red"))
    if plan.fit.fits:
        _show_speed(plan, screen)
    for remark in plan.remarks:
        screen.line(("remark    ", "yellow"), remark)


def _show_speed(plan: Plan, screen: Screen) -> None:
    one = plan.one_pass
    parts = [
        f"{count / 1e9:,.3f} GB by the {whose} in {ms:,.2f} ms"
        for count, ms, whose in ((one.card_bytes, one.card_ms, "card"), (one.host_bytes, one.host_ms, "processor"))
        if count
    ]
    screen.line(("a pass    ", "dim"), ", then ".join(parts))
    if plan.unsplit_ms is not None:
        words = f"{one.ms:,.2f} ms; a card of this speed that held all layers would take {plan.unsplit_ms:,.2f} ms"
        screen.line(("the split ", "dim"), words)
    for pace in plan.paces:
        screen.line(("a command ", "dim"), f"{pace.ms:>9,.1f} ms", f"  {pace.passes:g} passes, {pace.way}")


def _memory(memory: Memory) -> str:
    source = "measured" if memory.measured else "assumed"
    return (
        f"{memory.size / GIB:,.1f} GiB, {memory.reserve / GIB:.1f} kept free; {memory.gb_s:,.0f} GB/s, "
        f"of which {memory.share:.0%} is reached ({source})"
    )
