"""A node of its own for `demo`: a daemon in a temporary folder, with a robot that only takes its time.

Nothing of it touches a node that runs on this machine already.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge_agent.client import Client, Executor
from edge_agent.client.performing import PerformFunction
from edge_agent.errors import Code, EdgeAgentError, NodeFault
from edge_agent.messages import Perform
from edge_agent.settings import Settings, load_settings

START_S_MAX = 120.0
"""A slow machine loads the model and tests every pack's grammar first."""
END_S_MAX = 10.0
LOG_LINES_SHOWN = 12
STEP_S = 0.02


@contextmanager
def demo_node(packs: Sequence[str]) -> Iterator[Settings]:
    """A daemon that speaks these packs with their example worlds, and one robot that does as told.

    Raises:
        NodeFault: ENGINE_UNAVAILABLE with the end of the daemon's log when it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="edge-agent-") as name:
        folder = Path(name)
        config = folder / "demo.toml"
        config.write_text(_config(folder, packs), encoding="utf-8")
        settings = load_settings(config)
        log = folder / "daemon.log"
        with daemon(config, log) as process:
            wait_ready(settings, process, log)
            with robot(settings):
                yield settings


def perform(_task: Perform) -> Iterator[float]:
    """Take a moment for every action."""
    for _ in range(3):
        yield STEP_S


def _config(folder: Path, packs: Sequence[str]) -> str:
    lines = [f'runtime_dir = "{folder}"', f'state_dir = "{folder}"']
    return "\n".join(lines + [f'[[packs]]\nname = "{pack}"' for pack in packs]) + "\n"


@contextmanager
def daemon(config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon with these settings, ended afterwards; what it says goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", "run", "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(END_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_ready(
    settings: Settings, process: subprocess.Popen[bytes], log: Path, start_s_max: float = START_S_MAX
) -> None:
    """Until the daemon's engine is ready.

    Raises:
        NodeFault: ENGINE_UNAVAILABLE with the end of the log.
    """
    give_up = time.monotonic() + start_s_max
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with Client(settings.command_address, settings.events_address, connect_ms=500) as client:
                if client.snapshot().engine_ready:
                    return
        except EdgeAgentError as problem:
            if problem.code not in (Code.NODE_UNREACHABLE, Code.NO_ANSWER):
                raise
        time.sleep(0.05)
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:])
    raise NodeFault(Code.ENGINE_UNAVAILABLE, f"the daemon did not start; its log ends with\n{tail}")


@contextmanager
def robot(settings: Settings, perform: PerformFunction = perform) -> Iterator[None]:
    """A robot that does as told, in a thread."""
    executor = Executor(settings.command_address, robot=settings.robot, perform=perform)
    thread = threading.Thread(target=executor.run, name="robot", daemon=True)
    thread.start()
    try:
        yield
    finally:
        executor.close()
        thread.join(END_S_MAX)
