"""Parts of the node for verbs that need no daemon: a pack with its world, and an engine of their own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.language.process import EngineProcess
from edge_agent.node.engines import engine_options
from edge_agent.packs.base import Pack
from edge_agent.settings import ModelSettings, load_settings
from edge_agent.world.loading import load_world
from edge_agent.world.store import World


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Which model, and how it is run."""
    parser.add_argument("--model", type=Path, metavar="FILE", help="a GGUF file (default: the bundled model)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads of the model (default: 1)")
    parser.add_argument("--gpu-layers", type=int, default=-1, metavar="N", help="layers on the GPU (default: -1, all)")


def world_of(pack: Pack, path: Path | None) -> World:
    """The world of this file, or the pack's example world.

    Raises:
        ConfigurationFault: WORLD_INVALID.
    """
    chosen = path or pack.example_world
    if chosen is None:
        raise ConfigurationFault(Code.WORLD_INVALID, "has no example world: name one with --world", where=pack.name)
    return load_world(chosen)


@contextmanager
def engine_of(settings: ModelSettings, packs: Sequence[Pack]) -> Iterator[EngineProcess]:
    """A started engine; closed afterwards.

    Raises:
        EdgeAgentError: the model is missing or damaged, or the engine does not start.
    """
    process = EngineProcess(engine_options(settings), tuple(packs))
    try:
        process.start()
        yield process
    finally:
        process.close()


def model_settings(options: argparse.Namespace) -> ModelSettings:
    """The model that the options name.

    Raises:
        ConfigurationFault: SETTINGS_INVALID.
    """
    chosen = {"path": options.model, "n_threads": options.threads, "n_gpu_layers": options.gpu_layers}
    return load_settings(None, {"model": chosen}).model
