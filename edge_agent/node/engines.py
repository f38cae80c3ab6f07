"""From settings to an engine: which model decides, how it is run, and which small one drafts for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_agent.clock import SystemClock
from edge_agent.language.drafting import Drafting
from edge_agent.language.fallback import with_remote
from edge_agent.language.models import bundled_model, bundled_sha256
from edge_agent.language.options import EngineOptions
from edge_agent.language.process import EngineProcess
from edge_agent.language.remote_options import RemoteOptions
from edge_agent.node.health import Engine
from edge_agent.packs.base import Pack
from edge_agent.settings import ModelSettings, Settings

CACHE = "prompts"
"""Folder of the state folder where computed prompts are kept."""


def engine_options(model: ModelSettings, *, cache_dir: Path | None = None) -> EngineOptions:
    """How the model of these settings is run; the bundled model is always checked against its manifest.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_DAMAGED, SETTINGS_INVALID.
    """
    path = model.path or bundled_model()
    return EngineOptions(
        model=path,
        n_ctx=model.n_ctx,
        n_threads=model.n_threads,
        n_gpu_layers=model.n_gpu_layers,
        sha256=model.sha256 or bundled_sha256(path),
        sequences=model.sequences,
        kv_type=model.kv_type,
        flash_attention=model.flash_attention,
        cache_dir=cache_dir,
        settle=model.settle_ties,
    )


def bundled_options(**changes: Any) -> EngineOptions:
    """The bundled model on the CPU, one sentence at a time, and what is to be otherwise.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_DAMAGED.
    """
    path = bundled_model()
    return replace(EngineOptions(path, sha256=bundled_sha256(path), n_gpu_layers=0), **changes)


def node_engine(settings: Settings, packs: tuple[Pack, ...]) -> Engine:
    """The engine that a node runs, not started yet: its own, or a server with its own behind it.

    Raises:
        ConfigurationFault: MODEL_MISSING, MODEL_DAMAGED, SETTINGS_INVALID.
    """
    local = _local_engine(settings, packs)
    if settings.remote is None:
        return local
    return with_remote(RemoteOptions(**settings.remote.model_dump(exclude={"insecure_http"})), packs, local)


def _local_engine(settings: Settings, packs: tuple[Pack, ...]) -> EngineProcess | Drafting:
    """The model of this box, and the small one that drafts for it where it is another one."""
    cache_dir = settings.state_dir / CACHE
    options = engine_options(settings.model, cache_dir=cache_dir)
    target = EngineProcess(options, packs)
    if settings.model.draft == "off" or options.model == bundled_model():
        return target
    small = bundled_options(sequences=options.sequences, cache_dir=cache_dir)
    return Drafting(target, EngineProcess(small, packs), SystemClock())
