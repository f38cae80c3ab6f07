"""The images and the compose file: linted, valid, shut in. Their steps are run by scripts/dockerfile-steps.py."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import pytest
import yaml

from edge_agent.cli import build_parser

ROOT = Path(__file__).parent.parent
DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("Dockerfile.*"))
COMPOSE = sorted(DOCKER.glob("compose*.yaml"))
PROGRAMS = str(Path(sys.executable).parent)
RESTRICTIONS = {
    "network_mode": "none",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "user": "10001:10001",
}
each_dockerfile = pytest.mark.parametrize("path", [pytest.param(path, id=path.suffix[1:]) for path in DOCKERFILES])


def reader() -> ModuleType:
    """The script that reads Dockerfiles."""
    spec = importlib.util.spec_from_file_location("dockerfiles", ROOT / "scripts" / "dockerfiles.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


dockerfiles = reader()


def checked(program: str, *words: str) -> None:
    """One of the tools that the tests bring; what it says when it finds something."""
    found = shutil.which(program, path=PROGRAMS)
    if found is None:
        pytest.skip(f"{program} is not installed (pip install -e '.[dev]')")
    done = subprocess.run([found, *words], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def services(path: Path) -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["services"])


@each_dockerfile
def test_a_dockerfile_is_linted(path: Path) -> None:
    """hadolint finds nothing, shell in RUN included."""
    checked("hadolint", "--no-color", "--config", str(DOCKER / "hadolint.yaml"), str(path))


def test_compose_files_are_valid() -> None:
    """Every compose file is one by the Compose Specification's own schema."""
    checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *map(str, COMPOSE))


@each_dockerfile
def test_an_image_is_small_in_rights(path: Path) -> None:
    """The last stage has no compiler, a user by number who is not root, a health check, and a line to be typed."""
    built, last = dockerfiles.parse(path.read_text(encoding="utf-8"))
    for stage in (built, last):
        assert re.fullmatch(r"[a-z0-9./-]+:[a-z]*[0-9][\w.-]*", stage.base), "a base has a version for a tag"
        assert not any(step.name == "ADD" for step in stage.instructions)
    assert last.last("USER").rest == RESTRICTIONS["user"]
    assert "health.py" in last.last("HEALTHCHECK").rest
    ran = " ".join(step.rest for step in last.instructions if step.name == "RUN")
    assert not re.search(r"\b(?:g\+\+|make|gcc|python3[.0-9]*-dev|devel)\b", ran)
    program, *line = (*last.last("ENTRYPOINT").words, *last.last("CMD").words)
    assert program == "edge-agent"
    build_parser(line).parse_args(line)


@each_dockerfile
def test_images_differ_only_where_they_must(path: Path) -> None:
    """Bases, packages, the engine's flags and the driver's variables differ; everything else is the same."""
    variables = re.compile(r"NVIDIA_\w+=\S+")

    def common(one: Path) -> list[tuple[str, str]]:
        (*_, last) = dockerfiles.parse(one.read_text(encoding="utf-8"))
        steps = [(step.name, variables.sub("", step.rest)) for step in last.instructions]
        return [(name, re.sub(r"--yes .*? &&", "--yes &&", " ".join(rest.split()))) for name, rest in steps]

    assert common(path) == common(DOCKER / "Dockerfile.cpu")


@each_dockerfile
def test_everything_copied_is_in_the_context(path: Path) -> None:
    """What a Dockerfile copies is there and not ignored."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for stage in dockerfiles.parse(path.read_text(encoding="utf-8")):
        for step in stage.instructions:
            if step.name == "COPY" and "from" not in step.flags:
                *sources, _ = step.words
                for source in sources:
                    assert (ROOT / source).exists()
                    assert source == "." or dockerfiles.let_through(PurePosixPath(source), ignore), source


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        pytest.param("edge_agent/cli/run.py", True, id="the-package"),
        pytest.param("models/manifest.json", True, id="the-model"),
        pytest.param("systemd/edge-agent.service.d/tcp.conf", True, id="the-wheel's-data"),
        pytest.param("scripts/build-engine.sh", True, id="one-script"),
        pytest.param("scripts/try-systemd.py", False, id="no-other-script"),
        pytest.param("edge_agent/cli/__pycache__/run.cpython-311.pyc", False, id="no-bytecode"),
        pytest.param(".git/config", False, id="no-history"),
        pytest.param(".venv/bin/python", False, id="no-environment"),
        pytest.param("keys/node.key", False, id="nothing-unknown"),
        pytest.param("tests/test_docker.py", False, id="no-tests"),
    ],
)
def test_the_context_is_what_an_image_is_made_of(path: str, taken: bool) -> None:
    """Everything that is not named stays out: no history, no environment, no key that lies about."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert dockerfiles.let_through(PurePosixPath(path), ignore) is taken


def test_every_service_is_shut_in() -> None:
    """Node and executor: no network, a root that is not written, no capability, no new privileges, nobody's root."""
    found = services(DOCKER / "compose.yaml")
    assert set(found) == {"node", "executor"}
    for service in found.values():
        assert {name: service.get(name) for name in RESTRICTIONS} == RESTRICTIONS
        assert service["pids_limit"] <= 512
        assert "privileged" not in service
        assert "ports" not in service
    run = next(entry for entry in found["node"]["volumes"] if entry.startswith("run:"))
    assert run in found["executor"]["volumes"], "they speak over one volume"
    (_, script, _) = found["executor"]["entrypoint"]
    assert (ROOT / script.lstrip("/")).is_file()


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in COMPOSE if path.name != "compose.yaml"])
def test_an_overlay_opens_a_card_and_nothing_else(path: Path) -> None:
    """What is laid over the compose file names an image, its Dockerfile and the card; it takes no restriction back."""
    base = services(DOCKER / "compose.yaml")
    for name, service in services(path).items():
        assert name in base
        assert not set(service) & (set(RESTRICTIONS) | {"privileged", "devices", "ports", "cap_add", "volumes"})
        dockerfile = service.get("build", {}).get("dockerfile")
        assert dockerfile is None or (ROOT / dockerfile) in DOCKERFILES


def test_a_dockerfile_is_read_as_docker_reads_it() -> None:
    """Continued lines, comments between them, flags and both forms of words."""
    text = "FROM a:1 AS build\n# no\nRUN one \\\n# inner\n    && two\nFROM b:2\nCOPY --from=build /x /y\n"
    text += 'CMD ["run", "a b"]\n'
    first, last = dockerfiles.parse(text)
    assert (first.base, first.name, last.base, last.name) == ("a:1", "build", "b:2", "")
    assert first.instructions[0].rest == "one && two"
    assert (last.instructions[0].flags, last.instructions[0].words) == ({"from": "build"}, ("/x", "/y"))
    assert last.last("CMD").words == ("run", "a b")
