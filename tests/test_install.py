"""The wheel on its own: built, installed into an empty environment, and used there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGINE_WHEELS = ROOT / ".wheels"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from this tree."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    (built,) = folder.glob("edge_agent-*.whl")
    return built


def run(*command: str, **environment: str) -> str:
    """The command's stdout; a failure shows everything it said."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=280, env=dict(os.environ, **environment)
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_wheel_carries_everything(wheel: Path) -> None:
    """Phrases, worlds, grammars, the model and its manifest are inside; tests are not."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    manifest = json.loads((ROOT / "models" / "manifest.json").read_text(encoding="utf-8"))
    wanted = {f"edge_agent/data/models/{model['file']}" for model in manifest["models"]}
    wanted |= {"edge_agent/data/models/manifest.json"}
    wanted |= {f"edge_agent/data/{path.relative_to(ROOT)}" for path in (ROOT / "systemd").rglob("*") if path.is_file()}
    for pack in ("robot", "home", "kiosk"):
        wanted |= {
            f"edge_agent/packs/phrases/{pack}.yaml",
            f"edge_agent/packs/worlds/{pack}.toml",
            f"edge_agent/data/grammars/{pack}.gbnf",
        }
    assert wanted <= names
    outside = {name for name in names if not name.startswith("edge_agent")}
    assert outside == set()


@pytest.mark.timeout(600)
def test_installed_wheel_interprets(wheel: Path, tmp_path: Path) -> None:
    """`pip install` of the wheel alone, into an empty environment, gives an edge-agent that reads a command."""
    if not list(ENGINE_WHEELS.glob("llama_cpp_python-*.whl")):
        pytest.skip("no engine wheel in .wheels (make setup builds it); compiling it here would take minutes")
    venv.create(tmp_path / "venv", with_pip=True)
    folder = tmp_path / "venv" / "bin"
    pip = (str(folder / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "install", "--find-links", str(ENGINE_WHEELS), str(wheel))
    agent = str(folder / "edge-agent")
    # no PYTHONPATH and another folder: nothing of the checkout may help
    environment = {"PYTHONPATH": "", "HOME": str(tmp_path)}
    assert "bytes as published" in run(agent, "models", "verify", **environment)
    shown = run(agent, "interpret", "bring the red box from dock three to packing", "--json", **environment)
    expected = {"action": "bring", "object": "red box", "source": "dock 3", "destination": "packing"}
    assert json.loads(shown)["actions"] == [expected]
