"""What figures are worth nothing without: the processor, the file system, and what a pass of this model moves here."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path

from edge_agent.benchmarking.samples import Cost
from edge_agent.language.models import header_of
from edge_agent.language.options import EngineOptions
from edge_agent.planning.cache import Cache
from edge_agent.planning.machine import this_machine
from edge_agent.planning.plan import plan_of
from edge_agent.planning.shapes import model_of
from edge_agent.planning.speed import PASSES

IN_MEMORY = Path("/dev/shm")
"""A file system in memory, where a disk's sync costs nothing."""
_CPU_INFO, _MOUNTS = Path("/proc/cpuinfo"), Path("/proc/self/mounts")


def processor() -> str:
    """The processor's own name."""
    names = (line.partition(":")[2].strip() for line in _lines(_CPU_INFO) if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def file_system(path: Path) -> str:
    """The kind of file system that a folder lies in: ext4, tmpfs, overlay …; "" where it cannot be told."""
    kinds = {}
    for line in _lines(_MOUNTS):
        _device, mounted, kind, *_ = line.split(" ")
        kinds[Path(mounted)] = kind
    resolved = path.resolve()
    return next((kinds[folder] for folder in (resolved, *resolved.parents) if folder in kinds), "")


def cost_of(options: EngineOptions, *, gpu_build: bool, card_gb_s: float | None) -> Cost:
    """What a pass of one token reads of this model's weights and cache, and how fast this machine reads at the most.

    The processor's memory is measured, which takes about a tenth of a second; a card's is its maker's figure, or
    `card_gb_s`.

    Raises:
        ConfigurationFault: MODEL_DAMAGED, or PLAN_INVALID for a card of unknown bandwidth.
    """
    device = this_machine(options.n_threads, card_gb_s)
    if not gpu_build or options.n_gpu_layers == 0:
        device = replace(device, card=None) if device.host else device
    model = model_of(header_of(options.model), options.model.name)
    plan = plan_of(model, device, Cache(options.n_ctx, options.kv_type, options.kv_type), passes=PASSES)
    memories = ((plan.one_pass.card_bytes, device.card), (plan.one_pass.host_bytes, device.host))
    seconds = sum(count / memory.gb_s / 1e9 for count, memory in memories if memory is not None)
    moved = plan.one_pass.card_bytes + plan.one_pass.host_bytes
    return Cost(moved, moved / seconds / 1e9)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
