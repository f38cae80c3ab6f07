"""Nodes to measure: each a daemon of its own in a temporary folder, with a robot that is done at once.

Nothing of it touches a node that runs on this machine already.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_agent.cli.background import daemon, robot, wait_ready
from edge_agent.client import Client
from edge_agent.messages import Perform
from edge_agent.settings import ModelSettings, Settings, load_settings

START_S_MAX = 900.0
"""A large model computes its prompt on a processor first."""


@dataclass(frozen=True, slots=True)
class NodePlan:
    """What a node is to run. `confidence_min` 0: no sentence is doubtful, so none is read a second time."""

    pack: str
    world: Path
    model: ModelSettings
    confidence_min: float | None = None


@contextmanager
def bench_node(plan: NodePlan, *, state_in: Path | None = None, state_dir: Path | None = None) -> Iterator[Settings]:
    """A node that is ready. Its state lies in a folder of its own in `state_in`, or is left in `state_dir`.

    Raises:
        NodeFault: ENGINE_UNAVAILABLE with the end of the daemon's log when it does not start.
    """
    with (
        tempfile.TemporaryDirectory(prefix="edge-agent-") as name,
        tempfile.TemporaryDirectory(prefix="edge-agent-", dir=state_in) as state,
    ):
        folder = Path(name)
        config, log = folder / "bench.toml", folder / "daemon.log"
        config.write_text(_config(plan, folder, state_dir or Path(state)), encoding="utf-8")
        settings = load_settings(config)
        with daemon(config, log) as process:
            wait_ready(settings, process, log, START_S_MAX)
            with robot(settings, _at_once):
                yield settings


def client_of(settings: Settings) -> Client:
    """A client of this node."""
    return Client(settings.command_address, settings.events_address)


def _at_once(_task: Perform) -> Iterator[float]:
    """Do nothing and be done."""
    return iter(())


def _config(plan: NodePlan, folder: Path, state: Path) -> str:
    model = plan.model.model_dump(mode="json", exclude_none=True)
    lines = [
        f"runtime_dir = {json.dumps(str(folder))}",
        f"state_dir = {json.dumps(str(state))}",
        "[[packs]]",
        f"name = {json.dumps(plan.pack)}",
        f"world = {json.dumps(str(plan.world))}",
        *([f"confidence_min = {plan.confidence_min}"] if plan.confidence_min is not None else []),
        "[model]",
        *(f"{key} = {json.dumps(value)}" for key, value in model.items()),
        "[policy]",
        "confirm = []",
    ]
    return "\n".join(lines) + "\n"
