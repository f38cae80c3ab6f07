"""The plan for one model on one device: what it takes, where it goes, how long a command takes.

Decides nothing of its own; it puts the other files' answers together, with remarks on what is a bound or may be slow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from edge_agent.planning.cache import Cache, card_remarks
from edge_agent.planning.devices import Device, Memory
from edge_agent.planning.fitting import Fit, fit
from edge_agent.planning.memory import OUTPUT_ROWS, Demand, demand_of
from edge_agent.planning.shapes import PLAIN_CACHE, Model
from edge_agent.planning.speed import PASSES_DRAFTED, TOKENS, Pass, command_ms, one_pass


@dataclass(frozen=True, slots=True)
class Pace:
    """A way to decide a command, and what it takes in milliseconds."""

    way: str
    passes: float
    ms: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A model on a device."""

    model: Model
    device: Device
    cache: Cache
    demand: Demand
    fit: Fit
    one_pass: Pass
    """A pass of one token."""
    unsplit_ms: float | None
    """What it would take on a card as fast that held all layers; None where nothing is split."""
    paces: tuple[Pace, ...]
    """Empty where the model does not fit."""
    remarks: tuple[str, ...]

    @property
    def cache_is_exact(self) -> bool:
        """Whether llama.cpp keeps all that is counted; else it may keep less."""
        return self.model.shape.architecture in PLAIN_CACHE

    def to_object(self) -> dict[str, Any]:
        """For programs: bytes, milliseconds, GB/s."""
        shape, device = self.model.shape, self.device
        return {
            "model": shape.name,
            "quantization": self.model.quantization,
            "architecture": shape.architecture,
            "parameters": self.model.parameters,
            "layers": shape.layers,
            "device": device.name,
            "device_title": device.title,
            "n_ctx": self.cache.cells,
            "kv_k": self.cache.keys,
            "kv_v": self.cache.values,
            "weights_bytes": self.demand.weights,
            "kv_bytes": self.demand.cache,
            "kv_exact": self.cache_is_exact,
            "compute_bytes": self.demand.compute,
            "fits": self.fit.fits,
            "n_gpu_layers": self.fit.n_gpu_layers,
            "total_layers": self.fit.total_layers,
            "message": self.fit.message,
            "card_bytes": self.fit.card,
            "host_bytes": self.fit.host,
            "card": _memory(self.device.card),
            "host": _memory(self.device.host),
            "pass": {
                "card_bytes": self.one_pass.card_bytes,
                "host_bytes": self.one_pass.host_bytes,
                "card_ms": round(self.one_pass.card_ms, 2),
                "host_ms": round(self.one_pass.host_ms, 2),
                "unsplit_ms": None if self.unsplit_ms is None else round(self.unsplit_ms, 2),
            },
            "commands": [{"way": pace.way, "passes": pace.passes, "ms": round(pace.ms, 1)} for pace in self.paces],
            "remarks": list(self.remarks),
        }


def plan_of(
    model: Model, device: Device, cache: Cache, *, passes: float, sequences: int = 1, remarks: tuple[str, ...] = ()
) -> Plan:
    """The plan for a model on a device.

    Raises:
        ConfigurationFault: PLAN_INVALID for a cache that cannot be made.
    """
    demand = demand_of(model, cache, output_rows=max(OUTPUT_ROWS, sequences))
    where = fit(demand, device)
    whole = replace(where, n_gpu_layers=where.total_layers)
    ways = (("no draft", passes), ("a right draft", PASSES_DRAFTED), ("token by token", float(TOKENS)))
    paces = tuple(Pace(way, count, command_ms(model.shape, demand, where, device, passes=count)) for way, count in ways)
    if model.shape.architecture not in PLAIN_CACHE:
        remarks += (f"of {model.shape.architecture} llama.cpp may keep less than every cell: the cache is a bound",)
    if device.card is not None:
        remarks += card_remarks(model.shape, cache)
    return Plan(
        model=model,
        device=device,
        cache=cache,
        demand=demand,
        fit=where,
        one_pass=one_pass(model.shape, demand, where, device),
        unsplit_ms=one_pass(model.shape, demand, whole, device).ms if where.is_split else None,
        paces=paces if where.fits else (),
        remarks=remarks,
    )


def _memory(memory: Memory | None) -> dict[str, Any] | None:
    if memory is None:
        return None
    return {
        "bytes": memory.size,
        "usable_bytes": memory.usable,
        "gb_s": round(memory.gb_s, 1),
        "share": memory.share,
        "share_measured": memory.measured,
    }
