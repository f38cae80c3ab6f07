"""The documentation's commands, run in order as a reader would, each page in an empty home with a node of its own.

A page's blocks: ```sh is run and must end well (or with the `exit=N` it names), ```sh background is left running, and a
```text block right after it shows lines that its output must have, in order, with … for anything. `train` gets seconds
instead of minutes; what a model answers that learnt so little is not looked at (`exit=any`: understood or refused).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edge_agent.client import Client
from edge_agent.errors import EdgeAgentError

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs" / "first-half-hour").glob("*.md"))
BLOCK = re.compile(r"^```(sh|text)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
READY_S_MAX = 60.0
SHORT_TRAINING = "--minutes 0.05 --measure 4"


@dataclass(frozen=True)
class Step:
    """One block to run, and what its output must show."""

    script: str
    background: bool
    exit_codes: tuple[int, ...]
    shown: tuple[str, ...] = ()


def steps(page: Path) -> list[Step]:
    """A page's blocks in order."""
    found: list[Step] = []
    for kind, info, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "sh":
            code = re.search(r"exit=(\w+)", info)
            codes = (0, 1) if code and code[1] == "any" else (int(code[1]),) if code else (0,)
            found.append(Step(re.sub(r"--minutes \S+", SHORT_TRAINING, body), "background" in info, codes))
        elif found:
            found[-1] = replace(found[-1], shown=tuple(body.splitlines()))
    return found


@pytest.fixture
def reader() -> Iterator[dict[str, str]]:
    """The environment of somebody with an empty home and edge-agent on the path."""
    home = Path(tempfile.mkdtemp(prefix="reader-"))  # not pytest's folder: a socket's path may have 107 bytes
    (home / "run").mkdir(mode=0o700)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    yield {"HOME": str(home), "PATH": path, "XDG_RUNTIME_DIR": str(home / "run"), "LANG": "C.UTF-8"}
    shutil.rmtree(home)


def wait_ready(process: subprocess.Popen[bytes], log: Path, runtime_dir: Path, *, robots: bool) -> None:
    """Until the node's engine is ready, or until a robot has said hello as well."""
    give_up = time.monotonic() + READY_S_MAX
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with Client(f"ipc://{runtime_dir}/command.sock", f"ipc://{runtime_dir}/events.sock") as client:
                snapshot = client.snapshot()
            if snapshot.engine_ready and (snapshot.robots or not robots):
                return
        except EdgeAgentError:
            pass
        time.sleep(0.05)
    said = log.read_text(encoding="utf-8")
    pytest.fail(f"{process.args} never became ready (exit code {process.poll()}):\n{said}")


def matches(wanted: tuple[str, ...], output: str) -> bool:
    """Whether the output has these lines in this order; … stands for anything."""
    lines = iter(output.splitlines())
    patterns = [re.escape(line.strip()).replace("…", ".*") for line in wanted]
    return all(any(re.fullmatch(pattern, line.strip()) for line in lines) for pattern in patterns)


@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem) for page in PAGES])
def test_every_command_of_a_page_works(page: Path, reader: dict[str, str]) -> None:
    """Every command of the page ends as the page says, and shows what the page shows."""
    home = Path(reader["HOME"])
    left_running: list[subprocess.Popen[bytes]] = []
    exports = ""
    try:
        for number, step in enumerate(steps(page)):
            exports += "".join(f"{line}\n" for line in step.script.splitlines() if line.startswith("export "))
            if step.background:
                log = home / f"background-{number}.log"
                with log.open("wb") as out:
                    command = ["bash", "-c", f"exec {step.script.strip()}"]
                    process = subprocess.Popen(command, cwd=home, env=reader, stdout=out, stderr=out)
                left_running.append(process)
                wait_ready(process, log, home / "run" / "edge-agent", robots=len(left_running) > 1)
                continue
            command = ["bash", "-euo", "pipefail", "-c", exports + step.script]
            done = subprocess.run(
                command,
                check=False,
                cwd=home,
                env=reader,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=240,
            )
            told = (
                f"{step.script}\n--- ended with {done.returncode}, not {step.exit_codes}\n{done.stdout}\n{done.stderr}"
            )
            assert done.returncode in step.exit_codes, told
            assert matches(step.shown, done.stdout), f"{step.script}\n--- shows\n{done.stdout}\n--- not\n{step.shown}"
    finally:
        for process in reversed(left_running):
            process.terminate()
            process.wait(30)


def test_pages_have_commands() -> None:
    """Three users, two who teach the model, one on a network: each has a node left running and something refused."""
    assert len(PAGES) == 6
    for page in PAGES:
        found = steps(page)
        assert any(step.background for step in found)
        assert any(all(step.exit_codes) for step in found)


def test_links_lead_somewhere() -> None:
    """Every relative link of the README and the documentation has a file at its end."""
    broken = []
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []
